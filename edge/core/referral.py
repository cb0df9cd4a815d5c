"""Referrals: vehicles that an authority sent to be looked at, until the result is known and the vehicle rechecked.

Who was sent is kept as keyed digests, one per identifier, under a key of the referral's own: enough to know the
vehicle again, and to see that its box or plate is another one, without its plate in every later boot record.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from edge.core.grant import ReferralTarget
from edge.core.inspection import Inspection
from edge.core.readings import Identity

Saying = Literal["arrived", "clear", "findings", "no_show"]
ReferralStatus = Literal["issued", "arrived", "clear", "findings", "no_show"]
Ending = Literal["rechecked", "withdrawn", "not_rechecked", "dropped", "opened_by_person"]
SAYINGS: tuple[Saying, ...] = get_args(Saying)
RESULTS: tuple[Saying, ...] = ("clear", "findings", "no_show")
MOST_REFERRALS = 64


@dataclass(frozen=True, slots=True)
class ReferralReport:
    """One signed word of an authority about one referral: the vehicle arrived at the target, or the result.

    `sequence` grows with each word of the authority about this referral. `issued_at` is for records only.
    """

    authority: str
    key_id: str
    site: str
    lane: str
    referral: str
    says: Saying
    sequence: int
    issued_at: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Referral:
    """One vehicle that was sent to `targets` by `authorities`; `marks` are (identifier, digest) under `key` (hex).

    `inspections` says who of them looks where: one task for all. Journals of an earlier version lack it.
    `due_ms` (lane clock): until when it must arrive next; once cleared, until when its recheck is waited for.
    `heard` are the words that counted: (authority, sequence, word). `ended` says why it is no longer open.
    """

    id: str
    passage: str
    key: str
    marks: tuple[tuple[str, str], ...]
    targets: tuple[ReferralTarget, ...]
    authorities: tuple[str, ...]
    issued_at_ms: int
    due_ms: int
    overdue: bool = False
    heard: tuple[tuple[str, int, Saying], ...] = ()
    ended: Ending | None = None
    inspections: tuple[Inspection, ...] = ()

    @property
    def unreached(self) -> tuple[ReferralTarget, ...]:
        """Where it has not arrived as far as anybody said, while it is still expected anywhere.

        Whoever says anything about it has it before them, and with it all who look at the same place.
        """
        if self.status in RESULTS:
            return ()
        if not self.inspections:
            return () if self.heard else self.targets
        heard = {authority for authority, _, _ in self.heard}
        reached = {one.target for one in self.inspections if one.authority in heard}
        return tuple(target for target in self.targets if target not in reached)

    @property
    def status(self) -> ReferralStatus:
        """Findings of one authority outweigh all; only the clear of every authority clears the vehicle."""
        results = {authority: says for authority, _, says in self.heard if says in RESULTS}
        for worst in ("findings", "no_show"):
            if worst in results.values():
                return worst
        if all(authority in results for authority in self.authorities):
            return "clear"
        return "arrived" if self.heard else "issued"


@dataclass(frozen=True, slots=True)
class Recheck:
    """What the recheck of a vehicle that was referred before found. `swapped`: identifiers that are others now.

    `authorities` are those that wanted to look; all others were satisfied without.
    """

    referral: str
    targets: tuple[ReferralTarget, ...]
    authorities: tuple[str, ...]
    status: ReferralStatus
    swapped: tuple[str, ...] = ()

    @property
    def objections(self) -> tuple[str, ...]:
        """Why the lane does not open by itself; empty once the vehicle was cleared and is the one that was sent."""
        swapped = tuple(f"referral_swapped_{name}" for name in self.swapped)
        open_ = () if self.status == "clear" else (_OBJECTIONS[self.status],)
        return swapped + open_


_OBJECTIONS = {
    "issued": "referral_open",
    "arrived": "referral_open",
    "findings": "referral_findings",
    "no_show": "referral_no_show",
}


def marks(identity: Identity, key: str) -> tuple[tuple[str, str], ...]:
    """Return (identifier, HMAC-SHA-256 in hex) of everything that was read; no box on the vehicle is read, too."""
    found = [(f"{place}_plate", one.value.text) for place, one in identity.plates if one.value is not None]
    if identity.containers.value is not None:
        found.append(("containers", ",".join(sorted(one.code for one in identity.containers.value))))
    if identity.tag.value is not None:
        found.append(("tag", identity.tag.value.epc))
    secret = bytes.fromhex(key)
    return tuple((name, hmac.digest(secret, f"{name}|{value}".encode(), "sha256").hex()) for name, value in found)


def recheck(referrals: Sequence[Referral], identity: Identity, passage: str) -> Recheck | None:
    """Return what the open referrals say of this vehicle, the one with most objections; None for a stranger.

    A vehicle is known again by any identifier; an identifier read both times that differs was swapped. That it
    carries no box is nothing to know it by, and differs from any box. The referral of the passage itself says nothing
    about it.
    """
    found = [
        Recheck(one.id, one.targets, one.authorities, one.status, swapped)
        for one in referrals
        if one.passage != passage and (swapped := _swapped(one, identity)) is not None
    ]
    return max(found, key=lambda one: len(one.objections), default=None)


def _swapped(referral: Referral, identity: Identity) -> tuple[str, ...] | None:
    now, then = dict(marks(identity, referral.key)), dict(referral.marks)
    shared = [name for name in now if name in then]
    swapped = tuple(name for name in shared if now[name] != then[name])
    telling = [name for name in shared if name != "containers" or identity.containers.value]
    return swapped if any(name not in swapped for name in telling) else None


def report_refusal(site: str, lane: str, referrals: Sequence[Referral], report: ReferralReport) -> str | None:
    """Return the stable reason why an authentic report does not count, or None where it does.

    Reasons: wrong_lane, unknown_referral, unknown_authority, sequence_not_newer, already_settled, already_arrived.
    """
    if (report.site, report.lane) != (site, lane):
        return "wrong_lane"
    referral = next((one for one in referrals if one.id == report.referral), None)
    if referral is None:
        return "unknown_referral"
    if report.authority not in referral.authorities:
        return "unknown_authority"
    said = [(sequence, says) for authority, sequence, says in referral.heard if authority == report.authority]
    if any(report.sequence <= sequence for sequence, _ in said):
        return "sequence_not_newer"
    if any(says in RESULTS for _, says in said):
        return "already_settled"
    return "already_arrived" if said and report.says == "arrived" else None
