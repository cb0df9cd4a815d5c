"""What steel, paint, lens and camera make of a column: ground, wear, bends, little light, few pixels."""

from collections.abc import Sequence

import cv2
import numpy as np

from models.pixels import Array, Image

Rng = np.random.Generator
PHOTOGRAPH_SHARE = 0.25
NIGHT_SHARE, BLUR_SHARE, JPEG_SHARE = 0.3, 0.55, 0.5


def ground(height: int, width: int, photographs: Sequence[Image], rng: Rng) -> Array:
    """Return painted steel whose folds run along the column, or a piece of a photograph (height, width, 3)."""
    if photographs and rng.random() < PHOTOGRAPH_SHARE:
        photograph = photographs[int(rng.integers(len(photographs)))]
        tall = int(rng.integers(20, photograph.shape[0]))
        wide = max(4, min(photograph.shape[1] - 1, tall * width // height))
        top = int(rng.integers(0, photograph.shape[0] - tall + 1))
        left = int(rng.integers(0, photograph.shape[1] - wide))
        piece = cv2.resize(photograph[top : top + tall, left : left + wide], (width, height))
        return np.asarray(piece, np.float32)
    paint = rng.uniform(15, 210, 3).astype(np.float32)
    across = np.zeros(width, np.float32)
    for _ in range(int(rng.integers(0, 4))):
        edge = int(rng.integers(-width // 4, width + width // 4))
        soft = float(rng.uniform(1.0, width * 0.15))
        across += float(rng.normal(0, 22)) / (1 + np.exp(-(np.arange(width, dtype=np.float32) - edge) / soft))
    down = cv2.resize(rng.normal(0, 12, (5, 1)).astype(np.float32), (1, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(paint + across[None, :, None] + down[:, :, None], 0, 255), np.float32)


def leaning(height: int, width: int, middle: float, glyph: int, rng: Rng) -> tuple[Array, Array]:
    """Return where each pixel of a strip comes from (x, y): it leans, a lens bends it and tilts its characters.

    The strip lies around `middle` of what it is cut out of; characters are `glyph` wide. The tilt grows towards one
    end; a fold under the characters moves one side of them up or down.
    """
    rows = np.arange(height, dtype=np.float32)[:, None]
    along = rows / height - 0.5
    lean, bend, tail = (float(rng.normal(0, deviation)) * glyph for deviation in (0.12, 0.12, 0.06))
    end = np.maximum(along if rng.random() < 0.5 else -along, 0.0)
    moved = lean * along * 2 + bend * (along**2 * 4 - 0.3) + tail * (end * 2) ** 3 * 3
    aside = np.arange(width, dtype=np.float32)[None] - width / 2 + moved
    tilted = rows + (float(rng.normal(0, 0.09)) + float(rng.normal(0, 0.12)) * along * 2) * aside
    if rng.random() < 0.35:
        fold = float(rng.uniform(-0.4, 0.4)) * glyph
        tilted = tilted + float(rng.normal(0, 0.12)) * np.maximum(aside - fold, 0.0)
    return np.asarray(aside + middle, np.float32), np.asarray(tilted, np.float32)


def wear(rng: Rng, height: int, width: int) -> Array:
    """Return how much of the paint is left, 0 to 1, pixel by pixel."""
    coarse = rng.normal(0.95, 0.14, (max(2, height // 20), max(2, width // 12))).astype(np.float32)
    worn = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(worn, 0.2, 1.0) * float(rng.uniform(0.65, 1.0)), np.float32)[:, :, None]


def photographed(picture: Array, seen_width: float, rng: Rng) -> Image:
    """Return `picture` as wide as a camera sees it: blurred, with little light or contrast, noisy, compressed."""
    height, width = picture.shape[:2]
    size = (max(8, round(seen_width)), max(24, round(height * seen_width / width)))
    small = cv2.resize(np.asarray(picture, np.float32), size, interpolation=cv2.INTER_AREA)
    if rng.random() < BLUR_SHARE:
        small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 1.2)))
    small = (small - 128.0) * float(rng.uniform(0.3, 1.2)) + 128.0 + float(rng.uniform(-50, 40))
    if rng.random() < NIGHT_SHARE:
        # Lamps of one colour, light that runs over the edges of bright paint, grain in patches.
        small = np.clip(small, 0, 255) * rng.uniform(0.15, 0.8, 3).astype(np.float32)
        small = small + cv2.GaussianBlur(small, (0, 0), float(rng.uniform(1.0, 3.0))) * float(rng.uniform(0.0, 0.5))
        grain = rng.normal(0.0, float(rng.uniform(0.0, 6.0)), (size[1] // 2 + 1, size[0] // 2 + 1, 3))
        small = small + cv2.resize(grain.astype(np.float32), size)
    small = small + rng.normal(0.0, float(rng.uniform(0.0, 7.0)), small.shape)
    seen = np.asarray(np.clip(small, 0, 255), np.uint8)
    if rng.random() < JPEG_SHARE:
        _, data = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])
        seen = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return seen
