"""Prove central's copy: each event's hash follows from the one before it, and signed checkpoints confirm the chain.

Whoever changes, removes or adds a row without the lane's key is found (hazards.md S21). What came after the newest
checkpoint is chained, but not yet signed: its number is told.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ops.draws import Draws, Plan
from ops.envelope import Lane
from ops.store import EventStore, StoredEvent

CHECKPOINT = "checkpoint"
_CONTEXT = b"kakou-checkpoint-v1\n"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the lane wrote it.

    Codes: chain_broken, event_missing, truncated, checkpoint_unsigned, checkpoint_contradicts, no_key, and those of
    `ops.draws.Draws`.
    """

    lane: Lane
    epoch: int
    seq: int
    code: str


@dataclass(slots=True)
class Audit:
    """What was checked: events, valid checkpoints, draws, and how many events no checkpoint covers yet."""

    events: int = 0
    checkpoints: int = 0
    unsigned: int = 0
    draws: int = 0
    findings: list[Finding] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        rows = [
            {"site": one.lane.site, "lane": one.lane.name, "epoch": one.epoch, "seq": one.seq, "code": one.code}
            for one in self.findings
        ]
        counts = {"events": self.events, "checkpoints": self.checkpoints, "unsigned": self.unsigned}
        counts["draws"] = self.draws
        return {"ok": not self.findings, **counts, "findings": rows}


KeyOf = Callable[[Lane], Ed25519PublicKey | None]


def keys_in(folder: Path) -> KeyOf:
    """Return what finds `lane-<id>.pub.pem` in a folder; None where there is no usable one."""

    def key_of(lane: Lane) -> Ed25519PublicKey | None:
        try:
            key = load_pem_public_key((folder / f"lane-{lane.name}.pub.pem").read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm, InternalError):
            return None
        return key if isinstance(key, Ed25519PublicKey) else None

    return key_of


def audit(store: EventStore, key_of: KeyOf, plans: Mapping[tuple[Lane, int], Plan] | None = None) -> Audit:
    """Check every stored event; with the sampling plans, draw again what was drawn. Raises StoreError."""
    found = Audit()
    lost = {(gap.lane, gap.epoch, gap.last_seq) for gap in store.gaps() if gap.lost}
    chain: _Chain | None = None
    for row in store.rows():
        if chain is None or (chain.lane, chain.epoch) != (row.lane, row.epoch):
            if chain is not None:
                chain.end(store)
            chain = _Chain(found, row.lane, row.epoch, key_of(row.lane), plans)
        chain.take(row, given_up=(row.lane, row.epoch, row.seq - 1) in lost)
    if chain is not None:
        chain.end(store)
    return found


class _Chain:
    """One lane's events of one epoch, in order."""

    def __init__(
        self,
        found: Audit,
        lane: Lane,
        epoch: int,
        key: Ed25519PublicKey | None,
        plans: Mapping[tuple[Lane, int], Plan] | None,
    ) -> None:
        self._draws = None if plans is None else Draws(plans)
        self._found, self.lane, self.epoch, self._key = found, lane, epoch, key
        self._seq = 0
        self._hash: str | None = bytes(32).hex()
        self._unsigned = 0

    def take(self, row: StoredEvent, *, given_up: bool) -> None:
        """Check the next row; `given_up`: the lane said that it no longer holds those before it."""
        self._found.events += 1
        self._unsigned += 1
        if row.seq != self._seq + 1:
            self._hash = None
            if not given_up:
                self._find(self._seq + 1, "event_missing")
        if self._hash is not None and _hash_of(row, self._hash) != row.hash:
            self._find(row.seq, "chain_broken")
        if row.type == CHECKPOINT:
            self._check(row)
        for code in self._draws.take(row) if self._draws is not None else ():
            self._find(row.seq, code)
        self._seq, self._hash = row.seq, row.hash

    def end(self, store: EventStore) -> None:
        """Nothing follows: it must reach as far as was once acknowledged."""
        self._found.unsigned += self._unsigned
        self._found.draws += 0 if self._draws is None else self._draws.checked
        if store.through(self.lane, self.epoch) > self._seq:
            self._find(self._seq + 1, "truncated")

    def _check(self, row: StoredEvent) -> None:
        if self._key is None:
            self._find(row.seq, "no_key")
        elif not _is_signed(row.data, self._key):
            self._find(row.seq, "checkpoint_unsigned")
        elif not self._agrees(row):
            self._find(row.seq, "checkpoint_contradicts")
        else:
            self._found.checkpoints += 1
            self._unsigned = 0

    def _agrees(self, row: StoredEvent) -> bool:
        data = row.data
        own = (data.get("site"), data.get("lane"), data.get("epoch"), data.get("event_seq"))
        before = self._hash if self._seq == row.seq - 1 else data.get("event_hash")
        return own == (self.lane.site, self.lane.name, self.epoch, row.seq - 1) and data.get("event_hash") == before

    def _find(self, seq: int, code: str) -> None:
        self._found.findings.append(Finding(self.lane, self.epoch, seq, code))


def _canonical(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _hash_of(row: StoredEvent, previous: str) -> str:
    head = json.dumps([row.lane.name, row.epoch, row.seq, row.type, row.time], ensure_ascii=False).encode()
    return hashlib.sha256(b"%b%b\n%b" % (bytes.fromhex(previous), head, _canonical(row.data))).hexdigest()


def _is_signed(data: Mapping[str, Any], key: Ed25519PublicKey) -> bool:
    unsigned = {name: value for name, value in data.items() if name != "signature"}
    try:
        key.verify(bytes.fromhex(data["signature"]), _CONTEXT + _canonical(unsigned))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return False
    return True
