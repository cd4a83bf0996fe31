"""The address of metrics and health: one that is taken or wrong ends the verb with its reason."""

from __future__ import annotations

import socket

import pytest

from notifier.cli.main import run

SERVED = {
    "subscribe": ("subscribe", "--as", "DEU/spoc"),
    "router": ("router",),
    "auditor": ("auditor",),
}


@pytest.mark.parametrize("verb", SERVED)
def test_an_address_that_is_taken_is_named(copied, capsys, verb):
    """By another service of the same machine, as a rule: one line, and nothing goes on without being seen."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        status = run([*SERVED[verb], "--home", str(copied), "--listen", listen])
    *logged, said = capsys.readouterr().err.splitlines()
    assert (status, said) == (
        1,
        f"notifier: config_invalid: cannot listen on {listen}: address already in use (choose another address)",
    )
    assert all(line.startswith("{") for line in logged)


@pytest.mark.parametrize("listen", ["nonsense", "256.0.0.1:9464", "127.0.0.1:99999", "127.0.0.1:", ":9464", "[::1"])
def test_what_is_no_address_is_refused(copied, capsys, listen):
    """Each kind of wrong address is a usage error."""
    assert run([*SERVED["subscribe"], "--home", str(copied), "--listen", listen]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("notifier: config_invalid: ")


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "soon"])
@pytest.mark.parametrize("verb", ["subscribe --until-idle", "publish --timeout", "forward --timeout"])
def test_seconds_that_never_pass_are_refused(copied, capsys, verb, seconds):
    """Nobody waits for what is no number."""
    assert run([*verb.split(), seconds, "--home", str(copied), "--as", "DEU/spoc"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("notifier: usage: ")
