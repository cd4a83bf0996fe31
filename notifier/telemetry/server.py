"""HTTP server of a service's `/metrics`, `/healthz` and `/readyz`, on an address of its own."""

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
    """A uvicorn server without signal handling: the service decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(ready: Callable[[], bool], service: str) -> Starlette:
    """Return the web application of a service of `metrics.SERVICES`.

    `/healthz` answers 200 while the process lives; `/readyz` answers 200 while `ready()` is true, else 503.
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
    """Serve `service` on `listen` (host:port) until `stop` is set.

    Raises `ConfigError` where the address is wrong or cannot be bound.
    """
    # Bound here: where an address is taken, uvicorn raises SystemExit, which would end the event loop.
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
        why = (getattr(error, "strerror", None) or "not an address").partition(" (")[0].lower()
        raise ConfigError(detail=f"cannot listen on {listen}: {why}", hint="choose another address") from error
