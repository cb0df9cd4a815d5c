"""A driver that is told to stop in the very moment of a reply stops: else its lane would never end."""

import asyncio
from typing import Any

import pytest

from drivers.barrier_modbus.link import LinkCounters, StrictLink
from drivers.barrier_modbus.target import Target
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from tests.support.barrier_lane import TIMEOUT_S, now_ms


async def test_a_cancellation_that_meets_the_reply_is_not_forgotten() -> None:
    simulator = BarrierSimulator(Plant(now_ms))
    await simulator.start()
    link = StrictLink("barrier", Target(host="127.0.0.1", port=simulator.port), TIMEOUT_S, LinkCounters())
    await link.open()
    read = link._client.read_discrete_inputs

    async def forgetful(*arguments: Any, **options: Any) -> Any:
        """What `asyncio.wait_for` of Python 3.11 does when both come in one turn of the loop."""
        reply = await read(*arguments, **options)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return reply

    link._client.read_discrete_inputs = forgetful  # type: ignore[method-assign]
    reading = asyncio.create_task(link.read_inputs(0, 12))
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not link.connected
    await simulator.stop()


async def test_what_is_tidied_up_after_a_cancellation_still_reaches_the_device() -> None:
    plant = Plant(now_ms)
    simulator = BarrierSimulator(plant)
    await simulator.start()
    link = StrictLink("barrier", Target(host="127.0.0.1", port=simulator.port), TIMEOUT_S, LinkCounters())
    await link.open()
    started = asyncio.Event()

    async def work() -> None:
        try:
            started.set()
            await asyncio.get_running_loop().create_future()
        finally:
            await link.write_coil(4, True)

    working = asyncio.create_task(work())
    await started.wait()
    working.cancel()
    await asyncio.wait({working})
    assert working.cancelled()
    assert plant.outputs["green"]
    link.abort()
    await simulator.stop()
