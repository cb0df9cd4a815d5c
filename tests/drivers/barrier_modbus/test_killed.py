"""D31: the controller's process is killed, or frozen, in the middle of a pulse."""

import asyncio
import contextlib
import os
import signal
import sys

import pytest

from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.target import Target
from drivers.barrier_modbus.wire import BarrierMap
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import FAULT_COMMS_LOST, Plant
from tests.support.barrier_lane import RealClock
from tests.support.needs import REPOSITORY

CONTROLLER = """
import asyncio, sys
from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.target import Target
from drivers.barrier_modbus.wire import BarrierMap
from tests.support.barrier_lane import RealClock

async def main():
    scanned = asyncio.Event()
    barrier = ModbusBarrier(
        name="barrier-1", target=Target(host="127.0.0.1", port=int(sys.argv[1])), clock=RealClock(), timeout_s=5,
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
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.hazard("D31", "X1", "X9", "C15")
async def test_kill_in_the_middle_of_a_pulse(pulse: str, number: signal.Signals) -> None:
    """Its output is released within 3 s by the module's own watchdog, and the boom was asked to rise once."""
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
            process.send_signal(number)
            await process_stands(process)
        assert plant.outputs["raise"] is (pulse == "software")
        time_ms += 3_100
        plant.advance()
        assert plant.outputs["raise"] is False
        assert plant.fault_bits == FAULT_COMMS_LOST
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
    await reconnect(simulator, map_)
    assert plant.raise_count == 1
    await simulator.stop()


async def process_stands(process: asyncio.subprocess.Process) -> None:
    """Return once the process is dead or stopped."""
    # The event loop may have heard of its death first: then there is nothing left to wait for.
    with contextlib.suppress(ChildProcessError):
        await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)


async def reconnect(simulator: BarrierSimulator, map_: BarrierMap) -> None:
    barrier = ModbusBarrier(
        name="barrier-1",
        target=Target(host="127.0.0.1", port=simulator.port),
        clock=RealClock(),
        on_inputs=lambda inputs, at_ms: None,
        map=map_,
    )
    await barrier.connect()
    await barrier.close()
