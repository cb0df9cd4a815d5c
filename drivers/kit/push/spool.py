"""Where a push lies from before it is answered until it was taken: one SQLite file, bounded, synced at each commit.

Blocking: call it on a thread. What was not taken in time is *kept*, for people, until room is needed or `KEPT_S` are
over; it is never handed on. Names of pushes are known beyond their bytes, so that one that comes again is told.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MOST_ROWS = 64
MOST_BYTES = 64 * 1024 * 1024
MOST_KNOWN = 1000
KEPT_S = 24 * 3600
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS push (
    name TEXT PRIMARY KEY, boot TEXT NOT NULL, begun_at_ms INTEGER NOT NULL, ended_at_ms INTEGER NOT NULL,
    arrived_s INTEGER NOT NULL, media TEXT NOT NULL, body BLOB NOT NULL, late INTEGER NOT NULL, kept INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS known (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS pace (
    one INTEGER PRIMARY KEY CHECK (one = 0), boot TEXT NOT NULL, ahead_ms REAL NOT NULL, beat_at_ms INTEGER NOT NULL);
"""
# Of sqlite3.h: the file is no database, or not whole.
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX")


class _Run(Protocol):
    """Runs one statement with its values."""

    def __call__(self, statement: str, *values: object) -> sqlite3.Cursor: ...


class _DamagedError(sqlite3.DatabaseError):
    """What is in the file is not whole."""

    sqlite_errorname = "SQLITE_CORRUPT"


class SpoolError(Exception):
    """Nothing can be kept. `full`: there is no room, of ours or on the disk; `args[0]` says what happened."""

    def __init__(self, said: str, *, full: bool = False) -> None:
        super().__init__(said)
        self.full = full


@dataclass(frozen=True, slots=True)
class Spooled:
    """A push that waits. Times are CLOCK_MONOTONIC of the start of the machine that `boot` names; `late`: of no use."""

    name: str
    boot: str
    begun_at_ms: int
    ended_at_ms: int
    media: str
    body: bytes
    late: bool = False


def boot_id() -> str:
    """Return the name of this start of the machine; empty where the system has none, and then it equals no other."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class Spool:
    """The spool at `path`, made where it is missing. Each method raises SpoolError; safe to call from any thread."""

    def __init__(self, path: Path, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_rows, self._most_bytes = most_rows, most_bytes
        self._turn = threading.Lock()
        # Whether what was there could not be read and was put aside (`.damaged`).
        self.damaged = False
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname not in _DAMAGED:
                raise _told(error) from error
            self._connection = self._anew()
        except OSError as error:
            raise SpoolError(f"{type(error).__name__}: {error.strerror}") from error
        self._file = self._there()

    def close(self) -> None:
        """Let go of the file. May be called repeatedly."""
        with self._turn, contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def put(self, push: Spooled, arrived_s: int) -> bool:
        """Keep it, so that it outlives a cut of power; False, and nothing kept, where its name is known.

        `arrived_s`: seconds since 1970, for how long what was not taken is kept.
        """
        with self._transaction() as run:
            if run("SELECT 1 FROM known WHERE name=?", push.name).fetchone() is not None:
                return False
            run("DELETE FROM push WHERE kept AND arrived_s NOT BETWEEN ? AND ?", arrived_s - KEPT_S, arrived_s)
            self._make_room(run, len(push.body))
            row = (
                push.name,
                push.boot,
                push.begun_at_ms,
                push.ended_at_ms,
                arrived_s,
                push.media,
                push.body,
                push.late,
            )
            run("INSERT OR REPLACE INTO push VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)", *row)
            run("INSERT INTO known (name) VALUES (?)", push.name)
            run("DELETE FROM known WHERE number <= (SELECT max(number) FROM known) - ?", MOST_KNOWN)
        return True

    def taken(self, name: str) -> None:
        """Let go of what was taken; its name stays known."""
        with self._transaction() as run:
            run("DELETE FROM push WHERE name=?", name)

    def keep(self, before_ms: int, boot: str) -> int:
        """Never hand on what waits since before then, or of another start of the machine; how many those are."""
        with self._transaction() as run:
            found = run(
                "UPDATE push SET kept=1 WHERE NOT kept AND (begun_at_ms < ? OR boot IS NOT ? OR boot='')",
                before_ms,
                boot,
            )
            return found.rowcount

    def waiting(self) -> list[Spooled]:
        """What waits to be taken, the oldest first."""
        with self._transaction() as run:
            rows = run(
                "SELECT name, boot, begun_at_ms, ended_at_ms, media, body, late FROM push"
                " WHERE NOT kept ORDER BY ended_at_ms"
            ).fetchall()
        return [
            Spooled(name, boot, begun_at_ms, ended_at_ms, media, body, bool(late))
            for name, boot, begun_at_ms, ended_at_ms, media, body, late in rows
        ]

    def remember_pace(self, boot: str, ahead_ms: float, beat_at_ms: int) -> None:
        """Keep how far our clock is ahead of the device's in this start of the machine, and when that was last so."""
        with self._transaction() as run:
            run("INSERT OR REPLACE INTO pace VALUES (0, ?, ?, ?)", boot, ahead_ms, beat_at_ms)

    def forget_pace(self) -> None:
        """The device's clock was set: what was kept of it is of no use."""
        with self._transaction() as run:
            run("DELETE FROM pace")

    def pace(self, boot: str) -> tuple[float, int] | None:
        """What `remember_pace` kept; None where that is nothing, or of another start of the machine."""
        with self._transaction() as run:
            row = run("SELECT ahead_ms, beat_at_ms FROM pace WHERE boot=? AND boot<>''", boot).fetchone()
        return None if row is None else (float(row[0]), int(row[1]))

    def _make_room(self, run: _Run, wanted: int) -> None:
        while True:
            rows, size = run("SELECT count(*), ifnull(sum(length(body)), 0) FROM push").fetchone()
            if rows < self._most_rows and size + wanted <= self._most_bytes:
                return
            oldest = "SELECT name FROM push WHERE kept ORDER BY arrived_s, ended_at_ms LIMIT 1"
            if not run(f"DELETE FROM push WHERE name=({oldest})").rowcount:  # noqa: S608 - our own words
                raise SpoolError(f"{rows} pushes of {size} bytes wait already", full=True)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[_Run]:
        def run(statement: str, *values: object) -> sqlite3.Cursor:
            return self._connection.execute(statement, values)

        with self._turn:
            # SQLite writes on into a file that has no name any more, and the next start would find nothing.
            if self._there() != self._file:
                raise SpoolError("the file was replaced, or removed")
            try:
                run("BEGIN IMMEDIATE")
                try:
                    yield run
                    run("COMMIT")
                finally:
                    if self._connection.in_transaction:
                        run("ROLLBACK")
            except sqlite3.Error as error:
                raise _told(error) from error

    def _there(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Before SQLite makes it: plates are for the controller alone.
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=1", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise _DamagedError(found)
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _anew(self) -> sqlite3.Connection:
        """Put aside what cannot be read: what lay there is old, and a lane is blind while its camera cannot push."""
        self.damaged = True
        try:
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._path.replace(self._path.with_name(self._path.name + ".damaged"))
            return self._opened()
        except OSError as error:
            raise SpoolError(f"{type(error).__name__}: {error.strerror}") from error
        except sqlite3.Error as error:
            raise _told(error) from error


def _told(error: sqlite3.Error) -> SpoolError:
    return SpoolError(str(error)[:200], full=getattr(error, "sqlite_errorname", "") == "SQLITE_FULL")
