"""A truck from the front, as the plate camera sees it."""

import cv2
import numpy as np

from simulators.scene.canvas import Colour, Picture, Point, disc, gradient, paste, polygon, rectangle, texture
from simulators.scene.lane import background
from simulators.scene.plate import SCALE, draw_plate
from simulators.scene.weather import CLEAR, Weather, under

_PAINTS: tuple[Colour, ...] = (
    (40, 36, 178), (170, 96, 38), (225, 225, 222), (60, 120, 46), (34, 140, 224), (120, 116, 110), (92, 44, 30),
)  # fmt: skip
_TRUCK_WIDTH_MM = 2500.0


def render_front(
    plate_text: str,
    colour: str,
    kind: str = "ordinary",
    rows: int = 1,
    seed: int = 0,
    *,
    weather: Weather = CLEAR,
    width: int = 1280,
    height: int = 720,
) -> Picture:
    """A truck's front with its plate on the bumper. `seed` picks paint, position, tilt and dirt.

    Raises ValueError where the plate cannot be drawn (`draw_plate`).
    """
    rng = np.random.default_rng(seed)
    plate = draw_plate(plate_text, colour, kind, rows)
    picture = background(rng, width, height)
    truck_width = width * rng.uniform(0.72, 0.80)
    centre = width * rng.uniform(0.47, 0.53)
    paint = _PAINTS[int(rng.integers(len(_PAINTS)))]
    left, right = centre - truck_width / 2, centre + truck_width / 2
    ground = height * 0.985
    _shadow(picture, left, right, ground)
    _wheels(picture, left, right, ground)
    _cab(picture, rng, left, right, ground, paint)
    _lamps(picture, left, right)
    corners = _mount_plate(picture, rng, plate, centre, truck_width / _TRUCK_WIDTH_MM)
    lit = [(at, height * 0.782) for at in _lenses(left, right)]
    return under(texture(picture, rng, 2.0, 2), rng, weather, reflects=[corners], lamps=lit)


def _shadow(picture: Picture, left: float, right: float, ground: float) -> None:
    shade = picture.copy()
    span = right - left
    axes = (round(span * 0.56), round(span * 0.05))
    cv2.ellipse(shade, (round(left + span / 2), round(ground)), axes, 0, 0, 360, (30, 30, 32), -1)
    picture[:] = cv2.addWeighted(picture, 0.3, shade, 0.7, 0)


def _wheels(picture: Picture, left: float, right: float, ground: float) -> None:
    span = right - left
    for inner in (left + span * 0.03, right - span * 0.15):
        rectangle(picture, inner, ground - span * 0.12, inner + span * 0.12, ground, (24, 24, 26))
        for tread in range(4):
            at = inner + span * (0.02 + 0.026 * tread)
            rectangle(picture, at, ground - span * 0.11, at + 1, ground, (40, 40, 42))


def _cab(picture: Picture, rng: np.random.Generator, left: float, right: float, ground: float, paint: Colour) -> None:
    span, height = right - left, picture.shape[0]
    top, low = -height * 0.05, height * 0.93
    shaded: Colour = (paint[0] * 3 // 4, paint[1] * 3 // 4, paint[2] * 3 // 4)
    flat = texture(gradient(round(span), round(low - top), paint, shaded), rng, 1.5, 12)
    paste(picture, flat, [(left + span * 0.03, top), (right - span * 0.03, top), (right, low), (left, low)])
    _windscreen(picture, left, right)
    for side, outward in ((left, -1), (right, 1)):
        near, far = sorted((side + outward * 8, side + outward * span * 0.075))
        rectangle(picture, near, height * 0.03, far, height * 0.27, (26, 26, 28))
    _grille(picture, left, right)
    overhang = span * 0.005
    rectangle(picture, left - overhang, height * 0.70, right + overhang, low, (62, 62, 66))
    rectangle(picture, left - overhang, height * 0.70, right + overhang, height * 0.715, (96, 96, 100))
    rectangle(picture, left + span * 0.06, low, right - span * 0.06, low + (ground - low) * 0.4, (34, 34, 36))


def _windscreen(picture: Picture, left: float, right: float) -> None:
    span, height = right - left, picture.shape[0]
    top, sill = height * 0.02, height * 0.40

    def across(*shares: float) -> list[float]:
        return [left + span * share for share in shares]

    corners = zip(across(0.08, 0.92, 0.95, 0.05), (top, top, sill, sill), strict=True)
    polygon(picture, list(corners), (58, 50, 44))
    shine = picture.copy()
    reflection = zip(across(0.20, 0.34, 0.24, 0.08), (top, top, sill, sill), strict=True)
    polygon(shine, list(reflection), (150, 142, 132))
    picture[:] = cv2.addWeighted(picture, 0.65, shine, 0.35, 0)
    for start, end in (across(0.16, 0.46), across(0.84, 0.54)):
        pivot, tip = (round(start), round(sill - 4)), (round(end), round(sill - height * 0.05))
        cv2.line(picture, pivot, tip, (15, 15, 15), 5, cv2.LINE_AA)


def _grille(picture: Picture, left: float, right: float) -> None:
    span, height = right - left, picture.shape[0]
    rectangle(picture, left + span * 0.16, height * 0.46, right - span * 0.16, height * 0.67, (30, 30, 32))
    for bar in range(5):
        at = height * (0.475 + 0.04 * bar)
        rectangle(picture, left + span * 0.17, at, right - span * 0.17, at + height * 0.014, (128, 128, 130))
    disc(picture, left + span / 2, height * 0.555, height * 0.035, (190, 190, 194))


def _lamps(picture: Picture, left: float, right: float) -> None:
    span, height = right - left, picture.shape[0]
    for inner in (left + span * 0.03, right - span * 0.17):
        rectangle(picture, inner, height * 0.735, inner + span * 0.14, height * 0.83, (176, 178, 180))
        rectangle(picture, inner, height * 0.84, inner + span * 0.05, height * 0.865, (30, 140, 245))
    for lens in _lenses(left, right):
        disc(picture, lens, height * 0.782, height * 0.036, (235, 240, 242))
        disc(picture, lens, height * 0.782, height * 0.018, (255, 255, 255))


def _lenses(left: float, right: float) -> list[float]:
    """Where the lenses of the headlamps are, across the picture."""
    span = right - left
    return [inner + span * lens for inner in (left + span * 0.03, right - span * 0.17) for lens in (0.04, 0.10)]


def _mount_plate(
    picture: Picture, rng: np.random.Generator, plate: Picture, centre: float, scale: float
) -> list[Point]:
    """Screw it on; returns its corners."""
    height = picture.shape[0]
    half_wide = plate.shape[1] / SCALE * scale / 2
    half_high = plate.shape[0] / SCALE * scale / 2
    middle = height * 0.805
    dirt = texture(plate, rng, 4.0, 16)
    turn, tilt = rng.uniform(-0.03, 0.03), rng.uniform(-0.025, 0.025)
    holder = (centre - half_wide - 5, middle - half_high - 5, centre + half_wide + 5, middle + half_high + 5)
    rectangle(picture, *holder, (28, 28, 30))
    corners = [
        (centre + x * half_wide * (1 + turn * y), middle + y * half_high * (1 + turn * x) + x * half_wide * tilt)
        for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    paste(picture, dirt, corners)
    return corners
