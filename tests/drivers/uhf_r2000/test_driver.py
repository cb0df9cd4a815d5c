"""The driver against the simulated reader, over real ptys and TCP."""

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.uhf_r2000.driver import R2000Reader
from drivers.uhf_r2000.wire import CMD_REALTIME_INVENTORY, Frame, encode, encode_tag_report
from edge.core.tag import Tag
from edge.ports import DeviceError, TagReader
from simulators.devices.tag_field import STALE_TAGS, SimulatedTag
from simulators.devices.uhf_r2000 import ERROR_ANTENNA_MISSING, R2000TcpSimulator
from tests.support.r2000 import Delivered, RealClock, StoppedClock, bench, lost, until

EPC = "E200301666130121155074EF"
STRAY = encode_tag_report(bytes.fromhex("DEAD0000"), antenna=0, rssi_dbm=-50)


async def test_a_tag_is_delivered_with_antenna_and_signal(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.field.append(SimulatedTag(EPC, rssi_dbm=-61))
        protocol: TagReader = b.reader
        async with b.running():
            await protocol.start_inventory()
            await b.delivered.until(lambda tags: len(tags) >= 3)
            seen = b.delivered.tags[0]
            assert (seen.tag, seen.antenna, seen.rssi_dbm) == (Tag(EPC), 0, -61)
            assert seen.seen_at_ms <= RealClock().now_ms()


async def test_stop_ends_the_deliveries_and_start_resumes(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.field.append(SimulatedTag(EPC))
        async with b.running():
            await b.reader.start_inventory()
            await b.delivered.until(lambda tags: len(tags) >= 1)
            await b.reader.stop_inventory()
            count = len(b.delivered.tags)
            rounds = b.simulator.device.rounds
            await until(lambda: b.simulator.device.commands[-1].command != CMD_REALTIME_INVENTORY)
            assert len(b.delivered.tags) == count
            assert b.simulator.device.rounds <= rounds + 1
            await b.reader.start_inventory()
            await b.delivered.until(lambda tags: len(tags) > count)


async def test_all_antennas_are_polled(tmp_path: Path) -> None:
    async with bench(tmp_path, antennas=(0, 2, 3)) as b:
        b.field += [SimulatedTag(f"{number:04X}", antenna=number) for number in range(4)]
        async with b.running():
            await b.reader.start_inventory()
            await b.delivered.until(lambda tags: {tag.antenna for tag in tags} == {0, 2, 3})
        assert all(int(tag.tag.epc, 16) == tag.antenna for tag in b.delivered.tags)


@pytest.mark.hazard("D11")
async def test_tags_read_before_the_start_are_discarded(tmp_path: Path) -> None:
    async with bench(tmp_path, probe_interval_s=30) as b, b.running():
        b.simulator.write(STRAY * 3)
        await until(lambda: b.reader.counters.tags_stale == 3)
        # Unread in the kernel at the start, and still in the reader's own buffer at the start.
        b.simulator.write(STRAY * 3)
        b.simulator.faults.stale_buffer = True
        await b.reader.start_inventory()
        await until(lambda: not b.simulator.faults.stale_buffer)
        b.field.append(SimulatedTag(EPC))
        await b.delivered.until(lambda tags: len(tags) >= 1)
        assert b.reader.counters.tags_stale >= 3 + STALE_TAGS
        assert {tag.tag.epc for tag in b.delivered.tags} == {EPC}


@pytest.mark.hazard("D11")
async def test_a_start_during_a_round_discards_what_that_round_still_reports(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.field.append(SimulatedTag("DEAD"))
        await b.reader.start_inventory()
        await b.delivered.until(lambda tags: len(tags) >= 1)
        b.simulator.faults.delayed_s = 0.1
        b.field[:] = [SimulatedTag(EPC)]
        await b.reader.start_inventory()
        b.delivered.tags.clear()
        b.simulator.write(STRAY)
        stale = b.reader.counters.tags_stale
        await until(lambda: b.reader.counters.tags_stale > stale)
        await b.delivered.until(lambda tags: len(tags) >= 1)
        assert {tag.tag.epc for tag in b.delivered.tags} == {EPC}


async def test_phase_bytes_do_not_change_the_tag(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        b.simulator.faults.phase = True
        b.field.append(SimulatedTag(EPC, rssi_dbm=-40))
        await b.reader.start_inventory()
        await b.delivered.until(lambda tags: len(tags) >= 2)
        assert {(tag.tag.epc, tag.rssi_dbm) for tag in b.delivered.tags} == {(EPC, -40)}


@pytest.mark.hazard("D13")
async def test_a_flood_is_limited_and_the_surplus_counted(tmp_path: Path) -> None:
    async with bench(tmp_path, clock=StoppedClock()) as b, b.running():
        b.simulator.faults.flood = True
        await b.reader.start_inventory()
        await until(lambda: b.reader.counters.rounds >= 2)
        assert len(b.delivered.tags) == 200
        counters = b.reader.counters
        assert counters.tags_surplus >= 1800
        assert counters.dropped_bytes == 0


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.hazard("D18")
async def test_unplugging_is_seen_at_once_and_replugging_reads_again(tmp_path: Path, wanted: bool) -> None:
    async with bench(tmp_path, probe_interval_s=60, round_silence_s=60, answer_timeout_s=60) as b:
        b.field.append(SimulatedTag(EPC))
        async with b.running() as task:
            if wanted:
                await b.reader.start_inventory()
                await b.delivered.until(lambda tags: len(tags) >= 1)
            b.simulator.unplug()
            error = await lost(task)
            assert error.code == "reader_lost"
            assert error.device == "rfid-1"
            assert error.address == b.simulator.path
            with pytest.raises(DeviceError, match="reader_lost"):
                await b.reader.start_inventory()
            with pytest.raises(DeviceError, match="reader_lost"):
                await b.reader.stop_inventory()
        with pytest.raises(DeviceError, match="reader_port_missing"):
            await b.reader.connect()
        b.simulator.plug()
        b.delivered.tags.clear()
        async with b.running():
            await b.reader.start_inventory()
            await b.delivered.until(lambda tags: len(tags) >= 1)


async def test_an_inventory_goes_on_after_a_reconnect(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.field.append(SimulatedTag(EPC))
        async with b.running() as task:
            await b.reader.start_inventory()
            await b.delivered.until(lambda tags: len(tags) >= 1)
            b.simulator.unplug()
            await lost(task)
        b.simulator.plug()
        b.delivered.tags.clear()
        async with b.running():
            await b.delivered.until(lambda tags: len(tags) >= 1)


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        ("stuck", True, "reader_silent"),
        ("garbage", True, "reader_garbled"),
        ("wrong", True, "reader_garbled"),
        ("half_frames", True, "reader_garbled"),
        ("delayed_s", 5.0, "reader_silent"),
        ("error_code", ERROR_ANTENNA_MISSING, "reader_refused"),
    ],
)
@pytest.mark.parametrize("wanted", [False, True])
async def test_a_failing_reader_ends_with_its_own_error(
    tmp_path: Path, fault: str, value: object, code: str, wanted: bool
) -> None:
    async with bench(tmp_path) as b, b.running() as task:
        b.field.append(SimulatedTag(EPC))
        if wanted or fault == "error_code":
            await b.reader.start_inventory()
            await b.delivered.until(lambda tags: len(tags) >= 1)
        setattr(b.simulator.faults, fault, value)
        error = await lost(task)
        assert error.code == code
        assert error.next_step


async def test_a_reader_that_never_ends_a_round_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path, round_limit_s=0.5) as b, b.running() as task:
        b.simulator.faults.stuck = False
        await b.reader.start_inventory()
        await until(lambda: b.reader.counters.rounds > 0)
        b.simulator.faults.stuck = True
        loop = asyncio.get_running_loop()

        def chatter() -> None:
            b.simulator.write(STRAY)
            if not task.done():
                loop.call_later(0.02, chatter)

        chatter()
        assert (await lost(task)).code == "reader_endless_round"


async def test_an_empty_round_told_as_an_error_is_no_fault(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running() as task:
        b.simulator.faults.error_code = 0x36
        await b.reader.start_inventory()
        await until(lambda: b.reader.counters.rounds > 10)
        assert not task.done()
        assert b.reader.counters.refused_rounds == 0


async def test_a_refused_antenna_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running() as task:
        b.simulator.device._select = lambda _: encode(Frame(1, 0x74, b"\x22"))  # type: ignore[method-assign]
        error = await lost(task)
        assert error.code == "reader_refused"
        assert "22" in error.got


@pytest.mark.hazard("D19")
async def test_other_addresses_and_stray_frames_are_counted(tmp_path: Path) -> None:
    async with bench(tmp_path, probe_interval_s=30) as b, b.running() as task:
        b.simulator.write(encode(Frame(9, CMD_REALTIME_INVENTORY, b"\x22")) + encode(Frame(1, 0x72, b"\x01\x02")))
        b.simulator.write(encode(Frame(1, CMD_REALTIME_INVENTORY, b"\x01\x02\x03")))
        await until(lambda: b.reader.counters.malformed_frames == 1)
        assert b.reader.counters.foreign_frames == 2
        assert not task.done()


async def test_noise_that_hides_the_end_of_a_round_does_not_lose_the_reader(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running() as task:
        b.field.append(SimulatedTag(EPC))
        await b.reader.start_inventory()
        await b.delivered.until(lambda tags: len(tags) >= 1)
        for _ in range(3):
            dropped = b.reader.counters.dropped_bytes
            b.simulator.write(b"\xa0\x47")
            await until(lambda seen=dropped: b.reader.counters.dropped_bytes > seen)  # type: ignore[misc]
        assert not task.done()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.binary(min_size=1, max_size=600), max_size=5))
@pytest.mark.hazard("D14", "I18")
async def test_no_bytes_raise_anything_but_a_device_error(tmp_path: Path, noise: list[bytes]) -> None:
    async with bench(tmp_path) as b, b.running() as task:
        await b.reader.start_inventory()
        b.simulator.device.faults.stuck = True
        for chunk in noise:
            b.simulator.write(chunk)
        b.simulator.unplug()
        assert (await lost(task)).code.startswith("reader_")


async def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    reader = R2000Reader("rfid-1", str(tmp_path / "none"), clock=RealClock(), on_tag=Delivered())
    with pytest.raises(DeviceError) as caught:
        await reader.connect()
    assert caught.value.code == "reader_port_missing"
    assert "by-path" in caught.value.next_step


async def test_a_second_user_of_the_port_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running():
        second = R2000Reader("rfid-2", b.simulator.path, clock=RealClock(), on_tag=Delivered())
        with pytest.raises(DeviceError, match="reader_port_busy"):
            await second.connect()


async def test_a_file_is_no_port(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    with pytest.raises(DeviceError, match="reader_port_failed"):
        await R2000Reader("rfid-1", str(plain), clock=RealClock(), on_tag=Delivered()).connect()


@pytest.mark.parametrize("port", ["socket://", "socket://127.0.0.1", "socket://127.0.0.1:99999", "socket://[::1"])
async def test_a_bad_socket_address_is_named(port: str) -> None:
    with pytest.raises(DeviceError, match="reader_port_invalid"):
        await R2000Reader("rfid-1", port, clock=RealClock(), on_tag=Delivered()).connect()


async def test_a_bad_baud_rate_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path, baud=-1) as b:
        with pytest.raises(DeviceError, match="reader_port_invalid"):
            await b.reader.connect()


async def test_a_silent_reader_does_not_connect(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.simulator.faults.stuck = True
        with pytest.raises(DeviceError, match="reader_silent"):
            await b.reader.connect()
        b.simulator.faults.stuck = False
        await b.reader.connect()


def blocked(descriptor: int) -> bool:
    """True where not one byte more can be written."""
    try:
        while True:
            os.write(descriptor, b"\0")
    except BlockingIOError:
        return True


async def test_a_line_that_takes_no_bytes_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path, probe_interval_s=0.001, answer_timeout_s=30) as b:
        await b.reader.connect()
        asyncio.get_running_loop().remove_reader(b.simulator._master)
        stuffer = os.open(b.simulator.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            # The kernel moves bytes on in the background, so full is only what stays full.
            await until(lambda: all(blocked(stuffer) for _ in range(50)))
        finally:
            os.close(stuffer)
        with pytest.raises(DeviceError, match="reader_write_stalled"):
            await b.reader.run()


async def test_close_is_idempotent_and_ends_a_run(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.reader.close()
        with pytest.raises(DeviceError, match="reader_not_connected"):
            await b.reader.stop_inventory()
        async with b.running() as task:
            await b.reader.close()
            await b.reader.close()
            assert (await lost(task)).code == "reader_closed"


@pytest.mark.parametrize("antennas", [(), (4,), (-1,)])
def test_antennas_outside_the_protocol_are_refused(antennas: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="antennas"):
        R2000Reader("r", "p", clock=RealClock(), on_tag=Delivered(), antennas=antennas)


async def test_the_same_bytes_work_over_tcp() -> None:
    delivered = Delivered()
    simulator = R2000TcpSimulator(lambda: [SimulatedTag(EPC)], round_s=0.001)
    await simulator.start()
    reader = R2000Reader("rfid-1", simulator.path, clock=RealClock(), on_tag=delivered)
    try:
        await reader.connect()
        task = asyncio.create_task(reader.run())
        await reader.start_inventory()
        await delivered.until(lambda tags: len(tags) >= 2)
        simulator.drop()
        assert (await lost(task)).code == "reader_lost"
        await reader.connect()
        task = asyncio.create_task(reader.run())
        await delivered.until(lambda tags: len(tags) >= 4)
        await reader.close()
        assert (await lost(task)).code == "reader_closed"
        await simulator.stop()
        with pytest.raises(DeviceError, match="reader_port_unreachable"):
            await reader.connect()
    finally:
        await reader.close()
        await simulator.stop()
