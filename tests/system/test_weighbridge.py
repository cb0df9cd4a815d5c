"""A lane with a scale: the weight at rest goes into request and record, none is better than a wrong one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.runtime.journal import JournalReader
from simulators.devices.serial_wire import PtyWire
from simulators.devices.weighbridge import Display, Indicator
from tests.support.brokers import BrokerCase
from tests.support.system_lane import AUTHORITY, LANE, SystemLane, open_system

GROSS_KG = 18_850
SCALE = """\
    weighbridge: {{id: scale-1, driver: {driver}, port: ./scale, stable_ms: 500}}
"""


class WeighedLane:
    """A lane whose scale carries whoever is in it."""

    def __init__(self, lane: SystemLane, driver: str) -> None:
        self.lane = lane
        self.asked: list[dict[str, Any]] = []
        self.display = Display(GROSS_KG)
        indicator = Indicator(self._shows, protocol=driver, every_s=0.02)
        self.scale = PtyWire(indicator, symlink=lane.folder / "scale")
        rule = lane.notes.rule

        def weighed(readings: Any, passage: str) -> Any:
            self.asked.append(readings["weight"])
            return rule(readings, passage)

        lane.notes.rule = weighed

    async def start(self) -> None:
        """Start the controller and wait until it knows an empty scale: who stands there at the start has no weight."""
        await self.lane.start_controller()

        def empty() -> bool:
            reader = JournalReader(self.lane.journal)
            try:
                return any('"status":"empty"' in one.body for one in reader.records(LANE))
            finally:
                reader.close_reader()

        await self.lane.until(empty)

    def _shows(self) -> Display:
        return Display(0) if self.lane.world.empty else self.display


@pytest.fixture
async def weighed(request: pytest.FixtureRequest, tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[WeighedLane]:
    driver = getattr(request, "param", "yaohua_tf0")
    async with open_system(tmp_path, any_broker, must_match="tag, weight") as lane:
        weighed = WeighedLane(lane, driver)
        await weighed.scale.start()
        lane.write_config(more=SCALE.format(driver=driver), identify_ms=4000)
        try:
            yield weighed
        finally:
            await weighed.scale.stop()


@pytest.mark.parametrize("weighed", ["yaohua_tf0", "toledo_continuous"], indirect=True)
async def test_a_vehicle_is_weighed_and_the_weight_is_in_request_and_record(weighed: WeighedLane):
    lane = weighed.lane
    await weighed.start()
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["PASSED"]
    assert [(one["status"], one["value"]) for one in weighed.asked] == [("read", {"kg": GROSS_KG})]
    assert (await lane.event("identified"))["weight"] == "read"
    assert await lane.controller.stop() == 0
    reader = JournalReader(lane.journal)
    ends = [one.body for one in reader.records(LANE) if "EndPassage" in one.body]
    reader.close_reader()
    assert [f'"kg":{GROSS_KG}' in body for body in ends] == [True]


@pytest.mark.parametrize(
    ("says", "reason"),
    [({"moving": True}, "moving"), ({"tared": True}, "tared"), ({"overload": True}, "overload")],
    ids=["moving", "tared", "overload"],
)
@pytest.mark.parametrize("weighed", ["toledo_continuous"], indirect=True)
async def test_a_weight_that_is_demanded_and_not_read_holds_and_says_why(
    weighed: WeighedLane, says: dict[str, bool], reason: str
):
    lane = weighed.lane
    await weighed.start()
    weighed.display = replace(weighed.display, **says)
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == ["unread_weight"]
    assert [(one["status"], one["value"], one["reason"]) for one in weighed.asked] == [("unread", None, reason)]
    assert lane.plant.raise_count == 0
    await lane.settle()


async def test_an_indicator_that_is_stuck_gives_its_weight_to_one_vehicle_alone(weighed: WeighedLane):
    lane = weighed.lane
    await weighed.start()
    lane.arrive()
    await lane.event("identified", weight="read")
    weighed.scale.device.faults.frozen = True
    await lane.event("passage_ended", terminal="PASSED")
    await lane.gone()
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == ["unread_weight"]
    assert [one["reason"] for one in weighed.asked] == [None, "no_weight"]
    await lane.settle()


@pytest.mark.hazard("D18")
async def test_a_lost_scale_is_named_and_the_vehicle_is_held_where_its_weight_is_demanded(weighed: WeighedLane):
    lane = weighed.lane
    await weighed.start()
    weighed.scale.unplug()
    await lane.until(lambda: "scale-1" in lane.state["lost_devices"], 10.0)
    await lane.until(lambda: "device_lost_scale-1" in lane.alarms)
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == ["unread_weight"]
    assert weighed.asked[-1]["reason"] == "device_lost"
    await lane.settle()
    weighed.scale.plug()
    await lane.until(lambda: not lane.state["lost_devices"], 10.0)
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"
    assert len(lane.service.refused) == 0, AUTHORITY
