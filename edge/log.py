"""Structured log lines: JSON on stderr, one event a line. The only module that names structlog.

Events are snake_case constants; values are fields and never part of the event. No plate, code, tag or secret
is ever a field. What modules and libraries say through `logging` comes out the same way.
"""

import logging
import os
import select
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

from edge.portable import POSIX
from edge.starting import hidden
from edge.text import plain

# Where it finds rich, structlog loads all of it to draw tracebacks that no line here has: a tenth of a start.
with hidden("rich"):
    import structlog

# Packages whose `logging` follows the level; a library says no more than its warnings.
OURS = ("edge", "drivers", "models", "config", "ops", "simulators")
# A pipe that says it takes more takes this much without waiting (PIPE_BUF of Linux).
_PIECE_BYTES = 4096


class _Unhurt:
    """Standard error whose lines are lost where it takes no more, for whatever reason: no lane waits for its log.

    A full disk refuses, a pipe that nobody reads and a stopped terminal would hold the control loop up for ever.
    """

    def __init__(self) -> None:
        self._lost = 0

    def write(self, text: str) -> None:
        """Write whole lines, or count them as lost."""
        try:
            descriptor = sys.stderr.fileno()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                sys.stderr.write(text)
            return
        data = text.encode("utf-8", "backslashreplace")
        if self._lost:
            # On a line of its own: the last one may have been cut.
            data = b'\n{"event": "log_lines_lost", "lines": %d}\n' % self._lost + data
        if _put(descriptor, data):
            self._lost = 0
        else:
            self._lost += 1

    def flush(self) -> None:
        """Nothing is held back."""


def _put(descriptor: int, data: bytes) -> bool:
    """Say whether all of it was taken at once."""
    try:
        while data:
            # Windows tells of no file and no pipe whether it would take more: there a line waits for its reader.
            if POSIX and not select.select([], [descriptor], [], 0)[1]:
                return False
            data = data[os.write(descriptor, data[:_PIECE_BYTES]) :]
    except (OSError, ValueError):
        return False
    return True


def configure(level: str = "info", *, readable: bool = False) -> None:
    """Send log lines to stderr, as JSON or (`readable`) for a person at a terminal."""
    number = logging.getLevelNamesMapping()[level.upper()]
    stream = cast(TextIO, _Unhurt())
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    rendering: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if readable:
        # Never with local variables, as structlog would where it finds rich: they hold what I19 keeps out of here.
        console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        rendering = [_disarm, console]
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(),
                stamp,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(number)


def logger(**context: str) -> Any:
    """Return a logger bound to `context` (lane, device, passage)."""
    return structlog.get_logger().bind(**context)


def _disarm(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) if isinstance(value, str) else value for name, value in event.items()}
