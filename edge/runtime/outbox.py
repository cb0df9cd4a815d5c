"""The outbox: every event for central, durable with its record, kept until central says that it stored it.

It is part of the journal's file. Rows of a lane are numbered without a gap within the file's epoch and chained:
hash(n) = SHA-256(hash(n-1) || canonical JSON of lane, epoch, seq, type, time, data), so central can prove order
and content. Personal data stays outside the hash: it could be guessed from it.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from edge.json_encoder import encoder
from edge.runtime.codec import CodecError, from_bytes, to_bytes
from edge.runtime.journal_file import LANE_SPAN

if TYPE_CHECKING:
    from edge.runtime.journal import Journal

# An MQTT payload of ours ends at 16 KiB, envelope included; one that never fits would stop all behind it.
MAX_EVENT_BYTES = 12 * 1024
QUARANTINED_TYPE = "event_quarantined"

_encode = encoder()

AcknowledgeOutcome = Literal["advanced", "behind", "other_epoch", "ahead"]


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """One event for central. `data` holds no personal data; `personal` is for `passage/<authority>` alone."""

    type: str
    data: Mapping[str, Any]
    personal: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One stored event. `hash` is hex, `occurred_at` RFC 3339 UTC."""

    seq: int
    type: str
    data: dict[str, Any]
    personal: dict[str, Any] | None
    occurred_at: str
    hash: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What an acknowledgement did; rows through `through_seq` are gone. `ahead` is an alarm (hazards.md C22)."""

    outcome: AcknowledgeOutcome
    through_seq: int


@dataclass(slots=True)
class PreparedEvent:
    """An event as it goes into its row; `poison` says why it was replaced by a placeholder, else None."""

    type: str
    data: str
    personal: str | None
    hash: bytes
    poison: str | None = None


def prepare(
    event: OutboxEvent, previous: bytes, head: tuple[str, int, int, str], *, simulated: bool = False
) -> PreparedEvent:
    """Serialise and chain an event; `head` is (lane, epoch, seq, occurred_at).

    One that cannot be serialised or is too large leaves a placeholder in its place, so that numbering has
    no gap and the others flow (hazards.md X17).
    """
    poison: str | None = None
    name = event.type
    # Whatever becomes of it, nothing of a simulated lane leaves unmarked (I20).
    mark = {"simulated": True} if simulated else {}
    try:
        data = to_bytes({**event.data, **mark})
        personal = None if event.personal is None else to_bytes(dict(event.personal))
        if not isinstance(name, str) or len(data) + len(personal or b"") > MAX_EVENT_BYTES:
            raise CodecError(f"{len(data)} bytes of data, at most {MAX_EVENT_BYTES} with personal data")
        digest = _chain(previous, head, name, data)
    except (CodecError, TypeError, ValueError) as error:
        poison = f"{error} in {event!r}"[:500].encode("utf-8", "backslashreplace").decode()
        name, personal = QUARANTINED_TYPE, None
        shown = {"event_type": str(event.type)[:64].encode("ascii", "backslashreplace").decode()}
        data = to_bytes({**shown, **mark})
        digest = _chain(previous, head, name, data)
    return PreparedEvent(name, data.decode(), personal.decode() if personal else None, digest, poison)


def _chain(previous: bytes, head: tuple[str, int, int, str], name: str, data: bytes) -> bytes:
    lane, epoch, seq, occurred_at = head
    front = _encode([lane, epoch, seq, name, occurred_at]).encode()
    return hashlib.sha256(b"%b%b\n%b" % (previous, front, data)).digest()


class Outbox:
    """What is not yet acknowledged, read on its own connection: never waits for the writer or it for us."""

    def __init__(self, journal: "Journal") -> None:
        self._journal = journal
        self._sent: dict[str, int] = {}
        self._stored_before: dict[str, int] = {}
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self.poisoned = 0
        for lane in journal.lanes():
            self._stored_before[lane] = journal.outbox_head(lane).seq

    @property
    def epoch(self) -> int:
        """The epoch of the file, part of every event's number."""
        return self._journal.epoch

    def listen(self, lane: str, added: Callable[[], None]) -> Callable[[], None]:
        """Have `added` called after a commit that added rows of the lane; returns what ends it."""
        listeners = self._listeners.setdefault(lane, [])
        listeners.append(added)
        return lambda: listeners.remove(added)

    def announce(self, lane: str) -> None:
        """Tell the listeners of a lane that rows became durable. Called by the journal."""
        for added in self._listeners.get(lane, ()):
            added()

    def acknowledged_seq(self, lane: str) -> int:
        """The highest seq that central confirmed; 0 where none."""
        return self._journal.outbox_head(lane).acknowledged_seq

    def depth(self, lane: str) -> int:
        """How many events wait for central's confirmation."""
        head = self._journal.outbox_head(lane)
        return head.seq - head.acknowledged_seq

    def pending(self, lane: str, after_seq: int, limit: int) -> list[OutboxRow]:
        """Return at most `limit` durable, unacknowledged rows with seq above `after_seq`, in order.

        A row that does not read back is given as a placeholder and counted. Raises JournalError.
        """
        head = self._journal.outbox_head(lane)
        base = head.number * LANE_SPAN
        rows = self._journal.read(
            "SELECT id, type, data, personal, occurred_at, hash FROM outbox WHERE id>? AND id<? ORDER BY id LIMIT ?",
            (base + max(after_seq, head.acknowledged_seq), base + LANE_SPAN, limit),
        )
        return [self._row(base, row) for row in rows]

    def mark_sent(self, lane: str, seq: int) -> None:
        """Remember that rows through `seq` were handed to the broker in this run."""
        self._sent[lane] = max(seq, self._sent.get(lane, 0))

    def acknowledge(self, lane: str, epoch: int, seq: int) -> Acknowledged:
        """Take central's "stored through seq": delete through it, never beyond what was sent.

        Behind or of another epoch: ignored. Ahead of what exists: clamped and reported, a person should look.
        """
        head = self._journal.outbox_head(lane)
        if epoch != self.epoch:
            return Acknowledged("other_epoch", head.acknowledged_seq)
        if seq <= head.acknowledged_seq:
            return Acknowledged("behind", head.acknowledged_seq)
        sent = self._sent.get(lane, 0)
        through = min(seq, sent, head.seq)
        if through > head.acknowledged_seq:
            self._journal.delete_acknowledged(lane, through)
        # Rows of an earlier run may have been sent by it: not ours to delete before we send them, yet no alarm.
        if seq > max(sent, self._stored_before.get(lane, 0)):
            return Acknowledged("ahead", self.acknowledged_seq(lane))
        outcome: AcknowledgeOutcome = "advanced" if seq == through else "behind"
        return Acknowledged(outcome, self.acknowledged_seq(lane))

    def _row(self, base: int, row: sqlite3.Row | tuple[Any, ...]) -> OutboxRow:
        row_id, name, data, personal, occurred_at, digest = row
        try:
            decoded = from_bytes(data)
            detail = None if personal is None else from_bytes(personal)
            if not isinstance(decoded, dict) or not isinstance(detail, dict | None):
                raise CodecError("not an object")
        except CodecError:
            self.poisoned += 1
            decoded, detail, name = {"event_type": name}, None, QUARANTINED_TYPE
        return OutboxRow(row_id - base, name, decoded, detail, occurred_at, digest.hex())
