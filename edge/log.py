"""Structured log lines: JSON on stderr, one event a line. The only module that names structlog.

Events are snake_case constants; values are fields and never part of the event. No plate, code, tag or secret
is ever a field.
"""

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog


class _Unhurt:
    """Standard error whose lines are lost where it takes no more: a full disk below it must not stop a lane."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure(level: str = "info", *, readable: bool = False) -> None:
    """Send log lines to stderr, as JSON or (`readable`) for a person at a terminal."""
    renderer: Any = structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Unhurt())),
        cache_logger_on_first_use=False,
    )


def logger(**context: str) -> Any:
    """Return a logger bound to `context` (lane, device, passage)."""
    return structlog.get_logger().bind(**context)
