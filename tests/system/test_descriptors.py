"""A controller that cannot open one more file or socket (hazards.md X12)."""

import resource

import pytest

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
