"""How a good picture is spoilt. Each mutation draws and returns bytes that may be a picture, half of one, or a lie."""

import itertools
import random
import struct
import zlib
from collections.abc import Callable

Mutation = Callable[[random.Random, bytes, bytes], bytes]

_SPANS = (1, 1, 2, 4, 16, 64, 512)
_SIZES = (0, 1, 2, 7, 12, 255, 1024, 5_000, 12_001, 0x7FFF, 0xFFFF)
_PNG = b"\x89PNG\r\n\x1a\n"
_MARKERS = tuple(range(0xC0, 0xFF))


def flip_bits(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    bits = bytearray(raw)
    for _ in range(draw.choice((1, 1, 2, 8, 64, 512))):
        place = draw.randrange(len(bits) * 8)
        bits[place >> 3] ^= 1 << (place & 7)
    return bytes(bits)


def edit_head(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    """Where tables, sizes and lengths stand, a byte says most."""
    edited = bytearray(raw)
    for _ in range(draw.randint(1, 4)):
        edited[draw.randrange(min(len(edited), 700))] = draw.randrange(256)
    return bytes(edited)


def cut_out(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    begin, end = _span(draw, raw)
    return raw[:begin] + raw[end:]


def say_twice(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    begin, end = _span(draw, raw)
    return raw[:begin] + raw[begin:end] * draw.choice((2, 2, 3, 200)) + raw[end:]


def put_in(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    place = draw.randrange(len(raw) + 1)
    return raw[:place] + draw.choice((draw.randbytes, bytes))(draw.choice(_SPANS)) + raw[place:]


def truncate(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    """Half a picture, with the end mark of a whole one more often than not."""
    end = draw.choice((b"\xff\xd9", raw[-12:], b""))
    return raw[: draw.randrange(len(raw))] + end


def splice(draw: random.Random, raw: bytes, other: bytes) -> bytes:
    """The beginning of one picture and the end of another, of either format."""
    return raw[: draw.randrange(len(raw))] + other[draw.randrange(len(other)) :]


def claim_size(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    """The same bytes under another width and height, up to what is never decoded."""
    width, height = draw.choice(_SIZES), draw.choice(_SIZES)
    if raw.startswith(_PNG):
        return _checked(raw[:16] + struct.pack(">II", width, height) + raw[24:])
    at = _frame_of(raw)
    return raw[: at + 5] + struct.pack(">HH", height, width) + raw[at + 9 :]


def bend_length(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    """A segment or chunk that says it is longer or shorter than it is."""
    if raw.startswith(_PNG):
        at = draw.choice(_chunks(raw))
        return (
            raw[:at] + struct.pack(">I", draw.choice((0, 1, 13, 1 << 20, (1 << 31) - 1, (1 << 32) - 1))) + raw[at + 4 :]
        )
    at = draw.choice(_segments(raw))
    return raw[: at + 2] + struct.pack(">H", draw.choice((0, 1, 2, 3, 255, 0xFFFF))) + raw[at + 4 :]


def bend_part(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    """Another kind or content of one segment or chunk; a chunk has its right checksum again."""
    if raw.startswith(_PNG):
        at = draw.choice(_chunks(raw))
        length = int.from_bytes(raw[at : at + 4], "big")
        bent = bytearray(raw)
        place = at + 4 + draw.randrange(4 + length)
        bent[place] = draw.randrange(256)
        return _checked(bytes(bent))
    at = draw.choice(_segments(raw))
    return raw[: at + 1] + bytes([draw.choice(_MARKERS)]) + raw[at + 2 :]


def swap_parts(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    """Segments or chunks in another order, or one of them left out."""
    starts = _chunks(raw) if raw.startswith(_PNG) else _segments(raw)
    bounds = [*starts, len(raw)]
    parts = [raw[a:b] for a, b in itertools.pairwise(bounds)]
    if draw.random() < 0.3:
        parts.pop(draw.randrange(len(parts)))
    draw.shuffle(parts)
    return raw[: starts[0]] + b"".join(parts)


def other_bytes(draw: random.Random, raw: bytes, _other: bytes) -> bytes:
    """No picture at all, under the first bytes of one or none."""
    head = draw.choice((b"", raw[:4], raw[: draw.randrange(64)], _PNG, b"GIF89a", b"RIFF\0\0\0\0WEBP", b"BM"))
    return head + draw.randbytes(draw.choice((0, 1, 100, 5_000)))


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits, edit_head, cut_out, say_twice, put_in, truncate, splice, claim_size, bend_length, bend_part, swap_parts,
    other_bytes,
)  # fmt: skip
# What can be done to any bytes, whatever they are.
OF_BYTES: tuple[Mutation, ...] = (flip_bits, edit_head, cut_out, say_twice, put_in, truncate, splice, other_bytes)


def _span(draw: random.Random, raw: bytes) -> tuple[int, int]:
    begin = draw.randrange(len(raw))
    return begin, min(len(raw), begin + draw.choice(_SPANS))


def _segments(jpeg: bytes) -> list[int]:
    """Where the segments of a whole JPEG begin, through that of its scan."""
    starts, at = [], 2
    while jpeg[at + 1] != 0xDA:
        starts.append(at)
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return [*starts, at]


def _frame_of(jpeg: bytes) -> int:
    return next(at for at in _segments(jpeg) if jpeg[at + 1] in (0xC0, 0xC1, 0xC2))


def _chunks(png: bytes) -> list[int]:
    """Where the chunks of a whole PNG begin."""
    starts, at = [], len(_PNG)
    while at + 12 <= len(png):
        starts.append(at)
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return starts


def _checked(png: bytes) -> bytes:
    """Return `png` with the checksum of every chunk made right: what is bent reaches the decoder."""
    done = bytearray(png)
    for at in _chunks(png):
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        done[end : end + 4] = struct.pack(">I", zlib.crc32(png[at + 4 : end]))
    return bytes(done)
