"""`notifier run auditor` refuses to start on a configuration that cannot be right."""

from __future__ import annotations

import pytest

from notifier.cli.main import run

CONFIG = """
name = "auditor"
{log}
[kafka]
bootstrap = "localhost:1"
ca = "ca.pem"
certificate = "auditor.pem"
key = "auditor.key"
[directory]
source = "directory"
root = "1.root.json"
cache = "cache"
[keys]
signing = "signing.key"
"""


@pytest.mark.parametrize(
    ("log", "key", "said"),
    [
        ("", bytes(32), "log_folder is not set"),
        ('log_folder = "log"', None, "keys.signing"),
        ('log_folder = "log"', bytes(31), "keys.signing"),
    ],
)
def test_what_is_missing_is_said(tmp_path, capsys, log, key, said):
    """A missing folder or key is one line that names the setting, before anything is begun."""
    (tmp_path / "config.toml").write_text(CONFIG.format(log=log))
    if key is not None:
        (tmp_path / "signing.key").write_bytes(key)
        (tmp_path / "signing.key").chmod(0o600)
    assert run(["run", "auditor", "--config", str(tmp_path / "config.toml")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("notifier: config_invalid: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "log").exists()
