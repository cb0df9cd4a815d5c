"""What a lane is made of and what it demands, as plain values. Built from the configuration once per start."""

from dataclasses import dataclass
from typing import Literal

from edge.core.cargo import EmptyWeights, Traffic
from edge.core.masks import Mask
from edge.core.two_persons import TwoPersonAction

Direction = Literal["in", "out"]
JoinPolicy = Literal["all_of", "veto", "quorum"]
Identifier = Literal["front_plate", "rear_plate", "containers", "tag", "weight", "driver", "seals"]
Looked = Literal["plate", "container", "vehicle"]


@dataclass(frozen=True, slots=True)
class AuthorityProfile:
    """One authority that is asked; past `deadline_ms` after sending its silence counts as `hold`."""

    id: str
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class CameraProfile:
    """One camera: where it looks (`place`: front, rear, left, right, top) and what is read from it.

    `frames_needed` agreeing frames make a reading; after `frames_max` frames it has had its chance. What `masks` hide
    of its pictures is kept and not read.
    """

    id: str
    place: str
    reads: tuple[Looked, ...]
    frames_needed: int = 2
    frames_max: int = 6
    masks: tuple[Mask, ...] = ()


@dataclass(frozen=True, slots=True)
class LaneTiming:
    """Deadlines and proofs, all in milliseconds of the lane's monotonic clock."""

    identify_ms: int = 15_000
    hold_ms: int = 600_000
    open_ms: int = 6_000
    pass_ms: int = 120_000
    close_ms: int = 8_000
    clear_ms: int = 1_000
    sample_max_age_ms: int = 200
    ready_ms: int = 10_000
    grant_max_ms: int = 30_000
    # How long the arrival loop has to be occupied to be a vehicle; a journal of an earlier version knows none.
    arrival_debounce_ms: int = 0
    # A boom that needs more than this share of `open_ms` or `close_ms` is told as slow; 100 never tells.
    boom_slow_percent: int = 100
    # How long the lamps may show something else than what is asked for, where they are fed back.
    lamp_ms: int = 2_000
    # Within which a referred vehicle must appear at its target.
    referral_nii_ms: int = 3_600_000
    referral_bay_ms: int = 3_600_000
    referral_weigh_ms: int = 1_800_000
    referral_quarantine_ms: int = 3_600_000


@dataclass(frozen=True, slots=True)
class OfflineRules:
    """LIMITED_OFFLINE: whose list counts for all, the outage that must be proved, and how many pass in one."""

    authority: str
    outage_ms: int = 60_000
    most_passes: int = 20


@dataclass(frozen=True, slots=True)
class HandheldRules:
    """Handheld terminals: whose officers hold them, and for how long at most a challenge may be answered."""

    authority: str
    answer_ms: int = 300_000


@dataclass(frozen=True, slots=True)
class SamplingRules:
    """Whose sampling plan counts, and what becomes of a released vehicle while there is none in force."""

    authority: str
    without_plan: Literal["hold", "release"] = "hold"


@dataclass(frozen=True, slots=True)
class LaneProfile:
    """One lane. `must_match`: what has to be `read` and equal to the release note to open by itself.

    Weight and driver have to be read: what they should be the authorities judge, who are told.
    """

    site: str
    lane: str
    direction: Direction
    authorities: tuple[AuthorityProfile, ...]
    cameras: tuple[CameraProfile, ...] = ()
    tag_reader: str | None = None
    tag_min_reads: int = 1
    # What a tag's sightings need besides: an antenna of this lane (none named: any), strength, and time.
    tag_antennas: tuple[int, ...] = ()
    tag_min_rssi_dbm: int | None = None
    tag_dwell_ms: int = 0
    # How often at most the lane looks again where what must match was not read; then a person decides.
    recaptures: int = 0
    must_match: tuple[Identifier, ...] = ("front_plate", "containers", "tag")
    join: JoinPolicy = "all_of"
    quorum: int = 1
    timing: LaneTiming = LaneTiming()
    # Without an exit loop a vehicle counts as gone once the space below the boom is provably clear again.
    exit_loop: bool = True
    simulated: bool = False
    # Until the shell first told the hours, a lane with a calendar is closed.
    calendar: bool = False
    # Orders that a second named person has to give too, within `second_person_ms` of the first.
    two_persons: tuple[TwoPersonAction, ...] = ()
    second_person_ms: int = 120_000
    # Grants open where a person said what was not read; without it they are heard, and a person opens.
    supplement_opens: bool = False
    drill_moves_boom: bool = False
    # None: FAIL_CLOSED, whoever cannot be asked holds every vehicle.
    offline: OfflineRules | None = None
    # What comes here; a journal of an earlier version knows lanes for containers alone.
    traffic: Traffic = "container"
    # None: held passages are confirmed at the control socket alone.
    handheld: HandheldRules | None = None
    # None: no vehicle that is released is looked at by chance.
    sampling: SamplingRules | None = None
    # The lane tells drivers what to do; in a journal of an earlier version none did.
    guides: bool = False
    # The scale under the lane.
    weighbridge: str | None = None
    # Beams at both ends of its platform: a weight is one of a vehicle that stands on it alone, and as a whole.
    scale_beams: bool = False
    # None: the weight says nothing of what a vehicle without a box is.
    empty_weights: EmptyWeights | None = None
    # The reader to which drivers hold a card or a printed code.
    driver_identity: str | None = None
    # The reader of electronic seals.
    seal_reader: str | None = None
    # The engine of somebody else that reads containers, and the confidence that a code of it needs.
    container_engine: str | None = None
    engine_min_confidence: float = 0.0
