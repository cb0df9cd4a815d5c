"""The driver against a slave that is built on libmodbus: what it sends and takes is Modbus, not our own idea of it."""

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.target import Target, Transport
from drivers.barrier_modbus.wire import BarrierMap, Coils
from edge.core.inputs import LaneInputs
from edge.ports import DeviceError
from simulators.devices.serial_line import PtyLine, TcpLine
from tests.support.barrier_lane import RealClock, eventually
from tests.support.needs import REPOSITORY

pytestmark = pytest.mark.libmodbus

UNIT = 7
SOURCE = REPOSITORY / "tests/support/modbus_slave.c"


@pytest.fixture(scope="module")
def slave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slave, compiled."""
    binary = tmp_path_factory.mktemp("slave") / "modbus_slave"
    command = ["gcc", "-Wall", "-Wextra", "-Werror", "-o", str(binary), str(SOURCE), "-lmodbus"]
    compiled = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    return binary


class Cable:
    """A pty for the slave, and what the driver's side of the line is: another pty, or a TCP serial server."""

    def __init__(self, transport: Transport) -> None:
        self.slaves = PtyLine(lambda data: self.drivers.write(data))
        self.drivers: PtyLine | TcpLine = (PtyLine if transport == "rtu" else TcpLine)(self.slaves.write)


@asynccontextmanager
async def module(binary: Path, transport: Transport) -> AsyncIterator[tuple[Target, list[str]]]:
    """A running slave, where it is, and what it says of each write."""
    cable = Cable(transport)
    if transport == "tcp":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        arguments, target = ("tcp", str(port)), Target("tcp", "127.0.0.1", port, device_id=UNIT)
    else:
        await cable.slaves.start()
        await cable.drivers.start()
        arguments = ("rtu", cable.slaves.path)
        port, path = cable.drivers.port, cable.drivers.path
        target = Target(transport, "127.0.0.1", port, path, baud=19_200, device_id=UNIT)
    process = await asyncio.create_subprocess_exec(binary, *arguments, stdout=-1)
    assert process.stdout is not None
    output, said = process.stdout, list[str]()

    async def listen() -> None:
        while line := await output.readline():
            said.append(line.decode().strip())

    listening = asyncio.create_task(listen())
    try:
        await eventually(lambda: bool(said) or listening.done())
        assert said == ["ready"]
        yield target, said
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await listening
        await cable.slaves.stop()
        await cable.drivers.stop()


@pytest.mark.parametrize("transport", ["tcp", "rtu", "rtu_over_tcp"])
async def test_a_slave_of_libmodbus_is_scanned_and_moved(slave: Path, transport: Transport) -> None:
    async with module(slave, transport) as (target, said):
        scans: list[LaneInputs] = []
        driver = ModbusBarrier(
            name="barrier-1",
            target=target,
            map=BarrierMap(pulse_ms=50),
            timeout_s=1.0,
            clock=RealClock(),
            on_inputs=lambda inputs, at_ms: scans.append(inputs),
        )
        await driver.connect()
        running = asyncio.create_task(driver.run())
        await eventually(lambda: bool(scans))
        assert (scans[-1].boom, scans[-1].safety_loop) == ("down", False)
        await driver.raise_boom()
        await eventually(lambda: scans[-1].boom == "up")
        await eventually(lambda: "coil 0 0" in said)
        await driver.set_light("green")
        await driver.lower_boom()
        await eventually(lambda: scans[-1].boom == "down")
        await driver.close()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError, DeviceError):
            await running
        await eventually(lambda: "coil 1 0" in said)
        assert [line for line in said if line.startswith(("coil 0", "coil 1 "))] == [
            "coil 0 1",
            "coil 0 0",
            "coil 1 1",
            "coil 1 0",
        ]
        assert {"register 0 1", "coil 3 0", "coil 4 1"} <= set(said)
        assert (driver.counters.bad_replies, driver.counters.no_replies) == (0, 0)


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
@pytest.mark.hazard("D20")
async def test_an_address_that_libmodbus_does_not_have_is_an_exception(slave: Path, transport: Transport) -> None:
    async with module(slave, transport) as (target, said):
        driver = ModbusBarrier(
            name="barrier-1",
            target=target,
            map=BarrierMap(coils=Coils(raise_boom=32)),
            timeout_s=1.0,
            clock=RealClock(),
            on_inputs=lambda inputs, at_ms: None,
        )
        with pytest.raises(DeviceError, match="barrier_exception") as caught:
            await driver.connect()
        assert "02 illegal_data_address" in caught.value.got
        assert said == ["ready"]
        await driver.close()
