"""The journal's one writer thread: takes whatever waits, commits it as one group, tells the loop once."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.runtime import failpoints
from edge.runtime.journal_errors import JournalError, translated
from edge.runtime.journal_file import reserve_of

Statement = tuple[str, Sequence[Any]]

_MAX_GROUP = 256
# Deletions of acknowledged rows wait for a quiet moment: their fsync must not stand before a lane's commit.
_LAZY_QUIET_S = 0.05
_LAZY_MAX_GROUPS = 100
_CHECKPOINT_QUIET_S = 0.5
_CHECKPOINT_AFTER_STATEMENTS = 500
_CHECKPOINT_FORCED_STATEMENTS = 10_000


@dataclass(slots=True)
class Job:
    """Statements of one transaction.

    After their fsync, on the loop: first `written` is called, with what went wrong or None, and it does not raise; then
    `durable` is set, and `committed` called.
    """

    statements: list[Statement]
    durable: "asyncio.Future[None] | None" = None
    written: Callable[[JournalError | None], None] | None = None
    committed: Callable[[], None] | None = None
    lazy: str | None = None


@dataclass(slots=True)
class _Lazy:
    statements: dict[str, list[Statement]] = field(default_factory=dict)
    groups_waited: int = 0


class GroupWriter:
    """Owns the writing connection. After any error of SQLite or the system it has failed for good.

    An fsync that failed may have dropped pages that a second one reports as written (hazards.md X4), so
    nothing is tried again. A disk without space dropped nothing: the reserve is freed and the group written after
    all, yet nobody is promised it; `last_words` is true as long as there is room to say why lanes stand (X3).
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        on_failure: Callable[[JournalError], None],
        on_finished: Callable[[], None],
    ) -> None:
        """Start the thread. `on_failure` is called on the loop; `on_finished` on the thread after a whole session."""
        self._connection = connection
        self._path = path
        self._on_failure = on_failure
        self._on_finished = on_finished
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._lazy = _Lazy()
        self._since_checkpoint = 0
        self._quiet = True
        self._failed: JournalError | None = None
        self.last_words = False
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def submit(self, jobs: list[Job]) -> None:
        """Queue jobs for one commit; `lazy` ones (by key, the newest counts) are written when nothing else is."""
        self._queue.put(jobs)

    async def stop(self) -> None:
        """Write what is queued, mark the session as ended, and end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            if self._failed is None or self.last_words:
                self._write(group)
            if group or self._failed is not None:
                self._tell(group)
        if self._failed is None:
            self._finish()
        self._connection.close()

    def _next_group(self) -> tuple[list[Job], bool]:
        group: list[Job] = []
        self._quiet = True
        try:
            jobs = self._queue.get(timeout=self._patience_s())
            self._quiet = False
            while jobs is not None:
                self._sort_in(group, jobs)
                if len(group) >= _MAX_GROUP:
                    return group, False
                jobs = self._queue.get_nowait()
        except queue.Empty:
            return group, False
        return group, True

    def _sort_in(self, group: list[Job], jobs: list[Job]) -> None:
        for job in jobs:
            if job.lazy is None:
                group.append(job)
            else:
                self._lazy.statements[job.lazy] = job.statements

    def _patience_s(self) -> float | None:
        if self._lazy.statements:
            return _LAZY_QUIET_S
        return _CHECKPOINT_QUIET_S if self._since_checkpoint >= _CHECKPOINT_AFTER_STATEMENTS else None

    def _write(self, group: list[Job]) -> None:
        statements = [statement for job in group for statement in job.statements]
        try:
            self._write_all(statements)
        except (sqlite3.Error, OSError, MemoryError) as error:
            first, self._failed = self._failed is None, self._failed or translated(error, self._path)
            self.last_words = first and self._failed.code == "journal_full" and self._free_reserve(statements)

    def _write_all(self, statements: list[Statement]) -> None:
        lazy = self._due_lazy() if self._failed is None else []
        if statements or lazy:
            self._commit(statements + lazy)
        limit = _CHECKPOINT_AFTER_STATEMENTS if self._quiet else _CHECKPOINT_FORCED_STATEMENTS
        if self._since_checkpoint >= limit and self._failed is None:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._since_checkpoint = 0

    def _free_reserve(self, statements: list[Statement]) -> bool:
        """Make room and write what found none; False where that failed too."""
        with contextlib.suppress(sqlite3.Error):
            # SQLite may have rolled back by itself.
            self._connection.execute("ROLLBACK")
        try:
            reserve_of(self._path).unlink(missing_ok=True)
            self._commit(statements)
        except (sqlite3.Error, OSError, MemoryError):
            return False
        return True

    def _due_lazy(self) -> list[Statement]:
        self._lazy.groups_waited += 1
        if not self._quiet and self._lazy.groups_waited < _LAZY_MAX_GROUPS:
            return []
        lazy, self._lazy = self._lazy, _Lazy()
        return [statement for statements in lazy.statements.values() for statement in statements]

    def _commit(self, statements: list[Statement]) -> None:
        execute = self._connection.execute
        execute("BEGIN")
        for sql, values in statements:
            execute(sql, values)
        failpoints.hit("commit_before")
        execute("COMMIT")
        failpoints.hit("commit_after")
        self._since_checkpoint += len(statements)

    def _tell(self, group: list[Job]) -> None:
        # The loop may be gone when a process ends without closing its journal.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, group, self._failed)

    def _settle(self, group: list[Job], failed: JournalError | None) -> None:
        if failed is not None:
            self._on_failure(failed)
        for job in group:
            if job.written is not None:
                job.written(failed)
        for job in group:
            if job.durable is not None and not job.durable.done():
                if failed is None:
                    job.durable.set_result(None)
                else:
                    fail(job.durable, failed)
        if failed is None:
            for job in group:
                if job.committed is not None:
                    job.committed()

    def _finish(self) -> None:
        self._quiet = True
        with contextlib.suppress(sqlite3.Error, OSError):
            self._commit([*self._due_lazy(), ("UPDATE meta SET value='closed' WHERE key='session'", ())])
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # The last connection to close removes the write-ahead log: ours may, once the session is marked as
            # ended, and otherwise a reader that is still open keeps it.
            self._on_finished()


def fail(future: "asyncio.Future[None]", error: JournalError) -> None:
    """Fail a future and mark it as seen: who never waits for a record needs no complaint from asyncio."""
    future.set_exception(error)
    future.exception()
