"""When the controller may be replaced: no lane in the middle of anything, at one moment."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.core.events import Started
from edge.core.state import Phase
from edge.runtime.control import ControlServer, ask
from edge.runtime.draining import AT_REST, MOVING, drained
from tests.support.lane_bench import UP
from tests.support.lane_parts import LIMIT_S, Running, running


@pytest.fixture
async def lane(path: Path) -> AsyncIterator[Running]:
    async with running(path) as opened:
        opened.runner.take(Started(opened.clock.now_ms(), "boot-1", "seed-1"))
        opened.scan()
        yield opened


def test_every_phase_is_at_rest_moving_or_neither():
    assert not AT_REST & MOVING
    assert set(Phase) - AT_REST - MOVING == {Phase.IDENTIFYING, Phase.WAITING}


async def test_an_idle_lane_is_drained_at_once(lane: Running):
    assert await drained([lane.runner], 0) == {"drained": True, "moving": [], "handed_over": []}


@pytest.mark.hazard("O1")
async def test_a_passage_is_waited_for(lane: Running):
    lane.scan(arrival_loop=True)
    waiting = asyncio.create_task(drained([lane.runner], LIMIT_S))
    lane.scan(arrival_loop=False)
    async with asyncio.timeout(LIMIT_S):
        assert await waiting == {"drained": True, "moving": [], "handed_over": []}


@pytest.mark.hazard("O1")
async def test_a_passage_that_is_not_decided_in_time_is_a_persons(lane: Running):
    lane.scan(arrival_loop=True)
    assert await drained([lane.runner], 0) == {"drained": True, "moving": [], "handed_over": ["lane-1"]}
    passage = lane.runner.state.passage
    assert lane.runner.state.phase is Phase.HELD
    assert passage is not None
    assert (passage.decision, passage.reasons) == ("hold", ("handed_over",))


@pytest.mark.hazard("O1")
async def test_a_boom_in_motion_is_named(lane: Running, tmp_path: Path):
    socket = tmp_path / "control.sock"
    server = ControlServer(socket, {"lane-1": lane.runner})
    await server.start()
    try:
        lane.scan(arrival_loop=True)
        order = {"verb": "order", "lane": "lane-1", "action": "open", "operator": "chen", "reason": "checked"}
        opening = asyncio.create_task(ask(socket, order))
        await lane.phase(Phase.OPENING)
        answer = await ask(socket, {"verb": "drain", "wait_s": 0})
        assert answer == {"drained": False, "moving": ["lane-1"], "handed_over": []}
        lane.scan(arrival_loop=True, **UP)
        assert (await opening)["phase"] == "open"
        assert (await ask(socket, {"verb": "drain", "wait_s": 0}))["moving"] == ["lane-1"]
        assert await ask(socket, {"verb": "drain", "wait_s": -1}) == {"error": "unknown_request"}
        assert await ask(socket, {"verb": "drain", "wait_s": "long"}) == {"error": "unknown_request"}
        assert (await ask(socket, {"verb": "status"}))["release"] == "checkout"
    finally:
        await server.close()
