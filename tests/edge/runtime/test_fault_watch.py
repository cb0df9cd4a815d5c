"""What a barrier's module reports of itself is told to a person, once, and shown beside the device."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from edge.guarding import fault_watch
from edge.runtime.fault_watch import BARRIER_FAULTS, QUIET_MS, FaultWatch, named
from tests.support.clocks import StoodClock
from tests.support.lane_parts import Running, running


class Module:
    """A barrier module of which only the fault register counts."""

    name, address, fault_bits = "barrier", "10.0.0.5:502", 0


class Bench:
    def __init__(self, lane: Running) -> None:
        self.lane, self.module, self.clock = lane, Module(), StoodClock()
        self.alarms: list[str | None] = []
        lane.runner.know_device("barrier", {"state": "up"})
        self.watch: FaultWatch = fault_watch(self.module, lane.runner, self.clock, lane.journal, self)

    def publish_alarm(self, code: str, detail: str | None) -> None:
        assert code == BARRIER_FAULTS
        self.alarms.append(detail)

    def look(self, bits: int, times: int = 2, step_ms: int = 500) -> None:
        self.module.fault_bits = bits
        for _ in range(times):
            self.watch.look()
            self.clock.ms += step_ms

    @property
    def shown(self) -> str | None:
        return self.lane.runner.devices["barrier"].get("cause")

    def noted(self) -> list[tuple[bool, str]]:
        bodies = [json.loads(one.body) for one in self.lane.journal.records("lane-1")]
        return [(one["data"]["stands"], one["data"]["detail"]) for one in bodies if one.get("note") == "security_alarm"]


@pytest.mark.parametrize(
    ("bits", "text"),
    [(1, "fault bits 0 (0x0001)"), (0x8009, "fault bits 0, 3, 15 (0x8009)")],
)
def test_bits_are_named_by_number(bits: int, text: str):
    assert named(bits) == text


async def test_bits_are_told_with_device_and_address_until_they_were_gone_for_a_while(path: Path):
    async with running(path) as lane:
        bench = Bench(lane)
        bench.look(0)
        assert (bench.alarms, bench.shown) == ([], None)
        bench.look(9)
        (told,) = bench.alarms
        assert told == "barrier at 10.0.0.5:502 reports fault bits 0, 3 (0x0009); look them up in its manual"
        assert bench.shown == "fault bits 0, 3 (0x0009)"
        # One more bit is told, one that went is still part of it.
        bench.look(8)
        bench.look(0x18)
        assert bench.alarms[1:] == [told.replace("0, 3 (0x0009)", "0, 3, 4 (0x0019)")]
        bench.look(0, times=1, step_ms=QUIET_MS)
        assert len(bench.alarms) == 2
        bench.look(0, times=2)
        assert bench.alarms[2:] == [None]
        assert bench.shown is None
        await lane.journal.append("lane-1", "note", "{}").durable
        assert bench.noted() == [
            (True, told),
            (False, "barrier reported fault bits 0, 3, 4 (0x0019), and none for 60 s"),
        ]


async def test_a_bit_that_comes_and_goes_fills_nothing(path: Path):
    async with running(path) as lane:
        bench = Bench(lane)
        # Left from before the connection, gone with the first heartbeat: none.
        bench.look(1, times=1)
        bench.look(0)
        assert bench.alarms == []
        for _ in range(1000):
            bench.look(2)
            bench.look(0)
        assert len(bench.alarms) == 1
        await lane.journal.append("lane-1", "note", "{}").durable
        assert len(bench.noted()) == 1


async def test_a_lost_device_says_why_it_is_lost_and_nothing_else(path: Path):
    async with running(path) as lane:
        bench = Bench(lane)
        bench.look(1)
        lane.runner.know_device("barrier", {"state": "lost", "cause": "silent"})
        bench.look(1)
        assert bench.shown == "silent"
        lane.runner.know_device("barrier", {"state": "up"})
        bench.look(1)
        assert bench.shown == "fault bits 0 (0x0001)"


async def test_it_looks_until_it_is_cancelled(path: Path):
    async with running(path) as lane:
        bench = Bench(lane)
        bench.module.fault_bits = 4
        told = asyncio.Event()

        class Waiting(StoodClock):
            async def sleep(self, seconds: float) -> None:
                await super().sleep(seconds)
                if bench.alarms:
                    told.set()
                    await asyncio.Event().wait()

        bench.watch = fault_watch(bench.module, lane.runner, Waiting(), lane.journal, bench)
        task = asyncio.create_task(bench.watch.run())
        async with asyncio.timeout(10):
            await told.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert len(bench.alarms) == 1
