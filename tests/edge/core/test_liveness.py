"""I11: in a world that behaves, every passage ends in bounded time, and the lane is ready or says what keeps it."""

from itertools import product

import pytest

from edge.core.effects import ConsumeAuthority, LowerBoom, PrepareRequest, RaiseBoom, SetLight, StartCapture, StopBoom
from edge.core.state import Phase
from edge.core.step import next_deadline_ms
from tests.support.lane_bench import DOWN, MOVING, UP, LaneBench
from tests.support.lane_storm import Storm, seeded_storm

T_HEAL_MS = 30_000


class World:
    """A truck that obeys the light, a boom that follows its commands, devices and authorities that answer."""

    def __init__(
        self, lane: LaneBench, *, verdict: str = "release", readable: bool = True, clerk: str = "refuse"
    ) -> None:
        self.lane, self.verdict, self.readable, self.clerk = lane, verdict, readable, clerk
        self.handled = len(lane.effects)
        self.boom_target: str | None = None
        self.boom_at = "down"
        self.truck: int | None = None
        self.goes = False

    def run(self, *, until_ms: int) -> None:
        """Scan every 50 ms, ticking where the lane asks for it, and react to what it asks for."""
        lane = self.lane
        while lane.at_ms < until_ms:
            due_ms = next_deadline_ms(lane.state)
            if due_ms is not None and lane.at_ms < due_ms <= lane.at_ms + 50:
                lane.tick(due_ms)
            self._move()
            lane.scan()
            self._react()

    def _react(self) -> None:
        lane = self.lane
        while self.handled < len(lane.effects):
            effect = lane.effects[self.handled]
            self.handled += 1
            match effect:
                case StartCapture() if self.readable:
                    lane.read_plate()
                    lane.read_container()
                    lane.read_tag()
                case PrepareRequest():
                    lane.prepare()
                    if self.verdict != "silent":
                        lane.answer(self.verdict, target="bay" if self.verdict == "refer" else None)
                case ConsumeAuthority():
                    lane.durable()
                case RaiseBoom():
                    self.boom_target = "up"
                case LowerBoom():
                    self.boom_target = "down"
                case StopBoom():
                    self.boom_target = None
                case SetLight(light=light):
                    self.goes = light == "green" or (self.truck is not None and self.truck >= 8)
        if lane.phase is Phase.HELD and self.clerk:
            lane.order("open" if self.clerk == "open" else "refuse")
        if lane.phase in (Phase.TURNING_BACK, Phase.LEAVING):
            self.truck = None

    def _move(self) -> None:
        """The boom needs two scans for its way; the truck is eight scans long, the loops four apart."""
        if self.boom_target and self.boom_at != self.boom_target:
            self.boom_at = self.boom_target if self.boom_at == "moving" else "moving"
        if self.truck is not None:
            self.truck += 1 if self.goes or self.truck < 4 else 0
            if self.truck > 40:
                self.truck, self.goes = None, False
        front = -1 if self.truck is None else self.truck
        position = {"up": UP, "down": DOWN, "moving": MOVING}[self.boom_at]
        loops = {
            name: at <= front < at + 10 for name, at in (("arrival_loop", 3), ("safety_loop", 8), ("exit_loop", 14))
        }
        self.lane.inputs = self.lane.inputs.__class__(
            **loops, **position, safety_beam=False, boom_broken=False, emergency_stop=False, fire_alarm=False
        )


@pytest.mark.parametrize(
    ("verdict", "readable", "clerk", "terminal"),
    [
        ("release", True, "", "PASSED"),
        ("release", False, "refuse", "TURNED_BACK"),
        ("release", False, "open", "MANUAL_PASSED"),
        ("hold", True, "open", "MANUAL_PASSED"),
        ("deny", True, "", "DENIED"),
        ("refer", True, "refuse", "TURNED_BACK"),
        ("silent", True, "refuse", "TURNED_BACK"),
        ("silent", False, "open", "MANUAL_PASSED"),
    ],
)
@pytest.mark.hazard("I11")
def test_every_passage_ends_in_bounded_time(verdict: str, readable: bool, clerk: str, terminal: str) -> None:
    lane = LaneBench()
    world = World(lane, verdict=verdict, readable=readable, clerk=clerk)
    for number in range(1, 4):
        world.truck = 0
        world.run(until_ms=lane.at_ms + T_HEAL_MS)
        assert lane.ended == [terminal] * number
        assert (lane.phase, lane.state.passage, lane.state.alarms) == (Phase.IDLE, None, ())


def test_a_clerk_who_never_decides_ends_as_a_time_out() -> None:
    lane = LaneBench()
    world = World(lane, verdict="hold", clerk="")
    world.truck = 0
    world.run(until_ms=700_000)
    assert lane.ended == ["TIMEOUT"]
    assert lane.phase is Phase.IDLE


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.hazard("I11")
def test_after_any_storm_a_lane_comes_to_rest_with_a_name(seed: int) -> None:
    """The faults stop, the vehicle goes, a person does their part: the lane is ready or says what keeps it."""
    storm = seeded_storm(seed, Storm.PROFILES[seed % 4])
    lane = LaneBench(storm.profile)
    lane.take_all(storm)
    lane.at_ms += 1_000
    lane.scan(1, arrival_loop=False, safety_loop=True, exit_loop=True, **_position(lane))
    for _ in range(4):
        lane.scan(30, safety_loop=False, exit_loop=False, arrival_loop=False, **_position(lane))
        lane.order("reset")
        lane.order("lower")
        if (due_ms := next_deadline_ms(lane.state)) is not None:
            lane.tick(max(due_ms, lane.at_ms))
        lane.scan(2, **DOWN)
    if lane.state.journal_lost:
        assert (lane.phase, "journal_lost" in lane.state.alarms) == (Phase.FAULT, True)
    else:
        assert (lane.phase, lane.state.passage) == (Phase.IDLE, None)


def _position(lane: LaneBench) -> dict[str, bool]:
    signals = {"safety_beam": False, "boom_broken": False, "emergency_stop": False, "fire_alarm": False}
    raised = lane.phase in (Phase.OPENING, Phase.OPEN, Phase.CLOSING)
    return signals | (UP if raised else DOWN)


def test_the_world_is_not_kinder_than_it_says() -> None:
    """Each of its freedoms was used: the storms reached these phases."""
    reached = set()
    for seed, profile in product(range(40), Storm.PROFILES[:2]):
        lane = LaneBench(profile)
        lane.take_all(seeded_storm(seed, profile))
        reached |= {state.phase for state, _, _ in lane.history}
    assert reached == set(Phase)
