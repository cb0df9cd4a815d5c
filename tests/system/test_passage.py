"""One truck, from the arrival loop to its terminal record, with nothing wrong."""

from tests.support.system_lane import SystemLane


async def test_a_released_truck_passes(lane: SystemLane):
    await lane.start_controller()
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["PASSED"]
    assert lane.plant.raise_count == 1
    assert await lane.controller.stop() == 0
    facts = lane.facts()
    assert facts.terminals == [["PASSED"]]
    assert len(facts.consumed) == 1
    assert facts.first_broken is None
