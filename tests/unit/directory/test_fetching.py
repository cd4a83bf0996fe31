"""Fetching by a client: the permitted sources, and those that are refused."""

from __future__ import annotations

import shutil

import pytest

from notifier.config import DirectorySettings, load
from notifier.directory.client import DirectoryClient
from notifier.errors import ConfigError, DirectoryError, DirectoryStaleError
from notifier.sandbox.pki import CertificateAuthority
from support.published import GRACE_S, publish_in
from support.webserver import serving

enable_socket = pytest.mark.enable_socket


@pytest.fixture
def published(tmp_path):
    """Return a directory in a folder."""
    return publish_in(tmp_path)


@enable_socket
def test_a_directory_is_read_over_one_connection_from_a_web_server(published):
    """All of it, as from a folder."""
    published.enrol("NLD/spoc")
    with serving(published.folder) as server:
        assert published.client(source=server.address).load().directory.participates("NLD/spoc")
        assert "/metadata/timestamp.json" in server.asked


@enable_socket
def test_a_redirect_to_another_server_is_refused(published):
    """A server cannot name another one; a redirect on the same server is followed."""
    with serving(published.folder) as other, serving(published.folder) as server:
        server.redirect = other.address
        with pytest.raises(DirectoryStaleError):
            published.client(source=server.address).load()
        assert other.asked == []
    moved = published.folder.parent / "moved"
    moved.mkdir()
    shutil.copytree(published.folder, moved / "there")
    with serving(moved) as server:
        server.aliases = {"/pub": "/there"}
        assert published.client(source=f"{server.address}/pub").load().directory.version == 1


@enable_socket
def test_a_file_that_is_not_there_is_no_other_file(published):
    """The server has lost the document: refused as unreachable, and what is cached stays."""
    with serving(published.folder) as server:
        client = published.client(source=server.address)
        client.load()
        shutil.rmtree(published.folder / "metadata")
        assert client.load().directory.version == 1


@enable_socket
def test_what_is_longer_than_was_signed_is_not_read(published):
    """The length that the server states does not matter."""
    for path in (published.folder / "targets" / "directory").iterdir():
        path.write_bytes(path.read_bytes() + b" ")
    with serving(published.folder) as server, pytest.raises(DirectoryError, match="longer than was signed"):
        published.client(source=server.address).load()


@pytest.fixture
def certified(tmp_path):
    """Return a certificate of this machine by an authority that no system knows."""
    CertificateAuthority(tmp_path / "pki").issue(tmp_path / "server", "directory", server=True)
    return tmp_path / "server" / "tls.pem"


def secured(published, source, ca):
    settings = DirectorySettings(source, published.folder / "1.root.json", published.cache, GRACE_S, ca)
    return DirectoryClient(settings, published.clock)


@enable_socket
def test_the_directory_s_own_authority_is_a_setting(published, certified):
    """`directory.ca` in place of the system's authorities."""
    with serving(published.folder, certified) as server:
        assert secured(published, server.address, certified.parent / "ca.pem").load().directory.version == 1


@enable_socket
def test_another_authority_s_certificate_is_refused(published, certified, tmp_path):
    """By the system's authorities, by another own one, and for another name than the server's."""
    CertificateAuthority(tmp_path / "others").issue(tmp_path / "other", "directory", server=True)
    with serving(published.folder, certified) as server:
        for ca in (None, tmp_path / "other" / "ca.pem"):
            refused = None
            try:
                secured(published, server.address, ca).load()
            except DirectoryStaleError as error:
                refused = error
            assert refused is not None, "anybody could be the directory's server"


@pytest.mark.parametrize(
    "source",
    ["http://directory.example/hub", "http://localhost.example/", "ftp://localhost/hub", "file:///etc", "http://[::"],
)
def test_plain_http_is_for_this_machine(tmp_path, source):
    """Only a folder or HTTPS is accepted in the settings otherwise."""
    refused = None
    try:
        DirectorySettings(source, tmp_path / "1.root.json", tmp_path)
    except ConfigError as error:
        refused = error
    assert refused is not None, f"{source} was taken"
    assert refused.detail.startswith("directory.source")


@pytest.mark.parametrize("source", ["http://localhost:8000/hub", "http://[::1]/", "https://directory.example", "pub"])
def test_what_a_source_may_be(tmp_path, source):
    """A folder, HTTPS, or this machine."""
    assert DirectorySettings(source, tmp_path / "1.root.json", tmp_path).source == source


def test_the_setting_is_read(tmp_path):
    """`directory.ca` is a file, relative to the configuration's."""
    config = tmp_path / "config.toml"
    config.write_text(
        'name = "router"\n[kafka]\nbootstrap = "b"\nca = "c"\ncertificate = "d"\nkey = "e"\n[keys]\n'
        '[directory]\nsource = "https://directory.example"\nroot = "r"\ncache = "k"\nca = "directory-ca.pem"\n'
    )
    assert load(config).directory.ca == tmp_path / "directory-ca.pem"
