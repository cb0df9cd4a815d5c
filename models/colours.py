"""The colour of a plate from its pixels: the background is what most pixels between the characters show."""

import numpy as np

from edge.core.plate import PlateColour
from models.pixels import Image, hue_saturation_value

# Hue is 0-179 as OpenCV counts it. The bands leave gaps: a hue between two colours is neither.
_YELLOW = (10, 36)
_GREEN = (37, 89)
_BLUE = (92, 132)
COLOURED_SATURATION = 60
# Less than this share of coloured pixels is a grey background: white or black, or paint on a tail board.
COLOURED_SHARE = 0.40
# Half of that is enough where nearly all coloured pixels are of one hue: dirt and night take the rest.
ONE_HUE = 0.6
MIN_VALUE = 35
MIN_PIXELS = 60
# Strokes of text that a program drew cover at least so much of its line.
DRAWN_SHARE = 0.03


def plate_colour(crop: Image) -> PlateColour | None:
    """Return the colour of the plate that fills `crop`, or None where it is none of them for certain."""
    inner = _inner(crop)
    if inner.shape[0] * inner.shape[1] < MIN_PIXELS:
        return None
    hsv = hue_saturation_value(inner)
    hue, saturation, value = (hsv[..., i].ravel() for i in range(3))
    coloured = (saturation > COLOURED_SATURATION) & (value > MIN_VALUE)
    shares = {name: _share(hue, coloured, band) for name, band in _BANDS.items()}
    if shares["yellow"] > 0.12 and shares["green"] > 0.18:
        return "yellow_green"
    name = max(shares, key=lambda band: shares[band])
    total = float(coloured.mean())
    if shares[name] >= COLOURED_SHARE or (shares[name] >= COLOURED_SHARE / 2 and shares[name] > ONE_HUE * total):
        return name
    if total > COLOURED_SHARE / 2:
        return None
    return _grey_colour(value)


def is_drawn(crop: Image) -> bool:
    """Say whether the text of `crop` was drawn into the picture by a program, in a green that no paint has.

    Cameras and other recognition systems write what they read into their pictures: that is no code on a box.
    """
    blue, green, red = (crop[:, :, channel].astype(np.int16) for channel in range(3))
    return float(((green >= 200) & (green - red >= 150) & (green - blue >= 150)).mean()) >= DRAWN_SHARE


_BANDS: dict[PlateColour, tuple[int, int]] = {"blue": _BLUE, "yellow": _YELLOW, "green": _GREEN}


def _inner(crop: Image) -> Image:
    height, width = crop.shape[:2]
    return crop[height // 8 : height - height // 8, width // 20 : width - width // 20]


def _share(hue: Image, coloured: np.ndarray[tuple[int], np.dtype[np.bool_]], band: tuple[int, int]) -> float:
    return float(((hue >= band[0]) & (hue <= band[1]) & coloured).mean())


def _grey_colour(value: Image) -> PlateColour | None:
    low, middle, high = np.percentile(value, [5, 50, 95])
    if high - low < 40:
        return None
    # Characters cover under half of a plate: the median is background, nearer to one of the two ends.
    place = (middle - low) / (high - low)
    if place > 0.6:
        return "white"
    return "black" if place < 0.4 else None
