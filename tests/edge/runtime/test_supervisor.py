"""A device is connected, served, and connected again; lost and back are said once each. Time is the test's own."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from edge.ports import DeviceError
from edge.runtime import supervisor as module
from edge.runtime.clock import LoopClock
from edge.runtime.supervisor import LONGEST_PAUSE_S, SHORTEST_PAUSE_S, Supervisor
from tests.support.lane_parts import LIMIT_S, broken

Script = list[Exception | Callable[[], object] | None]


class FakeTime(LoopClock):
    """Sleeps end at once and are noted; the lane's time moves only where a test says so."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.at_ms = 0
        self.enough = asyncio.Event()
        self.most = 6

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) >= self.most:
            self.enough.set()
            await asyncio.get_running_loop().create_future()


class Device:
    """Does what its scripts say, in turn; the last entry stays."""

    name, address = "reader", "here"

    def __init__(self, connect: Script, run: Script | None = None) -> None:
        self.scripts = {"connect": connect, "run": run or [None]}
        self.closed = 0

    async def _play(self, name: str) -> None:
        script = self.scripts[name]
        entry = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(entry, Exception):
            raise entry
        if entry is not None:
            await entry()  # type: ignore[misc]

    async def connect(self) -> None:
        await self._play("connect")

    async def run(self) -> None:
        await self._play("run")

    async def close(self) -> None:
        self.closed += 1


async def watch(device: Device, clock: FakeTime | None = None) -> tuple[list[str], FakeTime]:
    """Supervise until six pauses were taken; returns what was said."""
    clock = clock or FakeTime()
    said: list[str] = []

    def lost(name: str, error: DeviceError) -> None:
        said.append(error.code)

    supervisor = Supervisor(device, clock=clock, jitter=lambda: 0.5, on_lost=lost, on_back=said.append)
    task = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(LIMIT_S):
        await clock.enough.wait()
    task.cancel()
    await asyncio.wait({task})
    assert device.closed >= clock.most
    return said, clock


@pytest.mark.hazard("D4", "D35")
async def test_a_device_that_is_away_is_named_once_and_tried_with_growing_pauses():
    said, clock = await watch(Device([broken("port_missing")]))
    assert said == ["port_missing"]
    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6, LONGEST_PAUSE_S]


async def test_back_is_said_each_time_and_lost_once_after_it():
    said, _ = await watch(Device([None], [broken("gone")]))
    assert said == ["reader", "gone"] * 6


async def test_a_device_that_served_long_enough_starts_with_the_shortest_pause_again():
    clock = FakeTime()

    async def serve_long() -> None:
        clock.at_ms += 11_000
        raise broken("gone")

    _, clock = await watch(Device([None], [serve_long]), clock)
    assert clock.slept == [SHORTEST_PAUSE_S] * 6


@pytest.mark.hazard("D35")
async def test_a_defect_of_a_driver_costs_its_device_alone():
    with capture_logs() as logged:
        said, _ = await watch(Device([None], [RuntimeError("defect")]))
    assert said[:2] == ["reader", "driver_crashed"]
    assert any(line["event"] == "driver_crashed" and line["exc_info"] for line in logged)


async def test_a_driver_that_ends_is_lost():
    said, _ = await watch(Device([None]))
    assert said[:2] == ["reader", "driver_ended"]


async def test_a_device_that_never_answers_is_named_in_time_and_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "NAMED_AFTER_S", 0.01)
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.03)

    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    clock = FakeTime()
    clock.most = 2
    said, _ = await watch(Device([hang]), clock)
    assert said == ["device_slow_to_connect"]


async def test_a_refusal_just_in_time_is_not_a_slow_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "CONNECT_TIMEOUT_S", 0.02)

    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    clock = FakeTime()
    clock.most = 1
    said, _ = await watch(Device([hang]), clock)
    assert said == ["device_connect_timeout"]


async def test_names_come_before_the_ten_seconds_that_are_promised():
    assert module.NAMED_AFTER_S < 10


@pytest.mark.parametrize("part", ["connect", "run"])
async def test_a_cancellation_that_a_library_forgets_still_ends_it(part: str):
    """What `asyncio.wait_for` of Python 3.11 does where the cancellation meets the result: it keeps the result."""

    async def forgetful() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise broken("refused") from None

    device = Device([forgetful] if part == "connect" else [None], [forgetful])
    clock, lost = FakeTime(), list[str]()
    supervisor = Supervisor(
        device,
        clock=clock,
        jitter=lambda: 0.5,
        on_lost=lambda name, error: lost.append(name),
        on_back=lambda name: None,
    )
    task = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(LIMIT_S):
        await asyncio.wait({task})
    assert task.cancelled()
    assert (device.closed, clock.slept, lost) == (1, [], [])
