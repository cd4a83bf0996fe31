"""Structured logs on standard error: JSON lines for machines, a console form on a terminal.

Logs carry ids, reasons and counts, never contents, names of persons or keys. Every text is escaped to ASCII: control
characters, terminal sequences and bidirectional marks cannot forge a line.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from typing import Any

import structlog

_QUIET = ("aiokafka", "tuf", "urllib3", "uvicorn", "asyncio")


def configure(*, level: int = logging.INFO, console: bool | None = None, color: bool = True) -> None:
    """Send structlog and the standard library's logging to standard error.

    `console` chooses the console form, in colours if `color`; None chooses it on a terminal.
    """
    plain = sys.stderr.isatty() if console is None else console
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # A traceback is made text before it is escaped, and never shows the values of variables.
    renderer: Any = structlog.processors.JSONRenderer()
    if plain:
        renderer = structlog.dev.ConsoleRenderer(colors=color, exception_formatter=structlog.dev.plain_traceback)
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
        # Client libraries log every refused connection again; the services raise and log what matters.
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _StandardError(io.TextIOBase):
    """A stream to the current standard error (services and tests replace it) that never fails.

    A full disk, or a reader that is gone, must not end the work that the log reports.
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
    """A handler that writes the standard library's log records to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        _STANDARD_ERROR.write(self.format(record) + "\n")


def _escape(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Escape control characters and everything beyond ASCII in every text of the event."""
    return {key: _printable(value) if isinstance(value, str) else value for key, value in event.items()}


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return text.encode("unicode_escape").decode("ascii")
