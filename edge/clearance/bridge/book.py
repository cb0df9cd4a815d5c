"""What the bridge asked, what it heard and what it answered: on the disk before anything of it has an effect.

One SQLite file, WAL, `synchronous=FULL`, held by one process. A request has one row for ever (as long as rows are
kept), and one answer: a repeated request, also after a restart, finds it and gets none again.
"""

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from edge.times import rfc3339

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS asked (request_hash TEXT PRIMARY KEY, sequence TEXT NOT NULL UNIQUE,
  lane TEXT NOT NULL, boot TEXT NOT NULL, passage TEXT NOT NULL, nonce TEXT NOT NULL, asked_at TEXT NOT NULL,
  verdict TEXT, reason TEXT, form TEXT, raw BLOB, grant_sent BLOB, answered_at TEXT) STRICT""",
    """CREATE INDEX IF NOT EXISTS asked_form ON asked (form) WHERE form IS NOT NULL""",
    """CREATE INDEX IF NOT EXISTS asked_at ON asked (asked_at)""",
    """CREATE TABLE IF NOT EXISTS grant_sequence (lane TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT""",
    # Each day that the wall clock ever showed here, in the order it did, and the last row asked before that.
    """CREATE TABLE IF NOT EXISTS seen_day (id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT NOT NULL UNIQUE,
  asked_before INTEGER NOT NULL) STRICT""",
    # Passages whose record was handed to the exchange, by the message's id.
    """CREATE TABLE IF NOT EXISTS told_pass (request_hash TEXT PRIMARY KEY, message TEXT NOT NULL, at TEXT NOT NULL)
  STRICT""",
    """CREATE TABLE IF NOT EXISTS heard (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL,
  kind INTEGER NOT NULL, lane TEXT, disposition TEXT NOT NULL, raw BLOB NOT NULL) STRICT""",
)
# What the platform sent beside answers: enough to see what happened, never a full disk.
MOST_HEARD = 20_000
_PRUNE_EACH = 500
# All of China keeps this time; a SEQ_NO only has to be unique.
_CHINA = timedelta(hours=8)
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Question:
    """One request of a lane, and the SEQ_NO under which customs is asked."""

    request_hash: str
    sequence: str
    lane: str
    boot: str
    passage: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Released:
    """A request that was released under a document."""

    request_hash: str
    form: str


class BridgeBook:
    """Not for use from two threads or processes: the second process is refused. Raises sqlite3.Error throughout."""

    def __init__(
        self,
        path: Path,
        *,
        utc: Callable[[], datetime],
        keep: timedelta = timedelta(days=180),
        draw: Callable[[], int] = lambda: secrets.randbelow(1_000_000),
    ) -> None:
        """Open or create. Forgotten is what is older than `keep` by the wall clock, and by the days it showed since.

        A clock that jumps shows one day more: it makes no release usable a second time (O3).
        """
        self._utc = utc
        self._keep = keep
        self._draw = draw
        self._written = 0
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                self._connection.execute(statement)
            self._prune()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def knows(self, request_hash: str) -> bool:
        """Say whether this request was asked before, answered or not."""
        found = self._connection.execute("SELECT 1 FROM asked WHERE request_hash = ?", (request_hash,))
        return found.fetchone() is not None

    def ask(self, request_hash: str, *, lane: str, boot: str, passage: str, nonce: str) -> Question:
        """Enter a request under a SEQ_NO that was never used, durably, before customs is asked."""
        now = self._utc()
        stem = f"{now + _CHINA:%Y%m%d%H%M%S}"
        for left in reversed(range(_TRIES)):
            question = Question(request_hash, f"{stem}{self._draw():06d}", lane, boot, passage, nonce)
            try:
                self._connection.execute(
                    "INSERT INTO asked (request_hash, sequence, lane, boot, passage, nonce, asked_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (request_hash, question.sequence, lane, boot, passage, nonce, rfc3339(now)),
                )
            except sqlite3.IntegrityError:
                if not left:
                    raise
            else:
                break
        self._count()
        return question

    def unanswered(self) -> list[Question]:
        """Return what was asked and never answered, oldest first: by a bridge that was ended."""
        rows = self._connection.execute(
            "SELECT request_hash, sequence, lane, boot, passage, nonce FROM asked WHERE verdict IS NULL "
            "ORDER BY asked_at"
        )
        return [Question(*row) for row in rows]

    def form_used(self, form: str, question: Question) -> bool:
        """Say whether the document released another passage before: a release is for one vehicle, once."""
        found = self._connection.execute(
            "SELECT 1 FROM asked WHERE form = ? AND verdict = 'release' "
            "AND NOT (lane = ? AND boot = ? AND passage = ?)",
            (form, question.lane, question.boot, question.passage),
        )
        return found.fetchone() is not None

    def last_numbers(self) -> dict[str, int]:
        """Return the highest grant number of each lane that is on the disk."""
        return dict(self._connection.execute("SELECT lane, last FROM grant_sequence"))

    def answer(
        self, question: Question, verdict: str, reason: str, *, number: int, grant: bytes, form: str, raw: bytes
    ) -> bool:
        """Enter the one answer to a question with the platform's own bytes, durably, before it is sent.

        False where it has one already: nothing is sent then.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            entered = self._connection.execute(
                "UPDATE asked SET verdict = ?, reason = ?, form = ?, raw = ?, grant_sent = ?, answered_at = ? "
                "WHERE request_hash = ? AND verdict IS NULL",
                (verdict, reason, form or None, raw, grant, rfc3339(self._utc()), question.request_hash),
            ).rowcount
            self.number_used(question.lane, number)
        return entered == 1

    def number_used(self, lane: str, number: int) -> None:
        """Put a grant's number on the disk."""
        self._connection.execute(
            "INSERT INTO grant_sequence VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET last = max(last, excluded.last)",
            (lane, number),
        )

    def released(self, lane: str, passage: str) -> Released | None:
        """Return the newest release of a passage under a document, or None."""
        found = self._connection.execute(
            "SELECT request_hash, form FROM asked WHERE lane = ? AND passage = ? AND verdict = 'release' "
            "AND form IS NOT NULL ORDER BY rowid DESC LIMIT 1",
            (lane, passage),
        ).fetchone()
        return None if found is None else Released(*found)

    def pass_told(self, request_hash: str) -> bool:
        """Say whether this passage was reported."""
        found = self._connection.execute("SELECT 1 FROM told_pass WHERE request_hash = ?", (request_hash,))
        return found.fetchone() is not None

    def tell_pass(self, request_hash: str, message: str) -> None:
        """Note that this passage was reported, by this message."""
        self._connection.execute(
            "INSERT OR IGNORE INTO told_pass VALUES (?, ?, ?)", (request_hash, message, rfc3339(self._utc()))
        )

    def heard(self, kind: int, lane: str | None, disposition: str, raw: bytes) -> None:
        """Keep a message of the platform that answers nothing, with what became of it."""
        self._connection.execute(
            "INSERT INTO heard (at, kind, lane, disposition, raw) VALUES (?, ?, ?, ?, ?)",
            (rfc3339(self._utc()), kind, lane, disposition, raw),
        )
        self._count()

    def _count(self) -> None:
        self._written += 1
        if self._written % _PRUNE_EACH == 0:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._prune()

    def _prune(self) -> None:
        now = self._utc()
        self._connection.execute(
            "INSERT OR IGNORE INTO seen_day (day, asked_before) SELECT ?, coalesce(max(rowid), 0) FROM asked",
            (f"{now:%Y-%m-%d}",),
        )
        # The newest row stays: SQLite gives the number of the last row again once that is gone.
        self._connection.execute(
            "DELETE FROM asked WHERE asked_at < ? AND rowid < (SELECT max(rowid) FROM asked) AND rowid <= "
            "(SELECT asked_before FROM seen_day ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (rfc3339(now - self._keep), self._keep.days),
        )
        self._connection.execute("DELETE FROM told_pass WHERE request_hash NOT IN (SELECT request_hash FROM asked)")
        self._connection.execute("DELETE FROM heard WHERE id <= (SELECT max(id) FROM heard) - ?", (MOST_HEARD,))
