"""Draining a controller at work: the passage ends, or its boom is named, before anybody replaces the process."""

import asyncio

import pytest

from edge.runtime.control import ask
from simulators.clearance import Behaviour
from tests.support.system_lane import LANE, SystemLane

LONG_S = 60.0


@pytest.mark.hazard("O1")
async def test_a_passage_under_way_ends_before_the_controller_is_drained(lane: SystemLane):
    await lane.start_controller()
    lane.arrive()
    await lane.phase("open", "closing")
    at_once = await ask(lane.socket, {"verb": "drain", "wait_s": 0})
    assert at_once == {"drained": False, "moving": [LANE], "handed_over": []}
    drained = await ask(lane.socket, {"verb": "drain", "wait_s": LONG_S}, LONG_S + 5)
    assert drained == {"drained": True, "moving": [], "handed_over": []}
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


@pytest.mark.hazard("O1", "I8")
async def test_an_undecided_passage_is_a_persons_before_the_restart_and_after_it(lane: SystemLane):
    lane.service.behave(Behaviour("silent"))
    lane.write_config(deadline_ms=30_000)
    await lane.start_controller()
    lane.arrive()
    await lane.phase("waiting")
    drained = await ask(lane.socket, {"verb": "drain", "wait_s": 0})
    assert drained == {"drained": True, "moving": [], "handed_over": [LANE]}
    await lane.phase("held")
    assert await lane.controller.stop() == 0
    lane.service.behave(Behaviour())
    asked = len(lane.of("requested"))
    await lane.start_controller(ready=False)
    await lane.event("started", 2)
    await lane.phase("held")
    assert lane.state["reasons"] == ["handed_over"]
    assert len(lane.of("requested")) == asked, "nobody is asked about it again"
    assert lane.plant.raise_count == 0
    await lane.settle()
    await lane.pass_one()
    assert await lane.controller.stop() == 0
    assert lane.facts().terminals == [["ABORTED_RESTART"], ["TURNED_BACK"], ["PASSED"]]
