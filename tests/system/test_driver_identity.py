"""A lane with a reader of drivers: the card goes into the request as the policy says, and a lost reader is named."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drivers.identity_lines.wire import Layout
from edge.runtime.journal import JournalReader
from simulators.devices.identity import CardReader
from simulators.devices.serial_wire import PtyWire
from tests.support.brokers import BrokerCase
from tests.support.system_lane import LANE, SystemLane, open_system

CARD = "6217000123"
LAYOUT = Layout(least=10, most=10, alphabet="digits", heartbeat="ALIVE")
READER = """\
    driver_identity:
      {id: card-1, port: ./card, least_characters: 10, most_characters: 10, characters: digits,
       heartbeat: ALIVE, heartbeat_s: 1}
"""


class AskedLane:
    """A lane whose driver shows a card while a vehicle is in it."""

    def __init__(self, lane: SystemLane) -> None:
        self.lane = lane
        self.asked: list[dict[str, Any]] = []
        reader = CardReader(lambda: None if self.lane.world.empty else CARD, LAYOUT, every_s=0.05)
        self.reader = PtyWire(reader, symlink=lane.folder / "card")
        rule = lane.notes.rule

        def asked(readings: Any, passage: str) -> Any:
            self.asked.append(readings["driver"])
            return rule(readings, passage)

        lane.notes.rule = asked


@pytest.fixture
async def asked(tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[AskedLane]:
    async with open_system(tmp_path, any_broker, must_match="tag, driver") as lane:
        asked = AskedLane(lane)
        await asked.reader.start()
        lane.write_config(more=READER, identify_ms=4000)
        try:
            yield asked
        finally:
            await asked.reader.stop()


@pytest.mark.hazard("I19")
async def test_a_driver_is_identified_and_shown_to_nobody_who_was_not_named(asked: AskedLane):
    lane = asked.lane
    await lane.start_controller()
    # What is read at once may have lain there: signs of life without a card between them prove that nothing does.
    heard = asked.reader.device.sent_frames + 3
    await lane.until(lambda: asked.reader.device.sent_frames > heard)
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["PASSED"]
    assert [(one["status"], one["value"]) for one in asked.asked] == [("read", {"text": None, "medium": "ic"})]
    assert (await lane.event("identified"))["driver"] == "read"
    assert await lane.controller.stop() == 0
    reader = JournalReader(lane.journal)
    ends = [one.body for one in reader.records(LANE) if "EndPassage" in one.body]
    reader.close_reader()
    assert [f'"text":"{CARD}"' in body for body in ends] == [True]


@pytest.mark.hazard("D18")
async def test_a_lost_reader_is_named_and_the_vehicle_is_held_where_its_driver_is_demanded(asked: AskedLane):
    lane = asked.lane
    await lane.start_controller()
    asked.reader.unplug()
    await lane.until(lambda: "device_lost_card-1" in lane.alarms)
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == ["unread_driver"]
    assert asked.asked[-1]["reason"] == "device_lost"
    await lane.settle()
    asked.reader.plug()
    await lane.until(lambda: not lane.state["lost_devices"], 10.0)
