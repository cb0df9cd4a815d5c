"""Pictures drawn with OpenCV: plates, container doors, columns. No photograph is needed to prove reading."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
BLUE = (200, 80, 10)
YELLOW = (20, 190, 240)
WHITE = (245, 245, 245)
BLACK = (15, 15, 15)


def jpeg(image: Image) -> bytes:
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done
    return encoded.tobytes()


def png(image: Image) -> bytes:
    done, encoded = cv2.imencode(".png", image)
    assert done
    return encoded.tobytes()


def ground(width: int = 640, height: int = 480, level: int = 110, seed: int = 1) -> Image:
    noise = np.random.default_rng(seed).normal(level, 6, (height, width, 3))
    return np.clip(noise, 0, 255).astype(np.uint8)


def text(image: Image, content: str, at: tuple[int, int], size: int, colour: tuple[int, int, int]) -> None:
    """Write `content` with its baseline at `at`; `size` is the height of a capital in pixels."""
    cv2.putText(image, content, at, colour, cv2.FontFace("uni"), round(size * 1.3), 700)


def plate(image: Image, content: str, at: tuple[int, int], height: int, ground_colour: tuple[int, int, int]) -> None:
    """Draw a plate of one row; `at` is its upper left corner."""
    x, y = at
    width = round(height * 440 / 140)
    cv2.rectangle(image, (x, y), (x + width, y + height), ground_colour, -1)
    ink = WHITE if max(ground_colour) < 220 else BLACK
    step = (width * 0.92) / len(content)
    for place, character in enumerate(content):
        share = 0.62 if character.isascii() else 0.5
        at_character = (round(x + width * 0.04 + place * step), y + round(height * 0.8))
        text(image, character, at_character, round(height * share), ink)


def two_row_plate(image: Image, upper: str, lower: str, at: tuple[int, int], height: int) -> None:
    """Draw a yellow plate of two rows; `at` is its upper left corner."""
    x, y = at
    width = round(height * 440 / 220)
    cv2.rectangle(image, (x, y), (x + width, y + height), YELLOW, -1)
    for place, character in enumerate(upper):
        at_character = (x + round(width * (0.25 + 0.3 * place)), y + round(height * 0.35))
        text(image, character, at_character, round(height * 0.25), BLACK)
    for place, character in enumerate(lower):
        at_character = (x + round(width * (0.05 + 0.185 * place)), y + round(height * 0.9))
        text(image, character, at_character, round(height * 0.4 if character.isascii() else height * 0.3), BLACK)


def door(
    rows: list[tuple[str, tuple[int, int]]], size: int = 34, boxed: tuple[str, tuple[int, int]] | None = None
) -> Image:
    """Draw a container door: white text on brown, one digit in a box where `boxed` says."""
    image = ground(level=60)
    cv2.rectangle(image, (20, 20), (620, 460), (40, 60, 120), -1)
    for content, at in rows:
        text(image, content, at, size, WHITE)
    if boxed is not None:
        content, (x, y) = boxed
        text(image, content, (x, y), size, WHITE)
        cv2.rectangle(image, (x - 8, y - size - 9), (x + round(size * 0.8) + 4, y + 9), WHITE, 2)
    return image


def column(content: str, at: tuple[int, int] = (300, 60), size: int = 22) -> Image:
    """Draw a code from top to bottom, each character upright."""
    image = door([])
    x, y = at
    for place, character in enumerate(content):
        text(image, character, (x, y + round(place * size * 1.6)), size, WHITE)
    return image
