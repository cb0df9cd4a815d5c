"""What is outside the controller, for one history: the barrier, trucks, people, authorities and cameras, by seed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from edge.clearance.keyset import Keyset
from edge.core.cargo import Traffic as Kind
from edge.core.effects import Guide
from edge.core.profile import (
    CameraProfile,
    Identifier,
    LaneProfile,
    LaneTiming,
    SamplingRules,
)
from edge.core.state import LaneState, Phase
from simulators.devices.barrier import BarrierSimulator
from simulators.prove.authorities import Authorities
from simulators.prove.box import Box, default_map
from simulators.prove.cameras import Cameras
from simulators.prove.central import Central
from simulators.prove.disk import Disk
from simulators.prove.faults import LEASE, Swarm
from simulators.prove.inspections import Inspections, drawn_times
from simulators.prove.joins import Joins, drawn_authorities
from simulators.prove.judge import Judge
from simulators.prove.keysets import Keysets
from simulators.prove.loads import Loads
from simulators.prove.officers import Officers, drawn_rules
from simulators.prove.opening import Opening, drawn_hours, drawn_persons
from simulators.prove.outages import SET_LATER_S, Outages, drawn_offline
from simulators.prove.people import Operator
from simulators.prove.readers import Readers, drawn_readers
from simulators.prove.sampling import Sampling
from simulators.prove.scale import Scale, drawn_scale
from simulators.prove.signers import Signers
from simulators.prove.traffic import Traffic
from simulators.prove.trouble import Trouble
from simulators.prove.virtual_time import Killed, LaneClock, WorldTime
from simulators.prove.wire import Line, ProvedPlant
from simulators.prove.words import drawn_words

SITE, LANE = "site", "lane-1"
TIMING = LaneTiming(
    identify_ms=3_000,
    hold_ms=9_000,
    open_ms=2_500,
    pass_ms=6_000,
    close_ms=3_500,
    ready_ms=3_000,
    grant_max_ms=4_000,
    arrival_debounce_ms=60,
    boom_slow_percent=60,
    lamp_ms=1_200,
)
FRONT = CameraProfile("cam-front", "front", ("plate",), frames_needed=2, frames_max=4)
REAR = CameraProfile("cam-rear", "rear", ("plate",), frames_needed=1, frames_max=3)
BOXES = CameraProfile("cam-right", "right", ("container",), frames_needed=1, frames_max=3)


# What comes, what looks at it, and what must match there.
_LANES: dict[Kind, tuple[tuple[CameraProfile, ...], tuple[Identifier, ...]]] = {
    "container": ((FRONT, BOXES), ("front_plate", "containers", "tag")),
    "general": ((FRONT, BOXES), ("front_plate", "tag")),
    "bulk": ((FRONT, REAR), ("front_plate", "rear_plate", "tag")),
    "car": ((FRONT,), ("front_plate", "tag")),
    "bus": ((FRONT,), ("front_plate",)),
}


def drawn_profile(draw: Random) -> LaneProfile:
    """One of the lanes that sites have, but for its authorities."""
    traffic: Kind = draw.choice(("container", "container", "container", "general", "bulk", "car", "bus"))
    cameras, must_match = _LANES[traffic]
    if traffic == "container" and draw.random() < 0.3:
        # A site that leaves the boxes to somebody else.
        cameras, must_match = (FRONT,), ("front_plate", "tag")
    return LaneProfile(
        SITE,
        LANE,
        draw.choice(("in", "out")),
        (),
        cameras,
        "reader",
        must_match=must_match,
        timing=TIMING,
        two_persons=("mode",) if draw.random() < 0.3 else (),
        sampling=SamplingRules("customs", draw.choice(("hold", "release"))) if draw.random() < 0.3 else None,
        simulated=True,
        traffic=traffic,
        guides=True,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a history is made from; equal plans give equal histories. `wall_jumps_s` may not change what opens."""

    seed: str
    trucks: int
    faults: frozenset[str]
    real_keys: bool = False
    wall_jumps_s: tuple[int, ...] = (0,)
    second_clock: bool = False
    # Keep each step in words, for the person who reads a violation.
    told: bool = False


class World:
    """Everything that outlives a process of the controller."""

    def __init__(self, plan: Plan, signers: Callable[[bool], Signers]) -> None:
        self.plan = plan
        self.draw = Random(plan.seed)  # noqa: S311 - a repeatable simulation
        self.swarm = Swarm(plan.faults, Random(plan.seed + "|faults"))  # noqa: S311 - the same
        self.time = WorldTime()
        drawn = drawn_times(drawn_authorities(drawn_profile(self.draw), plan.seed), plan.seed)
        drawn = replace(drawn, handheld=drawn_rules(plan.seed, plan.faults))
        drawn = drawn_persons(drawn_words(drawn_scale(drawn, plan.seed, plan.faults), plan.seed), plan.seed)
        drawn = drawn_readers(drawn, plan.seed, plan.faults)
        # What runs again under another wall clock asks none: hours and lists end by it.
        asks_clock = not plan.second_clock
        drawn = drawn_hours(drawn, plan.seed, asks_clock=asks_clock)
        self.profile = drawn_offline(drawn, plan.seed, plan.faults, asks_clock=asks_clock)
        self.map = default_map(
            registers=self.draw.random() < 0.5,
            hardware_pulse=self.draw.random() < 0.5,
            lamps=self.draw.random() < 0.5,
        )
        self.signers = signers(plan.real_keys)
        self.plant = ProvedPlant(lambda: self.time.now_us // 1000, stroke_s=self.draw.uniform(0.25, 0.6))
        self.module = BarrierSimulator(self.plant, map_=self.map)
        self.line = Line(self.module, Random(plan.seed + "|line"))  # noqa: S311 - the same
        self.disk = Disk()
        self.box: Box | None = None
        self.judge = Judge(self)
        self.cameras = Cameras(self)
        self.scale = Scale(self)
        self.readers = Readers(self)
        self.joins = Joins(self)
        self.keysets = Keysets(self)
        self.loads = Loads(self)
        self.inspections = Inspections(self)
        self.authorities = Authorities(self)
        self.sampling = Sampling(self)
        self.outages = Outages(self)
        self.opening = Opening(self)
        self.operator = Operator(self)
        self.officers = Officers(self)
        self.traffic = Traffic(self, plan.trucks)
        self.trouble = Trouble(self)
        self.central = Central(self)
        if self.swarm.strikes("clock_skew", 1) or self.swarm.strikes("clock_jump", 1):
            self.wall_jumps_s: tuple[int, ...] = (0, 86_400, -86_400, 3_600, -40)
        else:
            self.wall_jumps_s = SET_LATER_S if self.swarm.strikes("clock_unset", 1) else plan.wall_jumps_s
        # What came about that a large campaign has to reach (`simulators.prove.reached`).
        self.reached: set[str] = set()
        self.finished = False
        self.phase = Phase.STARTING
        self.plant.on_output = self._output
        self.line.on_request = self.judge.requested
        self.disk.on_record = self.judge.durable

    # --- what the process is given ------------------------------------------------------------------------------

    def new_line(self) -> Line:
        """The cable as the next process finds it."""
        old, self.line = self.line, Line(
            self.module, self.line.random, self.line.latency_ms, self.line.cut, False, self.line.generation + 1,
            self.judge.requested,
        )  # fmt: skip
        old.dead = True
        return self.line

    def wall_offset_s(self) -> float:
        """How wrong the wall clock is now: a new jump every 20 s."""
        jumps = self.wall_jumps_s
        return jumps[self.time.now_us // 20_000_000 % len(jumps)]

    def lane_utc(self) -> datetime:
        """What the lane takes for the time of day."""
        return LaneClock(self.time, self.wall_offset_s).utc()

    def keyset(self) -> Keyset:
        """The keyset in force."""
        return self.keysets.current()

    def sync_ms(self) -> float:
        """How long the disk takes for one group."""
        if "disk_error" in self.swarm.active and self.swarm.draw.random() < 0.05:
            return self.draw.uniform(50, 900)
        return 0.3 + self.draw.random()

    # --- what happens -------------------------------------------------------------------------------------------

    def signal(self, **signals: bool) -> None:
        """Loops, beam and switches change; the driver's next scan comes at a moment that the seed chooses."""
        self.plant.advance()
        self.plant.set_signals(signals)
        self.judge.physical()
        self.poke()

    def poke(self) -> None:
        """Let the lane see soon what changed."""
        self.time.after(self.draw.random() * 40, self._wake)

    def _wake(self) -> None:
        box = self.box
        if box is not None and not box.dead and hasattr(box, "scan_clock"):
            box.scan_clock.wake()

    def proves_from_here(self) -> None:
        """Where a lane waited for something but cameras, its scans come as often as elsewhere once it has asked."""
        if self.phase is Phase.WAITING:
            self._wake()

    def tell(self, guide: Guide) -> None:
        """The sign at the lane: implements `edge.runtime.signs.Drivers` for whichever process speaks."""
        self.judge.told_drivers(guide)
        self.traffic.saw_sign(guide)

    def _output(self, name: str, value: bool) -> None:
        self.judge.output(name, value)
        if value and name in ("raise", "lower"):
            self._watch_boom()
        if value and name == "lower":
            self.traffic.saw_lowering()
        if value and name == "green":
            self.traffic.saw_green()

    def _watch_boom(self) -> None:
        """A scan sees the boom leave its limit, and reach the other."""
        self.time.after(self.draw.uniform(60, 120), self.poke)
        self.time.after(self.plant.stroke_s * 1000 + self.draw.uniform(5, 30), self.poke)

    def stepped(self, before: LaneState, after: LaneState) -> None:
        """The lane changed; who watches it reacts."""
        if after.phase is not self.phase:
            self.phase = after.phase
            self.operator.saw(after.phase)

    def kill(self) -> None:
        """End the controller's process, now."""
        if self.box is not None and not self.box.dead:
            raise Killed

    def died(self) -> None:
        """No controller for some time: it may be killed again while it recovers."""
        self.phase = Phase.STARTING
        if self.plant.outputs["raise"] or self.plant.outputs["lower"]:
            self.swarm.struck.add(LEASE)
        down_ms = self.swarm.draw.uniform(50, 3_000)
        self.time.run_due(self.time.now_us + round(down_ms * 1000))
        if self.swarm.draw.random() < 0.2 and self.swarm.active:
            self.trouble.kill_in_recovery()
        self.operator.saw(Phase.STARTING)

    def stop(self) -> None:
        """Every truck is gone."""
        self.finished = True
        self.central.read_all()
        if self.box is not None:
            self.box.loop.stop()
