"""Rendered plates and containers that the product is judged on: every class alike, by day, in rain and at night.

Drawn from seeds that no training uses, and never counted together with photographs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from models.pixels import Image
from models.training.augment import Sight, height_drawn, packed, taken
from models.training.rendering import FONTS, LATIN_FONTS, LINE_HEIGHT_PX, TWO_ROWS_HEIGHT_PX, LinePainter, installed
from models.training.text_pictures import code_text
from models.training.texts import JUDGED, judged_text
from simulators.scene import Weather, encode_jpeg, render_container, vary

Rng = np.random.Generator
JUDGED_SEED = 900_000
# Of five of a class three are seen by day, one in rain and one at night.
_SIGHTS: tuple[Sight, ...] = ("day", "day", "rain", "day", "night")
# How much longer than high a crop is that holds one row, and two. Longer than two rows are cut is no crop of a plate.
_ASPECTS = {1: (2.9, 3.9), 2: (1.85, 2.2)}
MAX_CROP_HEIGHT_PX = 80
PACKED_SHARE, LEAST_QUALITY, MOST_QUALITY = 0.5, 25, 96
# How a code is painted: (name, rows, upright).
CODE_FORMS = (("one row", 1, False), ("two rows", 2, False), ("three rows", 3, False), ("column", 1, True))
# The pictures of containers are so wide: the capitals of a code are 9 to 30 pixels high in them.
CODE_WIDTHS_PX = (400, 1280)
DIRT_SHARE, MOST_DIRT, BLUR_SHARE, MOST_BLUR = 0.5, 0.5, 0.3, 0.3


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture: its class and what it is seen in, what it says, as a camera sends it and as pixels."""

    group: str
    sight: Sight
    truth: str
    encoded: bytes
    image: Image = field(repr=False)


def rng_of(seed: int) -> Rng:
    """Return the generator of a judged set: no training begins with its seed."""
    return np.random.default_rng([JUDGED_SEED, seed])


def plates(count: int, seed: int, fonts: Path = FONTS) -> Iterator[Drawn]:
    """Yield `count` crops of plates, the classes of `texts.JUDGED` in turn, one row or two, 13 to 80 pixels high."""
    rng = rng_of(seed)
    painter = LinePainter(rng, fonts)
    names = tuple(JUDGED)
    for place in range(count):
        turn, which = divmod(place, len(names))
        number = judged_text(names[which], turn, rng)
        line = painter.whole(number)
        higher = 1.0 if number.rows == 1 else TWO_ROWS_HEIGHT_PX / LINE_HEIGHT_PX
        height = min(round(height_drawn(rng) * higher), MAX_CROP_HEIGHT_PX)
        size = (round(height * float(rng.uniform(*_ASPECTS[number.rows]))), height)
        sight = _SIGHTS[turn % len(_SIGHTS)]
        image = taken(line.image, line.corners, size, rng, sight, sharp=True)
        if rng.random() < PACKED_SHARE:
            image = packed(image, int(rng.integers(LEAST_QUALITY, MOST_QUALITY)))
        _, data = cv2.imencode(".png", image)
        yield Drawn(names[which], sight, number.text, data.tobytes(), image)


def codes(count: int, seed: int, fonts: Path = FONTS) -> Iterator[Drawn]:
    """Yield `count` pictures of a container, its code in one to three rows or in a column, as a camera sends them."""
    rng = rng_of(seed)
    faces = installed(LATIN_FONTS, fonts)
    for place in range(count):
        turn, which = divmod(place, len(CODE_FORMS))
        name, rows, upright = CODE_FORMS[which]
        sight = _SIGHTS[turn % len(_SIGHTS)]
        code, size_type = code_text(rng)
        weather = _weather(rng, sight)
        width = round(float(np.exp(rng.uniform(*np.log(CODE_WIDTHS_PX)))))
        drawn, frame = (int(one) for one in rng.integers(0, 1 << 30, 2))
        scene = render_container(
            [code],
            [size_type],
            drawn,
            weather=weather,
            upright=upright,
            rows=rows,
            face=faces[int(rng.integers(len(faces)))],
            width=width,
            height=round(width * 9 / 16),
        )
        image = vary(scene, frame, weather)
        yield Drawn(name, sight, code, encode_jpeg(image, frame), image)


def _weather(rng: Rng, sight: Sight) -> Weather:
    light = float(rng.uniform(0.12, 0.3) if sight == "night" else rng.uniform(0.6, 1.0))
    rain = float(rng.uniform(0.3, 1.0)) if sight == "rain" else 0.0
    dirt = float(rng.uniform(0.0, MOST_DIRT)) if rng.random() < DIRT_SHARE else 0.0
    blur = float(rng.uniform(0.0, MOST_BLUR)) if rng.random() < BLUR_SHARE else 0.0
    return Weather(light=light, rain=rain, dirt=dirt, blur=blur)
