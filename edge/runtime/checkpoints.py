"""Checkpoints: the lane signs the heads of its chains, so that nobody without its key can rewrite what is before.

Every 60 s or 100 events (hazards.md 4.2), unless nothing happened. A checkpoint is a note in the chain that it signs,
quotes what central has confirmed, and goes to central as an event: `kakou ops audit` checks it there.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature

from edge.clearance.key_types import PrivateKey, PublicKey
from edge.clearance.keys import key_id_of
from edge.ports import Clock
from edge.runtime.codec import to_bytes
from edge.runtime.journal import Journal, JournalRecord
from edge.runtime.journal_head import keep_head
from edge.runtime.notes import NOTE, append_note

CHECKPOINT = "checkpoint"
EVERY_MS, EVERY_EVENTS = 60_000, 100
LOOK_EVERY_S = 1.0
# No JWS, which is what the same key signs for authorities, has a line break: neither can pass for the other.
_CONTEXT = b"kakou-checkpoint-v1\n"


def signed_bytes(data: Mapping[str, Any]) -> bytes:
    """Return what is signed: a checkpoint without its signature, canonical, after a line of context."""
    return _CONTEXT + to_bytes({name: value for name, value in data.items() if name != "signature"})


class Checkpoints:
    """Writes the checkpoints of one lane; `run` until cancelled."""

    def __init__(self, site: str, lane: str, *, key: PrivateKey, journal: Journal, clock: Clock) -> None:
        self._site, self._lane = site, lane
        self._key, self._key_id = key, key_id_of(key.public_key())
        self._journal, self._clock = journal, clock
        self._record_seq = self._event_seq = 0
        self._at_ms = clock.now_ms()

    async def run(self) -> None:
        """Write one whenever it is due, until cancelled; then keep how far the journal has come, for the next start.

        Raises JournalError, OSError where nothing can be written any more.
        """
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            if self.look():
                head = self._journal.head()
                await asyncio.to_thread(keep_head, self._journal.path, head)

    def look(self) -> bool:
        """Write a checkpoint if one is due; say whether."""
        head, now_ms = self._journal.outbox_head(self._lane), self._clock.now_ms()
        late = now_ms - self._at_ms >= EVERY_MS
        if head.record_seq == self._record_seq or not (late or head.seq - self._event_seq >= EVERY_EVENTS):
            return False
        data: dict[str, Any] = {
            "site": self._site,
            "lane": self._lane,
            "epoch": self._journal.epoch,
            "record_seq": head.record_seq,
            "record_hash": head.hash.hex(),
            "event_seq": head.seq,
            "event_hash": head.event_hash.hex(),
            "acknowledged_seq": head.acknowledged_seq,
            "key_id": self._key_id,
        }
        if self._journal.simulated:
            data["simulated"] = True
        signature = self._key.sign(signed_bytes(data)).hex()
        append_note(self._journal, self._lane, CHECKPOINT, {**data, "signature": signature})
        # The checkpoint itself is one record and one event: they are nothing new.
        head = self._journal.outbox_head(self._lane)
        self._record_seq, self._event_seq, self._at_ms = head.record_seq, head.seq, now_ms
        return True


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A checkpoint in a journal that does not fit it. `code`: bad_signature, bad_checkpoint, record_changed."""

    seq: int
    code: str


def contradictions(records: Iterable[JournalRecord], key: PublicKey) -> Iterator[Contradiction]:
    """Compare one lane's records with the checkpoints among them; whoever rewrote one lacks the lane's key."""
    hashes: dict[int, str] = {}
    for record in records:
        if record.kind == NOTE and (code := _code(record, hashes, key)):
            yield Contradiction(record.seq, code)
        hashes[record.seq] = record.hash
        # A checkpoint signs the record just before it.
        hashes.pop(record.seq - 1, None)


def _code(record: JournalRecord, hashes: Mapping[int, str], key: PublicKey) -> str:
    try:
        body = json.loads(record.body)
        if body["note"] != CHECKPOINT:
            return ""
        data = body["data"]
        key.verify(bytes.fromhex(data["signature"]), signed_bytes(data))
    except InvalidSignature:
        return "bad_signature"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "bad_checkpoint"
    return "" if hashes.get(data["record_seq"]) == data["record_hash"] else "record_changed"
