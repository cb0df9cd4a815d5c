"""Everything that a lane can ask of its shell.

`ADDS_AUTHORITY` effects wait until the record that holds them is durable. `RaiseBoom` carries no wait of its
own: it is only ever the answer to `AuthorityDurable`, so its authority is already on the disk. All others act
at once; those that withdraw authority must never wait for a disk.
"""

from dataclasses import dataclass
from typing import Literal

from edge.core.cargo import CargoClass
from edge.core.grant import ReferralTarget
from edge.core.inspection import Inspection
from edge.core.profile import Direction
from edge.core.readings import Identity
from edge.core.referral import Referral

Scalar = str | int | bool | None
Decision = Literal["release", "refer", "hold", "deny"]
Terminal = Literal[
    "PASSED",
    "REFERRED",
    "DENIED",
    "TURNED_BACK",
    "TIMEOUT",
    "ABANDONED",
    "MANUAL_PASSED",
    "OFFLINE_PASSED",
    "FAULT",
    "ABORTED_RESTART",
]
Phrase = Literal[
    "not_ready",
    "ready",
    "closed",
    "appointments",
    "stop",
    "wait",
    "wait_for_person",
    "go_to",
    "turn_back",
    "released",
    "leave",
    "one_at_a_time",
    "out_of_order",
]
# Of the attempt that the passage ended with, in this order and never decreasing: identified, requested (the first of
# them), answered_<authority>, granted (the decision that counts, whoever took it), opened, cleared.
Stage = str


@dataclass(frozen=True, slots=True)
class StartCapture:
    """Trigger every camera and the tag reader for `passage`; nothing seen before `since_ms` counts."""

    passage: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class StopCapture:
    """No further readings are wanted."""

    passage: str


@dataclass(frozen=True, slots=True)
class PrepareRequest:
    """Build and sign the request to one authority and answer with `RequestPrepared`."""

    passage: str
    authority: str
    nonce: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class SendRequest:
    """Send the prepared request. Adds authority: its nonce must be durable first."""

    passage: str
    authority: str
    nonce: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class PrepareChallenge:
    """Build and sign the challenge to the handheld terminals of `authority`, answer with `ChallengePrepared`.

    `pictures` are SHA-256 (hex) of the evidence that it shows.
    """

    passage: str
    authority: str
    nonce: str
    reasons: tuple[str, ...]
    pictures: tuple[str, ...]
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class SendChallenge:
    """Show the prepared challenge and send it. Adds authority: its nonce must be durable first."""

    passage: str
    nonce: str
    challenge_hash: str


@dataclass(frozen=True, slots=True)
class ConsumeAuthority:
    """Spend the authority to open, once; answered with `AuthorityDurable`. `source` is grant, person or offline."""

    passage: str
    source: Literal["grant", "person", "offline"]
    nonces: tuple[str, ...]
    deadline_ms: int
    operator: str | None = None
    reason: str | None = None
    # Who gave the same order before, where two persons have to.
    first_operator: str | None = None
    # The key that signed the order of a person at a handheld terminal.
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class RaiseBoom:
    """Pulse the raise output, once."""

    passage: str


@dataclass(frozen=True, slots=True)
class LowerBoom:
    """Pulse the lower output; `clear_for_ms` and `sample_age_ms` are the proof that nothing stands below."""

    clear_for_ms: int
    sample_age_ms: int


@dataclass(frozen=True, slots=True)
class StopBoom:
    """Withdraw whatever motion was asked for."""

    reason: str


@dataclass(frozen=True, slots=True)
class SetLight:
    """Show red or green."""

    light: Literal["red", "green"]


@dataclass(frozen=True, slots=True)
class Guide:
    """Tell the driver at the lane what to do, until the next word; `target` is where a referred vehicle goes."""

    phrase: Phrase
    target: ReferralTarget | None = None
    drill: bool = False


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    """Something needs a person; stays until cleared."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ClearAlarm:
    """The cause of an alarm is gone."""

    code: str


@dataclass(frozen=True, slots=True)
class Report:
    """One event for central operations. `fields` carry no personal data; `identity` does, and is filtered."""

    name: str
    passage: str | None = None
    fields: tuple[tuple[str, Scalar], ...] = ()
    identity: Identity | None = None


@dataclass(frozen=True, slots=True)
class KeepReferral:
    """The referral as it stands now, for the journal: recovery carries those over that did not end."""

    referral: Referral


@dataclass(frozen=True, slots=True)
class EndPassage:
    """The one terminal record of a passage. `stages` are milliseconds since the passage was opened.

    `inspections` is the merged inspection that it was referred to, `target` the first place of it.
    """

    passage: str
    terminal: Terminal
    decision: Decision | None
    target: ReferralTarget | None
    reasons: tuple[str, ...]
    stages: tuple[tuple[Stage, int], ...]
    identity: Identity
    simulated: bool
    drill: bool = False
    cargo_class: CargoClass = "unknown"
    # None in records of an earlier version.
    direction: Direction | None = None
    inspections: tuple[Inspection, ...] = ()
    # When the vehicle stood on the arrival loop, since the passage was opened; None where it was never seen there.
    arrived_ms: int | None = None
    # A person gave an order about it that was carried out.
    touched: bool = False


Effect = (
    StartCapture
    | StopCapture
    | PrepareRequest
    | SendRequest
    | PrepareChallenge
    | SendChallenge
    | ConsumeAuthority
    | RaiseBoom
    | LowerBoom
    | StopBoom
    | SetLight
    | Guide
    | RaiseAlarm
    | ClearAlarm
    | Report
    | KeepReferral
    | EndPassage
)

ADDS_AUTHORITY: tuple[type, ...] = (SendRequest, SendChallenge, ConsumeAuthority)
