"""Scenes that the finder of plates is trained on: photographs that may be used, with plates painted into them.

A photographed plate is kept or has another one put in its place; more are put anywhere, and so is what only looks like
one. Where each stands is known; of photographed ones only the upright box around them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.core.plate import PROVINCES
from models.pixels import Array, Image, cut_out
from models.training.augment import blurred, lit, noisy, packed
from models.training.photographs import SCENES, boxes_of, image_of, may_train, rows_of
from models.training.rendering import CHINESE_FONTS, FONTS, LATIN_FONTS, OTHER_TEXT, Line, installed
from models.training.text_pictures import code_text
from models.training.texts import plate_text
from simulators.scene import PlateType, draw_plate, render_container, render_empty_lane
from simulators.scene.canvas import glyphs

Rng = np.random.Generator
WIDTH_PX, HEIGHT_PX = 416, 320
# Plates between these widths, in what the finder sees; narrower ones nobody can read, and none is asked for.
NARROWEST_PX, WIDEST_PX = 20.0, 330.0
NARROWEST_BOARD_PX = 70.0
RENDERED_GROUND = 0.2
REPLACED, ANYWHERE = 0.55, (0.25, 0.5, 0.25)
LOOKALIKES = (0.5, 0.35, 0.15)
PHOTOGRAPHED, ON_BOARD = 0.20, 0.20
# How steep plates stand: how they rise to one side as seen from it, and how they are turned.
RISE, TURN = 0.15, 0.12
# Of container photographs only what is above the truck, whose plate nobody has marked.
CONTAINER_SHARE = 0.65
_BOARD_INK = ((25, 25, 25), (40, 40, 190), (110, 110, 110), (240, 240, 240))


@dataclass(frozen=True, slots=True)
class Ground:
    """A photograph or rendered scene, and the corners (n, 4, 2) of the plates that are in it."""

    image: Image
    plates: Array


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture of WIDTH_PX x HEIGHT_PX; corners (n, 4, 2) of its plates, clockwise from the upper left; their rows.

    `rows` is 0 for a plate that is too small or cut: it is neither asked for nor held against anybody. Of those that
    are `boxed` the corners are those of the box around them, however they stand.
    """

    image: Image
    corners: Array
    rows: tuple[int, ...]
    boxed: tuple[bool, ...]


def box_corners(row: dict[str, str]) -> Array:
    """Return (n, 4, 2) corners of the boxes of a row; boxes that stand upright are of plates that lie."""
    found = []
    for left, top, width, height in boxes_of(row):
        x, y = left + width / 2, top + height / 2
        wide, high = max(width, height) / 2, min(width, height) / 2
        found.append([[x - wide, y - high], [x + wide, y - high], [x + wide, y + high], [x - wide, y + high]])
    return np.array(found, np.float32).reshape(-1, 4, 2)


def grounds(folder: Path, wanted: Callable[[int], bool]) -> list[Ground]:
    """Return the scenes and containers that may be trained on whose place is `wanted`. Raises OSError and KeyError."""
    found: list[Ground] = []
    for name in (SCENES, "containers"):
        for place, row in enumerate(rows_of(folder / name)):
            usable = wanted(place) and may_train(row["licence"]) and (name != SCENES or row["boxes_xywh"])
            image = image_of(folder / name, row) if usable else None
            if image is not None and name == SCENES:
                found.append(Ground(image, box_corners(row)))
            elif image is not None:
                above = image[: round(CONTAINER_SHARE * image.shape[0])]
                found.append(Ground(above, np.zeros((0, 4, 2), np.float32)))
    return found


class ScenePainter:
    """Paints one scene after the other; the same generator gives the same ones on the same fonts."""

    def __init__(self, rng: Rng, photographs: Sequence[Ground], crops: Sequence[Line], fonts: Path = FONTS) -> None:
        """`crops` are lines of photographed plates, which are put into scenes as well; `fonts` where faces lie."""
        self._rng = rng
        self._photographs = photographs
        self._crops = crops
        self._chinese = installed(CHINESE_FONTS, fonts)
        self._latin = installed(LATIN_FONTS, fonts)

    def next(self) -> Scene:
        """Return a scene."""
        rng = self._rng
        ground = self._ground()
        image, matrix = self._view(ground)
        corners, rows, boxed = [], [], []
        for plate in cv2.perspectiveTransform(ground.plates, matrix) if len(ground.plates) else []:
            if rng.random() < REPLACED and _width(plate) > NARROWEST_PX / 2:
                now, kind, is_boxed = self._put(image, self._instead_of(plate), board=False)
            else:
                now, kind, is_boxed = plate, 1, True
            corners.append(now)
            rows.append(kind if _is_whole(now) else 0)
            boxed.append(is_boxed)
        for _ in range(int(rng.choice(3, p=ANYWHERE)) or (not corners and rng.random() < 0.7)):
            target = self._anywhere(corners)
            if target is not None:
                plate, kind, is_boxed = self._put(image, target, board=_width(target) > NARROWEST_BOARD_PX)
                corners.append(plate)
                rows.append(kind)
                boxed.append(is_boxed)
        for _ in range(int(rng.choice(3, p=LOOKALIKES))):
            target = self._anywhere(corners)
            if target is not None:
                self._paste(image, self._lookalike(), target)
        image = noisy(blurred(lit(image, rng), rng, sharp=False), rng, sharp=True)
        if rng.random() < 0.5:
            image = packed(image, int(rng.integers(35, 96)))
        return Scene(image, np.array(corners, np.float32).reshape(-1, 4, 2), tuple(rows), tuple(boxed))

    def _ground(self) -> Ground:
        rng = self._rng
        if self._photographs and rng.random() >= RENDERED_GROUND:
            return self._photographs[int(rng.integers(len(self._photographs)))]
        seed = int(rng.integers(1 << 30))
        code, size_type = code_text(rng)
        empty = rng.random() < 0.3
        image = render_empty_lane(seed) if empty else render_container([code], [size_type], seed)
        return Ground(image, np.zeros((0, 4, 2), np.float32))

    def _view(self, ground: Ground) -> tuple[Image, Array]:
        """Return a view of `ground`, whole or closer, and the matrix that brought it there."""
        rng = self._rng
        height, width = ground.image.shape[:2]
        scale = max(WIDTH_PX / width, HEIGHT_PX / height) * float(np.exp(rng.uniform(np.log(0.75), np.log(2.0))))
        if len(ground.plates):
            scale = min(scale, WIDEST_PX / max(_width(plate) for plate in ground.plates))
        spare = np.array([WIDTH_PX - width * scale, HEIGHT_PX - height * scale])
        shift = spare * rng.uniform(0.0, 1.0, 2)
        if len(ground.plates) and rng.random() < 0.7:
            # Most views hold a plate, wherever in them.
            middle = ground.plates[int(rng.integers(len(ground.plates)))].mean(axis=0) * scale
            wanted = np.array([WIDTH_PX, HEIGHT_PX]) * rng.uniform(0.15, 0.85, 2) - middle
            shift = np.where(spare < 0, np.clip(wanted, spare, 0.0), shift)
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]], np.float32)
        small = cv2.resize(ground.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        moved = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        level = tuple(float(v) for v in np.clip(rng.uniform(0, 255) + rng.normal(0, 15, 3), 0, 255))
        view = cv2.warpAffine(small, moved, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_CONSTANT, borderValue=level)
        return np.asarray(view, np.uint8), matrix

    def _instead_of(self, plate: Array) -> Array:
        """Return where a plate stands that covers the photographed one, seen a little otherwise."""
        rng = self._rng
        middle, width = plate.mean(axis=0), _width(plate) * float(rng.uniform(1.08, 1.35))
        return self._quad(middle, width, calm=True)

    def _anywhere(self, others: Sequence[Array]) -> Array | None:
        """Return where a plate may stand that covers none of `others`; its width is drawn evenly on a log scale."""
        rng = self._rng
        for _ in range(6):
            width = float(np.exp(rng.uniform(np.log(NARROWEST_PX + 4), np.log(WIDEST_PX))))
            half = np.array([width / 2, width / 6])
            size = np.array([WIDTH_PX, HEIGHT_PX])
            middle = half + rng.uniform(0.0, 1.0, 2) * np.maximum(size - 2 * half, 1.0)
            quad = self._quad(middle, width, calm=bool(rng.random() < 0.6))
            box = np.concatenate([quad.min(axis=0) - 4, quad.max(axis=0) + 4])
            if not any((o.min(axis=0) < box[2:]).all() and (o.max(axis=0) > box[:2]).all() for o in others):
                return quad
        return None

    def _quad(self, middle: Array, width: float, *, calm: bool) -> Array:
        """Return corners of a plate of 440 x 140 around `middle`: turned, leaning, seen from a side."""
        rng = self._rng
        strength = 0.5 if calm else 1.0
        side = float(rng.uniform(1.0 - 0.5 * strength, 1.0))
        corners = np.array([[-0.5, -0.16], [0.5, -0.16], [0.5, 0.16], [-0.5, 0.16]]) * [1.0, 1.0 / max(side, 0.6)]
        corners[:, 1] *= 1.0 + corners[:, 0] * rng.normal(0.0, 0.12 * strength)
        corners[:, 1] += corners[:, 0] * rng.normal(0.0, RISE * strength)
        corners[:, 0] += corners[:, 1] * rng.normal(0.0, 0.25 * strength)
        angle = float(rng.normal(0.0, TURN * strength))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.asarray(middle + corners @ turn.T * width, np.float32)

    def _put(self, image: Image, quad: Array, *, board: bool) -> tuple[Array, int, bool]:
        """Paint a plate (or a `board`) at `quad`, which has the shape of one row.

        Return its corners, its rows, and whether these are corners of the box around it.
        """
        flat, inner, rows, boxed = self._plate(board=board)
        high = flat.shape[0] / flat.shape[1] * 440 / 140
        corners = quad.copy()
        down = (quad[[3, 2]] - quad[[0, 1]]) * (high - 1.0)
        corners[[3, 2]] += down
        if rows == 2 or high > 1.2:
            corners -= down.mean(axis=0) / 2
        self._paste(image, flat, corners)
        height, width = flat.shape[:2]
        matrix = cv2.getPerspectiveTransform(_rectangle(0, 0, width, height), corners)
        found = np.asarray(cv2.perspectiveTransform(inner[None], matrix)[0], np.float32)
        return _box_around(found) if boxed else found, rows, boxed

    def _plate(self, *, board: bool) -> tuple[Image, Array, int, bool]:
        """Return a flat plate, the corners of its number (all of it, or what is on a board), and its rows.

        Last whether they are those of a box: nobody knows how a photographed plate stands in its crop.
        """
        rng = self._rng
        draw = rng.random()
        if self._crops and draw < PHOTOGRAPHED:
            line = self._crops[int(rng.integers(len(self._crops)))]
            flat = cut_out(line.image, line.corners)
            return flat, _rectangle(0, 0, flat.shape[1], flat.shape[0]), 1, True
        if board and draw < PHOTOGRAPHED + ON_BOARD:
            return *self._board(), 1, False
        number = plate_text(rng)
        latin = self._latin[int(rng.integers(1, len(self._latin)))] if len(self._latin) > 1 else ""
        set_in = PlateType(
            self._chinese[int(rng.integers(len(self._chinese)))],
            "" if rng.random() < 0.1 else latin,
            int(rng.integers(300, 800)),
        )
        flat = draw_plate(number.text, number.colour, number.kind, number.rows, set_in)
        if rng.random() < 0.3:
            # Dirt that hides some of it, a frame that hides the edge.
            spots = cv2.resize(rng.normal(0.0, 45.0, (4, 8, 1)).astype(np.float32), flat.shape[1::-1])
            flat = np.clip(flat + spots[:, :, None], 0, 255).astype(np.uint8)
        height, width = flat.shape[:2]
        if rng.random() < 0.3:
            shade = tuple(int(v) for v in rng.integers(0, 200, 3))
            cv2.rectangle(flat, (0, 0), (width - 1, height - 1), shade, int(rng.integers(6, 22)))
        return flat, _rectangle(0, 0, width, height), number.rows, False

    def _board(self) -> tuple[Image, Array]:
        """Return a number as it is painted on tail boards and cabs: enlarged, spaced, on whatever ground."""
        rng = self._rng
        trailer = rng.random() < 0.6
        letters = "".join("ABCDEFGHJKLMNPQRSTUVWXYZ"[int(i)] for i in rng.integers(0, 24, 2))
        digits = "".join(str(int(d)) for d in rng.integers(0, 10, 3 if trailer else 4))
        text = PROVINCES[int(rng.integers(len(PROVINCES)))] + letters + digits + ("挂" if trailer else "")
        cell, gap = 100, int(rng.integers(10, 90))
        wide = len(text) * (cell * 3 // 5 + gap) + gap
        ends = round(wide * float(rng.uniform(0.05, 0.4)))
        light = np.array([40, 200, 235]) if rng.random() < 0.5 else rng.uniform(120, 240, 3)
        dark = light.mean() > 110
        flat = np.full((150, wide + 2 * ends, 3), np.clip(light + rng.normal(0, 15, 3), 0, 255), np.uint8)
        if trailer:
            for left in (0, wide + ends):
                cv2.rectangle(flat, (left, 0), (left + ends // 2, 149), (40, 40, 200), -1)
        ink = np.array(_BOARD_INK[int(rng.integers(3))] if dark else _BOARD_INK[3], np.float32)
        left = ends + gap
        for character in text:
            face = self._chinese[int(rng.integers(len(self._chinese)))] if not character.isascii() else ""
            mask = glyphs(character, 120, chinese=not character.isascii(), face=face)
            piece = cv2.resize(mask, (cell * 3 // 5, cell), interpolation=cv2.INTER_AREA)[:, :, None] / 255.0
            area = flat[25 : 25 + cell, left : left + cell * 3 // 5]
            area[:] = (area * (1 - piece) + ink * piece).astype(np.uint8)
            left += cell * 3 // 5 + gap
        return flat, _rectangle(ends + gap // 2, 15, ends + wide - gap // 2, 135)

    def _lookalike(self) -> Image:
        """Return a sign that is no plate: other words, a container's code, letters alone, a bare board."""
        rng = self._rng
        draw = rng.random()
        ground, ink = (tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(2))
        code, size_type = code_text(rng)
        words = "".join(OTHER_TEXT[int(i)] for i in rng.integers(0, len(OTHER_TEXT), int(rng.integers(2, 7))))
        phone = "".join(str(int(d)) for d in rng.integers(0, 10, 11))
        text = (words, code, phone, size_type, "")[min(4, int(draw * 5))]
        chinese = text == words
        wide = (110 if chinese else 62) * max(len(text), 3) + 30
        flat = np.full((130, wide, 3), ground, np.uint8)
        if text:
            face = cv2.FontFace(self._chinese[int(rng.integers(len(self._chinese)))] or "uni" if chinese else "sans")
            cv2.putText(flat, text, (15, 105), ink, face, 100, 0)
        return flat

    def _paste(self, image: Image, flat: Image, corners: Array) -> None:
        """Put `flat` into `image` at `corners`, in the light that is there, its edges soft."""
        rng = self._rng
        wide = max(8, round(1.5 * _width(corners)))
        if wide < flat.shape[1]:
            size = (wide, max(4, round(flat.shape[0] * wide / flat.shape[1])))
            flat = np.asarray(cv2.resize(flat, size, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = flat.shape[:2]
        matrix = cv2.getPerspectiveTransform(_rectangle(0, 0, width, height), corners.astype(np.float32))
        size = (image.shape[1], image.shape[0])
        warped = cv2.warpPerspective(flat, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size).astype(np.float32) / 255.0
        soft = float(rng.uniform(0.3, 0.9))
        softened = cv2.GaussianBlur(cover, (0, 0), soft)[:, :, None]
        there = image[cover > 0.5]
        level = float(there.mean()) if len(there) else 128.0
        light = float(np.clip((level + 60.0) / 190.0, 0.35, 1.15) * rng.uniform(0.7, 1.35))
        shown = cv2.GaussianBlur(warped, (0, 0), soft).astype(np.float32) * light
        image[:] = np.clip(image * (1 - softened) + shown * softened, 0, 255).astype(np.uint8)


def _rectangle(left: float, top: float, right: float, bottom: float) -> Array:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def _box_around(corners: Array) -> Array:
    return _rectangle(*corners.min(axis=0), *corners.max(axis=0))


def _width(corners: Array) -> float:
    return float(np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2


def _is_whole(corners: Array) -> bool:
    """Say whether a plate is large enough and in the picture as a whole, more or less."""
    inside = np.clip(corners, 0, [WIDTH_PX, HEIGHT_PX])
    return _width(corners) >= NARROWEST_PX and bool(np.abs(inside - corners).max() < 0.1 * _width(corners))
