"""A scale that speaks unasked: what it says anew is delivered, and a unit that no lane takes is named."""

import asyncio
from contextlib import suppress

import pytest

from drivers.kit.steady import Steady
from drivers.scale_toledo.driver import ToledoScale
from drivers.scale_toledo.wire import encode
from edge.core.weight import Weighing
from edge.ports import DeviceError, Weighbridge
from simulators.devices.serial_wire import TcpWire
from simulators.devices.weighbridge import Display, Indicator
from tests.support.r2000 import PATIENCE_S, RealClock, until


async def test_what_changes_is_delivered_and_told_again_after_a_loss() -> None:
    shown = [Display(18_850)]
    told: list[Weighing] = []
    wire = TcpWire(Indicator(lambda: shown[0], protocol="toledo_continuous", every_s=0.005))
    await wire.start()
    scale: Weighbridge = ToledoScale("scale-1", wire.path, Steady(over_ms=10), clock=RealClock(), on_weight=told.append)
    for kg in (18_850, 23_960):
        shown[0] = Display(kg)
        await scale.connect()
        assert told[1:] == [] or told[-1].kg == 18_850, "nothing is delivered before it runs"
        running = asyncio.create_task(scale.run())
        await until(lambda: bool(told) and told[-1].kg == kg)  # noqa: B023
        count = len(told)
        sent = wire.device.sent_frames
        await until(lambda: wire.device.sent_frames > sent + 20)  # noqa: B023
        assert len(told) == count, "the same is no news"
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await scale.close()
    await wire.stop()


async def test_pounds_are_refused_by_name() -> None:
    wire = TcpWire(Indicator(lambda: Display(18_850), protocol="toledo_continuous", every_s=0.005))
    await wire.start()
    told: list[Weighing] = []
    scale = ToledoScale("scale-1", wire.path, Steady(), clock=RealClock(), on_weight=told.append)
    await scale.connect()
    running = asyncio.create_task(scale.run())
    sent = wire.device.sent_frames
    await until(lambda: wire.device.sent_frames > sent)
    wire.write(encode(41_557, pounds=True))
    with pytest.raises(DeviceError, match=r"scale_unit.*kilograms"):
        async with asyncio.timeout(PATIENCE_S):
            await running
    assert {one.status for one in told} <= {"moving"}
    await scale.close()
    await wire.stop()
