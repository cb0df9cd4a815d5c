"""The framing between a capture worker and the control process: pure, incremental, strict.

A message is `KKF1`, the length of its JSON head and of its body (both big-endian, 4 bytes), the head, the body.
The worker handles hostile pictures, so the control process trusts nothing in it beyond these limits.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from typing import Any

from edge.core.plate import PLATE_COLOURS, parse_plate
from edge.core.readings import PlateClaim

_MAGIC = b"KKF1"
_PREFIX = struct.Struct(">4sII")
MAX_HEAD_BYTES = 4096


class PipeError(ValueError):
    """The worker sent something that is no message: it cannot be trusted any further."""


@dataclass(frozen=True, slots=True)
class FrameMessage:
    """One picture and what was found out about it.

    `event` is the camera's own name of what it saw and `claim` the plate that it read itself, where it does.
    `begun_at_ms` is when its request left (a snapshot) or its first bytes came (a stream).
    Times are CLOCK_MONOTONIC, which all processes of a box share.
    """

    picture: bytes
    sha256: str
    begun_at_ms: int
    captured_at_ms: int
    width: int
    height: int
    defect: str | None
    event: str = ""
    claim: PlateClaim | None = None


LISTENING = "listening"


@dataclass(frozen=True, slots=True)
class AliveMessage:
    """The camera said something that is no picture: `said` is `heartbeat`, or what of an event cannot be used.

    `LISTENING`: it has said nothing yet, but it gave its stream to who asked for it.
    """

    said: str


@dataclass(frozen=True, slots=True)
class HeadMessage:
    """The heads of one question and its answer, without passwords; sent only to a driver that wants to hear them."""

    asked: bytes
    answered: bytes


@dataclass(frozen=True, slots=True)
class ProblemMessage:
    """Why the worker gives up; it exits after this one."""

    code: str
    expected: str
    got: str
    next_step: str


Message = FrameMessage | AliveMessage | HeadMessage | ProblemMessage


def encode(message: Message) -> bytes:
    """The bytes of one message."""
    if isinstance(message, FrameMessage):
        body = message.picture
        head: dict[str, Any] = {
            "type": "frame",
            "sha256": message.sha256,
            "begun_at_ms": message.begun_at_ms,
            "captured_at_ms": message.captured_at_ms,
            "width": message.width,
            "height": message.height,
            "defect": message.defect,
            "event": message.event,
            "claim": None if message.claim is None else _spelled(message.claim),
        }
    elif isinstance(message, AliveMessage):
        body, head = b"", {"type": "alive", "said": message.said}
    elif isinstance(message, HeadMessage):
        body, head = message.asked + message.answered, {"type": "head", "asked_bytes": len(message.asked)}
    else:
        body = b""
        head = {
            "type": "problem",
            "code": message.code,
            "expected": message.expected[:500],
            "got": message.got[:500],
            "next_step": message.next_step[:500],
        }
    raw = json.dumps(head).encode("ascii")
    if len(raw) > MAX_HEAD_BYTES:
        raw = json.dumps({**head, "got": "", "expected": "", "next_step": ""}).encode("ascii")
    return _PREFIX.pack(_MAGIC, len(raw), len(body)) + raw + body


class MessageReader:
    """Cuts a byte stream into messages, fed in pieces of any size. Memory is bounded by one message and one piece."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes and return the messages that they completed.

        Raises:
            PipeError: the bytes are no message, too long, or a picture does not match its digest.
        """
        self._buffer += data
        messages: list[Message] = []
        while len(self._buffer) >= _PREFIX.size:
            magic, head_bytes, body_bytes = _PREFIX.unpack_from(self._buffer)
            if magic != _MAGIC or head_bytes > MAX_HEAD_BYTES or body_bytes > self._max_body_bytes:
                raise PipeError(f"expected a message, got {bytes(self._buffer[: _PREFIX.size]).hex()}")
            end = _PREFIX.size + head_bytes + body_bytes
            if len(self._buffer) < end:
                break
            head = bytes(self._buffer[_PREFIX.size : _PREFIX.size + head_bytes])
            body = bytes(self._buffer[_PREFIX.size + head_bytes : end])
            del self._buffer[:end]
            messages.append(_decode(head, body))
        return messages


def _decode(head: bytes, body: bytes) -> Message:
    try:
        values = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise PipeError(f"expected a JSON head, got {head[:80]!r}") from error
    if not isinstance(values, dict):
        raise PipeError(f"expected an object, got {head[:80]!r}")
    if values.get("type") == "problem":
        return ProblemMessage(*(_text(values, key) for key in ("code", "expected", "got", "next_step")))
    if values.get("type") == "alive":
        return AliveMessage(_text(values, "said"))
    if values.get("type") == "head":
        asked_bytes = _number(values, "asked_bytes")
        return HeadMessage(body[:asked_bytes], body[asked_bytes:])
    if values.get("type") != "frame" or _text(values, "sha256") != hashlib.sha256(body).hexdigest():
        raise PipeError(f"expected a frame with the digest of its bytes, got {head[:80]!r}")
    times = (_number(values, "begun_at_ms"), _number(values, "captured_at_ms"))
    size = (_number(values, "width"), _number(values, "height"))
    defect = None if values.get("defect") is None else _text(values, "defect")
    claim = None if values.get("claim") is None else _claim(values["claim"])
    return FrameMessage(body, _text(values, "sha256"), *times, *size, defect, _text(values, "event"), claim)


def _spelled(claim: PlateClaim) -> dict[str, Any]:
    plate = claim.plate
    return {"text": plate.text, "colour": plate.colour, "rows": plate.rows, "confidence": claim.confidence}


def _claim(value: object) -> PlateClaim:
    """A claim is spelled again by our own grammar: the worker handled hostile words."""
    if not isinstance(value, dict) or not isinstance(confidence := value.get("confidence"), int | float):
        raise PipeError(f"expected a claim, got {type(value).__name__}")
    colour = value.get("colour") if value.get("colour") in PLATE_COLOURS else None
    plate = parse_plate(_text(value, "text"), colour, 2 if value.get("rows") == 2 else 1)
    if plate is None or not 0 <= confidence <= 1:
        # Whose plate it may be goes into no log.
        raise PipeError("expected a plate and a confidence of 0 to 1")
    return PlateClaim(plate, float(confidence))


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str):
        raise PipeError(f"expected text in {key}, got {type(value).__name__}")
    return value


def _number(values: dict[str, Any], key: str) -> int:
    value = values.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PipeError(f"expected a number of at least 0 in {key}, got {value!r}")
    return value
