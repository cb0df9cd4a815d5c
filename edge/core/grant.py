"""A clearance decision as a plain value, after its form and signature were checked by `edge.clearance`.

Binding, freshness, single use and joining are judged in the core (hazards.md 4.2).
"""

from dataclasses import dataclass
from typing import Literal, get_args

from edge.core.plate import PlateColour

Verdict = Literal["release", "refer", "hold", "deny", "not_applicable"]
ReferralTarget = Literal["nii", "bay", "weigh", "quarantine"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
REFERRAL_TARGETS: tuple[ReferralTarget, ...] = get_args(ReferralTarget)


@dataclass(frozen=True, slots=True)
class NotedPlate:
    """One plate of a release note: its place on the vehicle (front, rear), text, colour."""

    place: str
    text: str
    colour: PlateColour | None = None


@dataclass(frozen=True, slots=True)
class NotedSeal:
    """One electronic seal of a release note; `openings` is how often it may have been opened, None: no matter."""

    id: str
    openings: int | None = None


@dataclass(frozen=True, slots=True)
class ReleaseNote:
    """What a release note (核放单) names: the identifiers that the lane must have read to open by itself."""

    number: str
    plates: tuple[NotedPlate, ...] = ()
    containers: tuple[str, ...] = ()
    tag: str | None = None
    # The appointment that the authority confirms; the gate does not decide it anew.
    appointment: str | None = None
    # The credit class that the centre gave the vehicle's operator; how often it is looked at says the sampling plan.
    credit_class: str | None = None
    # Seals are demanded where a note names them.
    seals: tuple[NotedSeal, ...] = ()


def issuer_of(authority: str, *, drill: bool) -> str:
    """Return under which name the sequence numbers of an authority, or of its clerk of a drill, are kept."""
    return f"drill:{authority}" if drill else authority


@dataclass(frozen=True, slots=True)
class Grant:
    """One authority's signed answer to one request.

    `sequence` grows by at least one per issuer and lane. `ttl_ms` runs from the sending of the request on the
    lane's monotonic clock. `issued_at` is the issuer's wall clock (RFC 3339), for records and warnings only.
    """

    authority: str
    key_id: str
    site: str
    lane: str
    boot: str
    passage: str
    nonce: str
    request_hash: str
    verdict: Verdict
    ttl_ms: int
    issued_at: str
    sequence: int
    reason: str = ""
    target: ReferralTarget | None = None
    note: ReleaseNote | None = None
    # Signed by a key that counts in drills alone.
    drill: bool = False

    @property
    def issuer(self) -> str:
        """Whose sequence numbers these are: the clerk of a drill counts apart from the authority."""
        return issuer_of(self.authority, drill=self.drill)
