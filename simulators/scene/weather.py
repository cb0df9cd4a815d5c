"""Light and weather of a lane, laid over a finished scene: night with its lamps, rain, mud, glare, motion, the lens.

What stays the same from frame to frame is laid on here; the streaks of rain and the noise of a dark sensor come with
each frame (`camera.vary`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
import numpy.typing as npt

from simulators.scene.canvas import Picture, Point, falloff

# Below this light a lane is dark enough for lamps, and for a camera to lighten what comes back from a plate.
DUSK = 0.5
# How bright a plate is in the camera's own lamp: its ground sends light back to where it came from.
_REFLECTED = 0.8
_MUD = np.array((82.0, 98.0, 112.0), np.float32)
_CLOTH = np.array((58.0, 60.0, 62.0), np.float32)
# A lane's lamps at night are warmer than the sky by day.
_NIGHT_TINT = np.array((0.84, 0.95, 1.05), np.float32)
_WIDTH_PX = 1280
_SCENE_ASPECT = 9 / 16
# Streaks in a frame of the heaviest rain, the longest of them in pixels of _WIDTH_PX, and drops on the glass before it.
_STREAKS, _LONGEST_STREAK, _LENS_DROPS = 700, 60, 26

Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weather:
    """What a lane's pictures are taken in; every part from 0 to 1.

    `light`: 1 a lit lane by day, 0.45 dusk, 0.15 night. `lamps`: those of lane, camera and vehicle burn where it is
    dark. `rain`, `glare` of a low sun, and mud on the vehicle (`dirt`) from none to as bad as it gets; `blur`: how far
    the picture runs while it is exposed; `covered`: how much a bag, snow or mud on the lens takes away. Raises
    ValueError beyond that.
    """

    light: float = 1.0
    lamps: bool = True
    rain: float = 0.0
    dirt: float = 0.0
    blur: float = 0.0
    glare: float = 0.0
    covered: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            if not 0 <= getattr(self, one.name) <= 1:
                raise ValueError(f"expected {one.name} from 0 to 1, got {getattr(self, one.name)!r}")

    @property
    def night(self) -> float:
        """How much night it is: 0 by day, 1 in the dark."""
        return max(0.0, 1.0 - self.light / DUSK)


CLEAR = Weather()


def under(
    picture: Picture,
    rng: np.random.Generator,
    weather: Weather,
    *,
    reflects: Sequence[Sequence[Point]] = (),
    lamps: Sequence[Point] = (),
) -> Picture:
    """A scene as it looks in this weather. `reflects`: what sends the camera's light back; `lamps`: the vehicle's."""
    values = _muddied(picture.astype(np.float32), rng, weather.dirt) if weather.dirt else picture.astype(np.float32)
    field = falloff(picture.shape[0], picture.shape[1], rng) * weather.light
    if weather.night and weather.lamps:
        values = _at_night(values, field, weather.night, reflects, lamps)
    else:
        values *= field[:, :, None]
    if weather.rain:
        values = _wet(values, rng, weather, round(_LENS_DROPS * weather.rain), picture.shape[1])
    if weather.glare:
        values = _dazzled(values, weather.glare)
    if weather.blur:
        values = _run(values, weather.blur)
    if weather.covered:
        values = values * (1 - weather.covered) + _CLOTH * max(weather.light, 0.5) * weather.covered
    return np.clip(values, 0, 255).astype(np.uint8)


def streaks(picture: npt.NDArray[np.int16], rng: np.random.Generator, weather: Weather) -> None:
    """Lay the rain of one frame onto it: drops that fall through while it is exposed, bright in the lamps."""
    _fallen(picture, rng, weather, round(_STREAKS * weather.rain), picture.shape[1] / _WIDTH_PX, 0.1)


def rained_on(part: Picture, rng: np.random.Generator, weather: Weather, scene_width_px: float) -> Picture:
    """A part that was cut out of a frame `scene_width_px` wide, as the rain of this weather has it.

    As many drops as fall on so small a part, as large as they are in the whole: its light is left as it is.
    """
    height, width = part.shape[:2]
    scale = scene_width_px / _WIDTH_PX
    # What begins above the part falls into it.
    above = _LONGEST_STREAK * scale / height
    scene_px = scene_width_px**2 * _SCENE_ASPECT
    drops = int(rng.poisson(_LENS_DROPS * weather.rain * height * width / scene_px))
    wet = np.clip(_wet(part.astype(np.float32), rng, weather, drops, scene_width_px), 0, 255).astype(np.int16)
    count = int(rng.poisson(_STREAKS * weather.rain * height * (1 + above) * width / scene_px))
    _fallen(wet, rng, weather, count, scale, above)
    return np.clip(wet, 0, 255).astype(np.uint8)


def _fallen(
    picture: npt.NDArray[np.int16],
    rng: np.random.Generator,
    weather: Weather,
    count: int,
    scale: float,
    above: float,
) -> None:
    """Lay `count` streaks of rain onto a picture; they begin in it or up to `above` of its height over it."""
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    slant = float(rng.uniform(-0.15, 0.15))
    places = rng.uniform((0, -above), (1, 1), (count, 2)) * (width, height)
    lengths = rng.uniform(14, _LONGEST_STREAK, count) * scale
    for (across, down), length in zip(places, lengths, strict=True):
        end = (round(across + slant * length), round(down + length))
        cv2.line(mask, (round(across), round(down)), end, int(rng.integers(60, 150)), 1, cv2.LINE_AA)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.8 * scale)), np.uint8)
    picture += (mask.astype(np.float32) * (0.25 + 0.45 * weather.light)).astype(np.int16)[:, :, None]


def _at_night(
    values: Values, field: Values, night: float, reflects: Sequence[Sequence[Point]], lamps: Sequence[Point]
) -> Values:
    """The lane's lamps from above, the camera's lamp from the front, the vehicle's into the lens."""
    height, width = field.shape
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    pool = np.exp(-(((across - width / 2) / (width * 0.42)) ** 2) - ((down - height * 0.75) / (height * 0.55)) ** 2)
    field = field + 0.22 * night * pool
    back = np.zeros((height, width), np.float32)
    for corners in reflects:
        cv2.fillPoly(back, [np.array(corners, np.float32).round().astype(np.int32)], 1.0, cv2.LINE_AA)
    field = np.maximum(field, back * (_REFLECTED * night + field * (1 - night)))
    values = values * field[:, :, None] * (1 - night + night * _NIGHT_TINT)
    for left, top in lamps:
        distance = np.hypot(across - left, down - top) / width
        glow = 1.1 * np.exp(-((distance / 0.022) ** 2)) + 0.30 * np.exp(-distance / 0.045)
        values = values + (255 * night) * glow[:, :, None] * np.array((0.92, 0.97, 1.0), np.float32)
    return np.asarray(values, np.float32)


def _muddied(values: Values, rng: np.random.Generator, dirt: float) -> Values:
    """Dust over all of it, and dried spray that the wheels threw up: drawn out downwards, thicker further down."""
    height, width = values.shape[:2]

    def mottled(across_px: int, down_px: int) -> Values:
        coarse = rng.normal(0.0, 1.0, (max(2, height // down_px), max(2, width // across_px))).astype(np.float32)
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)

    low = np.linspace(-0.9, 0.5, height, dtype=np.float32)[:, None]
    spray = 0.45 * mottled(60, 90) + 0.35 * mottled(9, 26) + 0.35 * mottled(3, 4)
    thick = np.clip(0.55 * spray + low + 2.0 * dirt - 1.1, 0.0, 1.0) ** 1.3
    cover = np.clip(dirt * (0.30 + 0.06 * mottled(40, 50)) + 0.8 * thick, 0.0, 0.97)[:, :, None]
    return np.asarray(values * (1 - cover) + _MUD * (1.0 + 0.05 * mottled(4, 4)[:, :, None]) * cover, np.float32)


def _wet(values: Values, rng: np.random.Generator, weather: Weather, drops: int, scene_width_px: float) -> Values:
    """Rain between lens and vehicle takes contrast; `drops` on the glass of the housing blur what lies behind them."""
    height, width = values.shape[:2]
    veil = 60 + 110 * weather.light
    share = 0.22 * weather.rain
    values = values * (1 - share) + veil * share
    mask = np.zeros((height, width), np.float32)
    for _ in range(drops):
        place = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        radius = max(2, round(float(rng.uniform(0.004, 0.014)) * scene_width_px))
        cv2.ellipse(mask, place, (radius, round(radius * 1.25)), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), scene_width_px / 640), np.float32)[:, :, None]
    behind = cv2.GaussianBlur(values, (0, 0), scene_width_px / 90) + 8
    return np.asarray(values * (1 - mask) + behind * mask, np.float32)


def _dazzled(values: Values, glare: float) -> Values:
    """The sun just above the picture: a veil over all of it, worst at its upper left."""
    height, width = values.shape[:2]
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot(across - width * 0.25, down + height * 0.1) / width
    veil = np.exp(-distance / 0.45) * 1.5 + 0.25
    return np.asarray(values + 255 * (glare**1.5) * veil[:, :, None], np.float32)


def _run(values: Values, blur: float) -> Values:
    """A vehicle that comes nearer while the picture is exposed: mostly down the picture, a little out of focus."""
    width = values.shape[1]
    length = max(1, round(24 * blur * width / _WIDTH_PX))
    kernel = np.full((length, 1), 1.0 / length, np.float32)
    return np.asarray(cv2.GaussianBlur(cv2.filter2D(values, -1, kernel), (0, 0), 0.3 + 2.2 * blur), np.float32)
