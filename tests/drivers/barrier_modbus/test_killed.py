"""D31: the controller's process is killed, or frozen, in the middle of a pulse."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import asdict

import pytest

from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.target import Target, Transport
from drivers.barrier_modbus.wire import BarrierMap, Coils, Registers
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import FAULT_COMMS_LOST, Plant
from tests.support.barrier_lane import RealClock
from tests.support.needs import REPOSITORY

CONTROLLER = """
import asyncio, json, sys
from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.target import Target
from drivers.barrier_modbus.wire import BarrierMap, Coils, Registers
from tests.support.barrier_lane import RealClock

def map_of(pulse):
    bare = Registers(None, None, None, None) if pulse == "bare" else Registers()
    coils = Coils(watchdog=None) if pulse == "bare" else Coils()
    return BarrierMap(hardware_pulse=pulse == "hardware", pulse_ms=2000, registers=bare, coils=coils)

async def main():
    scanned = asyncio.Event()
    barrier = ModbusBarrier(
        name="barrier-1", target=Target(**json.loads(sys.argv[1])), clock=RealClock(), timeout_s=float(sys.argv[3]),
        map=map_of(sys.argv[2]),
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


def map_of(pulse: str) -> BarrierMap:
    """`bare`: a plain I/O module, which lets its outputs go where nobody asks it anything any more."""
    bare = Registers(None, None, None, None) if pulse == "bare" else Registers()
    coils = Coils(watchdog=None) if pulse == "bare" else Coils()
    return BarrierMap(hardware_pulse=pulse == "hardware", pulse_ms=2000, registers=bare, coils=coils)


@pytest.mark.parametrize("pulse", ["software", "hardware", "bare"])
@pytest.mark.parametrize("transport", ["tcp", "rtu"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.hazard("D31", "X1", "X9", "C15")
async def test_kill_in_the_middle_of_a_pulse(pulse: str, transport: Transport, number: signal.Signals) -> None:
    """Its output is released within 3 s by the module's own watchdog, and the boom was asked to rise once."""
    time_ms = 0
    plant = Plant(lambda: time_ms, stroke_s=1.0)
    map_ = map_of(pulse)
    simulator = BarrierSimulator(plant, map_=map_, transport=transport, comm_loss=pulse == "bare")
    await simulator.start()
    target = Target(transport, "127.0.0.1", simulator.port, simulator.path)
    # Over RTU two of these pass in silence before the first request.
    arguments = [json.dumps(asdict(target)), pulse, "5" if transport == "tcp" else "1"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONTROLLER, *arguments, stdout=-1, env=environment
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"raised\n"
            process.send_signal(number)
            await process_stands(process)
        assert plant.outputs["raise"] is (pulse != "hardware")
        time_ms += 3_100
        plant.advance()
        assert plant.outputs["raise"] is False
        assert plant.fault_bits == FAULT_COMMS_LOST
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
    await reconnect(target, map_)
    assert plant.raise_count == 1
    await simulator.stop()


async def process_stands(process: asyncio.subprocess.Process) -> None:
    """Return once the process is dead or stopped."""
    # The event loop may have heard of its death first: then there is nothing left to wait for.
    with contextlib.suppress(ChildProcessError):
        await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)


async def reconnect(target: Target, map_: BarrierMap) -> None:
    barrier = ModbusBarrier(
        name="barrier-1",
        target=target,
        clock=RealClock(),
        on_inputs=lambda inputs, at_ms: None,
        map=map_,
    )
    await barrier.connect()
    await barrier.close()
