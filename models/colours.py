"""The colour of a plate from its pixels: the background is what most pixels between the characters show."""

import numpy as np
from numpy.typing import NDArray

from edge.core.plate import PlateColour
from models.pixels import Image, hue_saturation_value, sizes_of_pieces

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
# From here on the ground is brighter than the characters: photographed green plates have 0.67 to 0.89, blue ones in
# green light 0.1 to 0.53.
BRIGHT_GROUND = 0.6
# Strokes of text that a program drew in green cover at least so much of its line.
DRAWN_SHARE = 0.03
# What is drawn in one of the colours that screens are made of: channels that are lit alike, and others that are not,
# after JPEG has smeared them. A ground of such a colour hangs together; of the characters at least so many are pieces
# of their own. On 209 rows of photographs no more than 1 in 9 is; of text that was drawn into photographs two thirds.
LIT, NOT_LIT, LIT_ABOVE, LIT_APART = 170, 130, 90, 60
# Between light letters a ground of the colour looks like characters. It is one where the rim of the line, above and
# below its characters, has so much of it.
GROUND_ABOVE, RIM = 60, 0.08
DRAWN_CHARACTERS, MIN_DRAWN = 0.4, 3
CHARACTER_HEIGHTS = (0.4, 0.95)
Channel = NDArray[np.int16]


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
        return "yellow_green" if _is_bright(value) else None
    name = max(shares, key=lambda band: shares[band])
    total = float(coloured.mean())
    if shares[name] >= COLOURED_SHARE or (shares[name] >= COLOURED_SHARE / 2 and shares[name] > ONE_HUE * total):
        return name if name != "green" or _is_bright(value) else None
    if total > COLOURED_SHARE / 2:
        return None
    return _grey_colour(value)


def is_drawn(crop: Image, characters: int) -> bool:
    """Say whether the `characters` of `crop` were drawn into the picture by a program, in a colour that no paint has.

    Cameras and other recognition systems write what they read into their pictures: that is no code on a box. White is
    not told apart: of photographed codes many are as white, as flat and as sharp. Nor is blue: white paint in the shade
    is as blue.
    """
    blue, green, red = (crop[:, :, channel].astype(np.int16) for channel in range(3))
    if float(((green >= 200) & (green - red >= 150) & (green - blue >= 150)).mean()) >= DRAWN_SHARE:
        return True
    needed = max(MIN_DRAWN, DRAWN_CHARACTERS * characters)
    lit_and_not = (
        ((red, green), (blue,)),
        ((red,), (green, blue)),
        ((green, blue), (red,)),
        ((red, blue), (green,)),
        ((green,), (red, blue)),
    )
    return any(_characters_in(_pure(lit, dark)) >= needed for lit, dark in lit_and_not)


def _pure(lit: tuple[Channel, ...], dark: tuple[Channel, ...]) -> NDArray[np.bool_]:
    """Return where all channels of `lit` are bright and alike, those of `dark` neither; nowhere on such a ground."""
    least, most = np.minimum.reduce(lit), np.maximum.reduce(lit)
    beneath = np.maximum.reduce(dark)
    rim = max(1, round(RIM * least.shape[0]))
    above = least - beneath
    of_ground = float(np.median(np.concatenate([above[:rim], above[-rim:]]))) > GROUND_ABOVE
    pure = (least >= LIT) & (beneath <= NOT_LIT) & (above >= LIT_ABOVE) & (most - least <= LIT_APART)
    return np.zeros_like(pure) if of_ground else np.asarray(pure, np.bool_)


def _characters_in(mask: NDArray[np.bool_]) -> int:
    """Return how many pieces of `mask` are as high as a character of its line, and no wider."""
    height = mask.shape[0]
    low, high = (share * height for share in CHARACTER_HEIGHTS)
    return sum(low <= tall <= high and wide <= height for wide, tall in sizes_of_pieces(mask))


_BANDS: dict[PlateColour, tuple[int, int]] = {"blue": _BLUE, "yellow": _YELLOW, "green": _GREEN}


def _inner(crop: Image) -> Image:
    height, width = crop.shape[:2]
    return crop[height // 8 : height - height // 8, width // 20 : width - width // 20]


def _share(hue: Image, coloured: np.ndarray[tuple[int], np.dtype[np.bool_]], band: tuple[int, int]) -> float:
    return float(((hue >= band[0]) & (hue <= band[1]) & coloured).mean())


def _grey_colour(value: Image) -> PlateColour | None:
    place = _place_of_ground(value)
    if place is None:
        return None
    if place > BRIGHT_GROUND:
        return "white"
    return "black" if place < 0.4 else None


def _is_bright(value: Image) -> bool:
    """Say whether the ground may be brighter than the characters: of a blue plate in green light it is not.

    Where it is too dark to tell, it may: seven characters on green are refused, which may lack the eighth.
    """
    place = _place_of_ground(value)
    return place is None or place > BRIGHT_GROUND


def _place_of_ground(value: Image) -> float | None:
    """Return where the ground lies between the darkest (0) and brightest (1) of a plate; None where all is alike."""
    low, middle, high = np.percentile(value, [5, 50, 95])
    if high - low < 40:
        return None
    # Characters cover under half of a plate: the median is background, nearer to one of the two ends.
    return float((middle - low) / (high - low))
