"""A disk that keeps what was synced and nothing else, and the real journal's numbers, hashes and groups over it.

SQLite itself is left out: its transactions are atomic here by construction, which the tests of the journal prove of the
real file. What is real: `Journal.append` (record, chain, outbox rows), group commit, settling, recovery.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from edge.runtime.journal import Journal, LaneHead
from edge.runtime.journal_errors import JournalError
from edge.runtime.journal_file import LANE_SPAN, NO_HASH, JournalRecord, record_hash
from edge.runtime.journal_writer import GroupWriter, Job, Statement
from edge.runtime.outbox import Outbox
from simulators.prove.virtual_time import WorldTime

PATH = Path("journal.sqlite")
Row = tuple[Any, ...]


class Disk:
    """What survives a power cut. `on_record` hears of each journal record once it is durable, in order."""

    def __init__(self) -> None:
        self.lanes: dict[str, int] = {}
        self.acknowledged: dict[int, tuple[int, bytes]] = {}
        self.records: dict[int, list[Row]] = {}
        self.outbox: dict[int, Row] = {}
        self.epoch = 1_700_000_000
        self.commits = 0
        # From this commit on the disk fails with this code; the journal gives up at the first.
        self.fails: tuple[int, str] | None = None
        self.on_record: Callable[[str, str], None] = lambda kind, body: None

    def commit(self, statements: Sequence[Statement]) -> None:
        """Make one group durable, all or nothing. Raises JournalError."""
        self.commits += 1
        if self.fails is not None and self.commits >= self.fails[0]:
            raise JournalError(self.fails[1], PATH, "simulated", "restart the service")
        for sql, values in statements:
            verb, table = sql[:6], sql[12:18]
            if verb == "INSERT" and table == "record":
                self.records[values[0] // LANE_SPAN].append(tuple(values))
                self.on_record(values[1], values[2])
            elif verb == "INSERT" and table == "outbox":
                self.outbox[values[0]] = tuple(values)
            elif verb == "INSERT" and table.startswith("lane"):
                self.lanes[values[1]] = values[0]
                self.records[values[0]] = []
                self.acknowledged[values[0]] = (0, values[2])
            elif verb == "UPDATE":
                through_seq, row_id, number = values
                kept = self.outbox.get(row_id)
                self.acknowledged[number] = (through_seq, kept[5] if kept else self.acknowledged[number][1])
            elif verb == "DELETE":
                for row_id in [one for one in self.outbox if values[0] < one <= values[1]]:
                    del self.outbox[row_id]

    def first_broken(self, lane: str) -> int | None:
        """Return the seq at which the hash chain of a lane breaks, or None."""
        previous = NO_HASH
        base = self.lanes[lane] * LANE_SPAN
        for expected, (row_id, kind, body, written_at, digest) in enumerate(self.records[self.lanes[lane]], 1):
            seq = row_id - base
            if seq != expected or record_hash(previous, lane, (seq, kind, body, written_at)) != digest:
                return expected
            previous = digest
        return None


class SimulatedWriter(GroupWriter):
    """The real writer's settling, without its thread: one group at a time, each as long as the disk takes."""

    def __init__(self, disk: Disk, time: WorldTime, random: Random, sync_ms: Callable[[], float]) -> None:
        self._disk = disk
        self._time = time
        self._random = random
        self._sync_ms = sync_ms
        self._waiting: list[Job] = []
        self._writing: list[Job] | None = None
        self._failed: JournalError | None = None
        # This disk keeps no room for the last words of a lane: what comes after a failure is lost.
        self.last_words = False
        self._dead = False
        # The simulated disk keeps no reserve: what is full stays full.
        self.last_words = False

    def connect(self, on_failure: Callable[[JournalError], None]) -> None:
        """Say whom to tell of a failed disk."""
        self._on_failure = on_failure

    def submit(self, jobs: list[Job]) -> None:
        """Queue jobs; they are written as one group once the group before them is on the disk."""
        if self._dead:
            return
        self._waiting += jobs
        if self._writing is None:
            self._begin()

    def _begin(self) -> None:
        self._writing, self._waiting = self._waiting, []
        self._time.after(self._sync_ms(), self._end)

    def _end(self) -> None:
        if self._dead:
            return
        group, self._writing = self._writing or [], None
        if self._failed is None:
            try:
                self._disk.commit([statement for job in group for statement in job.statements])
            except JournalError as error:
                self._failed = error
        self._settle(group, self._failed)
        if self._waiting and self._writing is None:
            self._begin()

    def die(self, *, power_cut: bool) -> None:
        """The process ends. What the disk was writing may be there or not; after a power cut, what waited is not."""
        self._dead = True
        if self._writing is not None and self._failed is None and self._random.random() < (0.3 if power_cut else 0.7):
            try:
                self._disk.commit([statement for job in self._writing for statement in job.statements])
            except JournalError:
                return


class SimulatedJournal(Journal):
    """The real journal; only its file is a `Disk`."""

    def __init__(self, disk: Disk, writer: SimulatedWriter, utc: Callable[[], datetime]) -> None:
        """Open after a start or a restart, on the running loop."""
        self.path = PATH
        self.epoch = disk.epoch
        self.quarantined = None
        self.failure: JournalError | None = None
        self.on_failure: Callable[[JournalError], None] | None = None
        self.poisoned_events = 0
        self.simulated = True
        self._disk = disk
        self._utc = utc
        self._loop = asyncio.get_running_loop()
        self._heads = self._load_heads()
        self._writer = writer
        self._unsubmitted: list[Job] = []
        writer.connect(self._failed)
        self.outbox = Outbox(self)

    def lanes(self) -> tuple[str, ...]:
        """The lanes that have records."""
        return tuple(self._disk.lanes)

    def records(self, lane: str, from_last: str | None = None) -> Iterator[JournalRecord]:
        """Yield the durable records, as the real reader does."""
        number = self._disk.lanes.get(lane)
        if number is None:
            return
        rows = self._disk.records[number]
        first = 0
        if from_last is not None:
            first = next((index for index in range(len(rows) - 1, -1, -1) if rows[index][1] == from_last), 0)
        for row_id, kind, body, written_at, digest in rows[first:]:
            yield JournalRecord(row_id - number * LANE_SPAN, kind, body, digest.hex(), written_at)

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the outbox rows that the outbox asks for: its one query."""
        assert "FROM outbox" in sql
        low, high, limit = values
        return [row for row_id, row in self._disk.outbox.items() if low < row_id < high][:limit]

    def _load_heads(self) -> dict[str, LaneHead]:
        heads: dict[str, LaneHead] = {}
        for name, number in self._disk.lanes.items():
            base = number * LANE_SPAN
            acknowledged_seq, acknowledged_hash = self._disk.acknowledged[number]
            head = LaneHead(number, seq=acknowledged_seq, event_hash=acknowledged_hash)
            head.acknowledged_seq = acknowledged_seq
            if rows := self._disk.records[number]:
                head.record_seq, head.hash = rows[-1][0] - base, rows[-1][4]
            events = [row for row_id, row in self._disk.outbox.items() if base <= row_id < base + LANE_SPAN]
            if events:
                head.seq, head.event_hash = events[-1][0] - base, events[-1][5]
            heads[name] = head
        return heads


class KeptVersions:
    """The highest version of what was issued that was seen, on the world's disk: it outlives every process."""

    def __init__(self) -> None:
        self._highest = 0

    def highest(self, name: str) -> int:
        """Return the highest version that was kept; 0 where none was."""
        return self._highest

    def keep(self, name: str, version: int) -> None:
        """Keep a version that is higher than all before."""
        self._highest = max(self._highest, version)
