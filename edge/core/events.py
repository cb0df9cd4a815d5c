"""Everything that can happen to a lane. `at_ms` is the lane's monotonic clock when it was taken in."""

from dataclasses import dataclass
from typing import Literal

from edge.core.confirmation import Confirmation
from edge.core.grant import Grant
from edge.core.inputs import LaneInputs
from edge.core.modes import Hours, Mode
from edge.core.offline_list import OfflineList, OfflineUse
from edge.core.readings import DriverCard, EngineResult, PictureReading, PlateClaim, TagSighting
from edge.core.referral import Referral, ReferralReport
from edge.core.sampling_plan import SamplingPlan
from edge.core.seal import SealsInField
from edge.core.weight import Weighing

CommandName = Literal["raise", "lower", "stop"]
CommandOutcome = Literal["done", "not_done", "unknown"]
PersonAction = Literal["open", "refuse", "retry", "reset", "lower"]


@dataclass(frozen=True, slots=True)
class Started:
    """The controller started: a fresh boot id and a fresh random seed (hex), and what recovery found open.

    `unfinished` is the id of the passage that the journal left without a terminal record, `passages` how
    many were opened before, `unfinished_authority` whether its authority to open had been consumed, `unfinished_drill`
    whether it was part of a drill.
    `journal_damaged`: the journal was found corrupt and put aside, so nobody knows what was left open;
    `damage` says which file it was, what was found, and where it is now.
    `failed_starts` is how many starts in a row before this one ended before they were healthy.
    `mode` is the one that was last ordered.
    `referrals` are those that had not ended.
    `offline_uses` and `offline_passes` are what was used of offline lists, and in the outage that may still last.
    `sequences` are the highest numbers that counted, by issuer: they go on over every restart.
    `handed_over`: the last one left its undecided vehicle to a person, whose it stays.
    """

    at_ms: int
    boot: str
    seed: str
    passages: int = 0
    unfinished: str | None = None
    unfinished_authority: bool = False
    journal_damaged: bool = False
    mode: Mode = "NORMAL"
    unfinished_drill: bool = False
    referrals: tuple[Referral, ...] = ()
    offline_uses: tuple[OfflineUse, ...] = ()
    offline_passes: int = 0
    failed_starts: int = 0
    damage: str = ""
    sequences: tuple[tuple[str, int], ...] = ()
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class InputsSampled:
    """One scan of the inputs; `at_ms` is when the request of the scan left."""

    at_ms: int
    inputs: LaneInputs


@dataclass(frozen=True, slots=True)
class InputsLost:
    """The inputs cannot be read. `restarted`: the I/O device itself was restarted, its detectors re-tuned."""

    at_ms: int
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class DeviceLost:
    """A device does not answer; `code` is its stable error code."""

    at_ms: int
    device: str
    code: str


@dataclass(frozen=True, slots=True)
class DeviceBack:
    """A device answers again, or for the first time."""

    at_ms: int
    device: str


@dataclass(frozen=True, slots=True)
class FrameRead:
    """Recognition is through with one frame of `passage`. `sha256` names the kept picture.

    `claim` is the plate that the camera itself read in it, where it reads any.
    """

    at_ms: int
    passage: str
    camera: str
    sha256: str
    captured_at_ms: int
    reading: PictureReading
    claim: PlateClaim | None = None


@dataclass(frozen=True, slots=True)
class TagSighted:
    """The tag reader saw a tag."""

    at_ms: int
    sighting: TagSighting


@dataclass(frozen=True, slots=True)
class TagElsewhere:
    """Another lane of this box saw, at `seen_at_ms`, a tag that this lane saw too; `lane` is the other one."""

    at_ms: int
    epc: str
    lane: str
    seen_at_ms: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """The scale under the lane says something else than before."""

    at_ms: int
    weighing: Weighing


@dataclass(frozen=True, slots=True)
class BoxesTold:
    """An engine of somebody else read container codes."""

    at_ms: int
    result: EngineResult


@dataclass(frozen=True, slots=True)
class CardShown:
    """A driver holds a card, or a printed code, to the lane's reader, without a break since `since_ms`."""

    at_ms: int
    card: DriverCard
    since_ms: int


@dataclass(frozen=True, slots=True)
class SealsSeen:
    """The reader of seals sees something else than before."""

    at_ms: int
    field: SealsInField


@dataclass(frozen=True, slots=True)
class RequestPrepared:
    """The signed request for one authority exists; `request_hash` is SHA-256 (hex) of its exact bytes.

    `shown` says of each kind of identifier in what form the authority is shown it (`edge.field_policy`): no values.
    """

    at_ms: int
    passage: str
    authority: str
    request_hash: str
    shown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class GrantReceived:
    """A grant of good form and signature arrived; everything else about it is judged here."""

    at_ms: int
    grant: Grant


@dataclass(frozen=True, slots=True)
class GrantRefused:
    """Something on the grant topic failed its form or signature check: recorded, never a decision."""

    at_ms: int
    authority: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChallengePrepared:
    """The signed challenge of a held passage exists; `challenge_hash` is SHA-256 (hex) of its exact bytes."""

    at_ms: int
    nonce: str
    challenge_hash: str


@dataclass(frozen=True, slots=True)
class ConfirmationReceived:
    """An officer's answer of good form and signature arrived; everything else about it is judged here."""

    at_ms: int
    confirmation: Confirmation


@dataclass(frozen=True, slots=True)
class ReferralReported:
    """An authority's word about a referral arrived, of good form and signature; whether it counts is judged here."""

    at_ms: int
    report: ReferralReport


@dataclass(frozen=True, slots=True)
class OfflineListAccepted:
    """A signed list of this lane, newer than every one before."""

    at_ms: int
    list: OfflineList


@dataclass(frozen=True, slots=True)
class SamplingPlanAccepted:
    """A signed sampling plan of this lane, newer than every one before."""

    at_ms: int
    plan: SamplingPlan


@dataclass(frozen=True, slots=True)
class TimeJudged:
    """The wall clock was found right (an authentic answer agreed with it), or it jumped and is not trusted."""

    at_ms: int
    good: bool


@dataclass(frozen=True, slots=True)
class AuthorityDurable:
    """The record that consumed exactly these `nonces` of `passage` is on the disk."""

    at_ms: int
    passage: str
    nonces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BarrierAnswered:
    """The barrier confirmed a command, refused it, or nobody knows whether it was executed."""

    at_ms: int
    command: CommandName
    outcome: CommandOutcome
    code: str = ""


@dataclass(frozen=True, slots=True)
class PersonDecided:
    """A named person decided at the lane's control socket or in central operations.

    `passage`: the one that they looked at, where they say which; then it is an order for no other.
    """

    at_ms: int
    operator: str
    action: PersonAction
    reason: str
    passage: str | None = None


@dataclass(frozen=True, slots=True)
class Supplemented:
    """A named person says from the pictures what was not read: plates by place, container codes front to rear.

    Words, never readings: whether they count is judged in `edge.core.supplementing`. `passage` as in `PersonDecided`.
    """

    at_ms: int
    operator: str
    reason: str
    plates: tuple[tuple[str, str], ...] = ()
    containers: tuple[str, ...] = ()
    passage: str | None = None


@dataclass(frozen=True, slots=True)
class ModeOrdered:
    """A named person orders a mode of the lane."""

    at_ms: int
    mode: Mode
    operator: str
    reason: str


@dataclass(frozen=True, slots=True)
class HoursTurned:
    """The shell read the lane's calendar anew. `doubt` is why the wall clock cannot be believed: then it is closed."""

    at_ms: int
    hours: Hours
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The controller is about to be replaced and waits no longer: what is not decided yet is a person's."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class JournalLost:
    """The journal cannot be written: nothing may open until the controller was restarted."""

    at_ms: int
    code: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline of the lane may have come."""

    at_ms: int


Event = (
    Started
    | InputsSampled
    | InputsLost
    | DeviceLost
    | DeviceBack
    | FrameRead
    | TagSighted
    | TagElsewhere
    | Weighed
    | BoxesTold
    | CardShown
    | SealsSeen
    | RequestPrepared
    | GrantReceived
    | GrantRefused
    | ChallengePrepared
    | ConfirmationReceived
    | ReferralReported
    | OfflineListAccepted
    | SamplingPlanAccepted
    | TimeJudged
    | AuthorityDurable
    | BarrierAnswered
    | PersonDecided
    | Supplemented
    | ModeOrdered
    | HoursTurned
    | HandedOver
    | JournalLost
    | Tick
)
