"""A whole lane whose barrier is on a serial line, or behind a serial server: from its file to the boom."""

from pathlib import Path

import pytest

from drivers.barrier_modbus.target import Transport
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.modbus_pdu import ReplyFaults
from simulators.devices.modbus_rtu import RtuServer
from tests.support.system_lane import SystemLane

NAMED_WITHIN_S = 20.0


async def rewire(lane: SystemLane, transport: Transport, tmp_path: Path) -> RtuServer:
    """Put the module of a lane on another line, and say so in its configuration."""
    await lane.barrier.stop()
    tcp = f"host: 127.0.0.1, port: {lane.barrier.port}"
    lane.barrier = BarrierSimulator(
        lane.plant, transport=transport, symlink=tmp_path / "barrier", refresh=lane.world.advance
    )
    await lane.barrier.start()
    serial = f"transport: {transport}, baud: 115200, "
    serial += "serial_port: ./barrier" if transport == "rtu" else f"host: 127.0.0.1, port: {lane.barrier.port}"
    text = lane.config.read_text(encoding="utf-8")
    assert tcp in text
    lane.config.write_text(text.replace(tcp, serial), encoding="utf-8")
    assert isinstance(lane.barrier.server, RtuServer)
    return lane.barrier.server


@pytest.mark.parametrize("transport", ["rtu", "rtu_over_tcp"])
async def test_a_released_vehicle_passes(lane: SystemLane, tmp_path: Path, transport: Transport):
    await rewire(lane, transport, tmp_path)
    await lane.start_controller()
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"
    assert (lane.plant.raise_count, lane.plant.lower_count, len(lane.facts().consumed)) == (1, 1, 1)


@pytest.mark.hazard("D16", "D18")
async def test_a_noisy_line_and_a_pulled_cable_are_named_and_survived(lane: SystemLane, tmp_path: Path):
    server = await rewire(lane, "rtu", tmp_path)
    await lane.start_controller()
    lane.barrier.faults = ReplyFaults(crc_error=True)
    await lane.until(lambda: "barrier" in lane.state["lost_devices"], NAMED_WITHIN_S)
    assert (await lane.event("device_lost"))["code"] == "barrier_bad_reply"
    lane.barrier.faults = ReplyFaults()
    await lane.until(lambda: not lane.state["lost_devices"], NAMED_WITHIN_S)
    server.wire.unplug()
    await lane.until(lambda: "barrier" in lane.state["lost_devices"], NAMED_WITHIN_S)
    server.wire.plug()
    await lane.until(lambda: not lane.state["lost_devices"], NAMED_WITHIN_S)
    await lane.pass_one()
    assert (lane.ended[-1]["terminal"], lane.plant.raise_count) == ("PASSED", 1)
