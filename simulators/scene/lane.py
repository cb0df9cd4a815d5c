"""The lane itself: road, kerbs, booth wall, sky. Every scene with a vehicle is painted on top of it."""

from dataclasses import replace

import cv2
import numpy as np

from simulators.scene.canvas import Picture, gradient, polygon, rectangle, texture
from simulators.scene.weather import CLEAR, Weather, under


def background(rng: np.random.Generator, width: int, height: int) -> Picture:
    """An unlit empty lane: the camera looks along it at the height of a truck's bumper."""
    horizon = round(height * 0.42)
    picture = gradient(width, height, (225, 212, 200), (235, 228, 222))
    road = gradient(width, height - horizon, (120, 120, 122), (88, 88, 90))
    picture[horizon:] = texture(road, rng, 7.0, 3)
    _yard(picture, rng, horizon)
    for edge, near, far, inner in ((0.0, 0.30, 0.36, 0.10), (1.0, 0.70, 0.64, 0.90)):
        kerb = [(width * edge, height), (width * near, horizon), (width * far, horizon), (width * inner, height)]
        polygon(picture, kerb, (150, 155, 158))
    for step in range(5):
        high, low = height * (0.55 + 0.1 * step), height * (0.60 + 0.1 * step)
        stripe = [(width * 0.30 * (height - down) / (height - horizon), down) for down in (high, low)]
        polygon(picture, [*stripe, (0, low), (0, high)], (60, 190, 235) if step % 2 else (40, 40, 42))
    return picture


def _yard(picture: Picture, rng: np.random.Generator, horizon: int) -> None:
    """A far stack of containers and a canopy with lamps, so that an empty lane has something to focus on."""
    height, width = picture.shape[:2]
    left = 0
    while left < width:
        step = int(rng.integers(width // 14, width // 8))
        top = horizon - int(rng.integers(1, 4)) * height // 16
        grey = int(rng.integers(90, 150))
        blue, green, red = (int(np.clip(grey + rng.integers(-35, 35), 0, 255)) for _ in range(3))
        rectangle(picture, left, top, left + step - 3, horizon, (blue, green, red))
        for rib in range(left, left + step - 3, 6):
            cv2.line(picture, (rib, top), (rib, horizon), (max(0, blue - 20), max(0, green - 20), max(0, red - 20)))
        left += step
    rectangle(picture, 0, 0, width, height * 0.07, (96, 98, 100))
    for lamp in range(4):
        start = width * (0.12 + 0.22 * lamp)
        rectangle(picture, start, height * 0.045, start + width * 0.08, height * 0.065, (250, 252, 252))


def render_empty_lane(seed: int = 0, *, weather: Weather = CLEAR, width: int = 1280, height: int = 720) -> Picture:
    """The lane without a vehicle, as either camera sees it."""
    rng = np.random.default_rng(seed)
    return under(background(rng, width, height), rng, replace(weather, dirt=0.0))
