"""Fetchers of the directory's files from a folder or a web server, within a total time limit.

A server that sends a byte a second keeps every single read short. A timer therefore shuts the connections of a
refresh at its deadline, even in the handshake, a header, or a file.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import socket
import ssl
import stat
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

LIMIT_S: Final = 10.0  # for all fetches of one refresh together
MAX_REDIRECTS: Final = 3
CHUNK_BYTES: Final = 64 * 1024
PORTS: Final = {"http": 80, "https": 443}


class FolderFetcher(FetcherInterface):
    """A fetcher of the regular files of a folder, which never blocks. Addresses do not contain the folder's path."""

    ADDRESS: Final = "folder:"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self._folder / url.removeprefix(f"{self.ADDRESS}/")
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise DownloadError(f"{path} is not a regular file")
                while chunk := os.read(handle, CHUNK_BYTES):
                    yield chunk
            finally:
                os.close(handle)
        except FileNotFoundError as error:
            raise DownloadHTTPError("not found", 404) from error
        except OSError as error:
            raise DownloadError(f"{path} cannot be read") from error

    def close(self) -> None:
        """Do nothing: no resource is held."""


class Deadline:
    """The deadline of one refresh: it shuts every watched socket when its time is over."""

    def __init__(self, limit_s: float) -> None:
        self._end = time.monotonic() + limit_s
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(limit_s, self._over)
        self._timer.daemon = True
        self._timer.start()
        self.expired = False

    def left(self) -> float:
        """Return the seconds left; raises `SlowRetrievalError` where none are."""
        left = self._end - time.monotonic()
        if self.expired or left <= 0:
            raise SlowRetrievalError("the directory's server took too long")
        return left

    def watch(self, connection: socket.socket) -> None:
        """Shut `connection` at the deadline, even when it is wrapped: a duplicate of its handle is kept."""
        with self._lock:
            self._watched.append(connection.dup())
        self.left()

    def _over(self) -> None:
        self.expired = True
        with self._lock:
            for one in self._watched:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the duplicated sockets and stop the timer."""
        self._timer.cancel()
        with self._lock:
            for one in self._watched:
                one.close()
            self._watched.clear()


class WebFetcher(FetcherInterface):
    """A fetcher from one web server over one connection, all within `limit_s` seconds; `close` it after use.

    `ca` is a PEM file of authorities to trust in place of the system's. A redirect must lead to the same server. The
    proxy comes from the environment (``https_proxy``, ``no_proxy``), as in other programs.
    """

    def __init__(self, source: str, ca: Path | None, limit_s: float | None = None) -> None:
        self._server = _origin(urlsplit(source))
        self._ca = ca
        self._deadline = Deadline(LIMIT_S if limit_s is None else limit_s)
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection."""
        self._deadline.close()
        if self._connection is not None:
            self._connection.close()

    def _fetch(self, url: str) -> Iterator[bytes]:
        for _ in range(MAX_REDIRECTS + 1):
            parts = urlsplit(url)
            if _origin(parts) != self._server:
                raise DownloadError("the directory's server redirects to another one")
            response = self._get(parts.path + (f"?{parts.query}" if parts.query else ""))
            if response.status not in (301, 302, 303, 307, 308):
                break
            self._drop()
            url = urljoin(url, response.getheader("Location") or "")
        if response.status != http.HTTPStatus.OK:
            self._drop()
            raise DownloadHTTPError(f"the directory's server says {response.status}", response.status)
        return self._chunks(response)

    def _get(self, path: str) -> http.client.HTTPResponse:
        """Return the response to a request, on the open connection or a new one."""
        if self._connection is not None:
            try:
                return self._asked(self._connection, path)
            except (OSError, http.client.HTTPException):
                self._drop()  # the server may close an idle connection
        self._connection = self._connect()
        return self._asked(self._connection, path)

    def _asked(self, connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
        try:
            connection.request("GET", path, headers={"User-Agent": "notifier", "Accept-Encoding": "identity"})
            return connection.getresponse()
        except (OSError, http.client.HTTPException):
            self._deadline.left()
            raise

    def _chunks(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            while chunk := response.read(CHUNK_BYTES):
                yield chunk
            self._deadline.left()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._deadline.left()
            raise DownloadError("the directory's server broke off") from error
        if response.length:
            raise DownloadError("the directory's server broke off")
        if response.will_close:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        scheme, host, port = self._server
        proxy = _proxy(scheme, host)
        reached = (host, port) if proxy is None else (proxy.hostname or "", proxy.port or PORTS["http"])
        plain = self._reach(*reached)
        try:
            if proxy is not None:
                _tunnel(plain, host, port, proxy)
            plain.settimeout(self._deadline.left())
            made = plain if scheme == "http" else self._context().wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            self._deadline.left()
            raise
        connection = http.client.HTTPConnection(host, port)
        connection.sock = made
        return connection

    def _reach(self, host: str, port: int) -> socket.socket:
        """Return a connection to the first address of a host that accepts one."""
        failed: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(self._deadline.left())
                made.connect(address)
                self._deadline.watch(made)
                return made
            except OSError as error:
                made.close()
                failed = error
        self._deadline.left()
        raise failed or OSError("no address")

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=None if self._ca is None else str(self._ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)


def _proxy(scheme: str, host: str) -> SplitResult | None:
    """Return the proxy of the environment; None for plain HTTP, which never leaves this machine."""
    found = urllib.request.getproxies().get(scheme) if scheme == "https" else None
    if not found or urllib.request.proxy_bypass(host):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _tunnel(connection: socket.socket, host: str, port: int, proxy: SplitResult) -> None:
    """Make a proxy connect this socket with the server (RFC 9110, 9.3.6)."""
    name = f"[{host}]" if ":" in host else host
    lines = [f"CONNECT {name}:{port} HTTP/1.1", f"Host: {name}:{port}"]
    if proxy.username is not None:
        secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(secret).decode()}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)  # byte by byte: the bytes after the header belong to the server
        answer += byte
        if not byte or len(answer) > CHUNK_BYTES:
            raise DownloadError("the proxy broke off")
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise DownloadError("the proxy does not connect with the directory's server")
