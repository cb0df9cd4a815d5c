"""Faces of containers and trucks as they are put on rendered boxes: painted ones, and those of photographs.

Faces are pictures of PX_PER_M pixels a metre, seen straight on.
"""

import csv
import hashlib
import string
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from models.pixels import Array, Image, cut_out, decoded, resized
from models.training.photographs import may_train, rows_of

Rng = np.random.Generator
PX_PER_M = 40
WIDTH_M = 2.44
LABELS_FILE = Path(__file__).with_name("container_photographs.csv")
FACES = ("door", "end", "side")
_FOLDER = "containers"
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)
# Blue, green, red of what containers are painted in; each is varied.
_PAINTS = (
    (60, 50, 120), (45, 50, 105), (40, 45, 150), (40, 80, 190), (110, 70, 35), (140, 90, 40), (90, 55, 25),
    (80, 100, 50), (90, 120, 40), (70, 90, 20), (190, 190, 190), (170, 175, 175), (120, 120, 125), (210, 210, 215),
    (60, 190, 210), (150, 130, 90), (30, 30, 35), (150, 60, 160),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """One photograph of a container, and what was marked in it by eye: what it is, four corners."""

    image: Image
    marks: tuple[tuple[str, Array], ...]


@dataclass(slots=True)
class PhotographedFaces:
    """Faces cut out of photographs that may be trained on, by what they are."""

    faces: dict[str, list[Image]] = field(default_factory=dict)

    def one(self, what: str, rng: Rng) -> Image | None:
        """Return a face, its colour varied, or None where there is none."""
        known = self.faces.get(what, [])
        if not known:
            return None
        return recoloured(known[int(rng.integers(len(known)))], rng)


def labelled_photographs(folder: Path, labels: Path = LABELS_FILE) -> list[Labelled]:
    """Return the photographs of `folder` that were marked and may be trained on.

    Raises OSError and KeyError where the folder is not as described, ValueError for another picture of the same name.
    """
    allowed = {row["image"] for row in rows_of(folder / _FOLDER) if may_train(row["licence"])}
    marks: dict[str, list[tuple[str, Array]]] = {}
    with labels.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["image"] in allowed]
    pictures: dict[str, Image] = {}
    for row in rows:
        content = (folder / _FOLDER / "images" / row["image"]).read_bytes()
        image = decoded(content)
        if image is None or hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise ValueError(f"expected the picture that was marked, got another {row['image']}")
        pictures[row["image"]] = image
        corners = np.array([[row[f"{axis}{place}"] for axis in "xy"] for place in range(1, 5)], np.float32)
        marks.setdefault(row["image"], []).append((row["what"], corners))
    return [Labelled(pictures[name], tuple(found)) for name, found in marks.items()]


def photographed_faces(photographs: list[Labelled]) -> PhotographedFaces:
    """Return the faces that are marked in `photographs`."""
    faces: dict[str, list[Image]] = {}
    for photograph in photographs:
        for what, corners in photograph.marks:
            if what in FACES:
                faces.setdefault(what, []).append(cut_out(photograph.image, corners))
    return PhotographedFaces(faces)


def recoloured(face: Image, rng: Rng) -> Image:
    """Return `face` in another hue, strength of colour and light."""
    hue = cv2.cvtColor(face, cv2.COLOR_BGR2HSV).astype(np.int16)
    hue[..., 0] = (hue[..., 0] + int(rng.integers(180))) % 180
    hue[..., 1] = np.clip(hue[..., 1] * rng.uniform(0.5, 1.8), 0, 255)
    hue[..., 2] = np.clip(hue[..., 2] * rng.uniform(0.8, 1.8) + rng.uniform(0, 30), 0, 255)
    turned = np.asarray(cv2.cvtColor(hue.astype(np.uint8), cv2.COLOR_HSV2BGR), np.uint8)
    return np.ascontiguousarray(turned[:, ::-1]) if rng.random() < 0.3 else turned


def paint(rng: Rng) -> Array:
    """Return blue, green and red of a container."""
    base = np.array(_PAINTS[int(rng.integers(len(_PAINTS)))], np.float32)
    return np.asarray(np.clip(base * rng.uniform(0.7, 1.35) + rng.normal(0.0, 8.0, 3), 8, 245), np.float32)


def side_face(rng: Rng, length_m: float, height_m: float, colour: Array) -> Image:
    """Return a long side: corrugated or smooth, framed, with a mark or two, weathered."""
    width, height = round(length_m * PX_PER_M), round(height_m * PX_PER_M)
    face = _corrugated(rng, width, height, colour, rng.uniform(0.0, 0.5) if rng.random() < 0.15 else 1.0)
    _framed(face, colour * rng.uniform(0.6, 1.05), round(0.12 * PX_PER_M))
    if rng.random() < 0.75:
        _marked(face, rng, large=True)
    if rng.random() < 0.6:
        _written(face, rng, width - round(1.4 * PX_PER_M), round(0.3 * PX_PER_M), 2)
    return _weathered(face, rng)


def door_face(rng: Rng, height_m: float, colour: Array) -> Image:
    """Return the end with doors: two leaves, bars with handles, lines of text."""
    width, height = round(WIDTH_M * PX_PER_M), round(height_m * PX_PER_M)
    face = np.empty((height, width, 3), np.float32)
    face[:] = colour
    for row in np.linspace(0.08, 0.85, int(rng.integers(3, 6))):
        y = round(row * height)
        face[y : y + 3] *= 0.75
        face[y + 3 : y + 5] *= 1.12
    face[:, width // 2 - 1 : width // 2 + 2] *= 0.35
    bar = colour * 0.6 + 90 if rng.random() < 0.7 else colour * 0.8
    for place in (0.12, 0.36, 0.62, 0.87):
        x = round((place + rng.uniform(-0.03, 0.03)) * width)
        face[:, x : x + 2] = bar
        face[:, x + 2 : x + 3] *= 0.6
        y = round(rng.uniform(0.55, 0.75) * height)
        face[y : y + 2, x : x + round(0.25 * PX_PER_M)] = bar
    _framed(face, colour * rng.uniform(0.7, 1.05), round(0.12 * PX_PER_M))
    _written(face, rng, width // 2 + 6, round(0.35 * PX_PER_M), int(rng.integers(2, 8)))
    if rng.random() < 0.5:
        _marked(face, rng, large=False)
    return _weathered(face, rng)


def end_face(rng: Rng, height_m: float, colour: Array) -> Image:
    """Return the closed end: corrugated, or the machinery of a cooled one."""
    width, height = round(WIDTH_M * PX_PER_M), round(height_m * PX_PER_M)
    face = _corrugated(rng, width, height, colour, 1.0)
    if rng.random() < 0.25:
        face[:] = colour
        cv2.rectangle(face, (8, height // 2), (width - 8, height - 6), (60.0, 60.0, 60.0), -1)
        for _ in range(int(rng.integers(3, 8))):
            x, y = int(rng.integers(10, width - 30)), int(rng.integers(height // 2, height - 15))
            shade = float(rng.uniform(20, 200))
            cv2.rectangle(face, (x, y), (x + int(rng.integers(6, 30)), y + int(rng.integers(4, 20))), (shade,) * 3, -1)
    _framed(face, colour * rng.uniform(0.7, 1.05), round(0.12 * PX_PER_M))
    return _weathered(face, rng)


def roof_face(rng: Rng, length_m: float, colour: Array) -> Image:
    """Return the roof: ribs across it, paler than the sides."""
    width, height = round(length_m * PX_PER_M), round(WIDTH_M * PX_PER_M)
    pale = colour * rng.uniform(0.7, 1.1) + rng.uniform(0, 40)
    return _weathered(_corrugated(rng, width, height, pale, rng.uniform(0.3, 1.0)), rng)


def plain_face(rng: Rng, length_m: float, height_m: float, colour: Array) -> Image:
    """Return a side that is no container's: smooth, or with rows of windows, as lorries and houses have."""
    width, height = max(8, round(length_m * PX_PER_M)), max(8, round(height_m * PX_PER_M))
    face = np.empty((height, width, 3), np.float32)
    face[:] = colour
    if rng.random() < 0.6:
        wide, high = int(rng.integers(8, 40)), int(rng.integers(8, 30))
        shade = float(rng.uniform(20, 90))
        for y in range(6, height - high, high + int(rng.integers(5, 25))):
            for x in range(6, width - wide, wide + int(rng.integers(4, 30))):
                cv2.rectangle(face, (x, y), (x + wide, y + high), (shade + 20, shade + 8, shade), -1)
    elif rng.random() < 0.5:
        _marked(face, rng, large=True)
    return _weathered(face, rng)


def cab_face(rng: Rng, what: str, width_m: float, height_m: float, colour: Array) -> Image:
    """Return the front or a side of a cab: glass above, grille and lamps below."""
    width, height = round(width_m * PX_PER_M), round(height_m * PX_PER_M)
    face = np.empty((height, width, 3), np.float32)
    face[:] = colour
    glass = (float(rng.uniform(40, 110)), float(rng.uniform(35, 90)), float(rng.uniform(30, 80)))
    top, low = round(rng.uniform(0.1, 0.25) * height), round(rng.uniform(0.45, 0.58) * height)
    right = width - 5 if what == "front" else round(0.6 * width)
    cv2.rectangle(face, (5, top), (right, low), glass, -1)
    if what == "front":
        cv2.rectangle(face, (width // 5, low + 10), (4 * width // 5, height - 20), (35.0, 35.0, 35.0), -1)
        for x in (4, width - 20):
            cv2.rectangle(face, (x, height - 22), (x + 16, height - 12), (220.0, 225.0, 225.0), -1)
        face[height - 9 :] *= 0.4
    else:
        face[low : height - 6, right : right + 1] *= 0.5
        face[height - 8 :] = 40
    return _weathered(face, rng)


def _corrugated(rng: Rng, width: int, height: int, colour: Array, depth: float) -> Array:
    """Return a wall of upright ribs, lit from one side."""
    period = rng.uniform(0.24, 0.4) * PX_PER_M
    x = np.arange(width) / period
    wave = np.clip(np.sin(2 * np.pi * x) * 2.0, -1.0, 1.0)
    lit = 1.0 + depth * (rng.uniform(0.04, 0.16) * wave + rng.uniform(0.05, 0.25) * np.gradient(wave) * period / 6.0)
    face = np.empty((height, width, 3), np.float32)
    face[:] = colour[None, None] * lit[None, :, None]
    return face


def _framed(face: Array, colour: Array, thick: int) -> None:
    height, width = face.shape[:2]
    face[:thick] = colour
    face[height - thick :] = colour * 0.9
    face[:, :thick] = colour
    face[:, width - thick :] = colour
    for y in (0, height - thick):
        for x in (0, width - thick):
            face[y : y + thick, x : x + thick] = colour * 0.5


def _letters(rng: Rng, count: int) -> str:
    return "".join(rng.choice(list(string.ascii_uppercase), count))


def _marked(face: Array, rng: Rng, *, large: bool) -> None:
    """Put an owner's mark on `face`: a word, a field of another colour, or both."""
    height, width = face.shape[:2]
    ink = tuple(float(value) for value in (paint(rng) if rng.random() < 0.35 else np.full(3, rng.uniform(190, 250))))
    x = int(rng.uniform(0.05, 0.55) * width)
    y = int(rng.uniform(0.2, 0.6) * height)
    if rng.random() < 0.45:
        size = int(rng.uniform(0.15, 0.45 if large else 0.25) * height)
        if rng.random() < 0.5:
            cv2.rectangle(face, (x, y), (x + int(size * rng.uniform(0.8, 2.5)), y + size), ink, -1)
        else:
            cv2.circle(face, (x + size // 2, y + size // 2), max(1, size // 2), ink, -1)
        x += size
    scale = rng.uniform(0.8, 2.6) if large else rng.uniform(0.4, 0.8)
    word = _letters(rng, int(rng.integers(2, 9)))
    font = _FONTS[int(rng.integers(len(_FONTS)))]
    _spelt(face, word, (x, y + int(20 * scale)), font, scale, ink, max(1, round(2 * scale)))


def _written(face: Array, rng: Rng, x: int, y: int, lines: int) -> None:
    """Write `lines` of small text, the code first."""
    ink = (float(rng.uniform(200, 250)),) * 3
    for line in range(lines):
        text = (
            f"{_letters(rng, 4)} {rng.integers(1_000_000):06d}" if line == 0 else _letters(rng, int(rng.integers(3, 9)))
        )
        scale = 0.32 if line == 0 else 0.22
        _spelt(face, text, (x, y), _FONTS[0], scale, ink, 1)
        y += 10


def spell(picture: Array, rng: Rng) -> None:
    """Write a word somewhere on `picture`."""
    height, width = picture.shape[:2]
    at = (int(rng.integers(width)), int(rng.integers(height)))
    ink = tuple(float(value) for value in rng.uniform(0, 255, 3))
    scale = float(rng.uniform(0.5, 2.0))
    _spelt(picture, _letters(rng, int(rng.integers(3, 10))), at, _FONTS[1], scale, ink, max(1, round(2 * scale)))


def _spelt(
    face: Array, text: str, at: tuple[int, int], font: int, scale: float, ink: tuple[float, ...], thick: int
) -> None:
    """Write `text` on `face`; OpenCV writes on whole numbers alone."""
    mask = np.zeros(face.shape[:2], np.uint8)
    cv2.putText(mask, text, at, font, scale, 255, thick, cv2.LINE_AA)
    share = mask[..., None].astype(np.float32) / 255.0
    face[:] = face * (1.0 - share) + np.array(ink[:3], np.float32) * share


def _weathered(face: Array, rng: Rng) -> Image:
    """Return `face` with spots, streaks and rust."""
    height, width = face.shape[:2]
    coarse = rng.normal(0.0, 1.0, (max(2, height // 16), max(2, width // 16))).astype(np.float32)
    spots = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    worn = face * (1.0 + rng.uniform(0.0, 0.12) * spots[..., None])
    if rng.random() < 0.4:
        rust = np.clip(spots - rng.uniform(1.0, 2.0), 0.0, 1.0)[..., None] * rng.uniform(0.2, 0.8)
        worn = worn * (1.0 - rust) + np.array([30, 55, 100], np.float32) * rust
    return np.clip(worn + rng.normal(0.0, 3.0, worn.shape), 0, 255).astype(np.uint8)


def fitted(face: Image, length_m: float, height_m: float) -> Image:
    """Return `face` as large as a side of `length_m` x `height_m` is painted."""
    return resized(face, max(8, round(length_m * PX_PER_M)), max(8, round(height_m * PX_PER_M)))
