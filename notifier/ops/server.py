"""`/metrics`, `/healthz` and `/readyz` of one service, on an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.errors import ConfigError


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the service decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(ready: Callable[[], bool]) -> Starlette:
    """The web application: `/healthz` answers while the process lives, `/readyz` while `ready()` is true."""

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def health(_request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readiness(_request: Request) -> Response:
        answer = ready()
        return JSONResponse({"ready": answer}, status_code=200 if answer else 503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", health), Route("/readyz", readiness)])


async def serve(listen: str, ready: Callable[[], bool], stop: asyncio.Event) -> None:
    """Serves on `listen` (host:port) until `stop` is set."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(detail="listen must be host:port", hint='for example listen = "127.0.0.1:9464"')
    config = uvicorn.Config(application(ready), host=host, port=int(port), log_config=None, access_log=False)
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    try:
        await serving
    except SystemExit as error:  # uvicorn leaves this way when the address is taken
        raise ConfigError(detail=f"cannot listen on {listen}", hint="choose another address") from error
