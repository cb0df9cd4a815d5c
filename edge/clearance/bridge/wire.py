"""The envelope of the customs front-end protocol on TCP: bytes to frames and back. Pure.

    offset  0  4   magic E2 5C 4B 89
            4  4   length of the whole frame, int32 little-endian
            8  1   message type
            9 10   AREA_ID, ASCII, NUL padded
           19 10   CHNL_NO, the same
           29  1   direction
           30  4   who sends: 00 x4 the front end, FF x4 the platform
           34  4   length n of the XML, int32 little-endian
           38  n   XML
        38+n   2   FF FF

There is no checksum: what was changed on the way is found by its form, or not at all (docs/decisions/0040).
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

MAGIC = b"\xe2\x5c\x4b\x89"
TAIL = b"\xff\xff"
# Magic, length, type, area, channel, direction, sender, length of the XML.
_HEAD = struct.Struct("<4siB10s10s1s4si")
_ID_BYTES = 10
OVERHEAD_BYTES = _HEAD.size + len(TAIL)
# No message of ours is near it; a length beyond it is a fault, not a frame to wait for.
MAX_BODY_BYTES = 64 * 1024
_SENDERS: dict[bytes, "Sender"] = {b"\x00" * 4: "front", b"\xff" * 4: "platform"}

Sender = Literal["front", "platform"]


class MessageType(IntEnum):
    """The message types that this front end sends or understands."""

    GATHER = 0x21
    COMMAND = 0x22
    SUPPLEMENT = 0x23
    PICTURE_CALL = 0x25
    PICTURE_RETURN = 0x26
    PICTURE_SEND = 0x27
    DEVICE_COMMAND = 0x31
    DEVICE_RESULT = 0x32
    STATUS_CONTROL = 0x33
    STATUS_FEEDBACK = 0x34
    MANUAL_HANDLING = 0x35
    MANUAL_RESULT = 0x36
    MANUAL_RELEASE = 0x39
    CHANNEL_STATUS = 0x41
    DEVICE_STATUS = 0x42
    HEARTBEAT_FRONT = 0x71
    HEARTBEAT_PLATFORM = 0x72


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: any type 0x00 to 0xFF, `area` and `channel` of 1 to 10 ASCII characters, one byte of direction."""

    kind: int
    area: str
    channel: str
    direction: str
    sender: Sender
    body: bytes = b""


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame. Raises ValueError for what the envelope cannot hold."""
    if len(frame.body) > MAX_BODY_BYTES:
        raise ValueError(f"body of {len(frame.body)} bytes exceeds {MAX_BODY_BYTES}")
    if len(frame.direction) != 1:
        raise ValueError(f"direction is one character, got {frame.direction!r}")
    sender = next(raw for raw, name in _SENDERS.items() if name == frame.sender)
    area, channel, direction = _id(frame.area), _id(frame.channel), _ascii(frame.direction)
    head = _HEAD.pack(
        MAGIC, OVERHEAD_BYTES + len(frame.body), frame.kind, area, channel, direction, sender, len(frame.body)
    )
    return head + frame.body + TAIL


class FrameDecoder:
    """Frames from a stream cut anywhere. What is no frame is dropped and counted, and the next magic is looked for.

    Holds less than one longest frame. `dropped_bytes` and `bad_frames` only grow.
    """

    def __init__(self) -> None:
        self.dropped_bytes = 0
        self.bad_frames = 0
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Bytes that may become a frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are whole now, in order. Never raises."""
        self._buffer += data
        found: list[Frame] = []
        while self._seek_magic():
            outcome = self._first()
            if outcome is None:
                break
            if isinstance(outcome, Frame):
                found.append(outcome)
            else:
                # Not the whole of it: its length may be wrong, and a true frame may stand inside.
                self.bad_frames += 1
                self._drop(1)
        return found

    def _seek_magic(self) -> bool:
        at = self._buffer.find(MAGIC)
        if at < 0:
            # The end may be the beginning of a magic.
            keep = next((n for n in (3, 2, 1) if self._buffer.endswith(MAGIC[:n])), 0)
            self._drop(len(self._buffer) - keep)
            return False
        self._drop(at)
        return True

    def _first(self) -> Frame | Literal["bad"] | None:
        """The frame at the start of the buffer, `bad` where there is none, None where more bytes will tell."""
        if len(self._buffer) < _HEAD.size:
            return None
        _, total, kind, area, channel, direction, sender, length = _HEAD.unpack_from(self._buffer)
        if not 0 <= length <= MAX_BODY_BYTES or total != OVERHEAD_BYTES + length or sender not in _SENDERS:
            return "bad"
        if len(self._buffer) < total:
            return None
        names = _text(area), _text(channel), _text(direction)
        if self._buffer[total - len(TAIL) : total] != TAIL or None in names:
            return "bad"
        body = bytes(self._buffer[_HEAD.size : total - len(TAIL)])
        del self._buffer[:total]
        return Frame(kind, str(names[0]), str(names[1]), str(names[2]), _SENDERS[sender], body)

    def _drop(self, count: int) -> None:
        self.dropped_bytes += count
        del self._buffer[:count]


def _id(name: str) -> bytes:
    raw = _ascii(name)
    if not 1 <= len(raw) <= _ID_BYTES or not name.isprintable():
        raise ValueError(f"1 to {_ID_BYTES} printable ASCII characters, got {name!r}")
    return raw.ljust(_ID_BYTES, b"\0")


def _ascii(text: str) -> bytes:
    return text.encode("ascii")


def _text(raw: bytes) -> str | None:
    """The text of a padded field; None where it is no printable ASCII, is empty, or goes on behind its end."""
    text, _, rest = raw.partition(b"\0")
    if not text or rest.strip(b"\0") or not text.isascii():
        return None
    name = text.decode("ascii")
    return name if name.isprintable() else None
