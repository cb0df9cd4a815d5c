"""Results that come again, too many, or of long ago: what the conformance suite does not reach."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drivers.ocr_lines.driver import EngineOnLine
from drivers.ocr_lines.results import MOST_PER_S
from drivers.ocr_lines.wire import encode
from edge.core.readings import EngineResult
from edge.ports import ContainerEngine
from simulators.devices.container_engine import MISREAD, STALE_MS, EngineDevice, Vehicle
from simulators.devices.serial_wire import PtyWire
from tests.support.r2000 import StoppedClock, until


class Stand:
    def __init__(self, wire: PtyWire[EngineDevice]) -> None:
        self.wire = wire
        self.results: list[EngineResult] = []
        self.driver = EngineOnLine("engine-1", wire.path, clock=StoppedClock(), on_boxes=self.results.append)

    def say(self, name: str, **changes: Any) -> None:
        box = {"code": "CSQU3054383", "confidence": 0.9}
        self.wire.write(encode({"id": name, "age_ms": 850, "boxes": [box]} | changes))


@contextlib.asynccontextmanager
async def stand(folder: Path) -> AsyncIterator[Stand]:
    wire = PtyWire(EngineDevice(lambda: None, every_s=0.01), symlink=folder / "port")
    await wire.start()
    it = Stand(wire)
    engine: ContainerEngine = it.driver
    await engine.connect()
    running = asyncio.create_task(engine.run())
    try:
        yield it
    finally:
        running.cancel()
        await engine.close()
        await wire.stop()


@pytest.mark.hazard("C4")
async def test_the_same_result_again_is_the_same_and_its_age_is_counted_from_now(tmp_path: Path) -> None:
    async with stand(tmp_path) as it:
        it.say("a")
        it.say("a", age_ms=0)
        it.say("b", age_ms=0, picture="7.jpg")
        await until(lambda: len(it.results) == 2)
        assert [(one.id, one.captured_at_ms, one.picture) for one in it.results] == [
            ("a", 4_150, ""), ("b", 5_000, "7.jpg"),
        ]  # fmt: skip
        assert it.driver.results.repeated == 1


@pytest.mark.hazard("D13")
async def test_a_flood_is_limited_and_the_surplus_counted(tmp_path: Path) -> None:
    async with stand(tmp_path) as it:
        for number in range(100):
            it.say(f"r{number}")
        await until(lambda: it.driver.results.surplus == 100 - MOST_PER_S)
        assert len(it.results) == MOST_PER_S


@pytest.mark.parametrize(
    ("fault", "codes", "age_ms"),
    [("", ["CSQU3054383"], 0), ("misread", [MISREAD], 0), ("stale", ["CSQU3054383"], STALE_MS), ("blind", [], 0)],
)
async def test_what_the_simulated_engine_tells(fault: str, codes: list[str], age_ms: int, tmp_path: Path) -> None:
    async with stand(tmp_path) as it:
        if fault:
            it.wire.device.faults.turn_on(fault)
        it.wire.device.faults.repeating = True
        it.wire.device._vehicle = lambda: Vehicle(7, ["CSQU3054383"])
        await until(lambda: it.driver.results.repeated > 2)
        (result,) = it.results
        assert [box.container.code for box in result.boxes] == codes
        assert result.captured_at_ms == 5_000 - age_ms
        assert result.picture == "portal/7.jpg"
