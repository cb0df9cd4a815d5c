"""Draw again what the lanes drew: that chance, and nobody at a lane, decided whom to look at.

The plans are those that the centre signed, their seeds follow from the secret that it shares with each lane, and the
SHA-256 of the seed has been in the plan since before the first draw.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.envelope import Lane
from ops.store import StoredEvent

DRAWN, SKIPPED, DECIDED, ACCEPTED = "sampling_drawn", "sampling_skipped", "decided", "sampling_plan_accepted"


class PlanError(Exception):
    """A plan or its secret cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a lane's plan: rates in per mille by credit class, and its seed."""

    lane: Lane
    version: int
    seed: bytes = field(repr=False)
    rates: Mapping[str, int]

    def outcome(self, passage: str, credit_class: object) -> tuple[int, str, bool]:
        """Return (per mille, digest in hex, selected) as any draw for this passage has to come out."""
        highest = max(self.rates.values())
        per_mille = self.rates.get(credit_class, highest) if isinstance(credit_class, str) else highest
        digest = hmac.digest(self.seed, passage.encode(), "sha256")
        return per_mille, digest.hex(), int.from_bytes(digest, "big") * 1_000 < per_mille << 256


def plans_in(folder: Path) -> dict[tuple[Lane, int], Plan]:
    """Return the plans (`*.jws`) of a folder that holds `lane-<id>.sampling.key` of each lane too. Raises PlanError."""
    found: dict[tuple[Lane, int], Plan] = {}
    for path in sorted(folder.glob("*.jws")):
        try:
            plan = _plan(path)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise PlanError(f"{path}: {type(error).__name__}: {error}") from error
        found[plan.lane, plan.version] = plan
    return found


def _plan(path: Path) -> Plan:
    payload = path.read_bytes().split(b".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    lane, version = Lane(claims["site"], claims["lane"]), int(claims["version"])
    secret = bytes.fromhex((path.parent / f"lane-{lane.name}.sampling.key").read_text(encoding="ascii").strip())
    seed = hmac.digest(secret, f"sampling-plan|{lane.site}|{lane.name}|{version}".encode(), "sha256")
    if hashlib.sha256(seed).hexdigest() != claims["seed_hash"]:
        raise ValueError("the seed that follows from the secret is not the one that the plan names")
    rates = {one["class"]: int(one["per_mille"]) for one in claims["classes"]}
    if not rates:
        raise ValueError("a plan without classes")
    return Plan(lane, version, seed, rates)


class Draws:
    """Follows the events of one lane, in order, and says what is wrong with its draws.

    Codes: plan_unknown, draw_wrong_rate, draw_wrong_digest, draw_wrong_outcome, draw_not_followed, draw_missing.
    """

    def __init__(self, plans: Mapping[tuple[Lane, int], Plan]) -> None:
        self.checked = 0
        self._plans = plans
        self._samples = False
        # What the lane said of the passage that it decides next: drawn and selected, drawn and not, or skipped.
        self._said: dict[str, bool | None] = {}

    def take(self, row: StoredEvent) -> Iterator[str]:
        """Yield the code of each thing that is wrong with the next event."""
        passage = row.data.get("passage")
        if row.type == ACCEPTED:
            self._samples = True
        elif row.type == SKIPPED and isinstance(passage, str):
            self._said[passage] = None
        elif row.type == DRAWN and isinstance(passage, str):
            self._said[passage] = row.data.get("selected") is True
            yield from self._drawn(row.lane, passage, row.data)
        elif row.type == DECIDED and isinstance(passage, str):
            yield from self._decided(passage, row.data)

    def _drawn(self, lane: Lane, passage: str, data: Mapping[str, Any]) -> Iterator[str]:
        version = data.get("plan")
        plan = self._plans.get((lane, version)) if isinstance(version, int) else None
        if plan is None:
            yield "plan_unknown"
            return
        self.checked += 1
        per_mille, digest, selected = plan.outcome(passage, data.get("credit_class"))
        if data.get("per_mille") != per_mille:
            yield "draw_wrong_rate"
        if data.get("digest") != digest:
            yield "draw_wrong_digest"
        if data.get("selected") is not selected:
            yield "draw_wrong_outcome"

    def _decided(self, passage: str, data: Mapping[str, Any]) -> Iterator[str]:
        released = data.get("decision") == "release" and "offline" not in str(data.get("reasons")).split(",")
        if passage in self._said:
            if self._said.pop(passage) is (data.get("decision") != "refer"):
                yield "draw_not_followed"
        elif self._samples and released:
            yield "draw_missing"
