"""The merged inspection (联合查验): all who want to look at one vehicle, and where, as one task."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.grant import ReferralTarget


@dataclass(frozen=True, slots=True)
class Inspection:
    """One part of a merged inspection: which authority wants to look at the vehicle, and where.

    `target` is None where it named none, which no grant from the wire leaves out.
    """

    authority: str
    target: ReferralTarget | None


def targets_of(inspections: Sequence[Inspection]) -> tuple[ReferralTarget, ...]:
    """Return where the vehicle has to go, each place once, in the order of the inspections."""
    return tuple(dict.fromkeys(one.target for one in inspections if one.target is not None))


def in_words(inspections: Sequence[Inspection]) -> str:
    """Return `authority:target` of each, joined by commas: the form that events of one level carry."""
    return ",".join(f"{one.authority}:{one.target}" for one in inspections)
