"""D31: the controller's process is killed in the middle of a pulse."""

import asyncio
import os
import signal
import sys

import pytest

from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.wire import BarrierMap
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import FAULT_COMMS_LOST, Plant
from tests.support.barrier_lane import RealClock
from tests.support.needs import REPOSITORY

CONTROLLER = """
import asyncio, sys
from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.wire import BarrierMap
from tests.support.barrier_lane import RealClock

async def main():
    scanned = asyncio.Event()
    barrier = ModbusBarrier(
        name="barrier-1", host="127.0.0.1", port=int(sys.argv[1]), clock=RealClock(), timeout_s=5,
        map=BarrierMap(hardware_pulse=sys.argv[2] == "hardware", pulse_ms=2000),
        on_inputs=lambda inputs, at_ms: scanned.set(),
    )
    await barrier.connect()
    running = asyncio.create_task(barrier.run())
    await scanned.wait()
    await barrier.raise_boom()
    print("raised", flush=True)
    await running

asyncio.run(main())
"""


@pytest.mark.parametrize("pulse", ["software", "hardware"])
@pytest.mark.hazard("D31", "X1")
async def test_kill_in_the_middle_of_a_pulse(pulse: str) -> None:
    time_ms = 0
    plant = Plant(lambda: time_ms, stroke_s=1.0)
    map_ = BarrierMap(hardware_pulse=pulse == "hardware", pulse_ms=2000)
    simulator = BarrierSimulator(plant, map_=map_)
    await simulator.start()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONTROLLER, str(simulator.port), pulse, stdout=-1, env=environment
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"raised\n"
    finally:
        process.send_signal(signal.SIGKILL)
        await process.communicate()
    assert plant.outputs["raise"] is (pulse == "software")
    time_ms += 3_100
    plant.advance()
    assert plant.outputs["raise"] is False
    assert plant.fault_bits == FAULT_COMMS_LOST
    await reconnect(simulator, map_)
    assert plant.raise_count == 1
    await simulator.stop()


async def reconnect(simulator: BarrierSimulator, map_: BarrierMap) -> None:
    barrier = ModbusBarrier(
        name="barrier-1",
        host="127.0.0.1",
        port=simulator.port,
        clock=RealClock(),
        on_inputs=lambda inputs, at_ms: None,
        map=map_,
    )
    await barrier.connect()
    await barrier.close()
