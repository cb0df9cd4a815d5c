"""The driver against a module that lies: rows D20 to D31 of hazards.md, over a real socket.

Every case says what a command reports and proves that the module executed it at most once.
"""

import asyncio
from dataclasses import replace

import pytest

from drivers.barrier_modbus.wire import BarrierMap, Coils, Registers
from edge.ports import CommandOutcome, DeviceError
from simulators.devices.modbus_pdu import ReplyFaults
from tests.support.barrier_lane import TIMEOUT_S, Lane, eventually, lane

WRITE_COIL = frozenset({5})
READ_INPUTS = frozenset({2})
SOFTWARE = BarrierMap(pulse_ms=2000)
HARDWARE = BarrierMap(hardware_pulse=True, pulse_ms=2000)

# The four replies that the library itself would return as success (hazards.md 1.5), and their kin.
WRONG_REPLIES = {
    "D23_zero_transaction_id": ReplyFaults(zero_transaction_id=True),
    "D24_wrong_echo_address": ReplyFaults(wrong_echo_address=True),
    "D24_wrong_echo_value": ReplyFaults(wrong_echo_value=True),
    "D24_wrong_function": ReplyFaults(wrong_function=True),
    "D22_wrong_unit": ReplyFaults(wrong_unit=True),
    "D23_wrong_transaction_id": ReplyFaults(wrong_transaction_id=True),
    "D28_length_zero": ReplyFaults(length_lie=0),
    "D28_length_short": ReplyFaults(length_lie=3),
    "D28_length_long": ReplyFaults(length_lie=200),
    "D28_length_65535": ReplyFaults(length_lie=65535),
    "D28_trailing_garbage": ReplyFaults(trailing_garbage=b"\x00\x01\x00"),
    "D28_flood": ReplyFaults(trailing_garbage=bytes(4096)),
    "wrong_protocol_id": ReplyFaults(wrong_protocol_id=True),
}
LOST_REPLIES = {
    "D21_reply_lost": ReplyFaults(drop_reply=True),
    "D21_connection_cut": ReplyFaults(close_before_reply=True),
    "D25_reply_late": ReplyFaults(delay_reply_s=TIMEOUT_S * 2),
}
EXECUTED = WRONG_REPLIES | LOST_REPLIES


def once(faults: ReplyFaults, functions: frozenset[int]) -> ReplyFaults:
    return replace(faults, functions=functions, times=1)


async def failed_raise(it: Lane) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await it.driver.raise_boom()
    return caught.value


@pytest.mark.parametrize("name", EXECUTED)
@pytest.mark.hazard("D21", "D22", "D23", "D24", "I3")
@pytest.mark.threat("corruption", "modbus")
async def test_raise_with_a_spoilt_reply_executes_once_and_is_read_back(name: str) -> None:
    async with lane(map_=SOFTWARE) as it:
        it.simulator.faults = once(EXECUTED[name], WRITE_COIL)
        error = await failed_raise(it)
        assert (error.code, error.outcome) == ("barrier_write_unconfirmed", "done")
        assert "coil:0 reads 1" in error.got
        assert it.plant.raise_count == 1
        assert it.simulator.server.connections == 2
        await it.driver.close()
        assert it.plant.outputs["raise"] is False


@pytest.mark.parametrize("name", EXECUTED)
async def test_hardware_pulse_with_a_spoilt_reply_executes_once(name: str) -> None:
    async with lane(map_=HARDWARE) as it:
        it.simulator.faults = once(EXECUTED[name], WRITE_COIL)
        error = await failed_raise(it)
        assert (error.code, error.outcome) == ("barrier_write_unconfirmed", "done")
        assert it.plant.raise_count == 1


# A read has no echo: what those two spoil is its data, and no check can know that.
@pytest.mark.parametrize("name", [name for name in EXECUTED if "_echo_" not in name])
@pytest.mark.hazard("D22", "D23", "D24", "D28")
async def test_scan_with_a_spoilt_reply_is_never_delivered(name: str) -> None:
    async with lane() as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        it.simulator.faults = once(EXECUTED[name], READ_INPUTS)
        error = await it.lost()
        assert error.code in ("barrier_bad_reply", "barrier_no_reply")


@pytest.mark.threat("deletion", "modbus")
async def test_d21_raise_that_never_arrived_is_not_done() -> None:
    async with lane(map_=SOFTWARE) as it:
        it.simulator.faults = once(ReplyFaults(silent=True), WRITE_COIL)
        error = await failed_raise(it)
        assert (error.outcome, it.plant.raise_count) == ("not_done", 0)
        assert "coil:0 reads 0" in error.got


@pytest.mark.hazard("D20", "D31")
async def test_an_output_that_was_refused_and_switched_on_all_the_same_is_released() -> None:
    async with lane(map_=BarrierMap(pulse_ms=100)) as it:
        it.simulator.faults = once(ReplyFaults(exception_after=2), WRITE_COIL)
        error = await failed_raise(it)
        assert (error.code, error.outcome, it.plant.raise_count) == ("barrier_exception", "not_done", 1)
        await eventually(lambda: it.plant.outputs["raise"] is False)


async def test_d21_hardware_pulse_that_reads_off_is_unknown() -> None:
    async with lane(map_=HARDWARE) as it:
        it.simulator.faults = once(ReplyFaults(silent=True), WRITE_COIL)
        assert (await failed_raise(it)).outcome == "unknown"


async def test_d21_failed_read_back_is_unknown() -> None:
    async with lane(map_=SOFTWARE) as it:
        it.simulator.faults = ReplyFaults(drop_reply=True)
        error = await failed_raise(it)
        assert error.outcome == "unknown"
        assert "read back failed" in error.got
        assert it.plant.raise_count == 1
        it.simulator.faults = ReplyFaults()
        await it.driver.close()
        assert it.plant.outputs["raise"] is False


async def test_d21_second_raise_during_a_pulse_proves_nothing() -> None:
    async with lane(map_=SOFTWARE) as it:
        await it.driver.raise_boom()
        it.simulator.faults = once(ReplyFaults(silent=True), WRITE_COIL)
        assert (await failed_raise(it)).outcome == "unknown"


async def test_d21_run_ends_after_an_unconfirmed_command_and_connect_mends_it() -> None:
    async with lane(map_=SOFTWARE) as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        it.simulator.faults = once(ReplyFaults(drop_reply=True), WRITE_COIL)
        await failed_raise(it)
        assert (await it.lost()).code == "barrier_no_reply"
        await it.driver.connect()
        assert it.plant.outputs["raise"] is False
        await it.driver.raise_boom()
        assert it.plant.raise_count == 2


@pytest.mark.threat("delay", "resequencing", "modbus")
async def test_d25_late_reply_never_answers_a_newer_request() -> None:
    async with lane(map_=SOFTWARE) as it:
        it.simulator.faults = once(ReplyFaults(delay_reply_s=TIMEOUT_S * 1.5), READ_INPUTS)
        it.start()
        assert (await it.lost()).code == "barrier_no_reply"
        it.plant.set_signals({"safety_loop": True})
        await it.driver.connect()
        it.start()
        await it.until(lambda: len(it.scans) > 5)
        assert all(inputs.safety_loop for inputs, _ in it.scans)
        assert it.simulator.server.connections == 2


@pytest.mark.parametrize(
    ("code", "name", "outcome"),
    [
        (0x01, "illegal_function", "not_done"),
        (0x02, "illegal_data_address", "not_done"),
        (0x03, "illegal_data_value", "not_done"),
        (0x04, "server_device_failure", "not_done"),
        (0x05, "acknowledge", "not_done"),
        (0x06, "server_device_busy", "not_done"),
        (0x08, "memory_parity_error", "not_done"),
        (0x0A, "gateway_path_unavailable", "not_done"),
        (0x0B, "gateway_target_failed_to_respond", "not_done"),
        (0x7F, "exception_127", "not_done"),
    ],
)
async def test_d20_exception_without_execution(code: int, name: str, outcome: CommandOutcome) -> None:
    async with lane(map_=SOFTWARE) as it:
        it.simulator.faults = once(ReplyFaults(exception_code=code), WRITE_COIL)
        error = await failed_raise(it)
        assert f"exception {code:02X} {name}" in error.got
        assert (error.outcome, it.plant.raise_count) == (outcome, 0)
        assert it.simulator.server.connections == 1


@pytest.mark.parametrize("code", [0x04, 0x05, 0x06, 0x0B])
async def test_d20_exception_after_execution_is_read_back_as_done(code: int) -> None:
    async with lane(map_=SOFTWARE) as it:
        it.simulator.faults = once(ReplyFaults(exception_after=code), WRITE_COIL)
        error = await failed_raise(it)
        assert (error.code, error.outcome) == ("barrier_write_unconfirmed", "done")
        assert it.plant.raise_count == 1


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 8, 10, 11])
async def test_d20_exception_on_a_scan_ends_run(code: int) -> None:
    async with lane() as it:
        it.simulator.faults = once(ReplyFaults(exception_code=code), READ_INPUTS)
        it.start()
        assert (await it.lost()).code == "barrier_exception"
        assert it.scans == []


@pytest.mark.threat("repetition", "modbus")
async def test_d26_duplicate_replies_are_counted_and_ignored() -> None:
    async with lane() as it:
        it.simulator.faults = ReplyFaults(duplicate_reply=True)
        it.start()
        await it.until(lambda: len(it.scans) > 5)
        await it.driver.raise_boom()
        assert it.plant.raise_count == 1
        assert it.driver.counters.duplicates > 5
        assert it.driver.counters.bad_replies == 0


async def test_d27_one_byte_segments_are_put_together() -> None:
    async with lane(timeout_s=1.0) as it:
        it.simulator.faults = ReplyFaults(one_byte_segments=True)
        it.start()
        await it.until(lambda: len(it.scans) > 2)
        await it.driver.raise_boom()
        assert it.plant.raise_count == 1


async def test_d26_duplicate_between_two_requests_is_counted() -> None:
    async with lane(poll_ms=50) as it:
        it.start()
        await it.until(lambda: len(it.scans) > 2)
        assert it.simulator.server.frames[-1][7] == 3
        registers_reply = it.simulator.server.frames[-1][:4] + bytes.fromhex("000B 01 03 08 0001 0001 0001 0000")
        (writer,) = it.simulator.server._open
        writer.write(registers_reply * 2)
        await it.until(lambda: len(it.scans) > 5)
        assert it.driver.counters.duplicates == 2


@pytest.mark.threat("insertion", "modbus")
async def test_unsolicited_bytes_end_the_connection() -> None:
    async with lane(poll_ms=50) as it:
        it.start()
        await it.until(lambda: len(it.scans) > 2)
        (writer,) = it.simulator.server._open
        writer.write(b"\x00\x09\x00\x00\x00\x03\x01")
        assert (await it.lost()).code == "barrier_bad_reply"
        assert it.driver.counters.bad_replies == 1


@pytest.mark.hazard("D21")
async def test_silent_module() -> None:
    async with lane() as it:
        it.simulator.faults = ReplyFaults(silent=True)
        it.start()
        assert (await it.lost()).code == "barrier_no_reply"
        with pytest.raises(DeviceError, match="barrier_no_reply"):
            await it.driver.connect()


async def test_d29_restart_of_the_module_ends_run() -> None:
    async with lane() as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        it.plant.restart()
        error = await it.lost()
        assert (error.code, error.expected, error.got) == ("barrier_rebooted", "boot counter 1", "2")
        await it.driver.connect()
        delivered = len(it.scans)
        it.start()
        await it.until(lambda: len(it.scans) > delivered)


async def test_d29_restart_between_write_and_read_back_proves_nothing() -> None:
    async with lane(map_=SOFTWARE) as it:
        it.plant.restart()
        it.simulator.faults = once(ReplyFaults(drop_reply=True), WRITE_COIL)
        assert (await failed_raise(it)).outcome == "unknown"


async def test_d30_wrong_map_is_refused_and_never_actuated() -> None:
    async with lane(connect=False) as it:
        it.plant.map_version = 7
        with pytest.raises(DeviceError, match="barrier_map_version") as caught:
            await it.driver.connect()
        assert (caught.value.expected, caught.value.got) == ("map version 1", "7")
        with pytest.raises(DeviceError):
            await it.driver.raise_boom()
        with pytest.raises(DeviceError):
            await it.driver.stop_boom()
        assert 5 not in it.simulator.server.requests


async def test_d30_module_without_registers_has_nothing_to_check() -> None:
    bare = BarrierMap(registers=Registers(None, None, None, None), coils=Coils(watchdog=None))
    async with lane(map_=bare) as it:
        it.plant.map_version = 7
        it.start()
        await it.until(lambda: len(it.scans) > 1)
        assert set(it.simulator.server.requests) == {1, 2}


async def test_d31_lost_switch_off_is_tried_again_on_a_new_connection() -> None:
    async with lane(map_=SOFTWARE) as it:
        await it.driver.raise_boom()
        it.simulator.faults = once(ReplyFaults(silent=True), WRITE_COIL)
        await it.driver.close()
        assert it.plant.outputs["raise"] is False
        assert it.plant.raise_count == 1


async def test_d31_switch_off_that_cannot_be_sent_is_left_to_the_module() -> None:
    async with lane(map_=SOFTWARE) as it:
        it.start()
        await it.driver.raise_boom()
        it.simulator.faults = ReplyFaults(silent=True)
        await it.driver.close()
        await it.lost()
        assert it.plant.outputs["raise"] is True
        it.simulator.faults = ReplyFaults()
        await it.driver.connect()
        assert it.plant.outputs["raise"] is False


async def test_connect_fails_whole_where_leftovers_cannot_be_released() -> None:
    async with lane(connect=False) as it:
        it.plant.write_output("lower", True)
        it.simulator.faults = ReplyFaults(silent=True, functions=WRITE_COIL)
        with pytest.raises(DeviceError, match="barrier_no_reply"):
            await it.driver.connect()
        with pytest.raises(DeviceError, match="barrier_not_connected"):
            await it.driver.raise_boom()


async def test_stop_pulses_even_where_the_release_failed() -> None:
    async with lane(map_=SOFTWARE) as it:
        await it.driver.lower_boom()
        it.simulator.faults = once(ReplyFaults(silent=True), WRITE_COIL)
        with pytest.raises(DeviceError, match="barrier_write_unconfirmed"):
            await it.driver.stop_boom()
        assert it.plant.stop_count == 1


async def test_cancelled_command_leaves_no_reply_behind() -> None:
    async with lane(map_=SOFTWARE, timeout_s=5.0) as it:
        it.simulator.faults = once(ReplyFaults(drop_reply=True), WRITE_COIL)
        command = asyncio.create_task(it.driver.raise_boom())
        await eventually(lambda: it.plant.raise_count == 1)
        command.cancel()
        with pytest.raises(asyncio.CancelledError):
            await command
        await it.driver.close()
        assert it.plant.outputs["raise"] is False
        assert it.plant.raise_count == 1


async def test_raise_that_could_not_withdraw_the_lower_was_not_sent() -> None:
    async with lane(map_=SOFTWARE, stroke_s=60) as it:
        it.plant.position = 1.0
        await it.driver.lower_boom()
        it.simulator.faults = once(ReplyFaults(drop_reply=True), WRITE_COIL)
        error = await failed_raise(it)
        assert (error.code, error.outcome) == ("barrier_write_unconfirmed", "not_done")
        assert it.plant.raise_count == 0


@pytest.mark.parametrize(("lost", "outcome"), [(0, "not_done"), (1, "done")])
async def test_green_tells_which_of_its_two_writes_was_lost(lost: int, outcome: CommandOutcome) -> None:
    async with lane() as it:
        it.simulator.faults = ReplyFaults(drop_reply=True, functions=WRITE_COIL, times=1, skip=lost)
        with pytest.raises(DeviceError) as caught:
            await it.driver.set_light("green")
        assert caught.value.outcome == outcome
        assert it.plant.green is (outcome == "done")


async def test_red_is_shown_even_over_a_failing_line() -> None:
    async with lane() as it:
        await it.driver.set_light("green")
        it.simulator.server.drop_connections()
        it.start()
        await it.lost()
        await it.driver.set_light("red")
        assert (it.plant.outputs["red"], it.plant.outputs["green"]) == (True, False)
