"""The state of a lane: one frozen value, a deterministic function of the events since the last start."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from edge.core.confirmation import Challenge
from edge.core.effects import Decision, Guide, Stage
from edge.core.events import FrameRead
from edge.core.grant import Grant
from edge.core.inputs import UNKNOWN_INPUTS, LaneInputs
from edge.core.inspection import Inspection
from edge.core.modes import Hours, Mode
from edge.core.offline_list import NOTHING_OFFLINE, OfflineMemory
from edge.core.profile import LaneProfile
from edge.core.readings import DriverCard, EngineResult, Identity
from edge.core.referral import Recheck, Referral
from edge.core.sampling_plan import SamplingPlan
from edge.core.seal import SealsInField
from edge.core.supplement import Supplement
from edge.core.tag import Tag
from edge.core.two_persons import FirstOrder
from edge.core.weight import Weighing


class Phase(StrEnum):
    """Where a lane stands; the transition table says what leads from one to the next."""

    STARTING = "starting"
    IDLE = "idle"
    IDENTIFYING = "identifying"
    WAITING = "waiting"
    HELD = "held"
    CONSUMING = "consuming"
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    TURNING_BACK = "turning_back"
    LEAVING = "leaving"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class TagTally:
    """One tag of a passage and how often it was seen."""

    tag: Tag
    reads: int
    antenna: int
    rssi_dbm: int | None
    # When it was first and last counted.
    first_ms: int = 0
    last_ms: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one authority. `sent_at_ms` is when it was prepared: never later than it was sent."""

    authority: str
    nonce: str
    request_hash: str | None = None
    sent_at_ms: int | None = None
    answer: Grant | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class OpenAuthority:
    """The right to open once: from grants, from a person, or from a signed list.

    Spent when it is created, never given back.
    """

    source: Literal["grant", "person", "offline"]
    nonces: tuple[str, ...]
    deadline_ms: int
    # Of the persons who ordered an evacuation: it holds the boom up for more than one vehicle.
    evacuation: bool = False


# Without slots, as the state of the lane below: each is copied at nearly every event, and a copy of a dict is one call.
@dataclass(frozen=True)
class Passage:
    """One vehicle through the lane, from the arrival loop to its terminal record."""

    id: str
    opened_at_ms: int
    attempt: int = 0
    # How often the lane looked again by itself.
    recaptures: int = 0
    # When the devices were triggered, by the arrival or by the last retry: nothing older counts (D3, D11).
    triggered_at_ms: int = 0
    frames: tuple[FrameRead, ...] = ()
    tags: tuple[TagTally, ...] = ()
    # EPCs of those that another lane sees as well.
    shared_tags: tuple[str, ...] = ()
    # What the scale says of this vehicle, and what speaks against it.
    weighing: Weighing | None = None
    scale_doubt: str | None = None
    # What was held to the reader of drivers, each card once.
    cards: tuple[DriverCard, ...] = ()
    # The electronic seals of this vehicle.
    seals: SealsInField | None = None
    # What an engine of somebody else told of its containers.
    results: tuple[EngineResult, ...] = ()
    # Nothing that an engine saw before this is of its vehicle.
    stood_since_ms: int = 0
    identity: Identity | None = None
    # What a person said of it where nothing was read, and how often somebody did.
    supplement: Supplement | None = None
    supplements: int = 0
    # Set where this vehicle was referred before.
    recheck: Recheck | None = None
    requests: tuple[Request, ...] = ()
    decision: Decision | None = None
    inspections: tuple[Inspection, ...] = ()
    reasons: tuple[str, ...] = ()
    authority: OpenAuthority | None = None
    # Orders of persons to open: each gets a nonce of its own.
    orders: int = 0
    # A person gave an order about it that was carried out.
    touched: bool = False
    stages: tuple[tuple[Stage, int], ...] = ()
    # What the loops saw while the boom was not down: the vehicle stood on the arrival loop, came below the boom, was
    # off the arrival loop, reached the exit, was wholly past it; it left backwards instead; another one followed it.
    arrived_at_ms: int | None = None
    entered: bool = False
    off_arrival: bool = False
    reached_exit: bool = False
    past_exit: bool = False
    backed_out: bool = False
    tailgated: bool = False
    # Something came below the boom over no other loop.
    unseen: bool = False
    # The opening is still meant for the vehicle in front: over once the boom was asked down or the inputs
    # were lost while it was up.
    may_go: bool = True
    # The mode in which it was opened: its decision is taken in no other.
    mode: Mode = "NORMAL"
    # Vehicles that were let out so far, where this passage is an evacuation; None where it is not.
    evacuated: int | None = None
    # The challenge to handheld terminals that is in force, and the nonces of all that were issued.
    challenge: Challenge | None = None
    challenges: tuple[str, ...] = ()

    @property
    def drill(self) -> bool:
        """It is part of a drill: no real authority hears of it, and no statistics count it."""
        return self.mode == "DRILL"


@dataclass(frozen=True)
class LaneState:
    """All that a lane knows. `sampled_at_ms` alone may change without being journaled (see `is_quiet`)."""

    profile: LaneProfile
    phase: Phase = Phase.STARTING
    phase_since_ms: int = 0
    boot: str = ""
    seed: str = ""
    passages: int = 0
    passage: Passage | None = None
    inputs: LaneInputs = UNKNOWN_INPUTS
    sampled_at_ms: int | None = None
    clear_since_ms: int | None = None
    # When the arrival loop last changed, newest last: a detector that chatters is no vehicle (P7).
    arrival_edges_ms: tuple[int, ...] = ()
    # Since when it has been occupied without a break: a vehicle only after `arrival_debounce_ms`.
    arrival_since_ms: int | None = None
    # Since when something is on the safety loop that came over no other loop (P6).
    unseen_since_ms: int | None = None
    # The safety loop went from occupied to clear since the detector was powered: only then its "clear" is proof.
    safety_proved: bool = False
    light: Literal["red", "green"] | None = None
    # What sign and voice tell the driver.
    guide: Guide | None = None
    # Since when the lamps have shown something else, and for which lights they did for too long (P22).
    lamps_wrong_since_ms: int | None = None
    lamps_wrong_at: tuple[Literal["red", "green"], ...] = ()
    alarms: tuple[str, ...] = ()
    lost_devices: tuple[str, ...] = ()
    sequences: tuple[tuple[str, int], ...] = ()
    journal_lost: bool = False
    mode: Mode = "NORMAL"
    hours: Hours = "open"
    # Who stands there was left to a person before the restart.
    handed_over: bool = False
    first_order: FirstOrder | None = None
    referrals: tuple[Referral, ...] = ()
    offline: OfflineMemory = NOTHING_OFFLINE
    sampling: SamplingPlan | None = None
    # What the scale says now, and until when what rested on it was of a vehicle that is gone: another one moves it.
    weighing: Weighing | None = None
    weighed_ms: int | None = None
    # How many vehicles drove onto the scale since it was empty and have not left it; None where that is not known.
    on_scale: int | None = None
    # When a vehicle was last off its front end.
    off_scale_ms: int | None = None
    # When the last identity was concluded, or its vehicle gone before: a card that lies there longer is its driver's.
    identified_ms: int | None = None
    # What the reader of seals sees now, and until when this, and a card that lay there, was of a vehicle that is gone.
    seals: SealsInField | None = None
    sealed_ms: int | None = None
    # What it saw as it was lost, until it sees something again: of the next vehicle no more than that one is open.
    lost_seals: SealsInField | None = None
    # Until when nobody watched the loops: of whom what was seen and lay there by then is not known.
    unwatched_ms: int | None = None
    # What an engine told last while no passage was open: a vehicle is read before its loop has settled.
    result: EngineResult | None = None
