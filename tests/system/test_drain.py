"""Draining a controller at work: the passage ends, or its boom is named, before anybody replaces the process."""

import asyncio

import pytest

from edge.runtime.control import ask
from tests.support.system_lane import LANE, SystemLane

LONG_S = 60.0


@pytest.mark.hazard("O1")
async def test_a_passage_under_way_ends_before_the_controller_is_drained(lane: SystemLane):
    await lane.start_controller()
    lane.arrive()
    await lane.phase("open", "closing")
    at_once = await ask(lane.socket, {"verb": "drain", "wait_s": 0})
    assert at_once == {"drained": False, "moving": [LANE], "unfinished": []}
    drained = await ask(lane.socket, {"verb": "drain", "wait_s": LONG_S}, LONG_S + 5)
    assert drained == {"drained": True, "moving": [], "unfinished": []}
    await lane.event("passage_ended", terminal="PASSED")
    # The limit switch says down a little before the boom lies.
    await lane.until(lambda: lane.plant.position == 0.0)
    # It served on meanwhile, and it serves on after an upgrader that went away.
    asking = asyncio.create_task(ask(lane.socket, {"verb": "drain", "wait_s": LONG_S}, LONG_S + 5))
    await asking
    await lane.gone()
    await lane.pass_one()
    assert await lane.controller.stop() == 0
    assert lane.facts().terminals == [["PASSED"], ["PASSED"]]
