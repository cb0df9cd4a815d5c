"""Rendered plates and containers that the product is judged on: every class alike, by day, in rain and at night.

Drawn from seeds that no training uses, and never counted together with photographs.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from models.pixels import Array, Image
from models.training.augment import Sight, height_drawn, packed, taken
from models.training.covers import Cover, covered, drawn_cover
from models.training.rendering import (
    FONTS,
    LATIN_FONTS,
    LINE_HEIGHT_PX,
    TWO_ROWS_HEIGHT_PX,
    LinePainter,
    installed,
)
from models.training.text_pictures import code_text
from models.training.texts import JUDGED, PlateText, judged_text, temporary_text
from simulators.scene import CLEAR, Weather, encode_jpeg, render_container, vary

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


# What a number is seen in, or that something stands before a part of it (by day, in rain or at night).
Seen = Sight | Literal["covered"]
COVERED: Seen = "covered"
_COVERED_TURN = 1
TEMPORARY_CLASS = "临"
_TEMPORARY_TURN = 2
_SCENE_TURN = 3
# A plate in a scene: on the dark bumper below a container, its middle within the middle half, so many pixels above the
# lower side, and so much of its height of bumper around it.
SCENE_SIZE_PX = (960, 540)
ABOVE_SIDE_PX = (20, 80)
BUMPER, BUMPER_LIGHT = 0.25, 0.3
# By so much two renderings of a scene differ where another code was painted.
_PAINTED_ANEW = 40


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture: its class and what it is seen in, what it says, as a camera sends it and as pixels.

    `cover` is what stands before it, None where nothing does.
    """

    group: str
    sight: Seen
    truth: str
    encoded: bytes
    image: Image = field(repr=False)
    cover: Cover | None = None


def rng_of(seed: int, *turn: int) -> Rng:
    """Return the generator of a judged set: no training begins with its seed. Each `turn` has pictures of its own."""
    return np.random.default_rng([JUDGED_SEED, seed, *turn])


def plates(count: int, seed: int, fonts: Path = FONTS) -> Iterator[Drawn]:
    """Yield `count` crops of plates, the classes of `texts.JUDGED` in turn, one row or two, 13 to 80 pixels high."""
    return _plates(count, rng_of(seed), fonts, behind=False)


def covered_plates(count: int, seed: int, fonts: Path = FONTS) -> Iterator[Drawn]:
    """Yield `count` other crops of the same kinds, each with something before it (`covers`)."""
    return _plates(count, rng_of(seed, _COVERED_TURN), fonts, behind=True)


def temporary_plates(count: int, seed: int, fonts: Path = FONTS) -> Iterator[Drawn]:
    """Yield `count` crops of temporary plates. Nobody reads one: each answer to them is another vehicle's number."""
    rng = rng_of(seed, _TEMPORARY_TURN)
    numbers = ((TEMPORARY_CLASS, turn, temporary_text(rng)) for turn in range(count))
    return _crops(numbers, rng, fonts, behind=False)


def scene_plates(count: int, seed: int, fonts: Path = FONTS) -> Iterator[Drawn]:
    """Yield `count` other plates of all classes as the camera of a lane has them: small in a large picture.

    `encoded` is that picture, `image` the plate alone.
    """
    rng = rng_of(seed, _SCENE_TURN)
    for drawn in _plates(count, rng, fonts, behind=False):
        yield replace(drawn, encoded=encode_jpeg(_on_a_trailer(drawn, rng), int(rng.integers(1 << 30))))


def _on_a_trailer(drawn: Drawn, rng: Rng) -> Image:
    code, size_type = code_text(rng)
    seed, frame = (int(one) for one in rng.integers(0, 1 << 30, 2))
    width, height = SCENE_SIZE_PX
    assert drawn.sight != "covered"
    weather = _weather(rng, drawn.sight)
    ground = render_container([code], [size_type], seed, weather=weather, width=width, height=height)
    scene = vary(ground, frame, weather)
    high, wide = drawn.image.shape[:2]
    left = int(rng.integers(width // 4, 3 * width // 4)) - wide // 2
    top = height - high - int(rng.integers(*ABOVE_SIDE_PX))
    around = round(BUMPER * high)
    bumper = scene[top - around : top + high + around, left - around : left + wide + around]
    bumper[:] = (bumper * BUMPER_LIGHT).astype(np.uint8)
    scene[top : top + high, left : left + wide] = drawn.image
    return scene


def _plates(count: int, rng: Rng, fonts: Path, *, behind: bool) -> Iterator[Drawn]:
    names = tuple(JUDGED)
    turns = ((names[place % len(names)], place // len(names)) for place in range(count))
    numbers = ((name, turn, judged_text(name, turn, rng)) for name, turn in turns)
    return _crops(numbers, rng, fonts, behind=behind)


def _crops(numbers: Iterator[tuple[str, int, PlateText]], rng: Rng, fonts: Path, *, behind: bool) -> Iterator[Drawn]:
    """Yield a crop of each (class, turn of the class, number), drawn as it is asked for."""
    painter = LinePainter(rng, fonts)
    for name, turn, number in numbers:
        line = painter.whole(number)
        cover = drawn_cover(rng) if behind else None
        scene = line.image if cover is None else covered(line.image, line.corners, cover, rng)
        higher = 1.0 if number.rows == 1 else TWO_ROWS_HEIGHT_PX / LINE_HEIGHT_PX
        height = min(round(height_drawn(rng) * higher), MAX_CROP_HEIGHT_PX)
        size = (round(height * float(rng.uniform(*_ASPECTS[number.rows]))), height)
        sight = _SIGHTS[turn % len(_SIGHTS)]
        image = taken(scene, line.corners, size, rng, sight, sharp=True)
        if rng.random() < PACKED_SHARE:
            image = packed(image, int(rng.integers(LEAST_QUALITY, MOST_QUALITY)))
        _, data = cv2.imencode(".png", image)
        yield Drawn(name, sight if cover is None else COVERED, number.text, data.tobytes(), image, cover)


def codes(count: int, seed: int, fonts: Path = FONTS) -> Iterator[Drawn]:
    """Yield `count` pictures of a container, its code in one to three rows or in a column, as a camera sends them."""
    return _codes(count, rng_of(seed), fonts, behind=False)


def covered_codes(count: int, seed: int, fonts: Path = FONTS) -> Iterator[Drawn]:
    """Yield `count` other pictures of the same kinds, each with something before the code (`covers`)."""
    return _codes(count, rng_of(seed, _COVERED_TURN), fonts, behind=True)


def _codes(count: int, rng: Rng, fonts: Path, *, behind: bool) -> Iterator[Drawn]:
    faces = installed(LATIN_FONTS, fonts)
    for place in range(count):
        turn, which = divmod(place, len(CODE_FORMS))
        name, rows, upright = CODE_FORMS[which]
        sight = _SIGHTS[turn % len(_SIGHTS)]
        code, size_type = code_text(rng)
        weather = _weather(rng, sight)
        width = round(float(np.exp(rng.uniform(*np.log(CODE_WIDTHS_PX)))))
        drawn, frame = (int(one) for one in rng.integers(0, 1 << 30, 2))
        face = faces[int(rng.integers(len(faces)))]
        size = (width, round(width * 9 / 16))
        painted = functools.partial(
            _container, size_type=size_type, seed=drawn, upright=upright, rows=rows, face=face, size=size
        )
        scene = painted(code, weather=weather)
        cover = drawn_cover(rng) if behind else None
        if cover is not None:
            corners = _painted_anew(painted(code), painted(_other(code)), upright=upright)
            scene = covered(scene, corners, cover, rng)
        image = vary(scene, frame, weather)
        yield Drawn(name, sight if cover is None else COVERED, code, encode_jpeg(image, frame), image, cover)


def _container(
    code: str,
    *,
    size_type: str,
    seed: int,
    upright: bool,
    rows: int,
    face: str,
    size: tuple[int, int],
    weather: Weather = CLEAR,
) -> Image:
    return render_container(
        [code],
        [size_type],
        seed,
        weather=weather,
        upright=upright,
        rows=rows,
        face=face,
        width=size[0],
        height=size[1],
    )


def _other(code: str) -> str:
    """Return a code that differs from `code` in every character."""
    return "".join(chr(ord(one) + 1) if one not in "Z9" else {"Z": "A", "9": "0"}[one] for one in code)


def _painted_anew(one: Image, other: Image, *, upright: bool) -> Array:
    """Return the corners of what two renderings do not share, its first side along a row or down a column."""
    rows, columns = np.nonzero(cv2.absdiff(one, other).max(axis=2) > _PAINTED_ANEW)
    left, right, top, low = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    corners = np.array([[left, top], [right, top], [right, low], [left, low]], np.float32)
    # Down the right side of a column, so that it still goes round clockwise.
    return np.roll(corners, -1, axis=0) if upright else corners


def _weather(rng: Rng, sight: Sight) -> Weather:
    light = float(rng.uniform(0.12, 0.3) if sight == "night" else rng.uniform(0.6, 1.0))
    rain = float(rng.uniform(0.3, 1.0)) if sight == "rain" else 0.0
    dirt = float(rng.uniform(0.0, MOST_DIRT)) if rng.random() < DIRT_SHARE else 0.0
    blur = float(rng.uniform(0.0, MOST_BLUR)) if rng.random() < BLUR_SHARE else 0.0
    return Weather(light=light, rain=rain, dirt=dirt, blur=blur)
