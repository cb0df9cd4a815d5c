"""Reply frames judged as raw bytes. Fixtures: domain.md 6.4 (without RTU address and CRC) and hazards.md D20-D28."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.barrier_modbus.frames import check_reply, count_copies, exception_name, judge


def frame(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal)


# The vendor documents' RTU frames `01 05 00 00 FF 00`, `01 02 00 00 00 08`, `01 0F 00 00 00 08 01 01` in MBAP form.
RAISE = frame("0007 0000 0006 01 05 0000 FF00")
READ_8_INPUTS = frame("0008 0000 0006 01 02 0000 0008")
READ_2_REGISTERS = frame("0009 0000 0006 01 03 0000 0002")
WRITE_8_COILS = frame("000A 0000 0008 01 0F 0000 0008 01 01")
INPUTS_REPLY = frame("0008 0000 0004 01 02 01 81")

GOOD = [
    (RAISE, RAISE),
    (READ_8_INPUTS, INPUTS_REPLY),
    (READ_2_REGISTERS, frame("0009 0000 0007 01 03 04 0001 0002")),
    (WRITE_8_COILS, frame("000A 0000 0006 01 0F 0000 0008")),
]
BAD = [
    (RAISE, "0000 0000 0006 01 05 0000 FF00", "transaction_id"),
    (RAISE, "0006 0000 0006 01 05 0000 FF00", "transaction_id"),
    (RAISE, "0007 0001 0006 01 05 0000 FF00", "protocol_id"),
    (RAISE, "0007 0000 0006 02 05 0000 FF00", "unit_id"),
    (RAISE, "0007 0000 0006 01 06 0000 FF00", "function"),
    (RAISE, "0007 0000 0003 01 86 02", "function"),
    (RAISE, "0007 0000 0006 01 05 0001 FF00", "echo"),
    (RAISE, "0007 0000 0006 01 05 0000 0000", "echo"),
    (RAISE, "0007 0000 0005 01 05 0000 FF", "length"),
    (RAISE, "0007 0000 0007 01 05 0000 FF00 00", "length"),
    (RAISE, "0007 0000 0000 01 05 0000 FF00", "length"),
    (RAISE, "0007 0000 FFFF 01 05 0000 FF00", "length"),
    (RAISE, "0007 0000 0004 01 85 02 00", "length"),
    (RAISE, "0007 0000 0003 01 85 02", "exception"),
    (WRITE_8_COILS, "000A 0000 0006 01 0F 0000 0007", "echo"),
    (READ_8_INPUTS, "0008 0000 0005 01 02 02 8100", "byte_count"),
    (READ_8_INPUTS, "0008 0000 0004 01 02 02 81", "byte_count"),
    (READ_2_REGISTERS, "0009 0000 0005 01 03 02 0001", "byte_count"),
]


@pytest.mark.parametrize(("request_frame", "reply"), GOOD)
def test_right_replies(request_frame: bytes, reply: bytes) -> None:
    assert check_reply(request_frame, reply) is None
    assert judge(request_frame, b"", reply).frame == reply


@pytest.mark.parametrize(("request_frame", "reply", "kind"), BAD)
@pytest.mark.hazard("D22", "D23", "D24")
def test_wrong_replies_are_named(request_frame: bytes, reply: str, kind: str) -> None:
    fault = check_reply(request_frame, frame(reply))
    assert fault is not None
    assert fault.kind == kind
    judged = judge(request_frame, b"", frame(reply))
    assert judged.frame is None
    assert judged.fault is not None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1, "illegal_function"),
        (2, "illegal_data_address"),
        (3, "illegal_data_value"),
        (4, "server_device_failure"),
        (5, "acknowledge"),
        (6, "server_device_busy"),
        (8, "memory_parity_error"),
        (10, "gateway_path_unavailable"),
        (11, "gateway_target_failed_to_respond"),
        (7, "exception_7"),
    ],
)
@pytest.mark.hazard("D20")
def test_exception_codes_are_named(code: int, name: str) -> None:
    fault = check_reply(RAISE, frame("0007 0000 0003 01 85") + bytes((code,)))
    assert fault is not None
    assert fault.exception_code == code
    assert fault.got == f"exception {code:02X} {name}"
    assert exception_name(code) == name


@pytest.mark.parametrize(("request_frame", "reply"), GOOD)
def test_every_part_of_a_right_reply_is_incomplete(request_frame: bytes, reply: bytes) -> None:
    for length in range(len(reply)):
        judged = judge(request_frame, INPUTS_REPLY[:1] + b"\xff" + INPUTS_REPLY[2:], reply[:length])
        assert (judged.frame, judged.fault) == (None, None)


@pytest.mark.hazard("D24")
def test_every_flipped_bit_of_a_write_echo_is_found() -> None:
    for index in range(len(RAISE) * 8):
        spoilt = bytearray(RAISE)
        spoilt[index // 8] ^= 1 << index % 8
        judged = judge(RAISE, b"", bytes(spoilt))
        assert judged.frame is None


@pytest.mark.hazard("D26")
def test_duplicates_of_the_answer_before_are_skipped() -> None:
    judged = judge(RAISE, INPUTS_REPLY, INPUTS_REPLY * 2 + RAISE)
    assert (judged.frame, judged.duplicates) == (RAISE, 2)
    assert judge(RAISE, INPUTS_REPLY, INPUTS_REPLY + INPUTS_REPLY[:5]).fault is None


def test_duplicates_after_the_answer_are_counted_and_garbage_is_not_accepted() -> None:
    assert judge(RAISE, b"", RAISE * 3).duplicates == 2
    fault = judge(RAISE, b"", RAISE + b"\x01").fault
    assert fault is not None
    assert (fault.kind, fault.got) == ("trailing", "1 more bytes")


def test_count_copies() -> None:
    assert [count_copies(b"abc", rest) for rest in (b"", b"a", b"abcab", b"abcabc", b"abd")] == [0, 0, 1, 2, None]
    assert count_copies(b"", b"a") is None


@given(st.binary(max_size=600), st.sampled_from([RAISE, READ_8_INPUTS, READ_2_REGISTERS, WRITE_8_COILS]))
@pytest.mark.hazard("D28", "I18")
def test_any_bytes_are_judged_and_only_a_checked_frame_is_accepted(received: bytes, request_frame: bytes) -> None:
    judged = judge(request_frame, INPUTS_REPLY, received)
    if judged.frame is not None:
        assert check_reply(request_frame, judged.frame) is None
