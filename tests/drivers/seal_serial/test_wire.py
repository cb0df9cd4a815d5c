"""What a seal reader on a line tells, against the bytes of the README, wrong ones among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.seal_serial.wire import decode_reader, decode_seals, encode_reader, encode_seals
from edge.core.readings import Seal

ONE = bytes.fromhex("01 0A 43 4E 53 45 41 4C 30 30 30 31 07 00 03 57")
SEAL = Seal("CNSEAL0001", True, 3, 87)
SEALS = st.builds(
    Seal,
    st.text("ABC0123456789-", min_size=1, max_size=64),
    st.sampled_from([True, False, None]),
    st.none() | st.integers(0, 65_535),
    st.none() | st.integers(0, 100),
)


def test_the_documented_bytes() -> None:
    assert encode_seals([SEAL]) == ONE
    assert decode_seals(ONE) == (SEAL,)
    assert decode_seals(b"\x00") == ()
    assert decode_reader(encode_reader(8)) == 8


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x02" + ONE[1:],
        ONE + b"\x00",
        ONE[:-1],
        b"\x01\x00" + ONE[12:],
        b"\x02" + ONE[1:] + ONE[1:],
        ONE[:12] + b"\x01" + ONE[13:],
        ONE[:12] + b"\x0f" + ONE[13:],
        ONE[:-1] + b"\x65",
        ONE[:3] + b"\xff" + ONE[4:],
        ONE[:3] + b"|" + ONE[4:],
        ONE[:3] + b" " + ONE[4:],
    ],
    ids=[
        "nothing", "no seal", "one missing", "one byte more", "cut off", "no id", "twice", "locked and not told",
        "unknown flag", "101 percent", "not ASCII", "bar", "blank",
    ],
)  # fmt: skip
def test_what_is_wrong_anywhere_is_no_reading(data: bytes) -> None:
    assert decode_seals(data) is None


@pytest.mark.parametrize("data", [b"", b"\x02\x08", b"\x01\x00", b"\x01"])
def test_another_version_is_no_reader(data: bytes) -> None:
    assert decode_reader(data) is None


@given(st.lists(SEALS, max_size=8, unique_by=lambda seal: seal.id))
def test_what_is_encoded_is_read_back(seals: list[Seal]) -> None:
    assert decode_seals(encode_seals(seals)) == tuple(seals)


@given(st.binary(max_size=80))
def test_no_bytes_raise_anything(data: bytes) -> None:
    decode_seals(data)
    decode_seals(ONE[:1] + data)
