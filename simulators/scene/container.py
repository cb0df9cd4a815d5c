"""Containers as the container camera sees them: a door end for one, two side ends for two."""

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.scene.canvas import Colour, Picture, glyphs, gradient, ink, paste, rectangle, texture
from simulators.scene.lane import background
from simulators.scene.weather import CLEAR, Weather, under

_PAINTS: tuple[Colour, ...] = (
    (120, 62, 22), (38, 40, 140), (62, 92, 40), (30, 62, 120), (96, 92, 88), (24, 96, 176), (140, 110, 50),
)  # fmt: skip
_MARKING: Colour = (238, 240, 240)
# Which parts of a code stand in which of its rows, without the check digit that ends the last one.
_WORDS = {
    1: ((slice(0, 4), slice(4, 10)),),
    2: ((slice(0, 4),), (slice(4, 10),)),
    3: ((slice(0, 4),), (slice(4, 7),), (slice(7, 10),)),
}


@dataclass(frozen=True, slots=True)
class _Lettering:
    """How a code is painted: in a column or in so many rows, in the font of a file ('' is the built-in one)."""

    upright: bool
    rows: int
    face: str


def render_container(
    codes: list[str],
    size_types: list[str],
    seed: int = 0,
    *,
    weather: Weather = CLEAR,
    upright: bool = False,
    rows: int = 1,
    face: str = "",
    width: int = 1280,
    height: int = 720,
) -> Picture:
    """One or two containers on a trailer, each with its code (11 characters) and size and type beneath.

    The code is painted as ISO 6346 asks: owner, serial, check digit in a box, in one line or in two or three `rows`; in
    a column where it is `upright`, as on many ends and sides. `face` is the file of another font, `seed` picks paint,
    position and dirt. Raises ValueError for another number of codes or rows, or where the two lists differ in length.
    """
    if rows not in _WORDS:
        raise ValueError(f"expected a code in one, two or three rows, got {rows!r}")
    if not 1 <= len(codes) <= 2 or len(codes) != len(size_types) or any(len(code) != 11 for code in codes):
        raise ValueError(
            f"expected one or two codes of 11 characters with their size and type, got {codes!r} {size_types!r}"
        )
    rng = np.random.default_rng(seed)
    lettering = _Lettering(upright, rows, face)
    picture = background(rng, width, height)
    rectangle(picture, 0, height * 0.86, width, height * 0.93, (38, 38, 42))
    for wheel in (0.14, 0.30, 0.70, 0.86):
        cv2.circle(
            picture, (round(width * wheel), round(height * 0.96)), round(height * 0.085), (26, 26, 28), -1, cv2.LINE_AA
        )
        cv2.circle(
            picture,
            (round(width * wheel), round(height * 0.96)),
            round(height * 0.04),
            (120, 120, 124),
            -1,
            cv2.LINE_AA,
        )
    if len(codes) == 1:
        left = width * rng.uniform(0.13, 0.17)
        _place(picture, rng, _face_of(rng, codes[0], size_types[0], lettering, alone=True), left, left + width * 0.70)
    else:
        for index, (code, size_type) in enumerate(zip(codes, size_types, strict=True)):
            left = width * (0.015 + 0.495 * index)
            _place(picture, rng, _face_of(rng, code, size_type, lettering, alone=False), left, left + width * 0.475)
    return under(texture(picture, rng, 2.0, 2), rng, weather)


def _place(picture: Picture, rng: np.random.Generator, flat: Picture, left: float, right: float) -> None:
    height = picture.shape[0]
    top, low = height * rng.uniform(0.03, 0.05), height * 0.86
    skew = height * rng.uniform(-0.012, 0.012)
    paste(picture, flat, [(left, top), (right, top + skew), (right, low), (left, low)])


def _face_of(rng: np.random.Generator, code: str, size_type: str, lettering: _Lettering, *, alone: bool) -> Picture:
    """One face, flat: the doors where it is `alone` and its code in a line.

    Markings keep clear of rods and of the corrugation's edges as on real ones.
    """
    width, height = (1400, 1180) if alone else (1000, 1180)
    paint, doors = _PAINTS[int(rng.integers(len(_PAINTS)))], alone and not lettering.upright
    flat = _corrugated(width, height, paint, rng, depth=10.0 if doors else 18.0)
    if doors:
        _doors(flat, paint)
    _frame(flat, paint)
    size = 88 if doors else 92
    left = round(width * (0.515 if doors else 0.16))
    if lettering.upright:
        _column(flat, code, size_type, round(width * 0.80), round(height * 0.07), lettering.face)
    else:
        _markings(flat, code, size_type, (left, round(height * 0.10)), size, lettering)
    _weathering(flat, rng)
    return flat


def _corrugated(width: int, height: int, paint: Colour, rng: np.random.Generator, depth: float) -> Picture:
    dark: Colour = (paint[0] * 4 // 5, paint[1] * 4 // 5, paint[2] * 4 // 5)
    flat = gradient(width, height, paint, dark)
    phase = (np.arange(width, dtype=np.float32) / 70.0 + rng.uniform(0, 1)) * 2 * np.pi
    # Trapezoid corrugation: a clipped sine has its flats and its slopes, lit from one side.
    shade = np.clip(np.sin(phase) * 2.2, -1, 1) * depth + np.clip(np.cos(phase) * 2.2, -1, 1) * depth * 0.3
    return np.asarray(np.clip(flat + shade[None, :, None], 0, 255), np.uint8)


def _doors(flat: Picture, paint: Colour) -> None:
    height, width = flat.shape[:2]
    seam: Colour = (paint[0] // 3, paint[1] // 3, paint[2] // 3)
    rectangle(flat, width / 2 - 4, 0, width / 2 + 4, height, seam)
    for rod in (0.10, 0.40, 0.60, 0.90):
        at = width * rod
        # Rods begin under the markings: on the real right door the code stands between header and hinges.
        top = height * (0.36 if rod > 0.5 else 0.05)
        rectangle(flat, at - 9, top, at + 9, height * 0.97, (168, 168, 172))
        rectangle(flat, at + 5, top, at + 9, height * 0.97, (104, 104, 108))
        for keeper in (0.45, 0.66, 0.92):
            rectangle(flat, at - 22, height * keeper, at + 22, height * keeper + 26, (92, 92, 96))
        # Cams at header and sill hold the rod.
        for cam in (height * 0.945, top - 14):
            rectangle(flat, at - 30, cam, at + 30, cam + 18, (70, 70, 74))
    for leaf in (0.035, 0.507):
        # The rubber around each leaf.
        cv2.rectangle(flat, (round(width * leaf), 46), (round(width * (leaf + 0.458)), height - 46), (22, 22, 24), 6)
    for handle in (0.25, 0.75):
        rectangle(flat, width * handle - 90, height * 0.64, width * handle + 90, height * 0.66, (150, 150, 154))
        rectangle(flat, width * handle - 26, height * 0.625, width * handle + 26, height * 0.675, (88, 88, 92))
    for hinge in (0.14, 0.38, 0.62, 0.86):
        for across in (0, width - 62):
            rectangle(flat, across, height * hinge, across + 62, height * hinge + 34, seam)
            rectangle(flat, across + 24, height * hinge - 6, across + 38, height * hinge + 40, (96, 96, 100))
    # The plate of the safety convention, low on the left leaf.
    rectangle(flat, width * 0.17, height * 0.78, width * 0.33, height * 0.90, (150, 152, 154))
    for line in range(5):
        rectangle(
            flat,
            width * 0.18,
            height * (0.795 + 0.02 * line),
            width * 0.31,
            height * (0.80 + 0.02 * line),
            (70, 70, 72),
        )


def _frame(flat: Picture, paint: Colour) -> None:
    height, width = flat.shape[:2]
    post: Colour = (paint[0] * 2 // 3, paint[1] * 2 // 3, paint[2] * 2 // 3)
    cv2.rectangle(flat, (0, 0), (width - 1, height - 1), post, 44)
    for across in (0, width - 54):
        for down in (0, height - 54):
            rectangle(flat, across, down, across + 54, down + 54, (74, 74, 78))
            cv2.ellipse(flat, (across + 27, down + 27), (12, 18), 0, 0, 360, (18, 18, 20), -1, cv2.LINE_AA)


def _narrow(text: str, size: int, face: str) -> Picture:
    """Container lettering: a sans face, drawn in to the width that stencils have."""
    mask = glyphs(text, size, face=face)
    return np.asarray(cv2.resize(mask, None, fx=0.85, fy=1.0, interpolation=cv2.INTER_AREA), np.uint8)


def _markings(
    flat: Picture, code: str, size_type: str, corner: tuple[int, int], size: int, lettering: _Lettering
) -> None:
    """Owner, serial and boxed check digit in their rows; size and type beneath; a weight table further down."""
    left, top = corner
    face = lettering.face
    at, tall = left, _narrow(code[4:10], size, face).shape[0]
    for row, words in enumerate(_WORDS[lettering.rows]):
        if row:
            at, top = left, top + round(tall * 1.45)
        for word in words:
            mask = _narrow(code[word], size, face)
            ink(flat, mask, at, top, _MARKING, 0.96)
            at += mask.shape[1] + round(size * (0.28 if word.start == 0 else 0.06))
    digit = _narrow(code[10], size, face)
    pad = round(tall * 0.12)
    ink(flat, digit, at + pad, top, _MARKING, 0.96)
    box = np.zeros((tall + 2 * pad, digit.shape[1] + 2 * pad), np.uint8)
    cv2.rectangle(box, (1, 1), (box.shape[1] - 2, box.shape[0] - 2), 255, 2, cv2.LINE_AA)
    ink(flat, box, at, top - pad, _MARKING, 0.5)
    ink(flat, _narrow(size_type, size, face), left, top + round(tall * 1.75), _MARKING, 0.96)
    for row, line in enumerate(("MAX GROSS", "TARE", "NET", "CU CAP")):
        text = glyphs(line, max(16, round(size * 0.26)), weight=400)
        ink(flat, text, left, top + round(tall * 4.0) + row * round(size * 0.45), _MARKING, 0.9)


def _column(flat: Picture, code: str, size_type: str, left: int, top: int, face: str) -> None:
    """Owner, serial and boxed check digit one below the other; size and type in a second column, lower down."""
    size = 76
    wide = max(_narrow(character, size, face).shape[1] for character in code)
    at = top
    for place, character in enumerate(code):
        mask = _narrow(character, size, face)
        ink(flat, mask, left + (wide - mask.shape[1]) // 2, at, _MARKING, 0.96)
        if place == len(code) - 1:
            pad = 8
            box = np.zeros((mask.shape[0] + 2 * pad, wide + 2 * pad), np.uint8)
            cv2.rectangle(box, (1, 1), (box.shape[1] - 2, box.shape[0] - 2), 255, 2, cv2.LINE_AA)
            ink(flat, box, left - pad, at - pad, _MARKING, 0.5)
        # Owner, serial and check digit stand apart.
        at += mask.shape[0] + round(size * (0.55 if place in (3, 9) else 0.24))
    at = top + round(size * 3.2)
    for character in size_type:
        mask = _narrow(character, size, face)
        ink(flat, mask, left - round(size * 1.5) + (wide - mask.shape[1]) // 2, at, _MARKING, 0.96)
        at += mask.shape[0] + round(size * 0.24)


def _weathering(flat: Picture, rng: np.random.Generator) -> None:
    """Rust streaks and scratches, kept below and off the markings so that the code stays legible."""
    height, width = flat.shape[:2]
    for _ in range(int(rng.integers(6, 14))):
        left, top = int(rng.integers(60, width - 60)), int(rng.integers(round(height * 0.55), height - 80))
        streak = np.full((int(rng.integers(20, 70)), int(rng.integers(2, 7))), 255, np.uint8)
        ink(flat, streak, left, top, (34, 52, 92), float(rng.uniform(0.2, 0.6)))
