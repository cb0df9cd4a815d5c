"""The journal of a box: every record durable and chained per lane before the effect that adds authority.

One SQLite file, one writer thread with group commit (no lane waits for another's disk), `synchronous=FULL`.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.runtime import journal_file
from edge.runtime.journal_errors import UNREADABLE, JournalError, translated
from edge.runtime.journal_file import LANE_SPAN, NO_HASH, TAIL_RECORDS, JournalRecord, Opened, record_hash
from edge.runtime.journal_head import Head
from edge.runtime.journal_writer import GroupWriter, Job, Statement, fail
from edge.runtime.outbox import Outbox, OutboxEvent, prepare
from edge.times import rfc3339

__all__ = ["Journal", "JournalError", "JournalReader", "JournalRecord", "LaneHead", "Ticket"]

_INSERT_RECORD = "INSERT INTO record (id, kind, body, written_at, hash) VALUES (?,?,?,?,?)"
_INSERT_EVENT = "INSERT INTO outbox (id, type, data, personal, occurred_at, hash) VALUES (?,?,?,?,?,?)"
_INSERT_LANE = "INSERT INTO lane (number, name, acknowledged_hash) VALUES (?,?,?)"
# The newest boot record among a lane's oldest records, all of those before it being older than a moment.
_PRUNABLE = """WITH oldest AS (SELECT id, kind, written_at FROM record WHERE id > ? AND id < ? ORDER BY id LIMIT ?)
SELECT max(id) FROM oldest WHERE kind='boot' AND id > (SELECT min(id) FROM oldest)
  AND id <= coalesce((SELECT min(id) FROM oldest WHERE written_at >= ?), id)"""
PRUNE_AT_ONCE = 2000
Written = Callable[[JournalError | None], None]
_INSERT_POISON = "INSERT INTO poison (id, detail) VALUES (?,?)"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A record on its way: its seq in its lane, and a future that ends after its fsync or with JournalError."""

    seq: int
    durable: "asyncio.Future[None]"


@dataclass(slots=True)
class LaneHead:
    """The newest numbers of a lane; `hash` and `event_hash` chain the next record and the next event."""

    number: int
    record_seq: int = 0
    hash: bytes = NO_HASH
    seq: int = 0
    event_hash: bytes = NO_HASH
    acknowledged_seq: int = 0


class JournalReader:
    """Reads a journal and never writes: also one that another process is writing, or on a read-only medium."""

    def __init__(self, path: Path) -> None:
        """Open `path`. Raises JournalError where there is no readable journal."""
        self.path = path
        try:
            self._reading = journal_file.open_for_reading(path)
            self.epoch = int(self._reading.execute("SELECT value FROM meta WHERE key='epoch'").fetchone()[0])
        except (sqlite3.Error, OSError, TypeError, ValueError) as error:
            raise translated(error, path) from error

    def lanes(self) -> tuple[str, ...]:
        """The lanes that have records, in the order of their first."""
        return tuple(self._numbers())

    def records(self, lane: str, from_last: str | None = None) -> Iterator[JournalRecord]:
        """Yield the lane's durable records in order, from the last one of kind `from_last` on, that one included.

        All of them where `from_last` is None or no such record exists. Raises JournalError.
        """
        number = self._numbers().get(lane)
        if number is None:
            return
        try:
            yield from journal_file.read_records(self._reading, number, from_last)
        except UNREADABLE as error:
            raise translated(error, self.path) from error

    def verify_chain(self, lane: str) -> int | None:
        """Return the seq where the lane's hash chain first breaks, or None where it holds. Raises JournalError."""
        number = self._numbers().get(lane)
        try:
            return None if number is None else journal_file.first_broken(self._reading, number, lane)
        except UNREADABLE as error:
            raise translated(error, self.path) from error

    def head(self) -> Head:
        """Return how far it has come on the disk. Raises JournalError."""
        try:
            return Head(self.epoch, journal_file.newest_records(self._reading))
        except UNREADABLE as error:
            raise translated(error, self.path) from error

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query on the reading connection. Raises JournalError."""
        try:
            return self._reading.execute(sql, values).fetchall()
        except UNREADABLE as error:
            raise translated(error, self.path) from error

    def close_reader(self) -> None:
        """Close the reading connection; may be called repeatedly."""
        self._reading.close()

    def _numbers(self) -> dict[str, int]:
        try:
            return journal_file.lane_numbers(self._reading)
        except UNREADABLE as error:
            raise translated(error, self.path) from error


class Journal(JournalReader):
    """The one writer of a box. Use from the event loop that opened it.

    `quarantined` is where a corrupt predecessor was put (the lane starts MANUAL with an alarm), else None;
    `damage` is what was wrong with it.
    `failure` is set once it can no longer write; `on_failure` is called then, on the loop.
    """

    def __init__(self, path: Path, opened: Opened, utc: Callable[[], datetime]) -> None:
        """For `open` alone."""
        super().__init__(path)
        self.quarantined, self.damage = opened.quarantined, opened.damage
        self.failure: JournalError | None = None
        self.on_failure: Callable[[JournalError], None] | None = None
        self.poisoned_events = 0
        # Devices of this box are simulated: every event that leaves it says so (I20).
        self.simulated = False
        self._utc = utc
        self._lock = opened.lock
        self._loop = asyncio.get_running_loop()
        self._heads = self._load_heads()
        self._writer: GroupWriter | None = GroupWriter(
            opened.connection, path, on_failure=self._failed, on_finished=self.close_reader
        )
        self._unsubmitted: list[Job] = []
        self.outbox = Outbox(self)

    @classmethod
    async def open(cls, path: Path, *, utc: Callable[[], datetime]) -> "Journal":
        """Lock, check and open; create where there is none. `utc` is the wall clock, for records only.

        `epoch` is the wall-clock second at which the file was created: one begun again has a higher one.
        Raises JournalError: locked by another process, of a newer schema, not writable, not durable.
        """
        opened = await asyncio.to_thread(journal_file.open_for_writing, path, utc)
        return cls(path, opened, utc)

    def append(
        self, lane: str, kind: str, body: str, events: Sequence[OutboxEvent] = (), written: Written | None = None
    ) -> Ticket:
        """Queue a record and its events as one transaction; per lane, order of calls is order of records.

        `written` is called once the record is durable, with None, or with why it never will be: without the turn of the
        loop that whoever waits for `Ticket.durable` needs. It must not raise, and who gives it calls `flush` himself.

        Never blocks and never raises for the disk: `Ticket.durable` tells. Once the journal failed it is
        failed at once, and written all the same where a full disk's reserve has room. Raises JournalError
        (journal_bad_record) for text that is not Unicode.
        """
        durable: asyncio.Future[None] = self._loop.create_future()
        head = self._heads.get(lane)
        refused = self._refusal()
        if refused is not None:
            fail(durable, refused)
            if written is not None:
                self._loop.call_soon(written, refused)
        if refused is not None and not (self._writer is not None and self._writer.last_words):
            return Ticket((head.record_seq if head else 0) + 1, durable)
        written_at = rfc3339(self._utc())
        seq = (head.record_seq if head else 0) + 1
        try:
            digest = record_hash(head.hash if head else NO_HASH, lane, (seq, kind, body, written_at))
        except UnicodeEncodeError as error:
            raise JournalError("journal_bad_record", self.path, str(error), "report this as a defect") from error
        statements: list[Statement] = []
        if head is None:
            head = self._heads[lane] = LaneHead(len(self._heads) + 1)
            statements.append((_INSERT_LANE, (head.number, lane, NO_HASH)))
        head.record_seq, head.hash = seq, digest
        statements.append((_INSERT_RECORD, (head.number * LANE_SPAN + seq, kind, body, written_at, digest)))
        for event in events:
            self._add_event(statements, lane, head, event, written_at)
        committed = (lambda: self.outbox.announce(lane)) if events else None
        if not self._unsubmitted and written is None:
            # What one turn of the loop appends goes to the disk together: one fsync, not one for each.
            self._loop.call_soon(self.flush)
        job = Job(statements, committed=committed)
        if refused is None:
            job.durable, job.written = durable, written
        self._unsubmitted.append(job)
        return Ticket(seq, durable)

    def flush(self) -> None:
        """Hand over what was appended as one group, without waiting for the loop's next turn to do it."""
        jobs, self._unsubmitted = self._unsubmitted, []
        if jobs and self._writer is not None:
            self._writer.submit(jobs)

    def outbox_head(self, lane: str) -> LaneHead:
        """The newest numbers of a lane (all 0 where it never wrote). For the outbox; not to be changed."""
        return self._heads.get(lane) or LaneHead(0)

    def delete_acknowledged(self, lane: str, through_seq: int) -> None:
        """Delete the lane's events through `through_seq` at the next quiet moment. For the outbox."""
        head = self._heads[lane]
        base = head.number * LANE_SPAN
        head.acknowledged_seq = through_seq
        if self._refusal() is not None or self._writer is None:
            return
        keep_hash = "(SELECT hash FROM outbox WHERE id=?)"
        statements: list[Statement] = [
            (
                f"UPDATE lane SET acknowledged_seq=?, acknowledged_hash=coalesce({keep_hash}, acknowledged_hash) "  # noqa: S608 - a constant
                "WHERE number=?",
                (through_seq, base + through_seq, head.number),
            ),
            ("DELETE FROM outbox WHERE id > ? AND id <= ?", (base, base + through_seq)),
        ]
        self._writer.submit([Job(statements, lazy=lane)])

    def prune(self, lane: str, before: datetime) -> Ticket | None:
        """Cut a lane's records of before `before` off, whole boots alone, and say so in an event; None where none is.

        What recovery and the check of the next start read stays, and so does every event that central has not
        confirmed. At most `PRUNE_AT_ONCE` records are looked at. The chain goes on from the hash of the last one that
        went, which the event carries to central: what is cut off later by another hand does not match it.
        """
        head = self._heads.get(lane)
        if head is None or self._refusal() is not None or self._writer is None:
            return None
        base = head.number * LANE_SPAN
        found = self.read(_PRUNABLE, (base, base + head.record_seq - TAIL_RECORDS, PRUNE_AT_ONCE, rfc3339(before)))
        if not found or found[0][0] is None:
            return None
        through_id = found[0][0] - 1
        ((digest,),) = self.read("SELECT hash FROM record WHERE id=?", (through_id,))
        statements: list[Statement] = [
            ("INSERT OR REPLACE INTO pruned VALUES (?,?,?)", (head.number, through_id - base, digest)),
            ("DELETE FROM record WHERE id > ? AND id <= ?", (base, through_id)),
        ]
        event = OutboxEvent("journal_pruned", {"through_seq": through_id - base, "hash": digest.hex()})
        self._add_event(statements, lane, head, event, rfc3339(self._utc()))
        durable: asyncio.Future[None] = self._loop.create_future()
        self.flush()
        self._writer.submit([Job(statements, durable, committed=lambda: self.outbox.announce(lane))])
        return Ticket(through_id - base, durable)

    async def close(self) -> None:
        """Write what is queued, end the thread, release the lock. May be called repeatedly."""
        self.flush()
        writer, self._writer = self._writer, None
        if writer is None:
            return
        await writer.stop()
        self.close_reader()
        with suppress(sqlite3.Error):
            self._lock.close()

    def _refusal(self) -> JournalError | None:
        if self._writer is None:
            return JournalError("journal_closed", self.path, "it was closed", "report this as a defect")
        return self.failure

    def _failed(self, error: JournalError) -> None:
        if self.failure is None:
            self.failure = error
            if self.on_failure is not None:
                self.on_failure(error)

    def _add_event(
        self, statements: list[Statement], lane: str, head: LaneHead, event: OutboxEvent, occurred_at: str
    ) -> None:
        head.seq += 1
        chained = (lane, self.epoch, head.seq, occurred_at)
        ready = prepare(event, head.event_hash, chained, simulated=self.simulated)
        head.event_hash = ready.hash
        row_id = head.number * LANE_SPAN + head.seq
        statements.append((_INSERT_EVENT, (row_id, ready.type, ready.data, ready.personal, occurred_at, ready.hash)))
        if ready.poison is not None:
            self.poisoned_events += 1
            statements.append((_INSERT_POISON, (row_id, ready.poison)))

    def _load_heads(self) -> dict[str, LaneHead]:
        heads: dict[str, LaneHead] = {}
        rows = self.read("SELECT number, name, acknowledged_seq, acknowledged_hash FROM lane ORDER BY number")
        for number, name, acknowledged_seq, acknowledged_hash in rows:
            base = number * LANE_SPAN
            # The table's name is one of two constants.
            query = "SELECT id, hash FROM {} WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"
            record = self.read(query.format("record"), (base, base + LANE_SPAN - 1))
            event = self.read(query.format("outbox"), (base, base + LANE_SPAN - 1))
            head = LaneHead(number, seq=acknowledged_seq, event_hash=acknowledged_hash)
            head.acknowledged_seq = acknowledged_seq
            if record:
                head.record_seq, head.hash = record[0][0] - base, record[0][1]
            if event:
                head.seq, head.event_hash = event[0][0] - base, event[0][1]
            heads[name] = head
        return heads
