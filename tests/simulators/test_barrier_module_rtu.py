"""The simulated module on a serial line as other masters see it: mbpoll, and bytes that owe nothing to our driver."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Literal

import pytest

from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from simulators.devices.modbus_pdu import ReplyFaults
from simulators.devices.modbus_rtu import RtuServer, crc16
from tests.simulators.test_barrier_module import mbpoll
from tests.support.barrier_lane import eventually, now_ms

Wire = Literal["rtu", "rtu_over_tcp"]


def framed(hexadecimal: str) -> bytes:
    body = bytes.fromhex(hexadecimal)
    return body + crc16(body).to_bytes(2, "little")


class Module:
    """A started simulator and one plain client on its line."""

    def __init__(self, simulator: BarrierSimulator) -> None:
        assert isinstance(simulator.server, RtuServer)
        self.simulator = simulator
        self.server = simulator.server
        self.heard = bytearray()
        self.write: Callable[[bytes], object]

    def answers(self, reply: str) -> Callable[[], bool]:
        return lambda: bytes(self.heard) == framed(reply)


@asynccontextmanager
async def module(wire: Wire, symlink: Path | None = None) -> AsyncIterator[Module]:
    simulator = BarrierSimulator(Plant(now_ms, stroke_s=60), transport=wire, symlink=symlink)
    await simulator.start()
    it = Module(simulator)
    loop = asyncio.get_running_loop()
    if wire == "rtu":
        descriptor = os.open(simulator.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        loop.add_reader(descriptor, lambda: it.heard.extend(os.read(descriptor, 4096)))
        it.write = lambda data: os.write(descriptor, data)
        try:
            yield it
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            await simulator.stop()
        return
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)

    async def listen() -> None:
        while data := await reader.read(4096):
            it.heard.extend(data)

    listening = asyncio.create_task(listen())
    it.write = writer.write
    try:
        yield it
    finally:
        listening.cancel()
        writer.close()
        await simulator.stop()


EXCHANGES = [
    ("read 12 inputs: boom down", "01 02 0000 000C", "01 02 02 00 01"),
    ("read registers", "01 03 0000 0004", "01 03 08 0000 0001 0001 0000"),
    ("read coils: red", "01 01 0000 0008", "01 01 01 08"),
    ("raise on", "01 05 0000 FF00", "01 05 0000 FF00"),
    ("heartbeat", "01 06 0000 0007", "01 06 0000 0007"),
    ("write 8 coils", "01 0F 0000 0008 01 10", "01 0F 0000 0008"),
    ("write 1 register", "01 10 0000 0001 02 0009", "01 10 0000 0001"),
    ("address beyond the module", "01 02 0010 0040", "01 82 02"),
    ("coil value neither on nor off", "01 05 0000 1234", "01 85 03"),
]


@pytest.mark.parametrize("wire", ["rtu", "rtu_over_tcp"])
@pytest.mark.parametrize(("what", "request_bytes", "reply"), EXCHANGES, ids=[row[0] for row in EXCHANGES])
async def test_bytes(wire: Wire, what: str, request_bytes: str, reply: str) -> None:
    async with module(wire) as it:
        it.write(framed(request_bytes))
        await eventually(it.answers(reply))


async def test_another_units_request_and_a_spoilt_one_are_met_with_silence() -> None:
    async with module("rtu_over_tcp") as it:
        it.write(framed("02 05 0000 FF00"))
        await eventually(lambda: len(it.server.frames) == 1)
        it.write(framed("01 05 0000 FF00")[:-1] + b"\x00")
        await eventually(lambda: it.server.noise == 8)
        assert it.simulator.plant.raise_count == 0
        it.write(framed("00 05 0004 FF00"))
        await eventually(lambda: it.simulator.plant.outputs["green"])
        assert it.heard == b""


async def test_half_a_request_is_forgotten_once_the_line_is_silent() -> None:
    async with module("rtu_over_tcp") as it:
        it.write(b"\x01\x02\x00")
        await eventually(lambda: it.server.noise == 3)
        it.write(framed("01 01 0000 0008"))
        await eventually(it.answers("01 01 01 08"))


SPOILT = framed("01 01 01 08")[:-1] + bytes((framed("01 01 01 08")[-1] ^ 1,))
FAULTY = [
    (ReplyFaults(crc_error=True), SPOILT.hex()),
    (ReplyFaults(wrong_unit=True), framed("00 01 01 08").hex()),
    (ReplyFaults(wrong_function=True), framed("01 02 01 08").hex()),
    (ReplyFaults(exception_code=6), framed("01 81 06").hex()),
    (ReplyFaults(half_frame=True), "01 01 01"),
    (ReplyFaults(leading_garbage=b"\x00\xff"), "00 FF" + framed("01 01 01 08").hex()),
    (ReplyFaults(byte_gap_s=0.001), framed("01 01 01 08").hex()),
    (ReplyFaults(local_echo=True), (framed("01 01 0000 0008") + framed("01 01 01 08")).hex()),
    (ReplyFaults(duplicate_reply=True), (framed("01 01 01 08") * 2).hex()),
]


@pytest.mark.parametrize(("faults", "heard"), FAULTY)
async def test_faults_are_what_they_say(faults: ReplyFaults, heard: str) -> None:
    async with module("rtu_over_tcp") as it:
        it.simulator.faults = faults
        it.write(framed("01 01 0000 0008"))
        await eventually(lambda: bytes(it.heard) == bytes.fromhex(heard))


@pytest.mark.parametrize("faults", [ReplyFaults(silent=True), ReplyFaults(drop_reply=True)])
async def test_silence(faults: ReplyFaults) -> None:
    async with module("rtu_over_tcp") as it:
        it.simulator.faults = faults
        it.write(framed("01 05 0000 FF00"))
        await eventually(lambda: it.server.requests.get(5) == 1)
        it.simulator.faults = ReplyFaults()
        it.write(framed("01 01 0003 0001"))
        await eventually(it.answers("01 01 01 01"))
        assert it.simulator.plant.raise_count == (0 if faults.silent else 1)


async def test_any_bytes_are_survived() -> None:
    random = Random(7)
    async with module("rtu_over_tcp") as it:
        for _ in range(200):
            sent = it.server.noise + sum(len(frame) for frame in it.server.frames)
            it.write(random.randbytes(random.randint(8, 40)))
            # Taken in: nothing of it can be a request by chance, checksum included, but for one in 65536.
            await eventually(lambda sent=sent: it.server.noise + sum(map(len, it.server.frames)) > sent)
        it.write(framed("01 01 0000 0008"))
        await eventually(it.answers("01 01 01 08"))


async def test_an_answer_without_a_line() -> None:
    async with module("rtu_over_tcp") as it:
        assert it.server.exchange(framed("01 01 0000 0008")) == framed("01 01 01 08")
        it.simulator.faults = ReplyFaults(silent=True)
        assert it.server.exchange(framed("01 01 0000 0008")) is None
        it.simulator.faults = ReplyFaults(drop_reply=True)
        assert it.server.exchange(framed("01 01 0000 0008")) is None


async def test_the_serial_server_cuts_its_clients_off() -> None:
    async with module("rtu_over_tcp") as it:
        it.simulator.faults = ReplyFaults(close_before_reply=True)
        it.write(framed("01 01 0000 0008"))
        reader, writer = await asyncio.open_connection("127.0.0.1", it.simulator.port)
        await eventually(lambda: it.server.requests.get(1) == 1)
        writer.close()
        it.server.wire.plug()
        it.server.wire.unplug()
        assert it.server.connections == 2
        assert reader is not None


async def test_a_pulled_cable_takes_the_port_with_it(tmp_path: Path) -> None:
    port = tmp_path / "barrier"
    async with module("rtu", symlink=port) as it:
        assert it.simulator.path == str(port)
        it.server.wire.plug()
        it.server.drop_connections()
        it.server.wire.unplug()
        assert not port.exists()
        it.server.wire.unplug()
        it.server.wire.write(b"lost")
        it.server.wire.plug()
        assert port.exists()


async def test_bytes_that_nobody_reads_are_lost() -> None:
    simulator = BarrierSimulator(Plant(now_ms), transport="rtu")
    await simulator.start()
    assert isinstance(simulator.server, RtuServer)
    for _ in range(64):
        simulator.server.wire.write(bytes(4096))
    await simulator.stop()
    await simulator.stop()


@pytest.mark.mbpoll
async def test_mbpoll_reads_and_raises_over_a_serial_line() -> None:
    simulator = BarrierSimulator(Plant(now_ms, stroke_s=60), transport="rtu")
    await simulator.start()
    try:
        line = ["-m", "rtu", "-b", "19200", "-P", "none", "-a", "1", "-0", "-1"]
        inputs = await mbpoll(*line, "-t", "1", "-r", "0", "-c", "12", simulator.path)
        assert re.findall(r"\[(\d+)\]:\s+1", inputs) == ["8"]
        registers = await mbpoll(*line, "-t", "4", "-r", "0", "-c", "4", simulator.path)
        assert re.findall(r"\[\d+\]:\s+(\d+)", registers) == ["0", "1", "1", "0"]
        await mbpoll(*line[:-1], "-t", "0", "-r", "0", simulator.path, "1")
        assert (simulator.plant.raise_count, simulator.plant.outputs["raise"]) == (1, True)
        await mbpoll(*line[:-1], "-t", "4", "-r", "0", simulator.path, "77")
        assert simulator.plant.heartbeat == 77
    finally:
        await simulator.stop()
