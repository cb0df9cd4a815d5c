"""What a campaign of many runs has proved so far: one JSON line for each finished range of histories."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge import __version__

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Entry:
    """Histories `first` to `last` of `seed`, run at `commit` in `machine_s` seconds of one core."""

    seed: int
    first: int
    last: int
    passages: int
    violations: int
    machine_s: float
    commit: str
    trace_hash: str
    # What was exercised and who passed (`campaign.Totals.counts`). Lines of an earlier version have none.
    counts: dict[str, Any] | None = None


class Ledger:
    """The file. Lines of other seeds and commits stay; a line that is no entry is an error, never dropped."""

    def __init__(self, path: Path) -> None:
        """Read `path` where it exists. Raises ValueError for a line that is no entry, with its number."""
        self._path = path
        self.entries = list(_read(path)) if path.exists() else []

    def next_history(self, seed: int) -> int:
        """Return the first history of `seed` that was not run yet."""
        return max((one.last + 1 for one in self.entries if one.seed == seed), default=0)

    def add(self, entry: Entry) -> None:
        """Append an entry, durably."""
        self.entries.append(entry)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(entry)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def totals(self) -> dict[str, Any]:
        """Return what all entries add up to."""
        return {
            "passages": sum(one.passages for one in self.entries),
            "violations": sum(one.violations for one in self.entries),
            "machine_hours": round(sum(one.machine_s for one in self.entries) / 3600, 3),
            "commits": sorted({one.commit for one in self.entries}),
        }

    def counted(self, commit: str | None = None) -> list[Entry]:
        """Return the entries that say what they exercised, of one commit or of all."""
        return [one for one in self.entries if one.counts is not None and commit in (None, one.commit)]


def _read(path: Path) -> Iterator[Entry]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield Entry(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}:{number}: expected an entry of a campaign, got {line[:60]!r}") from error


def commit() -> str:
    """Return the commit that this runs from, `-changed` where files differ from it; the version without git."""
    try:
        asked = ["git", "describe", "--always", "--dirty=-changed", "--exclude=*"]
        found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - constant
    except (OSError, subprocess.SubprocessError):
        return __version__
    return found.stdout.strip()
