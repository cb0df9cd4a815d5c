"""Pure: what the header of a picture claims, so that a bomb is refused before anything decodes it."""

from dataclasses import dataclass
from typing import Literal

from edge import png

PictureFormat = Literal["jpeg", "png"]

_JPEG_MAGIC = b"\xff\xd8\xff"
_END_OF_IMAGE = b"\xff\xd9"
# Start-of-frame markers of ITU-T T.81 table B.1; C4, C8 and CC are other segments in the same range.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a picture's header claims. `complete` is False where its end marker is missing."""

    format: PictureFormat
    width: int
    height: int
    complete: bool


def read_picture_header(data: bytes) -> PictureHeader | None:
    """Size of a JPEG or PNG from its header alone, so that a bomb is refused before anything decodes it.

    None where the bytes are no such picture, or end before the size is known.
    """
    if data.startswith(png.MAGIC):
        return _png_header(data)
    if data.startswith(_JPEG_MAGIC):
        return _jpeg_header(data)
    return None


def _png_header(data: bytes) -> PictureHeader | None:
    size = png.png_size(data)
    if size is None or not size[0] or not size[1]:
        return None
    return PictureHeader("png", size[0], size[1], png.is_whole_png(data))


def _jpeg_header(data: bytes) -> PictureHeader | None:
    size: tuple[int, int] | None = None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            return None
        if marker in _START_OF_FRAME and at + 9 <= len(data):
            height, width = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
            # The largest of several claims: what a decoder would do with a second one is not ours to guess.
            size = max(size or (0, 0), (width, height), key=lambda claim: claim[0] * claim[1])
        if marker == _START_OF_SCAN:
            break
        at += 2 + length
    if size is None or not size[0] or not size[1]:
        return None
    # Inside a scan FF is always stuffed, so this marker cannot be picture data (T.81 B.1.1.5).
    return PictureHeader("jpeg", size[0], size[1], data.rfind(_END_OF_IMAGE, at) > at)
