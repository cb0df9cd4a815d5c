import hashlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.camera.pipe import FrameMessage, MessageReader, PipeError, ProblemMessage, encode


def frame(picture: bytes, defect: str | None = None) -> FrameMessage:
    return FrameMessage(picture, hashlib.sha256(picture).hexdigest(), 10, 20, 640, 480, defect)


MESSAGES = [
    frame(b"one"),
    frame(b"", "too_large"),
    ProblemMessage("camera_refused", "status 200", "401 \u00e4", "check"),
]
STREAM = b"".join(encode(message) for message in MESSAGES)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cuts_give_the_same_messages(cuts: list[int]) -> None:
    reader = MessageReader(100)
    got = []
    start = 0
    for cut in [*sorted(cuts), len(STREAM)]:
        got += reader.feed(STREAM[start:cut])
        start = cut
    assert got == MESSAGES


def raw(head: object, body: bytes = b"") -> bytes:
    data = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack(">4sII", b"KKF1", len(data), len(body)) + data + body


GOOD = json.loads(encode(frame(b"one"))[12:-3])


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200",
        struct.pack(">4sII", b"KKF1", 5000, 0),
        encode(frame(b"x" * 101)),
        raw(b"{"),
        raw(b"\xff\xfe"),
        raw([1]),
        raw({"type": "problem", "code": 1}),
        raw({"type": "other"}),
        raw(GOOD, b"two"),
        raw({**GOOD, "width": -1}, b"one"),
        raw({**GOOD, "width": True}, b"one"),
        raw({**GOOD, "captured_at_ms": None}, b"one"),
        raw({**GOOD, "defect": 3}, b"one"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(PipeError):
        MessageReader(100).feed(data)


def test_problem_with_long_words_stays_within_the_head() -> None:
    long = "\u8f66" * 5000
    (message,) = MessageReader(0).feed(encode(ProblemMessage("camera_unreachable", long, long, long)))
    assert isinstance(message, ProblemMessage)
    assert message.code == "camera_unreachable"
