"""Opens a picture safely: size caps before anything is decoded."""

import struct
from dataclasses import dataclass

from edge.png import MAGIC, is_whole_png, png_size
from models.pixels import Image, decoded

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 26_000_000
MAX_SIDE_PX = 12_000
MIN_SIDE_PX = 12

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class Opened:
    """A decoded picture, or the reason (`defect`) why it is not read."""

    image: Image | None
    defect: str | None


def picture_size(encoded: bytes) -> tuple[int, int] | None:
    """Return (width, height) from the header of a JPEG or PNG, or None where it has none."""
    if (size := png_size(encoded)) is not None:
        return size
    if encoded.startswith(b"\xff\xd8"):
        return _jpeg_size(encoded)
    return None


def _jpeg_size(encoded: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 4 <= len(encoded):
        if encoded[at] != 0xFF:
            return None
        marker = encoded[at + 1]
        if marker == 0xFF or marker in _JPEG_BARE:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(encoded[at + 2 : at + 4], "big")
        if marker in _JPEG_FRAMES:
            if at + 9 > len(encoded):
                return None
            height, width = struct.unpack(">HH", encoded[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + length
    return None


def is_whole(encoded: bytes) -> bool:
    """Say whether the end mark of the format stands in the last bytes; some cameras append a trailer."""
    if encoded.startswith(MAGIC):
        return is_whole_png(encoded)
    return encoded.rfind(b"\xff\xd9") > len(encoded) * 0.9


def open_picture(encoded: bytes) -> Opened:
    """Return the picture, or why not: `empty`, `too_large`, `not_a_picture`, `truncated`, `too_small`.

    Pixels are counted from the header, before decoding: a small file may unfold into gigabytes.
    """
    if not encoded:
        return Opened(None, "empty")
    if len(encoded) > MAX_BYTES:
        return Opened(None, "too_large")
    size = picture_size(encoded)
    if size is None:
        return Opened(None, "not_a_picture")
    width, height = size
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE_PX:
        return Opened(None, "too_large")
    if not is_whole(encoded):
        return Opened(None, "truncated")
    if min(size) < MIN_SIDE_PX:
        return Opened(None, "too_small")
    image = decoded(encoded)
    return Opened(image, None if image is not None else "not_a_picture")
