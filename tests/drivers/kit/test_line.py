"""The port itself, where the driver's tests cannot bring it about on demand."""

import asyncio
import contextlib
import errno
import os
from pathlib import Path

import pytest

from drivers.kit.line import LineError, _open_code, open_line
from simulators.devices.uhf_r2000 import R2000Simulator, R2000TcpSimulator
from tests.support.r2000 import until


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOENT, "none"), "port_missing"),
        (OSError(errno.ENODEV, "none"), "port_missing"),
        (OSError(errno.EACCES, "no"), "port_denied"),
        (OSError(errno.EBUSY, "busy"), "port_busy"),
        (OSError("Could not exclusively lock port"), "port_busy"),
        (OSError(errno.EIO, "broken"), "port_failed"),
    ],
)
def test_each_cause_has_its_code(error: OSError, code: str) -> None:
    assert _open_code(error) == code


async def test_writing_to_a_port_that_has_just_gone_is_a_loss() -> None:
    simulator = R2000Simulator(list)
    simulator.plug()
    why: list[str] = []
    line = await open_line(simulator.path, 115_200, lambda _: None, why.append, 1.0)
    try:
        simulator.unplug()
        with pytest.raises(LineError) as caught:
            line.write(b"\xa0")
        assert caught.value.code == "lost"
        line.discard_input()
        await until(lambda: len(why) == 1)
    finally:
        line.close()
        line.close()


async def test_discarding_takes_what_the_kernel_holds(tmp_path: Path) -> None:
    simulator = R2000Simulator(list, symlink=tmp_path / "reader")
    simulator.plug()
    got = bytearray()
    line = await open_line(simulator.path, 115_200, got.extend, lambda _: None, 1.0)
    probe = os.open(simulator.path, os.O_RDONLY | os.O_NOCTTY)
    try:
        simulator.write(b"old")
        # Read by another descriptor, the first byte proves that the rest has arrived, too.
        assert os.read(probe, 1) == b"o"
        line.discard_input()
        simulator.write(b"new")
        await until(lambda: bytes(got) == b"new")
    finally:
        os.close(probe)
        line.close()
        simulator.unplug()


async def test_a_closed_socket_line_takes_and_gives_nothing() -> None:
    simulator = R2000TcpSimulator(list)
    await simulator.start()
    why: list[str] = []
    line = await open_line(simulator.path, 0, lambda _: None, why.append, 1.0)
    line.discard_input()
    line.close()
    with pytest.raises(LineError) as caught:
        line.write(b"\xa0")
    assert caught.value.code == "lost"
    await simulator.stop()
    assert why == []


@pytest.mark.hazard("S24")
async def test_a_serial_server_that_floods_is_made_to_wait_and_a_bit_at_a_time() -> None:
    loop = asyncio.get_running_loop()

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(b"\xa0" * 65_536)
                await writer.drain()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    got: list[int] = []
    enough = asyncio.Event()

    def count(data: bytes) -> None:
        got.append(len(data))
        if sum(got) >= 48 * 1024:
            enough.set()

    began = loop.time()
    line = await open_line(
        f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}", 115_200, count, lambda _: None, 1.0
    )
    try:
        async with asyncio.timeout(10):
            await enough.wait()
    finally:
        line.close()
        server.close()
    # 16 KiB at once, then 64 KiB a second; each decoded in a turn of its own.
    assert loop.time() - began >= 0.4
    assert max(got) <= 4096


async def test_a_serial_server_that_never_reads_is_let_go_before_it_costs_memory() -> None:
    held: list[asyncio.StreamWriter] = []

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        held.append(writer)

    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    why: list[str] = []
    port = server.sockets[0].getsockname()[1]
    line = await open_line(f"socket://127.0.0.1:{port}", 0, lambda _: None, why.append, 1.0)

    def send_on() -> None:
        for _ in range(64 * 1024):
            line.write(bytes(1024))

    with pytest.raises(LineError) as caught:
        send_on()
    assert caught.value.code == "write_stalled"
    assert "wait to be read" in caught.value.detail
    with pytest.raises(LineError) as again:
        line.write(b"more")
    assert again.value.code == "lost"
    await until(lambda: len(why) == 1)
    for one in held:
        one.transport.abort()
    server.close()
    line.close()
