"""A lane with a reader of seals, on a line and over HTTP: told as fact, an open one never passes by itself."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.core.readings import Seal
from edge.runtime.journal import JournalReader
from simulators.devices.seal_http import HttpSealServer
from simulators.devices.seal_reader import SealReaderDevice
from simulators.devices.serial_wire import PtyWire
from tests.support.brokers import BrokerCase
from tests.support.system_lane import LANE, SystemLane, open_system

# The second question is asked when the answer to the first was taken.
LOOKS = 2
SEAL = Seal("CNSEAL0001", True, 3, 87)
CONFIGURED = {
    "seal_serial": "    seal_reader: {{id: seal-1, port: ./seal, poll_ms: 200}}\n",
    "seal_http": "    seal_reader: {{id: seal-1, driver: seal_http, url: '{url}', poll_ms: 200}}\n",
}


class SealedLane:
    """A lane whose vehicles bear a seal."""

    def __init__(self, lane: SystemLane, driver: str) -> None:
        self.lane = lane
        self.seal = SEAL
        self.asked: list[dict[str, Any]] = []
        self.empty_looks = 0
        self.reader: PtyWire[SealReaderDevice] | HttpSealServer
        if driver == "seal_http":
            self.reader = HttpSealServer(self._there)
        else:
            self.reader = PtyWire(SealReaderDevice(self._there), symlink=lane.folder / "seal")
        rule = lane.notes.rule

        def asked(readings: Any, passage: str) -> Any:
            self.asked.append(readings["seals"])
            return rule(readings, passage)

        lane.notes.rule = asked

    def _there(self) -> list[Seal]:
        self.empty_looks += self.lane.world.empty
        return [] if self.lane.world.empty else [self.seal]

    async def start(self) -> None:
        """Start the controller; its reader sees that nothing is there, or a seal would be of before the start."""
        await self.lane.start_controller()
        await self.lane.until(lambda: self.empty_looks >= LOOKS)


@pytest.fixture
async def sealed(request: pytest.FixtureRequest, tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[SealedLane]:
    driver = getattr(request, "param", "seal_serial")
    async with open_system(tmp_path, any_broker, must_match="tag") as lane:
        sealed = SealedLane(lane, driver)
        await sealed.reader.start()
        url = sealed.reader.url if isinstance(sealed.reader, HttpSealServer) else ""
        lane.write_config(more=CONFIGURED[driver].format(url=url), identify_ms=4000)
        try:
            yield sealed
        finally:
            await sealed.reader.stop()


@pytest.mark.parametrize("sealed", ["seal_serial", "seal_http"], indirect=True)
async def test_a_sealed_vehicle_passes_and_its_seal_is_in_request_and_record(sealed: SealedLane):
    lane = sealed.lane
    await sealed.start()
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["PASSED"]
    told = {"seal": "CNSEAL0001", "locked": True, "openings": 3, "battery_percent": 87}
    assert [(one["status"], one["value"]) for one in sealed.asked] == [("read", [told])]
    assert (await lane.event("identified"))["seals"] == "read"
    assert await lane.controller.stop() == 0
    reader = JournalReader(lane.journal)
    ends = [one.body for one in reader.records(LANE) if "EndPassage" in one.body]
    reader.close_reader()
    assert ['"id":"CNSEAL0001"' in body for body in ends] == [True]


async def test_an_open_seal_is_told_as_fact_alarmed_and_never_passed(sealed: SealedLane):
    lane = sealed.lane
    sealed.seal = replace(SEAL, locked=False)
    await sealed.start()
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == ["seal_open"]
    assert sealed.asked[-1]["value"][0]["locked"] is False
    await lane.until(lambda: "seal_open" in lane.alarms)
    assert lane.plant.raise_count == 0
    await lane.settle()
    sealed.seal = SEAL
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"
    assert "seal_open" not in lane.alarms
