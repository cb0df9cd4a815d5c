"""Pure: what a JPEG or PNG says of itself before anything decodes it. Drivers and models both ask.

JPEG: ITU-T T.81, B.1 and B.2. PNG: its third edition, 5.2, 5.3 and 11.2.1.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Literal

Defect = Literal["truncated", "damaged", "too_large"]

_JPEG = b"\xff\xd8\xff"
_END_OF_IMAGE = b"\xff\xd9"
# A marker; FF before it only fills up. In a scan FF is always followed by 0 or by one of eight restarts (B.1.1.5).
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
# Start-of-frame markers of table B.1; C4, C8 and CC are other segments in the same range.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END = 0xDA, 0xD9
_BARE = frozenset({0x01, 0xD8, _END})
# A photograph has ten to thirty; the largest colour profile takes 255 segments.
MAX_SEGMENTS = 2_000
# Every scan is a pass through all of the picture, be it of 40 bytes: 2,000 of them in 230 KB took minutes. Programs
# write ten, those that try for less twice as many.
MAX_SCANS = 40

_PNG = b"\x89PNG\r\n\x1a\n"
# The first chunk of every PNG: 13 bytes of header.
_FIRST_CHUNK = b"\0\0\0\x0dIHDR"
# Length, type and check of a chunk without its data.
_CHUNK_BYTES = 12
# What holds pixels, of the picture and of those behind it in an animation.
_PIXELS = frozenset({b"IDAT", b"fdAT", b"fcTL"})
# Programs write pixels in chunks of 8 KiB and more.
MAX_CHUNKS = 10_000
# libpng prints a line for each of the others that it does not like: 1.6 million of them were 100 MB of log.
MAX_OTHER_CHUNKS = 200


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a picture claims, sides in pixels (0 where it ends or breaks before it says them).

    `defect` is why no decoder is to see it: `truncated`, `damaged`, or `too_large` of more parts than are looked at.
    """

    format: Literal["jpeg", "png"]
    width: int
    height: int
    defect: Defect | None


def read_picture_header(data: bytes) -> PictureHeader | None:
    """Return what the bytes claim, or None where they do not begin as a JPEG or PNG does."""
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(_JPEG):
        return _jpeg(data)
    return None


def _jpeg(data: bytes) -> PictureHeader:
    """Walk the segments as a decoder does, through those between and behind scans."""
    width = height = scans = scan_at = 0
    at = 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            break
        marker, at = found[1][0], found.end()
        if marker == _END:
            break
        if marker in _BARE:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if marker in _START_OF_FRAME and at + 7 <= len(data):
            claim = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 3 : at + 5], "big")
            # The largest of several claims: what a decoder would do with a second one is not ours to guess.
            width, height = max((width, height), claim, key=lambda one: one[0] * one[1])
        if marker == _START_OF_SCAN:
            scans, scan_at = scans + 1, scan_at or at
            if scans > MAX_SCANS:
                return PictureHeader("jpeg", width, height, "too_large")
        # A decoder does not go on behind a segment that is shorter than its own length.
        at = at + length if length >= len(b"\0\2") else len(data)
    else:
        return PictureHeader("jpeg", width, height, "too_large")
    return PictureHeader("jpeg", width, height, _jpeg_defect(data, bool(width and height), scan_at))


def _jpeg_defect(data: bytes, sized: bool, scan_at: int) -> Defect | None:
    # Behind the first scan, because a small picture inside of the header has an end of its own; not at the very end,
    # because some cameras append a trailer.
    ended = data.find(_END_OF_IMAGE, scan_at) >= 0
    if scan_at and sized:
        return None if ended else "truncated"
    return "damaged" if ended else "truncated"


def _png(data: bytes) -> PictureHeader:
    first = len(_PNG) + len(_FIRST_CHUNK)
    if len(data) < first + 8:
        return PictureHeader("png", 0, 0, "truncated")
    if not data.startswith(_PNG + _FIRST_CHUNK):
        return PictureHeader("png", 0, 0, "damaged")
    width, height = int.from_bytes(data[first : first + 4], "big"), int.from_bytes(data[first + 4 : first + 8], "big")
    return PictureHeader("png", width, height, "damaged" if not width or not height else _png_defect(data))


def _png_defect(data: bytes) -> Defect | None:
    """Look whether each chunk lies within the bytes and those that a decoder needs are as they were written.

    OpenCV takes as much memory as a chunk claims, up to 4 GiB, before it sees that the bytes are not there.
    """
    at, others, broken = len(_PNG), 0, False
    view = memoryview(data)
    for _ in range(MAX_CHUNKS):
        if at + _CHUNK_BYTES > len(data):
            return "truncated"
        end = at + _CHUNK_BYTES + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        others += kind not in _PIXELS
        if others > MAX_OTHER_CHUNKS:
            return "too_large"
        if end > len(data):
            return "truncated"
        # A small first letter: who does not know such a chunk passes over it.
        if not kind[0] & 0x20:
            broken = broken or zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big")
        if kind == b"IEND":
            return "damaged" if broken else None
        at = end
    return "too_large"
