"""`/metrics`, `/healthz` and `/readyz` of one service, on an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.errors import ConfigError
from notifier.telemetry.metrics import exported

LAST_PORT: Final = 65_535


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the service decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(ready: Callable[[], bool], service: str) -> Starlette:
    """The web application of a service of `metrics.SERVICES`.

    `/healthz` answers while the process lives, `/readyz` while `ready()` is true.
    """

    async def metrics(_request: Request) -> Response:
        return Response(exported(service), media_type=CONTENT_TYPE_LATEST)

    async def health(_request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readiness(_request: Request) -> Response:
        answer = ready()
        return JSONResponse({"ready": answer}, status_code=200 if answer else 503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", health), Route("/readyz", readiness)])


async def serve(listen: str, ready: Callable[[], bool], stop: asyncio.Event, service: str) -> None:
    """Serves `service` on `listen` (host:port) until `stop` is set; `ConfigError` where that cannot be done."""
    # Bound here: uvicorn leaves by SystemExit where an address is taken, and takes the whole event loop along.
    listening = _bound(listen)
    config = uvicorn.Config(application(ready, service), log_config=None, access_log=False)
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


def _bound(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > LAST_PORT:
        raise ConfigError(detail="listen must be host:port", hint='for example listen = "127.0.0.1:9464"')
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        why = (getattr(error, "strerror", None) or "it is no address").partition(" (")[0].lower()
        raise ConfigError(detail=f"cannot listen on {listen}: {why}", hint="choose another address") from error
