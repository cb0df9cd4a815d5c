"""The simulated reader's own behaviour, where the driver's tests do not reach it."""

import asyncio
import os
from pathlib import Path

import pytest

from drivers.kit.wire import TagReport
from drivers.uhf_r2000 import wire
from drivers.uhf_r2000.wire import Frame, FrameDecoder, RoundEnd, decode_inventory, encode
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000Device, R2000Simulator, R2000TcpSimulator
from tests.support.r2000 import until


class Recorder:
    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    @property
    def frames(self) -> list[Frame]:
        return FrameDecoder().feed(self.data)


async def answers(device: R2000Device, *commands: bytes, count: int) -> list[Frame]:
    recorder = Recorder()
    serving = asyncio.create_task(device.serve(recorder))
    device.receive(b"".join(commands))
    try:
        await until(lambda: len(recorder.frames) >= count)
    finally:
        serving.cancel()
    return recorder.frames


async def test_a_session_inventory_is_answered_under_its_own_command() -> None:
    device = R2000Device(lambda: [SimulatedTag("ABCD", -50)], round_s=0.001)
    tag, end = await answers(device, wire.session_inventory(), count=2)
    assert tag.command == end.command == wire.CMD_SESSION_INVENTORY
    assert isinstance(decode_inventory(tag), TagReport)
    assert decode_inventory(end) == RoundEnd(0, 1, 1)


async def test_unknown_commands_and_antennas_are_refused() -> None:
    device = R2000Device(list, round_s=0.001)
    frames = await answers(device, encode(Frame(1, 0x72, b"")), encode(Frame(1, 0x74, b"\x09")), count=2)
    assert [frame.data for frame in frames] == [b"\x41", b"\x41"]


async def test_the_symlink_is_there_while_plugged(tmp_path: Path) -> None:
    simulator = R2000Simulator(list, symlink=tmp_path / "reader")
    await simulator.start()
    simulator.plug()
    assert (tmp_path / "reader").exists()
    simulator.unplug()
    simulator.unplug()
    simulator.write(b"nobody hears this")
    assert not (tmp_path / "reader").is_symlink()
    simulator.plug()
    assert (tmp_path / "reader").exists()
    await simulator.stop()
    await simulator.stop()


async def test_without_a_symlink_the_path_is_the_terminal() -> None:
    simulator = R2000Simulator(list)
    with pytest.raises(RuntimeError, match="not plugged in"):
        _ = simulator.path
    simulator.plug()
    assert os.path.exists(simulator.path)  # noqa: ASYNC240, PTH110
    simulator.unplug()


async def test_what_nobody_reads_is_bounded_and_the_rest_arrives_in_order() -> None:
    simulator = R2000Simulator(list)
    await simulator.start()
    descriptor = os.open(simulator.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    got = bytearray()
    sent = bytes(range(256)) * 200
    try:
        simulator.write(sent)
        asyncio.get_running_loop().add_reader(descriptor, lambda: got.extend(os.read(descriptor, 4096)))
        await until(lambda: len(got) == len(sent))
        assert bytes(got) == sent
        asyncio.get_running_loop().remove_reader(descriptor)
        for _ in range(200):
            simulator.write(sent)
        assert len(simulator._unsent) <= 1 << 20
    finally:
        os.close(descriptor)
        await simulator.stop()


async def test_tcp_without_a_client_loses_what_is_written() -> None:
    simulator = R2000TcpSimulator(list)
    simulator.write(b"lost")
    await simulator.start()
    assert simulator.faults is simulator.device.faults
    await simulator.stop()
    await simulator.stop()
