"""A lane with each protocol of tag readers, by its configuration alone: a truck is known by its tag and passes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from simulators.devices.serial_wire import PtyWire, TcpWire
from simulators.devices.tag_field import ReaderDevice, Tags
from simulators.devices.uhf_llrp import LlrpDevice
from simulators.devices.uhf_m100 import M100Device
from simulators.devices.uhf_r2000 import R2000Device
from simulators.devices.uhf_reader18 import Reader18Device
from simulators.devices.uhf_thingmagic import ThingMagicDevice
from tests.support.system_lane import SystemLane

READERS: dict[str, Callable[[Tags], ReaderDevice[Any]]] = {
    "driver: uhf_m100": M100Device,
    "driver: uhf_reader18, profile: reader18": Reader18Device,
    "driver: uhf_reader18, profile: ur": partial(Reader18Device, profile="ur"),
    "driver: uhf_thingmagic": ThingMagicDevice,
    "driver: uhf_r2000, profile: session": R2000Device,
    # Speaks in a network alone: its place gives it the socket.
    "driver: uhf_llrp": LlrpDevice,
}


@pytest.mark.parametrize(
    ("settings", "wire"), [(settings, ("serial", "socket")[place % 2]) for place, settings in enumerate(READERS)]
)
async def test_a_truck_passes_by_its_tag(lane: SystemLane, settings: str, wire: str):
    device = READERS[settings](lane._tags)
    await lane.reader.stop()
    plugged = PtyWire(device, symlink=lane.folder / "tag-reader") if wire == "serial" else TcpWire(device)
    await plugged.start()
    try:
        port = "./tag-reader" if wire == "serial" else plugged.path
        lane.write_config(tag_reader=f"{settings}, port: '{port}'")
        await lane.start_controller()
        await lane.pass_one()
        assert [one["terminal"] for one in lane.ended] == ["PASSED"]
        assert lane.plant.raise_count == 1
        assert await lane.controller.stop() == 0
    finally:
        await plugged.stop()
