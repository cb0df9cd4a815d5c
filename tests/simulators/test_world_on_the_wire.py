"""A whole passage as the controller's driver sees it: real socket, real time, default pace and poll interval."""

from edge.core.inputs import LaneInputs
from simulators.vehicle import Truck
from simulators.world import World
from tests.support.barrier_lane import Lane, lane, now_ms


def loops_seen(it: Lane) -> list[tuple[bool | None, bool | None, bool | None]]:
    """The distinct states of arrival, safety and exit loop, in the order of the scans."""
    seen: list[tuple[bool | None, bool | None, bool | None]] = []
    for inputs, _ in it.scans:
        state = (inputs.arrival_loop, inputs.safety_loop, inputs.exit_loop)
        if not seen or seen[-1] != state:
            seen.append(state)
    return seen


async def test_a_passage_is_seen_in_driving_order() -> None:
    async with lane(poll_ms=50, stroke_s=0.5, timeout_s=1.0) as it:
        world = World(it.plant, now_ms)
        it.simulator.refresh = world.advance

        def latest() -> LaneInputs:
            return it.scans[-1][0]

        it.start()
        await it.until(lambda: bool(it.scans))
        world.arrive(Truck("t1"))
        await it.until(lambda: world.phase("t1") == "waiting")
        await it.driver.raise_boom()
        await it.until(lambda: latest().boom == "up")
        await it.driver.set_light("green")
        await it.until(lambda: world.phase("t1") == "gone")
        await it.driver.set_light("red")
        await it.driver.lower_boom()
        await it.until(lambda: latest().boom == "down")
        clear, waits = (False, False, False), (True, False, False)
        over_the_boom, leaves, gone = (True, True, True), (False, True, True), (False, False, True)
        seen = [state for state in loops_seen(it) if state in (clear, waits, over_the_boom, leaves, gone)]
        assert seen[:3] == [clear, waits, over_the_boom]
        assert seen[-2:] == [gone, clear]
        assert [event.what for event in world.events] == ["arrived", "stopped", "entered", "cleared", "gone"]
        assert (it.plant.raise_count, it.plant.lower_count, it.plant.reversals) == (1, 1, 0)
