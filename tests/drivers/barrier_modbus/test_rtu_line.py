"""The driver over RTU: a pty, and a TCP serial server that hands a late answer to whoever is connected then.

An RTU reply names no request. So nothing is sent on a new connection before the line has been silent (D25), and
whatever was on it until then is thrown away.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.barrier_modbus.rtu_frames import crc16
from drivers.barrier_modbus.target import Target, Transport
from drivers.barrier_modbus.wire import BarrierMap, Coils, Registers
from edge.ports import DeviceError
from simulators.devices.modbus_pdu import ReplyFaults
from simulators.devices.modbus_rtu import RtuServer
from tests.support.barrier_lane import TIMEOUT_S, Lane, lane, now_ms

RTU: tuple[Transport, ...] = ("rtu", "rtu_over_tcp")
WRITE_COIL = frozenset({5})
READ_INPUTS = frozenset({2})
SOFTWARE = BarrierMap(pulse_ms=2000)
BARE = BarrierMap(registers=Registers(None, None, None, None), coils=Coils(watchdog=None))

WRONG_REPLIES = {
    "D16_crc": ReplyFaults(crc_error=True),
    "D22_wrong_unit": ReplyFaults(wrong_unit=True),
    "D24_wrong_function": ReplyFaults(wrong_function=True),
    "D24_wrong_echo_address": ReplyFaults(wrong_echo_address=True),
    "D24_wrong_echo_value": ReplyFaults(wrong_echo_value=True),
    "D14_garbage_before": ReplyFaults(leading_garbage=b"\x00\xff\x00"),
    "D14_garbage_after": ReplyFaults(trailing_garbage=b"\x00\xff\x00"),
    "D14_flood": ReplyFaults(trailing_garbage=bytes(1000)),
    "D15_half_frame": ReplyFaults(half_frame=True),
    "D21_reply_lost": ReplyFaults(drop_reply=True),
    "D25_reply_late": ReplyFaults(delay_reply_s=TIMEOUT_S * 2),
}


def once(faults: ReplyFaults, functions: frozenset[int]) -> ReplyFaults:
    return replace(faults, functions=functions, times=1)


def serial(it: Lane) -> RtuServer:
    assert isinstance(it.simulator.server, RtuServer)
    return it.simulator.server


async def failure(connecting: Lane) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await connecting.driver.connect()
    return caught.value


@pytest.mark.parametrize("transport", RTU)
@pytest.mark.parametrize("map_", [BarrierMap(pulse_ms=50), BARE, BarrierMap(hardware_pulse=True)])
async def test_scans_commands_and_lights(transport: Transport, map_: BarrierMap) -> None:
    async with lane(transport=transport, map_=map_, timeout_s=1.0) as it:
        it.start()
        await it.driver.set_light("green")
        await it.driver.raise_boom()
        await it.until(lambda: bool(it.scans) and it.scans[-1][0].boom == "up")
        await it.driver.lower_boom()
        await it.until(lambda: it.scans[-1][0].boom == "down")
        await it.driver.set_light("red")
        await it.driver.stop_boom()
        assert (it.plant.raise_count, it.plant.lower_count, it.plant.stop_count) == (1, 1, 1)
        assert it.plant.outputs["red"]
        assert not it.plant.outputs["green"]
        assert bool(it.plant.heartbeat) is (map_ is not BARE)
        assert it.driver.counters.bad_replies == it.driver.counters.no_replies == 0


@pytest.mark.parametrize("transport", RTU)
@pytest.mark.parametrize("name", WRONG_REPLIES)
@pytest.mark.hazard("D14", "D15", "D16", "D21", "D22", "D24", "I3")
async def test_raise_with_a_spoilt_reply_executes_once_and_is_read_back(transport: Transport, name: str) -> None:
    async with lane(transport=transport, map_=SOFTWARE) as it:
        it.simulator.faults = once(WRONG_REPLIES[name], WRITE_COIL)
        with pytest.raises(DeviceError) as caught:
            await it.driver.raise_boom()
        assert (caught.value.code, caught.value.outcome) == ("barrier_write_unconfirmed", "done")
        assert "coil:0 reads 1" in caught.value.got
        assert it.plant.raise_count == 1


# A read has no echo: what those two spoil is its data. Of inputs it is seen by the checksum alone.
@pytest.mark.parametrize("name", [name for name in WRONG_REPLIES if "_echo_" not in name])
@pytest.mark.hazard("D14", "D15", "D16", "D22", "D24")
async def test_scan_with_a_spoilt_reply_is_never_delivered(name: str) -> None:
    async with lane(transport="rtu_over_tcp") as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        it.simulator.faults = once(WRONG_REPLIES[name], READ_INPUTS)
        assert (await it.lost()).code in ("barrier_bad_reply", "barrier_no_reply")


@pytest.mark.parametrize("transport", RTU)
@pytest.mark.parametrize("map_", [BarrierMap(), BARE], ids=["registers", "bare"])
@pytest.mark.parametrize("late", [1.4, 2.0, 2.6])
@pytest.mark.hazard("D25")
@pytest.mark.threat("delay", "resequencing", "modbus")
async def test_d25_a_late_reply_never_answers_a_newer_request(
    transport: Transport, map_: BarrierMap, late: float
) -> None:
    timeout_s = 0.25
    async with lane(transport=transport, map_=map_, timeout_s=timeout_s) as it:
        it.simulator.faults = once(ReplyFaults(delay_reply_s=timeout_s * late), READ_INPUTS)
        it.start()
        assert (await it.lost()).code == "barrier_no_reply"
        it.plant.set_signals({"safety_loop": True})
        await it.driver.connect()
        it.start()
        await it.until(lambda: len(it.scans) > 3)
        assert all(inputs.safety_loop for inputs, _ in it.scans)
        if transport == "rtu_over_tcp" and late >= 2:
            # It did come, on the connection that was made after it had been given up.
            assert it.driver.counters.late_bytes == 7


@pytest.mark.hazard("D25")
async def test_d25_a_reply_between_two_requests_ends_the_connection() -> None:
    async with lane(transport="rtu_over_tcp", poll_ms=50) as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        serial(it).wire.write(bytes.fromhex("01 02 02 00 01"))
        assert (await it.lost()).code == "barrier_bad_reply"


@pytest.mark.parametrize("transport", RTU)
async def test_a_line_that_never_falls_silent_is_not_used(transport: Transport) -> None:
    timeout_s = 0.4  # Long against what may pass between two bytes on a busy machine.
    async with lane(transport=transport, connect=False, timeout_s=timeout_s) as it:

        async def babble() -> None:
            while True:
                serial(it).wire.write(b"\x55")
                await asyncio.to_thread(now_ms)

        babbling = asyncio.create_task(babble())
        error = await failure(it)
        babbling.cancel()
        assert (error.code, error.expected) == ("barrier_line_noisy", f"{2 * timeout_s} s of silence")
        assert "55 55" in error.got
        assert it.driver.counters.late_bytes > 0
        assert serial(it).requests == {}


@pytest.mark.parametrize("transport", RTU)
@pytest.mark.hazard("D19")
async def test_d19_an_adapter_that_hears_itself_is_named(transport: Transport) -> None:
    async with lane(transport=transport, connect=False) as it:
        it.simulator.faults = ReplyFaults(local_echo=True)
        error = await failure(it)
        assert error.code == "barrier_own_echo"
        assert "local echo" in error.next_step
        assert it.plant.raise_count == 0


@pytest.mark.hazard("D19")
async def test_d19_a_second_master_is_noticed_by_the_answers_it_gets() -> None:
    async with lane(transport="rtu_over_tcp", poll_ms=50) as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        _, second = await asyncio.open_connection("127.0.0.1", it.simulator.port)
        request = bytes.fromhex("01 01 00 00 00 08")
        second.write(request + crc16(request))
        error = await it.lost()
        assert error.code in ("barrier_bad_reply", "barrier_no_reply")
        assert "one master" in error.next_step
        second.close()


@pytest.mark.hazard("D17")
async def test_d17_what_is_no_frame_is_shown_with_what_to_check() -> None:
    async with lane(transport="rtu_over_tcp", connect=False) as it:
        it.simulator.faults = ReplyFaults(half_frame=True)
        error = await failure(it)
        assert error.code == "barrier_no_reply"
        assert "6 bytes" in error.got
        assert "01 03 08" in error.got
        assert "baud rate, parity" in error.next_step


async def test_d27_slow_bytes_are_put_together() -> None:
    async with lane(transport="rtu", timeout_s=1.0) as it:
        it.simulator.faults = ReplyFaults(byte_gap_s=0.002)
        it.start()
        await it.until(lambda: len(it.scans) > 2)
        await it.driver.raise_boom()
        assert it.plant.raise_count == 1


async def test_d26_a_repeated_reply_is_counted_and_ignored() -> None:
    async with lane(transport="rtu_over_tcp", timeout_s=1.0) as it:
        it.simulator.faults = ReplyFaults(duplicate_reply=True)
        it.start()
        await it.until(lambda: len(it.scans) > 3)
        await it.driver.raise_boom()
        assert it.plant.raise_count == 1
        assert it.driver.counters.duplicates > 3


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 8, 10, 11])
async def test_d20_exceptions_over_rtu(code: int) -> None:
    async with lane(transport="rtu_over_tcp") as it:
        it.simulator.faults = once(ReplyFaults(exception_code=code), READ_INPUTS)
        it.start()
        assert (await it.lost()).code == "barrier_exception"
        assert it.scans == []


@pytest.mark.hazard("D18")
async def test_d18_a_pulled_cable_is_lost_and_a_plugged_one_found_again(tmp_path: Path) -> None:
    async with lane(transport="rtu", symlink=tmp_path / "barrier") as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        serial(it).wire.unplug()
        assert (await it.lost()).code in ("barrier_no_reply", "barrier_not_connected")
        assert (await failure(it)).got == "no such port"
        serial(it).wire.plug()
        await it.driver.connect()
        delivered = len(it.scans)
        it.start()
        await it.until(lambda: len(it.scans) > delivered)


async def test_the_serial_server_goes_and_comes_back() -> None:
    async with lane(transport="rtu_over_tcp") as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        await it.simulator.stop()
        await it.lost()
        assert (await failure(it)).code == "barrier_connect_failed"
        await it.simulator.start()
        await it.driver.connect()


async def test_d29_d30_a_restart_and_a_foreign_map_are_seen() -> None:
    async with lane(transport="rtu") as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        it.plant.restart()
        assert (await it.lost()).code == "barrier_rebooted"
        it.plant.map_version = 7
        assert (await failure(it)).code == "barrier_map_version"
        assert it.plant.raise_count == 0


async def test_a_port_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no port")
    async with lane(transport="rtu", symlink=tmp_path / "barrier", connect=False) as it:
        serial(it).wire.unplug()
        (tmp_path / "barrier").symlink_to(tmp_path / "file")
        error = await failure(it)
        assert (error.code, error.address) == ("barrier_connect_failed", str(tmp_path / "barrier"))
        assert "is no serial port" in error.got


async def test_a_port_without_permission_and_an_impossible_baud_rate_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lane(transport="rtu", connect=False) as it:
        it.driver._target = replace(it.driver._target, baud=-1)
        assert "these settings" in (await failure(it)).got
        monkeypatch.setattr("os.access", lambda path, mode: False)
        assert (await failure(it)).got == "no permission to read and write it"


async def test_two_controllers_do_not_share_a_port() -> None:
    async with lane(transport="rtu") as it:
        async with lane(transport="rtu", connect=False) as other:
            other.driver._target = replace(other.driver._target, serial_port=it.simulator.path)
            error = await failure(other)
        assert "in use" in error.got


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"transport": "rtu"}, "serial_port"),
        ({"transport": "tcp"}, "host"),
        ({"transport": "rtu_over_tcp", "serial_port": "/dev/ttyUSB0"}, "host"),
        ({"transport": "rtu", "serial_port": "/dev/ttyUSB0", "device_id": 0}, "1-247"),
        ({"transport": "rtu_over_tcp", "host": "h", "device_id": 248}, "1-247"),
    ],
)
def test_targets_that_contradict_themselves(given: dict[str, object], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Target(**given)  # type: ignore[arg-type]


def test_the_gap_between_frames_is_three_and_a_half_characters() -> None:
    at_9600 = Target("rtu", serial_port="/dev/ttyUSB0", baud=9600)
    assert 0.0036 < at_9600.gap_s < 0.0041
    assert replace(at_9600, baud=115_200).gap_s == 0.00175
    assert Target(host="module").gap_s == 0.0
    assert (at_9600.address, Target(host="module").address) == ("/dev/ttyUSB0", "module:502")
