"""P22 on the wire: what the lamps show comes back over discrete inputs, where the map has them."""

from dataclasses import replace

import pytest

from drivers.barrier_modbus.wire import BarrierMap, InputPoint
from simulators.devices.barrier_plant import PlantFaults
from tests.support.barrier_lane import lane

FED_BACK = BarrierMap(pulse_ms=50)
FED_BACK = replace(FED_BACK, inputs=(*FED_BACK.inputs, InputPoint("red_lamp_on", 12), InputPoint("green_lamp_on", 13)))


@pytest.mark.hazard("P22")
@pytest.mark.parametrize(
    ("faults", "shown"),
    [
        (PlantFaults(), (False, True)),
        (PlantFaults(lamps_dead=frozenset({"green"})), (False, False)),
        (PlantFaults(lamps_stuck=frozenset({"red"})), (True, True)),
    ],
)
async def test_the_lamps_are_scanned_as_they_shine(faults: PlantFaults, shown: tuple[bool, bool]) -> None:
    async with lane(map_=FED_BACK) as one:
        one.plant.faults = faults
        one.start()
        await one.driver.set_light("green")
        await one.until(lambda: any((seen.red_lamp_on, seen.green_lamp_on) == shown for seen, _ in one.scans[-1:]))
        assert one.plant.green is (shown == (False, True))


@pytest.mark.hazard("P22")
async def test_a_site_without_feedback_knows_nothing_of_its_lamps() -> None:
    async with lane() as one:
        one.start()
        await one.until(lambda: bool(one.scans))
        assert (one.scans[-1][0].red_lamp_on, one.scans[-1][0].green_lamp_on) == (None, None)
