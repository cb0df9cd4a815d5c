"""What a lane's journal says of each passage: when it began, when its picture was taken and when it was read."""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

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
    with contextlib.closing(open_for_reading(journal)) as connection:
        for record in read_records(connection, lane_numbers(connection)[lane], None):
            if record.kind == NOTE:
                continue
            body = json.loads(record.body)
            event = body["event"]
            if event["type"] == "FrameRead":
                read[event["passage"]] = (event["captured_at_ms"], event["at_ms"])
            for effect in body["effects"]:
                if effect["type"] == "StartCapture":
                    begun[effect["passage"]] = event["at_ms"]
                elif effect["type"] == "ConsumeAuthority":
                    consumed = effect["passage"]
                elif effect["type"] == "RaiseBoom":
                    released.append(consumed)
    return [PassageTimes(begun[one], *read.get(one, (0, 0))) for one in released]
