"""A disk under the journal that remembers every write and sync, loses power at any of them, or fails at one.

It is a VFS of SQLite (apsw): the journal's own code and statements run on it unchanged. `image` makes what a power
cut would leave: everything that was synced, and of the rest, sector by sector, what chance keeps or tears.
"""

import contextlib
import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import apsw

from edge.runtime import journal_file

SECTOR_BYTES = 512
Kind = Literal["write", "truncate", "sync", "delete", "note"]
Failure = Literal["full", "io_error", "sync_error"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened. `note` is the recorder's own: what had been promised by then."""

    kind: Kind
    name: str
    offset: int = 0
    data: bytes = b""
    note: Any = None


@dataclass(slots=True)
class Fault:
    """The `at`-th write or sync (from 1) fails, and every later one too where `for_ever`. `hit`: it has happened."""

    failure: Failure
    at: int
    for_ever: bool = False
    hit: bool = False
    # How many writes and syncs were tried after it.
    tried_after: int = 0

    def check(self, kind: Kind) -> None:
        """Count one operation; raises apsw.Error where it fails."""
        if self.hit:
            self.tried_after += 1
            if self.for_ever:
                raise self._error(kind)
            return
        if (self.failure == "sync_error") != (kind == "sync"):
            return
        self.at -= 1
        if self.at <= 0:
            self.hit = True
            raise self._error(kind)

    def _error(self, kind: Kind) -> apsw.Error:
        if self.failure == "full":
            error: apsw.Error = apsw.FullError("no space left on device")
            code = apsw.SQLITE_FULL
        else:
            error = apsw.IOError("input/output error")
            code = apsw.SQLITE_IOERR_FSYNC if kind == "sync" else apsw.SQLITE_IOERR_WRITE
        error.extendedresult = code  # type: ignore[attr-defined]  # apsw's documented way to say which
        return error


class PowerDisk(apsw.VFS):
    """Records what SQLite does to the files below it. One at a time in a process."""

    NAME = "kakou-power-disk"

    def __init__(self, *, weaken: bool = False) -> None:
        """`weaken`: lie about `synchronous`, NORMAL instead of FULL: the control run that has to lose rows."""
        super().__init__(self.NAME, "")
        self.steps: list[Step] = []
        self.fault: Fault | None = None
        self._weaken = weaken

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_File":  # noqa: N802 - SQLite's name
        """Open a file that is recorded."""
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        """Delete a name; without `syncdir` a cut may bring the file back."""
        super().xDelete(filename, syncdir)
        name = Path(filename).name
        self.steps.append(Step("delete", name))
        if syncdir:
            self.steps.append(Step("sync", name))

    def happened(self, kind: Kind, name: str, offset: int = 0, data: bytes = b"") -> None:
        """Record one operation, or fail it."""
        if self.fault is not None:
            self.fault.check(kind)
        self.steps.append(Step(kind, name, offset, data))

    def note(self, note: Any) -> None:
        """Remember a promise at this moment."""
        self.steps.append(Step("note", "", note=note))

    @contextlib.contextmanager
    def in_use(self) -> Iterator["PowerDisk"]:
        """Put this disk under every journal that is opened in the block."""
        with patch.object(journal_file, "connect", self._connect):
            try:
                yield self
            finally:
                self.unregister()

    def _connect(self, name: str | Path, **options: Any) -> "_Connection":
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_URI if options.get("uri") else 0)
        with _translated():
            return _Connection(apsw.Connection(str(name), flags=flags, vfs=self.NAME), weaken=self._weaken)


class _File(apsw.VFSFile):
    def __init__(self, disk: PowerDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "").name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.happened("write", self._name, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.happened("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.happened("sync", self._name)
        super().xSync(flags)


class _Rows:
    """The answer of a statement, read whole."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = iter(rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)


class _Connection:
    """As much of `sqlite3.Connection` as the journal uses, with its errors."""

    def __init__(self, connection: apsw.Connection, *, weaken: bool) -> None:
        self._connection = connection
        self._weaken = weaken

    def execute(self, sql: str, values: Sequence[Any] = ()) -> _Rows:
        if self._weaken and sql.startswith("PRAGMA synchronous"):
            self._connection.execute("PRAGMA synchronous=1")
            return _Rows([(2,)])
        with _translated():
            return _Rows(list(self._connection.execute(sql, values)))

    def close(self) -> None:
        # sqlite3 tells no error of the disk here either.
        with contextlib.suppress(apsw.IOError, apsw.FullError):
            self._connection.close()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        code = getattr(error, "extendedresult", 0) or getattr(error, "result", 0)
        name = apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes.get(code & 0xFF)
        damaged = str(name).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
        translated = (sqlite3.DatabaseError if damaged else sqlite3.OperationalError)(str(error))
        translated.sqlite_errorcode, translated.sqlite_errorname = int(code), str(name)
        raise translated from error


@dataclass(slots=True)
class _OnDisk:
    """One file: what is on the platter (None: no such name), and what is only in the cache."""

    durable: bytearray | None = None
    cached: list[Step] = field(default_factory=list)


class Platter:
    """What is durable while steps go by."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = {name: _OnDisk(bytearray(content)) for name, content in files.items()}

    def apply(self, step: Step) -> None:
        """Let one step happen."""
        if step.kind == "note":
            return
        file = self._files.setdefault(step.name, _OnDisk())
        if step.kind != "sync":
            file.cached.append(step)
            return
        if file.durable is None or _last_delete(file) is not None:
            # SQLite syncs the folder with the first sync of a new file: every name in it is as it was last made.
            for other in self._files.values():
                _make_durable(other, (_last_delete(other) or 0) if other is not file else 0)
        _make_durable(file, len(file.cached))

    def image(self, draw: random.Random) -> dict[str, bytes]:
        """Return the files as a power cut leaves them now: chance decides about everything that was not synced."""
        share = draw.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        files = {name: _cut(file, share, draw) for name, file in self._files.items()}
        return {name: bytes(content) for name, content in files.items() if content is not None}


def _last_delete(file: _OnDisk) -> int | None:
    """Return how many cached steps there are through the last deletion; None where there is none."""
    return max((number + 1 for number, step in enumerate(file.cached) if step.kind == "delete"), default=None)


def _make_durable(file: _OnDisk, count: int) -> None:
    file.durable = _with(file.durable, *file.cached[:count])
    del file.cached[:count]


def _cut(file: _OnDisk, share: float, draw: random.Random) -> bytearray | None:
    content = None if file.durable is None else bytearray(file.durable)
    steps = file.cached
    gone = next((number for number, step in enumerate(steps) if step.kind == "delete"), None)
    if gone is not None and draw.random() >= share:
        # The name still leads to the old file: whatever was made anew under it has no name.
        steps = steps[:gone]
    if content is None and draw.random() >= share:
        return None
    for step in steps:
        content = _with(content, *_kept(step, share, draw))
    return content


def _kept(step: Step, share: float, draw: random.Random) -> Iterable[Step]:
    """Return the parts of one unsynced step that reached the platter."""
    if step.kind == "delete":
        return [step]
    if step.kind == "truncate":
        return [step] if draw.random() < share else []
    parts = []
    for start in range(0, len(step.data), SECTOR_BYTES):
        if draw.random() >= share:
            continue
        sector = step.data[start : start + SECTOR_BYTES]
        torn = draw.randrange(len(sector)) if draw.random() < 0.05 else len(sector)
        parts.append(Step("write", step.name, step.offset + start, sector[:torn]))
    return parts


def _with(content: bytearray | None, *steps: Step) -> bytearray | None:
    for step in steps:
        if step.kind == "delete":
            content = None
            continue
        content = bytearray() if content is None else content
        if step.kind == "truncate":
            del content[step.offset :]
            content.extend(bytes(step.offset - len(content)))
        else:
            end = step.offset + len(step.data)
            content.extend(bytes(max(0, end - len(content))))
            content[step.offset : end] = step.data
    return content
