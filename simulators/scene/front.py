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
        _mirror(picture, side + span * 0.03 * -outward, outward, span)
        _corner(picture, side, outward, span, paint)
    _grille(picture, left, right)
    overhang = span * 0.005
    bumper = texture(gradient(round(span), round(low - height * 0.70), (84, 84, 88), (44, 44, 48)), rng, 1.5, 10)
    edges = [(left - overhang, height * 0.70), (right + overhang, height * 0.70)]
    paste(picture, bumper, [*edges, (right - overhang, low), (left + overhang, low)])
    rectangle(picture, left - overhang, height * 0.70, right + overhang, height * 0.71, (104, 104, 108))
    for step in (0.30, 0.70):
        rectangle(
            picture,
            left + span * (step - 0.06),
            height * 0.885,
            left + span * (step + 0.06),
            height * 0.90,
            (28, 28, 30),
        )
    rectangle(picture, left + span * 0.06, low, right - span * 0.06, low + (ground - low) * 0.4, (34, 34, 36))


def _mirror(picture: Picture, root: float, outward: int, span: float) -> None:
    """A housing on two arms, beside the cab."""
    height = picture.shape[0]
    near, far = sorted((root + outward * span * 0.045, root + outward * span * 0.105))
    middle = (round((near + far) / 2), round(height * 0.15))
    for arm in (0.06, 0.24):
        pivot = (round(root), round(height * (arm + 0.03)))
        cv2.line(picture, pivot, (middle[0], round(height * arm)), (20, 20, 22), 7, cv2.LINE_AA)
    axes = (round((far - near) / 2), round(height * 0.13))
    cv2.ellipse(picture, middle, axes, 0, 0, 360, (30, 30, 32), -1, cv2.LINE_AA)
    rectangle(picture, near, height * 0.05, far, height * 0.25, (30, 30, 32))
    rectangle(picture, near + 4, height * 0.06, near + 8, height * 0.24, (52, 52, 56))


def _corner(picture: Picture, side: float, outward: int, span: float, paint: Colour) -> None:
    """The cab's rounded corner with its air deflector, turned away from the light."""
    height = picture.shape[0]
    inner = side - outward * span * 0.055
    top, low = height * 0.42, height * 0.70
    dark: Colour = (paint[0] * 5 // 9, paint[1] * 5 // 9, paint[2] * 5 // 9)
    shade = picture.copy()
    upper = (side - outward * span * 0.03, top), (inner - outward * span * 0.01, top)
    polygon(shade, [*upper, (inner, low), (side, low)], dark)
    picture[:] = cv2.addWeighted(picture, 0.35, shade, 0.65, 0)
    left, right = sorted((inner, inner - outward * 4))
    rectangle(picture, left, height * 0.44, right, height * 0.69, (24, 24, 26))


def _windscreen(picture: Picture, left: float, right: float) -> None:
    span, height = right - left, picture.shape[0]
    top, sill = height * 0.02, height * 0.40

    def across(*shares: float) -> list[float]:
        return [left + span * share for share in shares]

    seal = zip(across(0.065, 0.935, 0.965, 0.035), (top - 8, top - 8, sill + 8, sill + 8), strict=True)
    polygon(picture, list(seal), (24, 24, 24))
    glass = gradient(round(span * 0.9), round(sill - top), (128, 116, 102), (44, 38, 34))
    _inside(glass)
    corners = zip(across(0.08, 0.92, 0.95, 0.05), (top, top, sill, sill), strict=True)
    paste(picture, glass, list(corners))
    shine = picture.copy()
    reflection = zip(across(0.20, 0.34, 0.24, 0.08), (top, top, sill, sill), strict=True)
    polygon(shine, list(reflection), (150, 142, 132))
    picture[:] = cv2.addWeighted(picture, 0.65, shine, 0.35, 0)
    for start, end in (across(0.16, 0.46), across(0.84, 0.54)):
        pivot, tip = (round(start), round(sill - 4)), (round(end), round(sill - height * 0.05))
        cv2.line(picture, pivot, tip, (15, 15, 15), 5, cv2.LINE_AA)


def _inside(glass: Picture) -> None:
    """What is seen through a windscreen: two seats, a driver, the wheel, a visor."""
    height, width = glass.shape[:2]
    seen = glass.copy()
    for seat in (0.24, 0.74):
        rectangle(seen, width * (seat - 0.09), height * 0.34, width * (seat + 0.09), height, (36, 34, 34))
    driver, low = width * 0.74, round(height * 0.98)
    shoulders, wheel = (round(width * 0.11), round(height * 0.42)), (round(width * 0.10), round(height * 0.20))
    cv2.ellipse(seen, (round(driver), low), shoulders, 0, 180, 360, (74, 60, 50), -1, cv2.LINE_AA)
    disc(seen, driver, height * 0.44, height * 0.12, (112, 132, 168))
    cv2.ellipse(seen, (round(driver), low), wheel, 0, 180, 360, (16, 16, 16), 6, cv2.LINE_AA)
    rectangle(seen, 0, height * 0.90, width, height, (26, 25, 25))
    glass[:] = cv2.addWeighted(glass, 0.45, seen, 0.55, 0)
    rectangle(glass, 0, 0, width, height * 0.06, (52, 46, 42))


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
