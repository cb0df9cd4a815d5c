"""The camera's own part: sensor noise, a picture's shift from frame to frame, exposure faults, JPEG."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from simulators.scene.canvas import Picture
from simulators.scene.weather import CLEAR, Weather, streaks

_NOISE_SIDE = 512
# How much more noise a sensor has that is turned up for the night.
_NIGHT_GAIN = 1.6


# How the frame with a number differs from its scene.
Vary = Callable[[Picture, int], Picture]


@lru_cache(maxsize=1)
def _noise() -> npt.NDArray[np.int16]:
    """One tile of sensor noise, about 3 grey levels. Drawn once: it is most of the work of a frame."""
    return np.random.default_rng(20).normal(0.0, 3.0, (_NOISE_SIDE, _NOISE_SIDE, 3)).astype(np.int16)


def vary(image: Picture, seed: int, weather: Weather = CLEAR) -> Picture:
    """The next frame of the same scene: shifted by 1 to 3 pixels, with other noise and slightly other light.

    In the dark the sensor is noisier; where it rains, other drops fall.
    """
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    across, down = (int(step) for step in rng.integers(1, 4, 2) * rng.choice((-1, 1), 2))
    source = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="edge")
    shifted = source[3 + down : 3 + down + height, 3 + across : 3 + across + width].astype(np.int16)
    roll = tuple(int(step) for step in rng.integers(0, _NOISE_SIDE, 2))
    tile = np.roll(_noise(), roll, (0, 1))
    repeats = (-(-height // _NOISE_SIDE), -(-width // _NOISE_SIDE), 1)
    noise = np.tile(tile, repeats)[:height, :width]
    shifted += noise if not weather.night else (noise * (1 + _NIGHT_GAIN * weather.night)).astype(np.int16)
    shifted += int(rng.integers(-3, 4))
    if weather.rain:
        streaks(shifted, rng, weather)
    return np.clip(shifted, 0, 255).astype(np.uint8)


def encode_jpeg(image: Picture, seed: int) -> bytes:
    """As the camera encodes it, at a quality that moves between 82 and 92 with its bit rate."""
    quality = 82 + seed * 7 % 11
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()


def darken(image: Picture) -> Picture:
    """The lane's lamps are out: sensor noise is nearly all that is left."""
    return (image // 24).astype(np.uint8)


def overexpose(image: Picture) -> Picture:
    """The sun in the lens: nearly every pixel is at its limit."""
    return np.clip(image.astype(np.int16) // 8 + 250, 0, 255).astype(np.uint8)


def photo(path: Path, max_side: int = 1600) -> Picture:
    """Load a real photograph, scaled down where its longer side is over `max_side` pixels.

    Raises ValueError where the file is no picture that can be decoded.
    """
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"expected a picture in {path.name}")
    scale = max_side / max(image.shape[:2])
    if scale < 1.0:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)
