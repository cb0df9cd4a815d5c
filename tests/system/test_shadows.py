"""A reader in the shadow of a lane that works: read, compared, and without a word in what the lane does."""

import asyncio
import json

from edge.verbs.replay import main as replay
from simulators.devices.serial_wire import TcpWire
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_m100 import M100Device
from simulators.devices.weighbridge import Display, Indicator
from tests.support.system_lane import TAG, SystemLane

OTHER = "E2000000000000000000BEEF"


async def test_what_the_shadow_sees_is_compared_and_changes_nothing(lane: SystemLane) -> None:
    shown, load = [OTHER], [0]
    reader = TcpWire(M100Device(lambda: [SimulatedTag(shown[0])] if lane.world.tags_in_field() else []))
    scale = TcpWire(Indicator(lambda: Display(load[0])))
    await reader.start()
    await scale.start()
    lane.write_config(
        more=f"    shadow: {{tag_reader: {{id: trial, driver: uhf_m100, port: '{reader.path}', use: sim}},"
        f" weighbridge: {{id: scale, port: '{scale.path}', use: sim}}}}\n"
    )
    try:
        await lane.start_controller()
        # Each start says which devices are not real.
        named = await lane.event("devices_not_real")
        assert (named["trial"], named["scale"], named["simulated"]) == ("shadow sim", "shadow sim", True)
        await lane.told(phase="idle")
        # The first display of all counts for nobody.
        for kg in (0, 32_480):
            load[0], before = kg, scale.device.sent_frames
            await lane.until(lambda before=before: scale.device.sent_frames > before + 20)  # type: ignore[misc]
        await lane.pass_one()
        first = await lane.event("shadow_compared")
        assert (first["tag"], first["weight"]) == ("different", "lane_unread")
        shown[0] = TAG
        await lane.pass_one()
        assert (await lane.event("shadow_compared", 2))["tag"] == "same"
        # Gone, it is told and missed by nobody.
        await reader.stop()
        await lane.pass_one()
        assert (await lane.event("shadow_compared", 3))["tag"] == "shadow_unread"
        shown_devices = (await lane.told(phase="idle"))["devices"]
        assert shown_devices["trial"]["state"] == "lost"
        assert lane.state["lost_devices"] == []
        assert [one["terminal"] for one in lane.ended] == ["PASSED"] * 3
        written = lane.journal.read_bytes()
        assert OTHER.encode() not in written
        assert json.dumps(lane.events).count(OTHER) == 0
        await lane.controller.kill()
        assert await asyncio.to_thread(replay, [str(lane.journal)]) == 0
    finally:
        await reader.stop()
        await scale.stop()
