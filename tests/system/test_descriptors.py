"""A controller that cannot open one more file or socket (hazards.md X12)."""

import resource
from pathlib import Path

import pytest

from edge.runtime.control import ask
from tests.support.system_lane import SystemLane


@pytest.mark.hazard("X12")
async def test_x12_without_a_descriptor_the_lane_stands_still_and_comes_back_by_itself(lane: SystemLane):
    await lane.start_controller()
    pid = lane.controller.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    # Every connection that ends now cannot be made anew.
    await lane.barrier.stop()
    await lane.until(lambda: "barrier" in lane.state["lost_devices"])
    await lane.barrier.start()
    lane.arrive()
    await lane.until(lambda: "not_ready" in lane.state["alarms"])
    assert lane.controller.process.returncode is None
    assert (lane.plant.raise_count, lane.state["phase"], lane.state["lost_devices"]) == (0, "starting", ["barrier"])

    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    await lane.event("passage_ended", terminal="PASSED")
    assert lane.plant.raise_count == 1
    assert await lane.controller.stop() == 0
    assert lane.facts().first_broken is None


def first_free(pid: int) -> int:
    """The lowest descriptor that a process has not in use."""
    used = {int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in range(len(used) + 1) if number not in used)


@pytest.mark.hazard("X12")
async def test_x12_without_a_descriptor_a_person_still_gets_through(lane: SystemLane):
    await lane.start_controller()
    pid = lane.controller.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free(pid), before[1]))
    status = await ask(lane.socket, {"verb": "status"}, 30)
    assert status["lanes"][0]["phase"] == "idle"
    assert lane.controller.said("descriptors_exhausted")
    await lane.pass_one()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert await lane.controller.stop() == 0
