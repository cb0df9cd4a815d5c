"""The driver against the reader that llrpkit emulates, over TCP: another implementation, of somebody else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from llrpkit.emulator import EmulatedTag, LLRPEmulator
from llrpkit.protocol import messages

from drivers.uhf_llrp.driver import LlrpReader
from edge.ports import DeviceError
from tests.drivers.conformance.rigs import QUICK
from tests.support.r2000 import Delivered, RealClock, until

NEAR = EmulatedTag(bytes.fromhex("E200301666130121155074EF"), antennas=(1,), rssi_dbm=-50.0)
FAR = EmulatedTag(bytes.fromhex("ABCD"), antennas=(2,), rssi_dbm=-65.0)
NEIGHBOUR = EmulatedTag(bytes.fromhex("DEAD000000000000000000AA"), antennas=(4,), rssi_dbm=-50.0)


def reader(port: int, delivered: Delivered, **settings: Any) -> LlrpReader:
    given: dict[str, Any] = {"clock": RealClock(), "pace": QUICK, "antennas": (0, 1), "round_s": 0.05} | settings
    return LlrpReader("rfid-1", f"socket://127.0.0.1:{port}", on_tag=delivered, **given)


@contextlib.asynccontextmanager
async def running(driver: LlrpReader) -> AsyncIterator[asyncio.Task[None]]:
    await driver.connect()
    task = asyncio.create_task(driver.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, DeviceError):
            await task
        await driver.close()


async def test_tags_of_the_emulator_are_read() -> None:
    delivered = Delivered()
    async with LLRPEmulator(tags=[NEAR, FAR, NEIGHBOUR], reads_per_sec=400) as emulator:
        driver = reader(emulator.port, delivered)
        async with running(driver):
            await driver.start_inventory()
            await delivered.until(lambda tags: {one.tag.epc for one in tags} >= {NEAR.epc.hex().upper(), "ABCD"})
            await driver.stop_inventory()
            near = [one for one in delivered.tags if one.antenna == 0]
            assert {one.tag.epc for one in near} == {NEAR.epc.hex().upper()}
            assert all(-70 < (one.rssi_dbm or 0) < -30 for one in near)
            # Another antenna was not asked for.
            assert {one.antenna for one in delivered.tags} == {0, 1}
            assert driver.counters.malformed_frames == 0
            assert driver.counters.refused_rounds == 0


async def test_the_emulators_keepalives_are_answered() -> None:
    async with LLRPEmulator(tags=[]) as emulator:
        async with running(reader(emulator.port, Delivered())):
            await emulator.send_keepalive()
            await emulator.wait_keepalive_ack(timeout=30)
        assert emulator.keepalive_acks == 1


async def test_a_reader_that_another_client_holds_is_told_and_free_again_once_it_left() -> None:
    async with LLRPEmulator(tags=[NEAR]) as emulator:
        first, second = reader(emulator.port, Delivered()), reader(emulator.port, Delivered())
        await first.connect()
        with pytest.raises(DeviceError) as refused:
            await second.connect()
        assert refused.value.code == "reader_refused"
        assert "Failed_A_Client_Initiated_Connection_Already_Exists" in refused.value.got
        assert "other program" in refused.value.next_step
        await first.close()
        await until(lambda: emulator._writer is None)
        await second.connect()
        await second.close()


async def test_an_emulator_that_answers_nothing_is_silent_and_read_again_once_it_does() -> None:
    delivered = Delivered()
    async with LLRPEmulator(tags=[NEAR], reads_per_sec=400) as emulator:
        driver = reader(emulator.port, delivered)
        emulator.drop_next(messages.START_ROSPEC)
        await driver.connect()
        await driver.start_inventory()
        with pytest.raises(DeviceError) as silent:
            await driver.run()
        assert silent.value.code == "reader_silent"
        await driver.close()
        await until(lambda: emulator._writer is None)
        async with running(driver):
            await delivered.until(lambda tags: len(tags) >= 1)


async def test_an_emulator_that_stops_is_lost_and_read_again_at_its_port() -> None:
    delivered = Delivered()
    emulator = LLRPEmulator(tags=[NEAR], reads_per_sec=400)
    await emulator.start()
    driver = reader(emulator.port, delivered)
    async with running(driver) as task:
        await driver.start_inventory()
        await delivered.until(lambda tags: len(tags) >= 1)
        await emulator.stop()
        await asyncio.wait({task})
        lost = task.exception()
        assert isinstance(lost, DeviceError)
        assert lost.code == "reader_lost"
    await emulator.start()
    count = len(delivered.tags)
    async with running(driver):
        await delivered.until(lambda tags: len(tags) > count)
    await emulator.stop()
