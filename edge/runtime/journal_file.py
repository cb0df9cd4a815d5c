"""The SQLite file under the journal: schema, opening, single-writer lock, corruption and quarantine.

A row id is `lane number * 2**40 + seq`: each lane is one range of one B-tree, so an append dirties one page.
"""

import contextlib
import errno
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from edge.files import sync_folder, write_whole
from edge.json_encoder import quoted
from edge.log import logger
from edge.runtime.journal_errors import UNREADABLE, JournalError, is_no_text, said, translated
from edge.runtime.journal_head import kept_head

SCHEMA_VERSION = 1
# What the next release may have written before it was rolled back: a schema adds tables and columns with defaults, no
# more, so that this program reads and writes such a file on (docs/decisions/0023-upgrades.md).
NEWEST_USABLE_SCHEMA = SCHEMA_VERSION + 1
APPLICATION_ID = 0x4B414B4F  # "KAKO": another program's SQLite file is not taken for ours
LANE_SPAN = 1 << 40
NO_HASH = bytes(32)
# quick_check sees structure, not text: the chain of the newest records is proved at every open as well.
TAIL_RECORDS = 1000
# Room for what a lane has to say when the disk is full. Given back to the disk then, made anew at the next start.
RESERVE_BYTES = 1 << 20

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE lane (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  acknowledged_seq INTEGER NOT NULL DEFAULT 0, acknowledged_hash BLOB NOT NULL) STRICT;
CREATE TABLE record (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, written_at TEXT NOT NULL,
  hash BLOB NOT NULL) STRICT;
CREATE TABLE outbox (id INTEGER PRIMARY KEY, type TEXT NOT NULL, data TEXT NOT NULL, personal TEXT,
  occurred_at TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE poison (id INTEGER PRIMARY KEY, detail TEXT NOT NULL) STRICT;
INSERT INTO meta VALUES ('session', 'closed');
"""
# Added since version 1 began, and nothing that a program of before would stumble over: it opens such a file, writes
# and reads it, so an upgrade can go back. Only what it could not bear raises SCHEMA_VERSION, which it refuses.
# `pruned`: through which record a lane was cut at its old end, and that record's hash, which chains the next.
_ADDED = """CREATE TABLE IF NOT EXISTS pruned (number INTEGER PRIMARY KEY, through_seq INTEGER NOT NULL,
  hash BLOB NOT NULL) STRICT"""


# What opens the journal's file, to write and to read: the simulators put a disk that loses power below it.
connect: Callable[..., sqlite3.Connection] = sqlite3.connect


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One record. `hash` (hex) is SHA-256 over the hash before it and this record; `written_at` is RFC 3339."""

    seq: int
    kind: str
    body: str
    hash: str
    written_at: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening gave: the writer's connection, its lock, and why a predecessor was put aside as `quarantined`."""

    connection: sqlite3.Connection
    lock: sqlite3.Connection
    epoch: int
    quarantined: Path | None
    damage: str = ""


class _CorruptError(Exception):
    pass


def record_hash(previous: bytes, lane: str, record: tuple[int, str, str, str]) -> bytes:
    """Return the hash of (seq, kind, body, written_at) after `previous`. The head is JSON: it has no newline."""
    seq, kind, body, written_at = record
    # As the encoder writes [lane, seq, kind, written_at], for less: each record is hashed again whenever it is checked.
    head = f"[{quoted(lane)}, {seq}, {quoted(kind)}, {quoted(written_at)}]"
    return hashlib.sha256(b"%b%b\n%b" % (previous, head.encode(), body.encode())).digest()


def open_for_writing(path: Path, utc: Callable[[], datetime]) -> Opened:
    """Lock, check and open the journal at `path`, creating it where there is none.

    A corrupt file (structure, chain of the newest records, lost write-ahead log), or one from a backup, is put aside
    beside it with its companions and an empty one begun. Raises JournalError.
    """
    try:
        lock = _take_lock(path)
        try:
            return _open_locked(path, utc, lock)
        except BaseException:
            lock.close()
            raise
    except (*UNREADABLE, OSError) as error:
        raise translated(error, path) from error


def _take_lock(path: Path) -> sqlite3.Connection:
    # SQLite's own file lock: the same on every platform, and gone with the process however it ends.
    lock = sqlite3.connect(_companion(path, ".lock"), timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise
        raise JournalError(
            "journal_locked", path, "another process writes it", "stop the other controller of this box"
        ) from error
    return lock


def _open_locked(path: Path, utc: Callable[[], datetime], lock: sqlite3.Connection) -> Opened:
    _make_reserve(path)
    quarantined: Path | None = None
    after_epoch, damage = 0, ""
    if path.exists():
        try:
            connection, epoch = _open_existing(path)
            return Opened(connection, lock, epoch, None)
        except (_CorruptError, UnicodeError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.OperationalError) and not _means_corrupt(error):
                raise
            after_epoch = max(_salvaged_epoch(path), 0 if (head := kept_head(path)) is None else head.epoch)
            quarantined, damage = _quarantine(path, utc()), said(error)
            logger().error("journal_put_aside", file=str(path), cause=damage, aside=str(quarantined))
    # Wall-clock seconds: a file that was lost and begun again has a higher epoch, so central never takes its
    # first events for old ones. One past a salvaged epoch, should the clock have gone back.
    epoch = max(int(utc().timestamp()), after_epoch + 1)
    create(path, epoch)
    connection, epoch = _open_existing(path)
    return Opened(connection, lock, epoch, quarantined, damage)


def reserve_of(path: Path) -> Path:
    """Return where the room is that is freed when the disk is full."""
    return _companion(path, ".reserve")


def _make_reserve(path: Path) -> None:
    reserve = reserve_of(path)
    if reserve.exists() and reserve.stat().st_size == RESERVE_BYTES:
        return
    try:
        write_whole(reserve, bytes(RESERVE_BYTES))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise JournalError(
            "journal_full", path, "no room for its reserve", "free disk space, then restart the service"
        ) from error


def _means_corrupt(error: sqlite3.Error) -> bool:
    # A plain SQLITE_ERROR here is a table or column that is not there.
    return (
        is_no_text(error)
        or error.sqlite_errorname == "SQLITE_ERROR"
        or error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
    )


def create(path: Path, epoch: int) -> None:
    """Make an empty journal, under another name first: a zero-length one is then always damage, never a crash here."""
    fresh = _companion(path, ".new")
    fresh.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (str(epoch),))
    fresh.replace(path)
    sync_folder(path.parent)


def _open_existing(path: Path) -> tuple[sqlite3.Connection, int]:
    had_log = _companion(path, "-wal").exists()
    if path.stat().st_size == 0:
        raise _CorruptError("zero length")
    connection = connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        _check_identity(connection, path)
        _check_health(connection, had_log)
        _check_newest(connection, path)
        _set_pragmas(connection, path)
        connection.execute(_ADDED)
        connection.execute("UPDATE meta SET value='open' WHERE key='session'")
        # Into the main file at once: from now on a missing write-ahead log is a loss that the next open sees.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return connection, int(_meta(connection, "epoch"))
    except BaseException:
        _close_beside_log(connection, path)
        raise


def _close_beside_log(connection: sqlite3.Connection, path: Path) -> None:
    """Close after an error without a checkpoint: one that half succeeds would leave an open session without its log."""
    # The last connection to close checkpoints and removes the log; a reader that outlives it can do neither.
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(*UNREADABLE):
            reading = stack.enter_context(contextlib.closing(open_for_reading(path)))
            reading.execute("SELECT count(*) FROM meta").fetchone()
        connection.close()


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise _CorruptError("not a journal of this program")
    if version > NEWEST_USABLE_SCHEMA:
        raise JournalError(
            "journal_newer_schema",
            path,
            f"schema {version}, this program knows up to {NEWEST_USABLE_SCHEMA}",
            "run the newer program, or move the file away",
        )


def _check_health(connection: sqlite3.Connection, had_log: bool) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _CorruptError(found)
    if _meta(connection, "session") == "open" and not had_log:
        raise _CorruptError("the write-ahead log of an unfinished session is missing")
    for number, lane in connection.execute("SELECT number, name FROM lane").fetchall():
        broken = first_broken(connection, number, lane, TAIL_RECORDS)
        if broken is not None:
            raise _CorruptError(f"hash chain of {lane} broken at {broken}")


def _check_newest(connection: sqlite3.Connection, path: Path) -> None:
    """A journal that lacks what was on the disk once came back from a backup: nobody knows what happened since."""
    head, epoch = kept_head(path), int(_meta(connection, "epoch"))
    if head is None or head.epoch < epoch:
        return
    if head.epoch > epoch:
        raise _CorruptError(f"restored from a backup: epoch {epoch}, and {head.epoch} was begun")
    numbers = lane_numbers(connection)
    for lane, (seq, digest) in head.lanes.items():
        row_id = numbers.get(lane, 0) * LANE_SPAN + seq
        row = connection.execute("SELECT hash FROM record WHERE id=?", (row_id,)).fetchone()
        if row is None or row[0].hex() != digest:
            raise _CorruptError(f"restored from a backup: record {seq} of {lane} is not there, or another one")


def newest_records(connection: sqlite3.Connection) -> dict[str, tuple[int, str]]:
    """Return the seq and hash (hex) of each lane's newest record, by name."""
    newest: dict[str, tuple[int, str]] = {}
    for lane, number in lane_numbers(connection).items():
        base = number * LANE_SPAN
        query = "SELECT id, hash FROM record WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"
        row = connection.execute(query, (base, base + LANE_SPAN - 1)).fetchone()
        if row is not None:
            newest[lane] = (row[0] - base, row[1].hex())
    return newest


def _set_pragmas(connection: sqlite3.Connection, path: Path) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "wal_autocheckpoint": 0, "fullfsync": 1}
    for name, value in wanted.items():
        connection.execute(f"PRAGMA {name}={value}")
        got = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if got != value:
            raise JournalError(
                "journal_not_durable", path, f"{name} is {got}, not {value}", "use a local file system with locking"
            )


def _meta(connection: sqlite3.Connection, key: str) -> str:
    row = connection.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
    if row is None:
        raise _CorruptError(f"meta {key} is missing")
    return str(row[0])


def _salvaged_epoch(path: Path) -> int:
    unreadable = contextlib.suppress(sqlite3.Error, _CorruptError, ValueError, OSError)
    with unreadable, contextlib.closing(open_for_reading(path)) as connection:
        return int(_meta(connection, "epoch"))
    return 0


def _quarantine(path: Path, moment: datetime) -> Path:
    stem = f".corrupt-{moment.astimezone(UTC):%Y%m%dT%H%M%S%f}Z"
    aside = _companion(path, stem)
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            _companion(path, suffix).replace(_companion(aside, suffix))
    return aside


def _companion(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open without ever writing, also while another process writes, also on a read-only medium.

    Raises sqlite3.Error.
    """
    # Without a log nobody writes, and a read-only directory cannot hold the shared memory that WAL wants.
    immutable = "" if _companion(path, "-wal").exists() else "&immutable=1"
    return connect(
        f"file:{quote(str(path))}?mode=ro{immutable}", uri=True, isolation_level=None, check_same_thread=False
    )


def lane_numbers(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of each lane that ever wrote, by name, in the order of their first record."""
    return {name: number for number, name in connection.execute("SELECT number, name FROM lane ORDER BY number")}


def read_records(connection: sqlite3.Connection, number: int, from_last: str | None) -> Iterator[JournalRecord]:
    """Yield a lane's records in order, from the last one of kind `from_last` (all where there is none)."""
    low, high = number * LANE_SPAN, (number + 1) * LANE_SPAN
    if from_last is not None:
        query = "SELECT id FROM record WHERE id BETWEEN ? AND ? AND kind=? ORDER BY id DESC LIMIT 1"
        found = connection.execute(query, (low, high - 1, from_last)).fetchone()
        low = found[0] if found is not None else low
    query = "SELECT id, kind, body, hash, written_at FROM record WHERE id BETWEEN ? AND ? ORDER BY id"
    for row_id, kind, body, digest, written_at in connection.execute(query, (low, high - 1)):
        if not isinstance(digest, bytes):
            # The table demands one. A bent file need not have it.
            raise sqlite3.DatabaseError(f"record {row_id} has no hash")
        yield JournalRecord(row_id - number * LANE_SPAN, kind, body, digest.hex(), written_at)


def first_broken(connection: sqlite3.Connection, number: int, lane: str, newest: int | None = None) -> int | None:
    """Return the seq where a lane's chain first breaks, or None; only the `newest` records where given."""
    base = number * LANE_SPAN
    last = connection.execute("SELECT max(id) FROM record WHERE id BETWEEN ? AND ?", (base, base + LANE_SPAN - 1))
    last_id = last.fetchone()[0]
    pruned_seq, pruned_hash = _pruned(connection, number)
    oldest = base + pruned_seq + 1
    if last_id is None:
        return pruned_seq + 1 if pruned_seq else None
    start = oldest if newest is None else max(oldest, last_id - newest)
    rows = connection.execute(
        "SELECT id, kind, body, hash, written_at FROM record WHERE id BETWEEN ? AND ? ORDER BY id", (start, last_id)
    )
    expected: int = start - base
    previous: bytes | None = pruned_hash if start == oldest else None
    for row_id, kind, body, digest, written_at in rows:
        seq: int = row_id - base
        if seq != expected:
            return expected
        # The oldest of the newest has no predecessor here: it anchors the others.
        if previous is not None and record_hash(previous, lane, (seq, kind, body, written_at)) != digest:
            return seq
        expected, previous = seq + 1, digest
    return None


def _pruned(connection: sqlite3.Connection, number: int) -> tuple[int, bytes]:
    """Return the seq through which a lane's old records were cut off, and that record's hash; (0, NO_HASH)."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name='pruned'").fetchone():
        return 0, NO_HASH
    row = connection.execute("SELECT through_seq, hash FROM pruned WHERE number=?", (number,)).fetchone()
    return (0, NO_HASH) if row is None else (row[0], row[1])
