"""What a lane's journal says of each passage: when it began, when its picture was taken and read, why it was held."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.runtime.journal_file import lane_numbers, open_for_reading, read_records
from edge.runtime.notes import NOTE


@dataclass(frozen=True, slots=True)
class PassageTimes:
    """Milliseconds of the machine's monotonic clock."""

    opened_at_ms: int
    captured_at_ms: int
    read_at_ms: int
    raised_at_ms: float = 0.0

    def with_opening(self, raised_ns: int) -> "PassageTimes":
        """Return it with the moment of the coil."""
        return replace(self, raised_at_ms=raised_ns / 1e6)

    @property
    def reading_ms(self) -> float:
        """From the picture to what it says."""
        return self.read_at_ms - self.captured_at_ms

    @property
    def total_ms(self) -> float:
        """From the vehicle on the loop to the coil."""
        return self.raised_at_ms - self.opened_at_ms


def passage_times(journal: Path, lane: str) -> list[PassageTimes]:
    """Return the released passages of a lane that were read, in order. Raises sqlite3.Error."""
    begun: dict[str, int] = {}
    read: dict[str, tuple[int, int]] = {}
    released: list[str] = []
    consumed = ""
    for event, effects in _steps(journal, lane):
        if event["type"] == "FrameRead":
            read[event["passage"]] = (event["captured_at_ms"], event["at_ms"])
        for effect in effects:
            if effect["type"] == "StartCapture":
                begun[effect["passage"]] = event["at_ms"]
            elif effect["type"] == "ConsumeAuthority":
                consumed = effect["passage"]
            elif effect["type"] == "RaiseBoom":
                released.append(consumed)
    return [PassageTimes(begun[one], *read.get(one, (0, 0))) for one in released]


def held_reasons(journal: Path, lane: str) -> Counter[str]:
    """Count why trucks of a lane were not let in: each reason of a passage, or how it ended. Raises sqlite3.Error."""
    counted: Counter[str] = Counter()
    for _, effects in _steps(journal, lane):
        for effect in effects:
            if effect["type"] == "EndPassage" and effect["terminal"] != "PASSED":
                counted.update(effect["reasons"] or [effect["terminal"]])
    return counted


def _steps(journal: Path, lane: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the event and the effects of each step of a lane."""
    with contextlib.closing(open_for_reading(journal)) as connection:
        for record in read_records(connection, lane_numbers(connection)[lane], None):
            if record.kind != NOTE:
                body = json.loads(record.body)
                yield body["event"], body["effects"]
