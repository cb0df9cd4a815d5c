"""The siren's output of the barrier's module."""

import pytest

from drivers.barrier_modbus.target import Transport
from drivers.barrier_modbus.wire import BarrierMap, Coils
from edge.ports import DeviceError
from simulators.devices.modbus_pdu import ReplyFaults
from tests.support.barrier_lane import lane


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
async def test_the_siren_is_switched_on_and_off(transport: Transport) -> None:
    async with lane(transport=transport) as it:
        it.start()
        await it.driver.set_siren(True)
        assert it.plant.outputs["siren"] is True
        await it.driver.set_siren(False)
        assert it.plant.outputs["siren"] is False


async def test_a_siren_does_not_outlive_its_controller() -> None:
    async with lane() as it:
        await it.driver.set_siren(True)
        await it.driver.close()
        assert it.plant.outputs["siren"] is False


async def test_a_siren_that_cannot_be_silenced_holds_nobody_up() -> None:
    async with lane() as it:
        await it.driver.set_siren(True)
        it.simulator.faults = ReplyFaults(silent=True)
        await it.driver.close()


async def test_a_lost_reply_ends_the_connection() -> None:
    async with lane() as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        it.simulator.faults = ReplyFaults(drop_reply=True, functions=frozenset({5}), times=1)
        with pytest.raises(DeviceError, match="barrier_no_reply"):
            await it.driver.set_siren(True)
        assert (await it.lost()).code == "barrier_no_reply"


async def test_an_exception_leaves_the_connection_as_it_is() -> None:
    async with lane() as it:
        it.simulator.faults = ReplyFaults(exception_code=2, functions=frozenset({5}), times=1)
        with pytest.raises(DeviceError, match="barrier_exception"):
            await it.driver.set_siren(True)
        await it.driver.set_siren(True)
        assert it.plant.outputs["siren"] is True


async def test_a_map_without_a_siren_says_so() -> None:
    async with lane(map_=BarrierMap(coils=Coils(siren=None))) as it:
        with pytest.raises(DeviceError, match="barrier_no_siren") as caught:
            await it.driver.set_siren(True)
        assert caught.value.outcome == "not_done"
