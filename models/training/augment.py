"""What lies between a plate and the reader: the box, perspective, light, rain, motion, resolution, noise, JPEG."""

from typing import Literal, get_args

import cv2
import numpy as np

from models.pixels import Array, Image
from models.reader import LINE_HEIGHT_PX
from simulators.scene import Weather, rained_on

Rng = np.random.Generator
# What a plate is seen in; by chance it is night or rains in so many pictures.
Sight = Literal["day", "rain", "night"]
SIGHTS: tuple[Sight, ...] = get_args(Sight)
NIGHT_SHARE, RAIN_SHARE = 0.08, 0.08
# Rendered plates are seen between these heights.
LEAST_SEEN_PX, MOST_SEEN_PX = 13, 56
# What a plate takes of the width of its scene, and how heavy rain is.
SHARE_OF_SCENE = (0.09, 0.16)
RAIN = (0.3, 1.0)


def seen(image: Image, corners: Array, width: int, rng: Rng, *, sharp: bool) -> Image:
    """Return the line at `corners` of `image` as a reader gets it, `width` x 48 pixels.

    `sharp` pictures are rendered: they lose resolution as a camera's do. Others are photographs: they lose less, and
    have their own weather.
    """
    height_seen = _height_seen(rng, sharp=sharp)
    scale = height_seen / LINE_HEIGHT_PX
    size = (max(24, round(width * scale)), height_seen)
    draw = rng.random()
    sight: Sight = "night" if draw < NIGHT_SHARE else "day"
    if sharp and NIGHT_SHARE <= draw < NIGHT_SHARE + RAIN_SHARE:
        sight = "rain"
    cut = taken(image, corners, size, rng, sight, sharp=sharp)
    if rng.random() < 0.5:
        cut = packed(cut, int(rng.integers(25 if sharp else 50, 96)))
    return np.asarray(cv2.resize(cut, (width, LINE_HEIGHT_PX)), np.uint8)


def taken(image: Image, corners: Array, size: tuple[int, int], rng: Rng, sight: Sight, *, sharp: bool) -> Image:
    """Return what a camera sees at `corners` of `image`, `size` (width, height) pixels of it, before it is packed."""
    cut = lit(_cut(image, _boxed(corners, rng, sharp=sharp), size), rng, night=sight == "night")
    if sight == "rain":
        cut = rained_on(
            cut, rng, Weather(rain=float(rng.uniform(*RAIN))), size[0] / float(rng.uniform(*SHARE_OF_SCENE))
        )
    return noisy(blurred(cut, rng, sharp=sharp), rng, sharp=sharp)


def packed(image: Image, quality: int) -> Image:
    """Return what JPEG of `quality` leaves of `image`."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def height_drawn(rng: Rng) -> int:
    """Return how high a rendered plate of one row is seen: small ones as often as large ones."""
    return int(np.exp(rng.uniform(np.log(LEAST_SEEN_PX), np.log(MOST_SEEN_PX))))


def _height_seen(rng: Rng, *, sharp: bool) -> int:
    if sharp:
        return min(height_drawn(rng), LINE_HEIGHT_PX)
    return LINE_HEIGHT_PX if rng.random() < 0.6 else int(rng.integers(16, LINE_HEIGHT_PX))


def _boxed(corners: Array, rng: Rng, *, sharp: bool) -> Array:
    """Return where a detector might put the corners: too wide, a little too narrow, aslant."""
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    wide = 1.0 if sharp else 0.5
    left, right = rng.uniform(-0.015 * wide, 0.07 * wide, 2)
    up, down = rng.uniform(-0.06 * wide, 0.14 * wide, 2)
    slope = rng.normal(0.0, 0.07 * wide)
    slant = rng.normal(0.0, 0.12 * wide)
    height = float(np.linalg.norm(across))
    moves = np.stack(
        [
            -left * along - (up + slope) * across,
            right * along - (up - slope) * across,
            right * along + (down + slope) * across,
            -left * along + (down - slope) * across,
        ]
    )
    lean = along / max(float(np.linalg.norm(along)), 1.0) * height * slant * 0.5
    moves += np.stack([lean, lean, -lean, -lean])
    return np.asarray(corners + moves + rng.normal(0.0, 0.015 * height, (4, 2)), np.float32)


def _cut(image: Image, corners: Array, size: tuple[int, int]) -> Image:
    width, height = size
    # Twice the size, then averaged: a warp alone would skip pixels of a large picture.
    target = np.array([[0, 0], [2 * width, 0], [2 * width, 2 * height], [0, 2 * height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    twice = cv2.warpPerspective(image, matrix, (2 * width, 2 * height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(twice, size, interpolation=cv2.INTER_AREA), np.uint8)


def lit(image: Image, rng: Rng, *, night: bool | None = None) -> Image:
    """Light: contrast, brightness, a cast of colour, a shadow or glare that runs across, night (None: by chance)."""
    height, width = image.shape[:2]
    values = image.astype(np.float32)
    values = (values - 128.0) * rng.uniform(0.55, 1.25) + 128.0 + rng.uniform(-40, 40)
    values *= rng.uniform(0.8, 1.2, 3).astype(np.float32)
    if rng.random() < 0.3:
        run = np.linspace(rng.uniform(0.5, 1.4), rng.uniform(0.5, 1.4), width, dtype=np.float32)
        values *= run[None, :, None]
    if rng.random() < 0.2:
        edge = int(rng.integers(0, height))
        values[edge:] *= float(rng.uniform(0.55, 1.3))
    if rng.random() < 0.12:
        spot = rng.normal(0.0, 30.0, (2, 5, 1)).astype(np.float32)
        values += cv2.resize(spot, (width, height), interpolation=cv2.INTER_CUBIC)[:, :, None]
    if rng.random() < NIGHT_SHARE if night is None else night:
        values = values * float(rng.uniform(0.2, 0.5)) + rng.normal(0.0, 5.0, values.shape).astype(np.float32)
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def blurred(image: Image, rng: Rng, *, sharp: bool) -> Image:
    """Focus and motion; a `sharp` picture may lose more."""
    draw = rng.random()
    if draw < 0.3:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.1 if sharp else 0.8))), np.uint8)
    if draw < 0.45:
        length = int(rng.integers(2, 5 if sharp else 4))
        kernel = np.full((1, length) if rng.random() < 0.6 else (length, 1), 1.0 / length, np.float32)
        return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)
    return image


def noisy(image: Image, rng: Rng, *, sharp: bool) -> Image:
    """The noise of a sensor; a `sharp` picture may get more."""
    strength = float(rng.uniform(0.0, 12.0 if sharp else 6.0))
    noise = rng.normal(0.0, strength, image.shape).astype(np.float32)
    return np.asarray(np.clip(image.astype(np.float32) + noise, 0, 255), np.uint8)
