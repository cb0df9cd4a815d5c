"""A defect in a lane stops that lane: withdrawn, told, closed until a restart, and nothing raised to its callers."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.core.events import PersonDecided, Started, TagSighted
from edge.core.state import Phase
from tests.support.lane_bench import UP
from tests.support.lane_parts import Running, broken, running


def crash(*_: Any) -> None:
    raise RuntimeError("defect")


def start(lane: Running) -> None:
    lane.runner.take(Started(lane.clock.now_ms(), "boot-1", "seed-1"))
    lane.scan()
    assert lane.runner.state.phase is Phase.IDLE


def order(lane: Running, action: Any = "open") -> None:
    lane.runner.take(PersonDecided(lane.clock.now_ms(), "chen", action, "checked"))


async def settle(lane: Running) -> None:
    """Let the commands that are on their way end."""
    await lane.runner.close()


@pytest.mark.hazard("X10")
async def test_a_crash_holds_the_lane_until_a_restart(path: Path) -> None:
    async with running(path) as lane:
        start(lane)
        lane.others.start = crash  # type: ignore[assignment,method-assign]
        with capture_logs() as logged:
            lane.scan(arrival_loop=True)
        assert [line["event"] for line in logged if line.get("exc_info")] == ["lane_crashed"]
        assert lane.runner.state.phase is Phase.FAULT
        assert lane.others.named("alarm")[-1] == ("alarm", "journal_lost", "lane_crashed")
        order(lane, "reset")
        order(lane)
        assert lane.runner.state.phase is Phase.FAULT
        await settle(lane)
        assert lane.barrier.commands.count("stop") == 2  # the shell's own and the core's
        assert "raise" not in lane.barrier.commands


async def test_a_core_that_crashes_on_everything_is_told_once(path: Path) -> None:
    async with running(path) as lane:
        start(lane)
        lane.journal.append = crash
        with capture_logs() as logged:
            lane.scan(arrival_loop=True)
            lane.scan(arrival_loop=False)
        assert {line["event"] for line in logged if line.get("exc_info")} == {"lane_crashed"}
        assert lane.runner.state.journal_lost
        await settle(lane)
        assert lane.barrier.commands[-1] in ("stop", "red")


@pytest.mark.hazard("X10", "I17")
async def test_a_crash_below_an_open_boom_is_red_and_lets_the_vehicle_out(path: Path) -> None:
    async with running(path) as lane:
        start(lane)
        order(lane)
        await lane.phase(Phase.OPENING)
        lane.scan(**UP)
        assert lane.runner.state.light == "green"
        lane.others.publish_alarm = crash  # type: ignore[assignment,method-assign]
        lane.runner.device_lost("reader", broken(device="reader"))
        assert lane.runner.state.phase is Phase.OPEN
        assert lane.runner.state.light == "red"
        assert lane.runner.state.journal_lost
        await settle(lane)
        assert lane.barrier.commands[-1] == "red"


async def test_what_crashes_once_its_record_is_durable_holds_the_lane_too(path: Path) -> None:
    async with running(path) as lane:
        start(lane)
        lane.others.send = crash  # type: ignore[assignment,method-assign]
        lane.scan(arrival_loop=True)
        lane.runner.take(TagSighted(lane.clock.now_ms(), lane.tag()))
        assert lane.runner.state.phase is Phase.WAITING
        await lane.phase(Phase.FAULT)
        assert lane.runner.state.journal_lost


@pytest.mark.parametrize(("command", "phase"), [("raise_boom", Phase.OPENING), ("set_light", Phase.OPENING)])
async def test_a_driver_that_crashes_leaves_open_what_the_barrier_did(path: Path, command: str, phase: Phase) -> None:
    async with running(path) as lane:
        start(lane)
        await settle(lane)
        setattr(lane.barrier, command, crash)
        with capture_logs() as logged:
            order(lane)
            lane.runner.device_back("barrier")
            await lane.phase(phase)
            await settle(lane)
        assert [line["event"] for line in logged if line.get("exc_info")] == ["barrier_command_crashed"]
        assert lane.runner.state.phase is phase
