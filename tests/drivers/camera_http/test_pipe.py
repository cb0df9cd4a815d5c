import hashlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.camera.pipe import AliveMessage, FrameMessage, MessageReader, PipeError, ProblemMessage, encode
from edge.core.plate import Plate
from edge.core.readings import PlateClaim


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
        raw(b"[" * 4096),
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


CLAIM = PlateClaim(Plate("粤BF3871", "blue", "ordinary"), 0.97)


def test_what_a_camera_read_itself_crosses_the_pipe() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    sent = [
        FrameMessage(b"x", digest, 1, 2, 3, 4, None, "e1", CLAIM),
        FrameMessage(b"x", digest, 1, 2, 3, 4, "late", "e2", PlateClaim(Plate("粤B1234挂", None, "trailer", 2), 0.0)),
        AliveMessage("heartbeat"),
    ]
    assert MessageReader(100).feed(b"".join(map(encode, sent))) == sent


@pytest.mark.parametrize(
    "claim",
    [
        "粤BF3871",
        {"text": "nonsense", "colour": None, "rows": 1, "confidence": 0.5},
        {"text": "粤BF3871", "colour": "blue", "rows": 1, "confidence": 1.5},
        {"text": "粤BF3871", "colour": "blue", "rows": 1, "confidence": "high"},
        {"text": 7, "colour": "blue", "rows": 1, "confidence": 0.5},
    ],
)
def test_a_claim_that_is_none_ends_the_trust_in_the_worker(claim: object) -> None:
    frame = encode(FrameMessage(b"", hashlib.sha256(b"").hexdigest(), 1, 2, 3, 4, None))
    head = {**json.loads(frame[12:]), "claim": claim}
    raw = json.dumps(head).encode()
    with pytest.raises(PipeError) as refused:
        MessageReader(100).feed(frame[:4] + struct.pack(">II", len(raw), 0) + raw)
    assert "粤" not in str(refused.value), "a plate goes into no log"
