"""Central's database: every event once, by (site, lane, epoch, seq), with gaps and contradictions named.

What is counted of the events is counted in the transaction that stores them (`ops.tally`, `ops.release_watch`).
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from ops import release_watch, tally
from ops.envelope import Lane, LaneEvent
from ops.passages import ENDED, Cell
from ops.release_watch import LateRelease, Limits, Watched
from ops.tally import ALWAYS, Period, Tally

# 2: passages are counted as they are stored; a database of 1 is counted once, when it is opened to be written.
SCHEMA_VERSION = 2
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS event (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, type TEXT NOT NULL, time TEXT NOT NULL, hash TEXT NOT NULL, data TEXT NOT NULL,
  received_at TEXT NOT NULL, PRIMARY KEY (site, lane, epoch, seq)) STRICT""",
    """CREATE INDEX IF NOT EXISTS event_type ON event (type)""",
    """CREATE TABLE IF NOT EXISTS progress (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  through_seq INTEGER NOT NULL, PRIMARY KEY (site, lane, epoch)) STRICT""",
    """CREATE TABLE IF NOT EXISTS lost (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, noted_at TEXT NOT NULL,
  PRIMARY KEY (site, lane, epoch, first_seq)) STRICT""",
    """CREATE TABLE IF NOT EXISTS conflict (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, hash_stored TEXT NOT NULL, hash_received TEXT NOT NULL, noted_at TEXT NOT NULL,
  PRIMARY KEY (site, lane, epoch, seq, hash_received)) STRICT""",
    *tally.SCHEMA,
    *release_watch.SCHEMA,
)


_COUNTED_AT_ONCE = 10_000


class StoreError(Exception):
    """Central's database cannot be used; nothing is acknowledged. The text says which, why, what to do."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that did not come. `lost`: the lane no longer holds them, so they never will."""

    lane: Lane
    epoch: int
    first_seq: int
    last_seq: int
    lost: bool


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as it stands in the database."""

    lane: Lane
    epoch: int
    seq: int
    type: str
    time: str
    hash: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """What one batch did: per lane and epoch the highest seq with none missing before it, and what was new."""

    through: dict[tuple[Lane, int], int]
    new: tuple[LaneEvent, ...]
    duplicates: int
    conflicts: tuple[LaneEvent, ...]


class EventStore:
    """One SQLite file, WAL, `synchronous=FULL`. Not for use from two threads at once."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open or create. Raises StoreError."""
        self.path = path
        with self._named():
            if read_only:
                if not path.is_file():
                    raise StoreError(f"no database at {path}; next: run kakou ops first, or name it by --database")
                self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
                self._connection.execute("SELECT 1 FROM event LIMIT 1")
                (self._version,) = self._connection.execute("PRAGMA user_version").fetchone()
                return
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare()

    def store(self, events: Sequence[LaneEvent], received_at: str) -> Stored:
        """Store a batch in one durable transaction and return what may be acknowledged. Raises StoreError."""
        new: list[LaneEvent] = []
        conflicts: list[LaneEvent] = []
        through: dict[tuple[Lane, int], int] = {}
        with self._named(), self._transaction():
            for event in events:
                if self._insert(event, received_at):
                    new.append(event)
                elif self._is_conflict(event, received_at):
                    conflicts.append(event)
            oldest: dict[tuple[Lane, int], int] = {}
            for event in events:
                key = (event.lane, event.epoch)
                oldest[key] = max(oldest.get(key, 0), event.oldest_seq)
            for (lane, epoch), oldest_seq in oldest.items():
                through[lane, epoch] = self._advance(lane, epoch, oldest_seq, received_at)
            tally.count_passages(self._connection, ((one.lane, one.time, one.data) for one in new if one.type == ENDED))
            release_watch.follow(self._connection, new, received_at)
        return Stored(through, tuple(new), len(events) - len(new) - len(conflicts), tuple(conflicts))

    def watch_releases(self, limits: Limits, at: datetime) -> Watched:
        """Raise and end alarms of passages that wait for too long; durable when it returns. Raises StoreError."""
        with self._named(), self._transaction():
            return release_watch.watch(self._connection, limits, at)

    def tallies(self, period: Period, keep: Collection[str] = Cell._fields) -> Iterator[tuple[Cell, Tally]]:
        """Yield what was counted of the passages of a period (see `ops.tally.tallies`). Raises StoreError."""
        with self._named():
            self._ask_for_counts()
            yield from tally.tallies(self._connection, period, keep)

    def late_releases(self, period: Period) -> tuple[int, list[LateRelease]]:
        """Return how many alarms were raised in a period, and those that stand. Raises StoreError."""
        with self._named():
            self._ask_for_counts()
            return release_watch.count_late(self._connection, period), release_watch.standing(self._connection)

    def _ask_for_counts(self) -> None:
        if self._version < SCHEMA_VERSION:
            raise StoreError(f"{self.path} is of an earlier version, not counted yet; next: start kakou ops on it once")

    def gaps(self) -> Iterator[Gap]:
        """Yield what is missing: first what never comes, then what the lanes will send again."""
        with self._named():
            for site, lane, epoch, first, last in self._query(
                "SELECT site, lane, epoch, first_seq, last_seq FROM lost ORDER BY site, lane, epoch, first_seq"
            ):
                yield Gap(Lane(site, lane), epoch, first, last, True)
            for site, lane, epoch, through in self._query("SELECT site, lane, epoch, through_seq FROM progress"):
                yield from self._open_gaps(Lane(site, lane), epoch, through)

    def conflicts(self) -> int:
        """How many times an event came again with another content."""
        with self._named():
            (count,) = self._connection.execute("SELECT count(*) FROM conflict").fetchone()
        return int(count)

    def events(self, event_type: str, period: Period = ALWAYS) -> Iterator[tuple[Lane, dict[str, Any]]]:
        """Yield lane and data of every event of a type that happened in a period, in the order of their numbers."""
        condition, hours = period.of("substr(time, 1, 13)")
        query = f"SELECT site, lane, data FROM event WHERE type=? AND {condition} ORDER BY site, lane, epoch, seq"  # noqa: S608
        with self._named():
            for site, lane, data in self._connection.execute(query, (event_type, *hours)):
                yield Lane(site, lane), json.loads(data)

    def rows(self) -> Iterator[StoredEvent]:
        """Yield every event by lane, epoch and number."""
        query = "SELECT site, lane, epoch, seq, type, time, hash, data FROM event ORDER BY site, lane, epoch, seq"
        with self._named():
            for site, lane, epoch, seq, kind, time, digest, data in self._connection.execute(query):
                yield StoredEvent(Lane(site, lane), epoch, seq, kind, time, digest, json.loads(data))

    def through(self, lane: Lane, epoch: int) -> int:
        """The number through which a lane's events of an epoch were acknowledged."""
        query = "SELECT through_seq FROM progress WHERE site=? AND lane=? AND epoch=?"
        with self._named():
            rows = self._query(query, (lane.site, lane.name, epoch))
        return int(rows[0][0]) if rows else 0

    def count(self) -> int:
        """How many events are stored."""
        with self._named():
            (count,) = self._connection.execute("SELECT count(*) FROM event").fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _prepare(self) -> None:
        execute = self._connection.execute
        (version,) = execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise StoreError(f"{self.path} has schema {version}, newer than this program; next: run the newer one")
        (mode,) = execute("PRAGMA journal_mode=WAL").fetchone()
        execute("PRAGMA synchronous=FULL")
        if mode != "wal":
            raise StoreError(f"{self.path}: no write-ahead log here ({mode}); next: use a local file system")
        with self._transaction():
            # Another may have done it meanwhile.
            (version,) = execute("PRAGMA user_version").fetchone()
            for statement in _SCHEMA:
                execute(statement)
            if version < SCHEMA_VERSION:
                self._count_stored()
            execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._version = SCHEMA_VERSION

    def _count_stored(self) -> None:
        query = "SELECT site, lane, time, data FROM event WHERE type=?"
        ended = (
            (Lane(row[0], row[1]), row[2], json.loads(row[3])) for row in self._connection.execute(query, (ENDED,))
        )
        while part := list(islice(ended, _COUNTED_AT_ONCE)):
            tally.count_passages(self._connection, part)
        self._connection.execute(release_watch.FOLLOW_STORED)

    def _insert(self, event: LaneEvent, received_at: str) -> bool:
        cursor = self._connection.execute(
            "INSERT OR IGNORE INTO event VALUES (?,?,?,?,?,?,?,?,?)",
            (
                event.lane.site,
                event.lane.name,
                event.epoch,
                event.seq,
                event.type,
                event.time,
                event.hash,
                json.dumps(event.data, ensure_ascii=False, separators=(",", ":")),
                received_at,
            ),
        )
        return cursor.rowcount == 1

    def _is_conflict(self, event: LaneEvent, noted_at: str) -> bool:
        key = (event.lane.site, event.lane.name, event.epoch, event.seq)
        (stored,) = self._connection.execute(
            "SELECT hash FROM event WHERE site=? AND lane=? AND epoch=? AND seq=?", key
        ).fetchone()
        if stored == event.hash:
            return False
        self._connection.execute(
            "INSERT OR IGNORE INTO conflict VALUES (?,?,?,?,?,?,?)", (*key, stored, event.hash, noted_at)
        )
        return True

    def _advance(self, lane: Lane, epoch: int, oldest_seq: int, noted_at: str) -> int:
        key = (lane.site, lane.name, epoch)
        row = self._connection.execute(
            "SELECT through_seq FROM progress WHERE site=? AND lane=? AND epoch=?", key
        ).fetchone()
        through = before = row[0] if row else 0
        for seq in self._seqs(key, through):
            if seq > through + 1 and oldest_seq > through + 1:
                # Confirmed to another receiver, or to this one before its database was lost: never sent again.
                last = min(seq, oldest_seq) - 1
                self._connection.execute(
                    "INSERT OR IGNORE INTO lost VALUES (?,?,?,?,?,?)", (*key, through + 1, last, noted_at)
                )
                through = last
            if seq != through + 1:
                break
            through = seq
        if row is None or through != before:
            self._connection.execute("INSERT OR REPLACE INTO progress VALUES (?,?,?,?)", (*key, through))
        return int(through)

    def _open_gaps(self, lane: Lane, epoch: int, through: int) -> Iterator[Gap]:
        for seq in self._seqs((lane.site, lane.name, epoch), through):
            if seq > through + 1:
                yield Gap(lane, epoch, through + 1, seq - 1, False)
            through = seq

    def _seqs(self, key: tuple[str, str, int], after: int) -> Iterator[int]:
        query = "SELECT seq FROM event WHERE site=? AND lane=? AND epoch=? AND seq>? ORDER BY seq"
        for (seq,) in self._connection.execute(query, (*key, after)):
            yield seq

    def _query(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        return self._connection.execute(sql, tuple(values)).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"database {self.path}: {error}; next: check the disk and the file's rights") from error
