"""RTU replies judged as raw bytes. Fixtures: domain.md 6.4, and the CRC examples of Modbus over serial line 1.02."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.barrier_modbus.rtu_frames import check_reply, crc16, judge, stand_in


def framed(hexadecimal: str) -> bytes:
    body = bytes.fromhex(hexadecimal)
    return body + crc16(body)


RAISE = bytes.fromhex("01 05 00 00 FF 00 8C 3A")
READ_8_INPUTS = bytes.fromhex("01 02 00 00 00 08 79 CC")
WRITE_8_COILS = bytes.fromhex("01 0F 00 00 00 08 01 01 3F 55")
READ_2_REGISTERS = framed("01 03 0000 0002")
READ_12_INPUTS = framed("01 02 0000 000C")
INPUTS_REPLY = framed("01 02 01 81")

GOOD = [
    (RAISE, RAISE),
    (READ_8_INPUTS, INPUTS_REPLY),
    (READ_12_INPUTS, framed("01 02 02 8109")),
    (READ_2_REGISTERS, framed("01 03 04 0001 0002")),
    (WRITE_8_COILS, framed("01 0F 0000 0008")),
]
BAD = [
    (RAISE, framed("02 05 0000 FF00"), "unit_id"),
    (RAISE, framed("01 06 0000 FF00"), "function"),
    (RAISE, framed("01 86 02"), "function"),
    (RAISE, framed("01 02 01 00"), "function"),
    (RAISE, framed("01 2B 01 00"), "function"),
    (RAISE, framed("01 05 0001 FF00"), "echo"),
    (RAISE, framed("01 05 0000 0000"), "echo"),
    (RAISE, framed("01 85 02"), "exception"),
    (RAISE, bytes.fromhex("01 05 00 00 FF 00 8C 3B"), "crc"),
    (RAISE, RAISE + b"\x02", "trailing"),
    (WRITE_8_COILS, framed("01 0F 0000 0007"), "echo"),
    (READ_8_INPUTS, framed("01 02 02 8100"), "byte_count"),
    (READ_8_INPUTS, b"\x00" + INPUTS_REPLY, "crc"),
    (READ_8_INPUTS, READ_8_INPUTS, "own_echo"),
    (READ_8_INPUTS, READ_8_INPUTS + INPUTS_REPLY, "own_echo"),
    (READ_2_REGISTERS, framed("01 03 02 0001"), "byte_count"),
]


@pytest.mark.parametrize(
    "documented",
    [
        "01 05 00 00 FF 00 8C 3A",
        "01 05 00 00 00 00 CD CA",
        "01 02 00 00 00 08 79 CC",
        "01 0F 00 00 00 08 01 01 3F 55",
        "02 07 41 12",  # Modbus over serial line 1.02, 6.2.2
    ],
)
def test_checksums_of_the_documents(documented: str) -> None:
    frame = bytes.fromhex(documented)
    assert crc16(frame[:-2]) == frame[-2:]


def test_the_check_value_of_the_checksum() -> None:
    assert crc16(b"123456789") == (0x4B37).to_bytes(2, "little")


@pytest.mark.parametrize(("request_frame", "reply"), GOOD)
def test_right_replies(request_frame: bytes, reply: bytes) -> None:
    assert check_reply(request_frame, reply) is None
    assert judge(request_frame, b"", reply).frame == reply
    twice = judge(request_frame, b"", reply * 2)
    assert (twice.frame, twice.duplicates) == (reply, 1)


@pytest.mark.parametrize(("request_frame", "reply", "kind"), BAD)
@pytest.mark.hazard("D16", "D19", "D22", "D24")
def test_wrong_replies_are_named(request_frame: bytes, reply: bytes, kind: str) -> None:
    judged = judge(request_frame, b"", reply)
    assert judged.frame is None
    assert judged.fault is not None
    assert judged.fault.kind == kind


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"", "length"),
        (bytes(300), "length"),
        (framed("01 85 02 00"), "length"),
        (framed("01 05 0000 FF"), "length"),
        (framed("01 06 0000 FF00"), "function"),
    ],
)
def test_whole_frames_of_a_wrong_size_are_named(reply: bytes, kind: str) -> None:
    fault = check_reply(RAISE, reply)
    assert fault is not None
    assert fault.kind == kind


def test_a_read_reply_of_a_wrong_size_is_named() -> None:
    fault = check_reply(READ_8_INPUTS, framed("01 02 01 81 00"))
    assert fault is not None
    assert (fault.kind, fault.got) == ("byte_count", "1 declared, 2 sent")


@pytest.mark.hazard("D20")
def test_exceptions_carry_their_code() -> None:
    fault = judge(RAISE, b"", framed("01 85 0B")).fault
    assert fault is not None
    assert (fault.exception_code, fault.got) == (11, "exception 0B gateway_target_failed_to_respond")


def test_the_stand_in_is_an_exception_to_its_request() -> None:
    fault = judge(RAISE, b"", stand_in(RAISE)).fault
    assert fault is not None
    assert fault.kind == "exception"


@given(st.sampled_from(GOOD), st.data())
@pytest.mark.hazard("D15", "D27")
def test_every_split_of_a_right_reply_gives_the_same_answer(pair: tuple[bytes, bytes], data: st.DataObject) -> None:
    request_frame, reply = pair
    cuts = data.draw(st.sets(st.integers(1, len(reply) - 1)))
    for end in sorted(cuts):
        judged = judge(request_frame, b"", reply[:end])
        assert (judged.frame, judged.fault) == (None, None)
    assert judge(request_frame, b"", reply).frame == reply


@pytest.mark.parametrize(("request_frame", "reply"), GOOD)
@pytest.mark.hazard("D16")
def test_every_flipped_bit_is_found_at_every_split(request_frame: bytes, reply: bytes) -> None:
    for index in range(len(reply) * 8):
        spoilt = bytearray(reply)
        spoilt[index // 8] ^= 1 << index % 8
        for end in range(len(reply) + 1):
            assert judge(request_frame, b"", bytes(spoilt[:end])).frame is None


@given(st.sampled_from(GOOD), st.sets(st.integers(0, 63), min_size=1, max_size=3))
@pytest.mark.hazard("D16")
def test_two_or_three_flipped_bits_are_found(pair: tuple[bytes, bytes], bits: set[int]) -> None:
    request_frame, reply = pair
    spoilt = bytearray(reply)
    for bit in {bit % (8 * len(reply)) for bit in bits}:
        spoilt[bit // 8] ^= 1 << bit % 8
    assert judge(request_frame, b"", bytes(spoilt)).frame is None


@given(st.binary(max_size=600), st.sampled_from([request for request, _ in GOOD]))
@example(READ_8_INPUTS[:4], READ_8_INPUTS)
@pytest.mark.hazard("D14", "I18")
def test_any_bytes_are_judged_and_only_a_checked_frame_is_accepted(received: bytes, request_frame: bytes) -> None:
    judged = judge(request_frame, b"", received)
    if judged.frame is not None:
        assert check_reply(request_frame, judged.frame) is None
