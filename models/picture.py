"""Opens a picture safely: size caps before anything is decoded."""

from dataclasses import dataclass

from edge.picture_header import read_picture_header
from models.pixels import Image, decoded

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 26_000_000
MAX_SIDE_PX = 12_000
MIN_SIDE_PX = 12


@dataclass(frozen=True, slots=True)
class Opened:
    """A decoded picture, or the reason (`defect`) why it is not read."""

    image: Image | None
    defect: str | None


def picture_size(encoded: bytes) -> tuple[int, int] | None:
    """Return (width, height) from the header of a JPEG or PNG, or None where it has none."""
    header = read_picture_header(encoded)
    return None if header is None or not header.width or not header.height else (header.width, header.height)


def open_picture(encoded: bytes) -> Opened:
    """Return the picture, or why not: `empty`, `too_large`, `not_a_picture`, `truncated`, `damaged`, `too_small`.

    Pixels are counted from the header, before decoding: a small file may unfold into gigabytes.
    """
    if not encoded:
        return Opened(None, "empty")
    if len(encoded) > MAX_BYTES:
        return Opened(None, "too_large")
    header = read_picture_header(encoded)
    if header is None:
        return Opened(None, "not_a_picture")
    sides = header.width, header.height
    if header.defect == "damaged":
        # What it says of its size is not believed either.
        return Opened(None, header.defect)
    if header.width * header.height > MAX_PIXELS or max(sides) > MAX_SIDE_PX:
        return Opened(None, "too_large")
    if header.defect is not None:
        return Opened(None, header.defect)
    if min(sides) < MIN_SIDE_PX:
        return Opened(None, "too_small")
    image = decoded(encoded)
    return Opened(image, None if image is not None else "damaged")
