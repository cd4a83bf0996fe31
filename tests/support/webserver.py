"""A web server on this machine for a directory: it serves files, and misbehaves as it is told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Server(ThreadingHTTPServer):
    """Serves `folder`. While `mood` is "drip", every byte of an answer takes a second; `redirect` leads elsewhere."""

    daemon_threads = True

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        self.folder = folder
        self.mood = "serve"
        self.redirect: str | None = None
        self.aliases: dict[str, str] = {}  # a beginning of a path, and where it is redirected to
        self.released = threading.Event()
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, *_arguments: object) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.redirect is not None:
            return self._answer(302, b"", {"Location": self.server.redirect + self.path})
        for old, new in self.server.aliases.items():
            if self.path.startswith(old):
                return self._answer(301, b"", {"Location": new + self.path.removeprefix(old)})
        path = self.server.folder / self.path.lstrip("/")
        if not path.is_file():
            return self._answer(404, b"")
        return self._answer(200, path.read_bytes())

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._send("\r\n".join([*lines, "", ""]).encode() + body)

    def _send(self, data: bytes) -> None:
        if self.server.mood == "serve":
            self.wfile.write(data)
        elif self.server.mood == "cut":
            self.wfile.write(data[:-1])
            self.close_connection = True
        else:
            self._drip(data)

    def _drip(self, data: bytes) -> None:
        """A byte a second, for as long as the other side bears it and the test lasts."""
        for byte in data:
            if self.server.released.wait(1):
                return
            try:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
            except OSError:
                return


@contextmanager
def serving(folder: Path, certificate: Path | None = None) -> Iterator[Server]:
    """Serves `folder` while the block lasts; over TLS where there is a certificate (its key beside it)."""
    server = Server(folder, certificate)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
