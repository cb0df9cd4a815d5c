"""What all scenes share: the picture type, text as crops, shading, and pasting a flat thing in perspective."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Point = tuple[float, float]


@lru_cache(maxsize=16)
def _face(name: str) -> cv2.FontFace:
    return cv2.FontFace(name)


@lru_cache(maxsize=1024)
def glyphs(text: str, size: int, *, chinese: bool = False, weight: int = 600, face: str = "") -> Picture:
    """A mask of `text`, 255 where it is inked, cut to its ink. `size` is the em in pixels; never write to it.

    The fonts are those inside OpenCV 5: `uni` (WenQuanYi) has Chinese characters, `sans` has weights. `face` names
    another one by its file. Raises ValueError where the font draws nothing.
    """
    name = face or ("uni" if chinese else "sans")
    mask = np.zeros((size * 2, size * (len(text) + 2), 3), np.uint8)
    at = (size // 2, size * 3 // 2)
    cv2.putText(mask, text, at, (255, 255, 255), _face(name), size, weight if name == "sans" else 0)
    ink = mask[:, :, 0]
    left, top, width, height = cv2.boundingRect(ink)
    if not width:
        raise ValueError(f"no glyph for {text!r}")
    return np.ascontiguousarray(ink[top : top + height, left : left + width])


def ink(picture: Picture, mask: Picture, left: int, top: int, colour: Colour, strength: float = 1.0) -> None:
    """Paint `colour` through `mask` with its corner at (left, top). What falls outside is cut off."""
    height = min(mask.shape[0], picture.shape[0] - top)
    width = min(mask.shape[1], picture.shape[1] - left)
    if height <= 0 or width <= 0 or left < 0 or top < 0:
        return
    area = picture[top : top + height, left : left + width]
    cover = (mask[:height, :width, None].astype(np.float32) / 255.0) * strength
    area[:] = (area * (1 - cover) + np.array(colour, np.float32) * cover).astype(np.uint8)


def gradient(width: int, height: int, top: Colour, bottom: Colour) -> Picture:
    """A vertical run from one colour to another."""
    run = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
    column = np.array(top, np.float32) * (1 - run) + np.array(bottom, np.float32) * run
    return np.broadcast_to(column, (height, width, 3)).astype(np.uint8).copy()


def texture(picture: Picture, rng: np.random.Generator, strength: float, grain: int = 4) -> Picture:
    """Mottle a surface: coarse random shade, `strength` in grey levels, `grain` in pixels."""
    height, width = picture.shape[:2]
    coarse = rng.normal(0.0, strength, (max(2, height // grain), max(2, width // grain))).astype(np.float32)
    shade = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(picture + shade[:, :, None], 0, 255), np.uint8)


def polygon(picture: Picture, points: Sequence[Point], colour: Colour) -> None:
    """Fill a polygon with smooth edges."""
    cv2.fillPoly(picture, [np.array(points, np.float32).round().astype(np.int32)], colour, cv2.LINE_AA)


def rectangle(picture: Picture, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    """Fill an upright rectangle."""
    cv2.rectangle(picture, (round(left), round(top)), (round(right), round(bottom)), colour, -1, cv2.LINE_AA)


def disc(picture: Picture, across: float, down: float, radius: float, colour: Colour) -> None:
    """Fill a circle."""
    cv2.circle(picture, (round(across), round(down)), round(radius), colour, -1, cv2.LINE_AA)


def paste(picture: Picture, flat: Picture, corners: Sequence[Point]) -> None:
    """Lay `flat` onto four corners (from top left, clockwise) in perspective, smoothly scaled down."""
    height, width = flat.shape[:2]
    wanted = max(abs(corners[1][0] - corners[0][0]), 1.0)
    if width > 2 * wanted:
        scale = 2 * wanted / width
        flat = np.asarray(cv2.resize(flat, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = flat.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, np.array(corners, np.float32))
    size = (picture.shape[1], picture.shape[0])
    warped = cv2.warpPerspective(flat, matrix, size, flags=cv2.INTER_AREA)
    cover = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    mix = cover[:, :, None].astype(np.float32) / 255.0
    picture[:] = (picture * (1 - mix) + warped * mix).astype(np.uint8)


def falloff(height: int, width: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """How bright each pixel is by the lens and the lamps: brightest near the middle, falling off to the edges."""
    across = np.linspace(-1.0, 1.0, width, dtype=np.float32) - rng.uniform(-0.2, 0.2)
    down = np.linspace(-1.0, 1.0, height, dtype=np.float32) - rng.uniform(-0.2, 0.2)
    return np.asarray(1.06 - 0.14 * (across[None, :] ** 2 + down[:, None] ** 2), np.float32)
