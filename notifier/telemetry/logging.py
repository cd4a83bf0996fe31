"""Structured logs on standard error: JSON lines for machines, a console form on a terminal.

Logs carry ids, reasons and counts, never contents, names of persons or keys. Every text is escaped to ASCII,
so that control characters, terminal sequences and bidirectional marks cannot forge a line (THREATS.md, 21).
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from typing import Any

import structlog

_QUIET = ("aiokafka", "tuf", "urllib3", "uvicorn", "asyncio")


def configure(*, level: int = logging.INFO, console: bool | None = None) -> None:
    """Sends structlog and the standard library's logging to standard error; `console` None asks the terminal."""
    plain = sys.stderr.isatty() if console is None else console
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # A traceback is made text before it is escaped, and never shows the values of variables.
    renderer: Any = structlog.processors.JSONRenderer()
    if plain:
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    finish = [structlog.processors.format_exc_info, _escape, renderer]
    structlog.configure(
        processors=[*shared, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_args: structlog.PrintLogger(_STANDARD_ERROR),
        cache_logger_on_first_use=False,
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _QUIET:
        # A client library's log repeats every refused connection; what matters is raised and logged by us.
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _StandardError(io.TextIOBase):
    """Write to whatever standard error is now (services and tests replace it), and never fail.

    A log on a full disk, or one that nobody reads any more, must not end the work that it tells of.
    """

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


_STANDARD_ERROR: Any = _StandardError()


class _Handler(logging.Handler):
    """Gives what the standard library's logging says to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        _STANDARD_ERROR.write(self.format(record) + "\n")


def _escape(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Control characters and everything beyond ASCII as escapes, in every text of the event."""
    return {key: _printable(value) if isinstance(value, str) else value for key, value in event.items()}


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return text.encode("unicode_escape").decode("ascii")
