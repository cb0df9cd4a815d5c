"""The reader on real TCP, kept by the product's own supervisor: prove, lose, come back, survive."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.kit.http import MOST_BYTES
from drivers.seal_http.driver import NEXT_STEPS, HttpSealReader
from edge.core.readings import Seal
from edge.core.seal import SealsInField
from edge.ports import DeviceError, SealReader
from simulators.devices.seal_http import FAULTS, HttpSealServer
from tests.drivers.test_quality import QUALITIES
from tests.support.asked import DRIVERS, SEALS, supervised
from tests.support.r2000 import RealClock, until

LISTED = QUALITIES["seal_http"]["faults"]


class Stand:
    """A reader behind HTTP, the driver on it, and what was told."""

    def __init__(self, server: HttpSealServer) -> None:
        self.server = server
        self.seals: tuple[Seal, ...] = SEALS
        self.told: list[SealsInField] = []
        self.reader = HttpSealReader(
            "seal-1", server.url, clock=RealClock(), on_seals=self.told.append, poll_s=0.01, timeout_s=0.8
        )

    async def tell_another(self, number: int) -> None:
        """Show another seal and wait until it is told."""
        self.seals = (Seal(f"CNSEAL9{number:03}", True),)
        await until(lambda: bool(self.told) and self.told[-1].seals == self.seals)


@contextlib.asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    made: list[Stand] = []
    server = HttpSealServer(lambda: made[0].seals)
    await server.start()
    made.append(Stand(server))
    try:
        yield made[0]
    finally:
        await server.stop()


def test_the_switches_are_the_fault_list_and_the_readme_names_every_error() -> None:
    assert tuple(LISTED) == FAULTS
    codes = {f"seal_{code}" for code in NEXT_STEPS}
    text = (DRIVERS / "seal_http" / "README.md").read_text(encoding="utf-8")
    assert {code for code in codes if f"`{code}`" not in text} == set()
    assert set(LISTED.values()) - {"survived"} <= codes


@pytest.mark.parametrize("slow_s", [0.0, 0.0005])
async def test_it_connects_and_tells_whatever_the_pieces(slow_s: float) -> None:
    async with stand() as it, supervised(it.reader) as watched:
        it.server.faults.slow_s = slow_s
        await watched.until_back()
        await until(lambda: bool(it.told))
        assert it.told[-1].seals == SEALS
        await it.tell_another(1)
        assert (len(it.told), watched.lost) == (2, [])


@pytest.mark.hazard("C2")
async def test_it_is_lost_once_and_back_once() -> None:
    async with stand() as it, supervised(it.reader) as watched:
        await watched.until_back()
        await it.server.stop()
        await watched.until_lost()
        await it.server.start()
        async with asyncio.timeout(5.0):
            await watched.until_back(2)
        await it.tell_another(2)
        assert watched.lost == ["seal_unreachable"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.hazard("D14", "D4")
async def test_each_fault_is_what_the_driver_says_of_it_and_passes(fault: str) -> None:
    async with stand() as it, supervised(it.reader) as watched:
        await watched.until_back()
        await until(lambda: bool(it.told))
        await it.server.turn_on(fault)
        if LISTED[fault] == "survived":
            asked = it.server.asked
            await until(lambda: it.server.asked > asked + 5)
            assert watched.lost == []
            await it.server.turn_off(fault)
        else:
            await watched.until_lost()
            assert watched.lost[0] == LISTED[fault]
            await it.server.turn_off(fault)
            await watched.until_back(2)
        await it.tell_another(3)


async def test_an_answer_without_end_is_cut_off() -> None:
    sent = 0

    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x" * 1024)
                sent += 1024
                await writer.drain()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    protocol: SealReader = HttpSealReader(
        "seal-1", f"http://127.0.0.1:{port}/", clock=RealClock(), on_seals=lambda _: None, timeout_s=5.0
    )
    with pytest.raises(DeviceError, match="seal_garbled") as refused:
        await protocol.connect()
    assert str(MOST_BYTES + 1) in refused.value.got
    await protocol.close()
    server.close()
    await server.wait_closed()


async def test_a_query_is_asked_for_and_told_to_nobody() -> None:
    async with stand() as it:
        reader = HttpSealReader(
            "seal-1", it.server.url + "?key=s3cret", clock=RealClock(), on_seals=it.told.append, timeout_s=0.2
        )
        await reader.connect()
        await it.server.stop()
        with pytest.raises(DeviceError) as lost:
            await reader.connect()
        assert reader.address == it.server.url
        assert "s3cret" not in str(lost.value)


async def test_a_name_that_is_nobodys_is_unreachable(tmp_path: Path) -> None:
    reader = HttpSealReader("seal-1", "http://127.0.0.1:1/", clock=RealClock(), on_seals=lambda _: None)
    with pytest.raises(DeviceError, match="seal_unreachable") as refused:
        await reader.connect()
    assert (refused.value.device, refused.value.address) == ("seal-1", "http://127.0.0.1:1/")
