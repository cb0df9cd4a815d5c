"""A light that the barrier's module did not take is not left as it was (I7)."""

import asyncio
from pathlib import Path

import pytest

from edge.core.events import Started
from edge.core.state import Phase
from edge.runtime import barrier_commands
from tests.support.lane_parts import LIMIT_S, Running, broken, running


class Light:
    """Refuses the first `refusals` commands; `shown` is what it took."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.asked = 0
        self.shown: asyncio.Queue[str] = asyncio.Queue()

    async def set(self, light: str) -> None:
        self.asked += 1
        if self.asked <= self.refusals:
            raise broken("barrier_exception_reply")
        self.shown.put_nowait(light)


def start(lane: Running, light: Light, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier_commands, "LIGHT_AGAIN_S", 0)
    lane.barrier.set_light = light.set  # type: ignore[method-assign]
    lane.runner.take(Started(lane.clock.now_ms(), "boot-1", "seed-1"))
    lane.scan()
    assert lane.runner.state.phase is Phase.IDLE


@pytest.mark.hazard("P22")
async def test_a_light_that_the_module_refused_is_shown_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(path) as lane:
        light = Light(refusals=3)
        start(lane, light, monkeypatch)
        async with asyncio.timeout(LIMIT_S):
            assert await light.shown.get() == "red"
        assert light.asked == 4


async def test_a_light_waits_for_a_barrier_that_is_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(path) as lane:
        light = Light(refusals=1)
        start(lane, light, monkeypatch)
        lane.runner.device_lost("barrier", broken())
        await lane.phase(Phase.STARTING)
        # Until the refusal was taken in, and what it asked for had its turn.
        while light.asked < 1 or not lane.runner._commands.at_rest:
            await asyncio.wait({asyncio.ensure_future(asyncio.to_thread(int))})
        assert light.asked == 1
        lane.runner.device_back("barrier")
        async with asyncio.timeout(LIMIT_S):
            assert await light.shown.get() == "red"
