"""A device that speaks unasked: what the conformance suite does not reach."""

import asyncio
from pathlib import Path

import pytest

from drivers.template.driver import TemplateCounter
from edge.ports import DeviceError
from simulators.devices.serial_wire import PtyWire
from simulators.devices.template import TemplateDevice
from tests.support.r2000 import RealClock, until


async def test_what_is_said_before_the_device_is_served_is_not_delivered(tmp_path: Path) -> None:
    counts: list[int] = []
    wire = PtyWire(TemplateDevice(lambda: 7, interval_s=0.001), symlink=tmp_path / "port")
    await wire.start()
    driver = TemplateCounter(
        "c-1", wire.path, clock=RealClock(), on_count=lambda count, _: counts.append(count.pieces), silence_s=0.5
    )
    try:
        with pytest.raises(DeviceError, match="counter_not_connected"):
            driver.send(b"?")
        await driver.connect()
        driver.send(b"?")
        decoded = wire.device.sent_frames
        await until(lambda: wire.device.sent_frames > decoded + 3)
        assert counts == []
        task = asyncio.create_task(driver.run())
        await until(lambda: len(counts) > 3)
        assert set(counts) == {7}
        await driver.close()
        with pytest.raises(DeviceError, match="counter_closed"):
            await task
        with pytest.raises(DeviceError, match="counter_closed"):
            driver.send(b"?")
    finally:
        await driver.close()
        await wire.stop()


async def test_garbage_at_the_first_contact_is_a_line_that_is_set_wrongly(tmp_path: Path) -> None:
    wire = PtyWire(TemplateDevice(lambda: 7, interval_s=0.001), symlink=tmp_path / "port")
    wire.device.faults.baud_ratio = 2.0
    await wire.start()
    driver = TemplateCounter("c-1", wire.path, clock=RealClock(), on_count=lambda *_: None, baud=4_800, silence_s=0.2)
    try:
        with pytest.raises(DeviceError, match="4800 baud") as refused:
            await driver.connect()
        assert refused.value.code == "counter_line_settings"
        wire.unplug()
        with pytest.raises(DeviceError, match="counter_port_missing"):
            await driver.connect()
    finally:
        await wire.stop()


async def test_a_line_that_goes_while_it_is_written_to_is_lost(tmp_path: Path) -> None:
    wire = PtyWire(TemplateDevice(lambda: 7, interval_s=0.001), symlink=tmp_path / "port")
    await wire.start()
    driver = TemplateCounter("c-1", wire.path, clock=RealClock(), on_count=lambda *_: None, silence_s=0.5)
    try:
        await driver.connect()
        wire.unplug()
        with pytest.raises(DeviceError, match="counter_lost"):
            driver.send(b"?")
    finally:
        await driver.close()
        await wire.stop()
