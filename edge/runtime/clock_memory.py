"""The latest moment that this box's wall clock ever showed, over restarts: a clock that is wrong at the start is seen.

A box without a battery, or one with a dead one, starts in the past; nothing of the monotonic clock tells (X19).
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from edge.clearance.claims import parse_utc
from edge.files import write_whole
from edge.log import logger
from edge.times import NEVER, rfc3339

CLOCK_FILE = "clock.json"
# A box that was off for longer may well be, but nothing old is deleted at its first look.
MOST_OFF = timedelta(days=7)


class ClockMemory:
    """`known` is the latest moment that was on the disk at the start; `NEVER` where none was."""

    def __init__(self, state_dir: Path, utc: Callable[[], datetime]) -> None:
        self.path = state_dir / CLOCK_FILE
        self.known = self._latest = self._read()
        self._utc = utc

    def ahead(self) -> timedelta | None:
        """Return how far the clock is beyond what was known, where that is further than a box is off; else None."""
        beyond = self._utc() - self.known
        return beyond if self.known != NEVER and beyond > MOST_OFF else None

    def vouched(self) -> None:
        """Somebody's fresh signature proved the clock right: what it showed before, if later, was not."""
        self._latest = min(self._latest, self._utc())

    def remember(self) -> None:
        """Put the latest moment on the disk. Raises OSError."""
        self._latest = max(self._latest, self._utc())
        write_whole(self.path, json.dumps({"latest": rfc3339(self._latest)}).encode())

    def _read(self) -> datetime:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return NEVER
        except (OSError, ValueError, RecursionError):
            found = None
        latest = found.get("latest") if isinstance(found, dict) else None
        moment = parse_utc(latest) if isinstance(latest, str) else None
        if moment is None:
            # What is written whole is not torn: somebody's hand. The keyset's own date still counts.
            logger().error("clock_memory_damaged", path=str(self.path))
        return moment or NEVER
