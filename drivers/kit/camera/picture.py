"""Whether a picture can be read at all: caps first, then decoding, then light and detail. Names OpenCV for the driver.

Runs in the worker process alone. Formats other than JPEG and PNG never reach a decoder.
"""

import cv2
import numpy as np

from edge.picture_header import read_picture_header

# Far outside what 614 real gate, yard and street photographs have, night included (README has the figures).
DARK_BELOW = 40.0
OVEREXPOSED_ABOVE = 248.0
BLURRED_BELOW = 6.0


def judge(data: bytes, max_pixels: int) -> tuple[int, int, str | None]:
    """Width and height in pixels as the header claims them (0 where it has none), and the defect or None.

    Defects in the order they are looked for: `not_a_picture`, `damaged` by its own checks, `too_large` (never decoded),
    `truncated`, `damaged` for the decoder, `dark`, `overexposed`, `blurred`.
    """
    header = read_picture_header(data)
    if header is None:
        return 0, 0, "not_a_picture"
    if header.defect != "damaged" and header.width * header.height > max_pixels:
        return header.width, header.height, "too_large"
    return header.width, header.height, header.defect or _judge_pixels(data)


def _judge_pixels(data: bytes) -> str | None:
    try:
        # A quarter of each side is enough to judge light, and decodes several times faster.
        luminance = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_4)
    except cv2.error:
        return "damaged"
    if luminance is None or luminance.size == 0:
        return "damaged"
    low, high = np.percentile(luminance, (10, 99.5))
    if high < DARK_BELOW:
        return "dark"
    if low > OVEREXPOSED_ABOVE:
        return "overexposed"
    if detail(luminance) < BLURRED_BELOW:
        return "blurred"
    return None


def detail(luminance: cv2.typing.MatLike) -> float:
    """Strength of the sharpest thousandth of a picture: near 0 for a covered or fully defocused lens."""
    smooth = cv2.GaussianBlur(luminance, (3, 3), 0)
    return float(np.percentile(np.abs(cv2.Laplacian(smooth, cv2.CV_16S)), 99.9))


def limit_decoder() -> None:
    """Keep the decoder to one thread: a gate box has few cores and several cameras."""
    cv2.setNumThreads(1)
