"""What an evaluation tells beside its counts: a line a picture, and why pictures were not looked at."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.core.readings import PictureReading
from edge.streams import JSON_ESCAPES
from edge.text import escaped, say
from models.identify import EXIT_UNAVAILABLE

EXIT_NO_INPUT = 66  # EX_NOINPUT of sysexits.h
# Why a picture was not looked at: for its file, for what is in the file, for the models and processes of this box.
OF_FILES = frozenset({"missing", "not_a_file", "no_permission", "link_loop", "unreadable"})
OF_PICTURES = frozenset({"empty", "too_large", "too_small", "truncated", "damaged", "not_a_picture"})
OF_THE_BOX = frozenset({"model_output", "model_unavailable", "worker_died", "deadline", "busy", "closed"})


def milliseconds(reading: PictureReading) -> float | None:
    """Return how long a picture took to read, None where no worker answered: that was quick, and says nothing."""
    unanswered = any(one.what == "picture" and one.reason in OF_FILES | OF_THE_BOX for one in reading.unread)
    return None if unanswered else reading.elapsed_ms


class DetailsError(Exception):
    """The file of details takes no more."""


class Details:
    """A file that takes one JSON line a picture, each at once. Raises OSError where it cannot be made."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors=JSON_ESCAPES, buffering=1)

    def write(self, line: dict[str, Any]) -> None:
        """Add a line. Raises DetailsError."""
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise DetailsError(str(error)) from error

    def close(self) -> None:
        """Close the file; what could not be written was told of."""
        with contextlib.suppress(OSError):
            self._file.close()


class Causes:
    """Why pictures count as unread that nobody looked at: a count says nothing of the reader then."""

    def __init__(self) -> None:
        self._seen = 0
        self._first: dict[tuple[str, str], str] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, image: str, reading: PictureReading) -> None:
        """Take one reading of a picture of the folder `name`."""
        # Without its model one thing alone is not looked for, and nothing else was to be.
        ours = (one.reason for one in reading.unread if one.what == "picture" or one.reason in OF_THE_BOX)
        reason = next(ours, None)
        self._seen += reason not in OF_FILES | OF_THE_BOX
        if reason in OF_FILES | OF_PICTURES | OF_THE_BOX:
            self._counts[name, str(reason)] += 1
            self._first.setdefault((name, str(reason)), image)

    @property
    def status(self) -> int:
        """The exit status: not 0 where not one picture was looked at, be it for the files or for this box."""
        if self._seen or not self._counts:
            return 0
        return EXIT_UNAVAILABLE if any(reason in OF_THE_BOX for _, reason in self._counts) else EXIT_NO_INPUT

    def lines(self) -> Iterator[str]:
        """Yield a line for each cause in each folder."""
        for (name, reason), count in self._counts.items():
            image, why = self._first[name, reason], say(f"unread_{reason}")
            yield escaped(say("evaluate_not_seen", folder=name, count=count, reason=reason, image=image, why=why))
