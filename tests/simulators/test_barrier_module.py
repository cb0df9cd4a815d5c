"""The simulated module as other masters see it: mbpoll, and bytes on a plain socket that owe nothing to our code."""

import asyncio
import re

import pytest

from drivers.barrier_modbus.wire import BarrierMap, InputPoint
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from tests.support.barrier_lane import now_ms
from tests.support.needs import program

HARDWARE = BarrierMap(hardware_pulse=True)


class Module:
    """A started simulator and one plain connection to it."""

    def __init__(self, map_: BarrierMap | None = None) -> None:
        self.plant = Plant(now_ms, stroke_s=60)
        self.simulator = BarrierSimulator(self.plant, map_=map_)

    async def __aenter__(self) -> "Module":
        await self.simulator.start()
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.simulator.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        await self.simulator.stop()

    async def exchange(self, request: str) -> str:
        self.writer.write(bytes.fromhex(request))
        async with asyncio.timeout(5):
            header = await self.reader.readexactly(6)
            body = await self.reader.readexactly(int.from_bytes(header[4:6], "big"))
        return (header + body).hex(" ")


EXCHANGES = [
    ("read 12 inputs: boom down", "0001 0000 0006 01 02 0000 000C", "00 01 00 00 00 05 01 02 02 00 01"),
    ("read registers", "0002 0000 0006 01 03 0000 0004", "00 02 00 00 00 0b 01 03 08 00 00 00 01 00 01 00 00"),
    ("read coils: red", "0003 0000 0006 01 01 0000 0008", "00 03 00 00 00 04 01 01 01 08"),
    ("raise on", "0004 0000 0006 01 05 0000 FF00", "00 04 00 00 00 06 01 05 00 00 ff 00"),
    ("raise off", "0005 0000 0006 01 05 0000 0000", "00 05 00 00 00 06 01 05 00 00 00 00"),
    ("heartbeat", "0006 0000 0006 01 06 0000 0007", "00 06 00 00 00 06 01 06 00 00 00 07"),
    ("write 8 coils", "0007 0000 0008 01 0F 0000 0008 01 10", "00 07 00 00 00 06 01 0f 00 00 00 08"),
    ("write 1 register", "0008 0000 0009 01 10 0000 0001 02 0009", "00 08 00 00 00 06 01 10 00 00 00 01"),
    ("unknown function", "0009 0000 0002 01 2B", "00 09 00 00 00 03 01 ab 01"),
    ("address beyond the module", "000A 0000 0006 01 02 0010 0040", "00 0a 00 00 00 03 01 82 02"),
    ("read-only register", "000B 0000 0006 01 06 0001 0007", "00 0b 00 00 00 03 01 86 02"),
    ("no such coil", "000C 0000 0006 01 05 0100 FF00", "00 0c 00 00 00 03 01 85 02"),
    ("coil value neither on nor off", "000D 0000 0006 01 05 0000 1234", "00 0d 00 00 00 03 01 85 03"),
    ("no quantity", "000E 0000 0006 01 02 0000 0000", "00 0e 00 00 00 03 01 82 03"),
    ("short request", "000F 0000 0004 01 02 00 00", "00 0f 00 00 00 03 01 82 03"),
    ("byte count lies", "0010 0000 0008 01 0F 0000 0008 02 10", "00 10 00 00 00 03 01 8f 03"),
    ("another unit", "0011 0000 0006 09 02 0000 0001", "00 11 00 00 00 03 09 82 0b"),
]


@pytest.mark.parametrize(("what", "request_bytes", "reply"), EXCHANGES, ids=[row[0] for row in EXCHANGES])
async def test_bytes(what: str, request_bytes: str, reply: str) -> None:
    async with Module() as module:
        assert await module.exchange(request_bytes) == reply


async def test_writes_reach_the_plant() -> None:
    async with Module() as module:
        await module.exchange("0001 0000 0006 01 05 0000 FF00")
        await module.exchange("0002 0000 0006 01 06 0000 002A")
        assert module.plant.raise_count == 1
        assert module.plant.heartbeat == 42
        await module.exchange("0003 0000 0008 01 0F 0000 0008 01 12")
        assert module.plant.lower_count == 1
        assert module.plant.outputs["green"] is True


async def test_pulse_coil_runs_its_pulse_by_itself() -> None:
    async with Module(HARDWARE) as module:
        await module.exchange("0001 0000 0006 01 05 0010 FF00")
        assert (module.plant.raise_count, module.plant.outputs["raise"]) == (1, False)
        assert await module.exchange("0002 0000 0006 01 01 0010 0001") == "00 02 00 00 00 04 01 01 01 01"
        await module.exchange("0003 0000 0006 01 05 0010 0000")
        assert await module.exchange("0004 0000 0006 01 01 0010 0001") == "00 04 00 00 00 04 01 01 01 00"
        assert module.plant.raise_count == 1


async def test_normally_closed_input_reads_one_at_rest() -> None:
    inputs = tuple(InputPoint(p.signal, p.address, p.signal == "emergency_stop") for p in BarrierMap().inputs)
    async with Module(BarrierMap(inputs=inputs)) as module:
        assert (await module.exchange("0001 0000 0006 01 02 000A 0001"))[-2:] == "01"
        module.plant.set_signals({"emergency_stop": True})
        assert (await module.exchange("0002 0000 0006 01 02 000A 0001"))[-2:] == "00"


@pytest.mark.parametrize(
    "request_bytes", ["0001 0001 0006 01 02 0000 0001", "0001 0000 FFFF 01 02", "0001 0000 0001 01"]
)
async def test_a_broken_header_closes_the_connection(request_bytes: str) -> None:
    async with Module() as module:
        module.writer.write(bytes.fromhex(request_bytes))
        async with asyncio.timeout(5):
            assert await module.reader.read() == b""


async def test_restart_cuts_connections_and_counts_the_boot() -> None:
    async with Module() as module:
        module.simulator.restart()
        async with asyncio.timeout(5):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await module.exchange("0001 0000 0006 01 03 0001 0001")
        assert module.plant.boot_counter == 2
        assert module.simulator.read_registers(1, 1) == [2]


async def test_stop_and_start_keep_port_and_plant() -> None:
    async with Module() as module:
        port = module.simulator.port
        await module.simulator.stop()
        await module.simulator.stop()
        await module.simulator.start()
        assert module.simulator.port == port


async def mbpoll(*arguments: str) -> str:
    path = program("mbpoll")
    assert path is not None
    process = await asyncio.create_subprocess_exec(path, *arguments, stdout=-1, stderr=-2)
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.mark.mbpoll
async def test_mbpoll_reads_inputs_and_registers_and_raises_the_boom() -> None:
    async with Module() as module:
        target = ["-m", "tcp", "-p", str(module.simulator.port), "-a", "1", "-0", "-1"]
        inputs = await mbpoll(*target, "-t", "1", "-r", "0", "-c", "12", "127.0.0.1")
        assert re.findall(r"\[(\d+)\]:\s+1", inputs) == ["8"]
        registers = await mbpoll(*target, "-t", "4", "-r", "0", "-c", "4", "127.0.0.1")
        assert re.findall(r"\[\d+\]:\s+(\d+)", registers) == ["0", "1", "1", "0"]
        await mbpoll(*target[:-1], "-t", "0", "-r", "0", "127.0.0.1", "1")
        assert (module.plant.raise_count, module.plant.outputs["raise"]) == (1, True)
        await mbpoll(*target[:-1], "-t", "0", "-r", "0", "127.0.0.1", "0")
        assert module.plant.outputs["raise"] is False
        await mbpoll(*target[:-1], "-t", "4", "-r", "0", "127.0.0.1", "77")
        assert module.plant.heartbeat == 77
