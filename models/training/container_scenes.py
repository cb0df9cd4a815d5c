"""Scenes that the finder of vehicles is trained on: rendered containers in yards, alone and on lorries.

What is behind them is rendered or a photograph that may be used. Where each stands, and how much of it is seen, is
known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from models.pixels import Array, Image
from models.training import container_faces as faces
from models.training.augment import blurred, lit, noisy, packed
from models.training.container_faces import WIDTH_M, PhotographedFaces, Rng
from models.training.solids import Camera, Canvas, Solid, outline

# What scenes are, and how often.
KINDS = {"alone": 0.20, "stacked": 0.27, "wall": 0.15, "lorry": 0.20, "near": 0.06, "none": 0.12}
# How much of the picture's longer side they take.
COVER = {
    "alone": (0.35, 1.1),
    "stacked": (0.6, 2.2),
    "wall": (0.5, 1.6),
    "lorry": (0.45, 1.2),
    "near": (0.8, 1.6),
    "none": (0.4, 1.6),
}
SIZES_PX = ((320, 224), (320, 256), (320, 320), (256, 320))
LENGTHS_M, HEIGHTS_M = (6.06, 12.19, 13.7), (2.59, 2.9)
# Of a box less is seen than the first share: not asked for; less than the second: nothing that anybody could see.
ASKED_SHARE, SEEN_SHARE = 0.45, 0.08
SMALLEST_SHARE = 0.003
SIDE_PHOTOGRAPHED = 0.2
PHOTOGRAPH_BEHIND = 0.4
# To paint a container takes longer than to put it into a scene: the last ones of each size are used again.
KEPT, AGAIN = 24, 0.7


@dataclass(frozen=True, slots=True)
class Marked:
    """One thing in a scene: its label, its box (left, top, right, bottom), and whether it is asked for."""

    label: str
    box: tuple[float, float, float, float]
    asked: bool = True


@dataclass(frozen=True, slots=True)
class YardScene:
    """A picture and what is in it."""

    image: Image
    marks: tuple[Marked, ...]


class YardPainter:
    """Paints one scene after the other; the same generator gives the same ones."""

    def __init__(self, rng: Rng, photographs: Sequence[Image], photographed: PhotographedFaces) -> None:
        """`photographs` hold no container and stand behind; `photographed` are faces for rendered boxes."""
        self._rng = rng
        self._photographs = photographs
        self._photographed = photographed
        self._owners: dict[int, tuple[str, list[Solid]]] = {}
        self._painted: dict[tuple[float, float], list[dict[str, Image]]] = {}
        self._solids: list[Solid] = []

    def next(self, size: tuple[int, int]) -> YardScene:
        """Return a scene of `size` (width, height)."""
        rng = self._rng
        self._owners, self._solids = {}, []
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        target, extent = getattr(self, f"_{kind}")()
        camera = self._camera(kind, target, extent, size)
        canvas = Canvas(self._behind(camera, size))
        light = {"near": rng.uniform(0.55, 1.15), "rear": rng.uniform(0.5, 1.15)}
        light |= {"far": light["near"], "front": light["rear"], "top": rng.uniform(0.9, 1.2)}
        strength = rng.uniform(0.2, 0.7)
        for solid in self._solids:
            if solid.at[1] < 1.5:
                canvas.shadow(solid, camera, strength if solid.owners else 0.2)
        haze = rng.uniform(0.0, 0.006) if rng.random() < 0.5 else 0.0
        away = [float(np.linalg.norm(solid.middle - camera.at)) for solid in self._solids]
        for place in np.argsort(away)[::-1]:
            canvas.put(self._solids[place], camera, light, min(0.6, haze * away[place]))
        marks = [mark for owner in self._owners if (mark := self._mark(owner, canvas, camera)) is not None]
        image = canvas.image
        if rng.random() < 0.3:
            image = _tinted(image, rng)
        if rng.random() < 0.5:
            image = lit(image, rng)
        image = noisy(blurred(image, rng, sharp=False), rng, sharp=rng.random() < 0.4)
        return YardScene(packed(image, int(rng.integers(35, 96))), tuple(marks))

    def _mark(self, owner: int, canvas: Canvas, camera: Camera) -> Marked | None:
        label, solids = self._owners[owner]
        mask = canvas.owners.get(owner)
        if mask is None or not mask.any():
            return None
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        hull = outline(solids, camera)
        seen = float(mask.sum())
        if hull is None:
            return Marked(label, box, asked=False)
        inside = np.zeros(mask.shape, np.uint8)
        cv2.fillConvexPoly(inside, np.round(hull.clip(-30000, 30000)).astype(np.int32), 1)
        share = seen / max(1.0, float(inside.sum()))
        if share < SEEN_SHARE or seen < SMALLEST_SHARE * mask.size:
            return None
        in_picture = float(inside.sum()) / max(1.0, float(cv2.contourArea(hull)))
        asked = share >= ASKED_SHARE and in_picture > 0.12
        return Marked(label, box, asked)

    def _camera(self, kind: str, target: Array, extent: float, size: tuple[int, int]) -> Camera:
        rng = self._rng
        width, height = size
        focal = max(size) * rng.uniform(0.7, 1.8)
        share = rng.uniform(*COVER[kind])
        away = max(focal * extent / (share * max(size)), 0.55 * extent + 1.0)
        turn = rng.uniform(0.0, 2 * np.pi)
        if kind == "near":
            # Gate cameras stand behind, before or beside the lane.
            turn = float(rng.choice([0.0, 0.5, 1.0, 1.5])) * np.pi + rng.normal(0.0, 0.3)
        up = rng.uniform(0.5, 4.5) if rng.random() < 0.7 else rng.uniform(4.0, 0.8 * away + 5.0)
        at = target + np.array([away * np.sin(turn), 0.0, -away * np.cos(turn)])
        at[1] = up
        aim = target + rng.normal(0.0, 0.06 * extent, 3)
        roll = rng.normal(0.0, 0.03) if rng.random() < 0.8 else rng.normal(0.0, 0.12)
        return Camera.looking(at.astype(np.float32), aim.astype(np.float32), float(roll), float(focal), (width, height))

    def _owner(self, label: str) -> int:
        self._owners[len(self._owners) + 1] = (label, [])
        return len(self._owners)

    def _add(self, solid: Solid) -> None:
        self._solids.append(solid)
        for owner in solid.owners:
            self._owners[owner][1].append(solid)

    def _container(
        self, at: tuple[float, float, float], length: float, height: float, colour: Array | None = None, *owners: int
    ) -> None:
        rng = self._rng
        sizes = self._painted.setdefault((length, height), [])
        if colour is None and len(sizes) >= KEPT and rng.random() < AGAIN:
            pictures = sizes[int(rng.integers(len(sizes)))]
            self._add(Solid(at, (length, height, WIDTH_M), pictures, (self._owner("container"), *owners)))
            return
        colour = faces.paint(rng) if colour is None else colour
        doors_at_rear = rng.random() < 0.5
        door, end = faces.door_face(rng, height, colour), faces.end_face(rng, height, colour)
        side = faces.side_face(rng, length, height, colour)
        if rng.random() < SIDE_PHOTOGRAPHED:
            side = self._photograph("side", length, height, side)
            door = self._photograph("door", WIDTH_M, height, door)
            end = self._photograph("end", WIDTH_M, height, end)
        pictures = {
            "near": side,
            "far": side,
            "rear": door if doors_at_rear else end,
            "front": end if doors_at_rear else door,
            "top": faces.roof_face(rng, length, colour),
        }
        sizes.append(pictures)
        del sizes[:-KEPT]
        self._add(Solid(at, (length, height, WIDTH_M), pictures, (self._owner("container"), *owners)))

    def _photograph(self, what: str, length: float, height: float, otherwise: Image) -> Image:
        found = self._photographed.one(what, self._rng)
        return otherwise if found is None else faces.fitted(found, length, height)

    def _size(self) -> tuple[float, float]:
        rng = self._rng
        return float(rng.choice(LENGTHS_M, p=(0.5, 0.45, 0.05))), float(rng.choice(HEIGHTS_M))

    def _alone(self) -> tuple[Array, float]:
        length, height = self._size()
        up = float(self._rng.uniform(0.0, 6.0)) if self._rng.random() < 0.15 else 0.0
        self._container((0.0, up, 0.0), length, height)
        if self._rng.random() < 0.3:
            self._clutter(length)
        return np.array([length / 2, up + height / 2, WIDTH_M / 2]), length

    def _near(self) -> tuple[Array, float]:
        length, height = self._size()
        up = float(self._rng.uniform(0.9, 1.5))
        self._container((0.0, up, 0.0), length, height)
        place = float(self._rng.choice([0.0, 0.5, 1.0])) * length
        return np.array([place, up + height / 2, WIDTH_M / 2]), 3.2

    def _stacked(self) -> tuple[Array, float]:
        rng = self._rng
        along, across, tiers = int(rng.integers(1, 5)), int(rng.integers(1, 4)), int(rng.integers(1, 6))
        length = float(rng.choice(LENGTHS_M[:2]))
        alike = faces.paint(rng) if rng.random() < 0.25 else None
        gap = rng.uniform(0.05, 0.6)
        for x in range(along):
            for z in range(across):
                up = 0.0
                for _ in range(max(1, tiers - int(rng.integers(0, 3)))):
                    height = float(rng.choice(HEIGHTS_M))
                    shift = float(rng.normal(0.0, 0.05))
                    at = (x * (length + gap) + shift, up, z * (WIDTH_M + rng.uniform(0.05, 0.5)))
                    self._container(at, length, height, alike)
                    up += height
        middle = np.array([along * length / 2, tiers * 1.2, across * WIDTH_M / 2])
        middle += np.array([1, 0.5, 0.5]) * rng.normal(0.0, 1.5, 3)
        return middle, max(length, tiers * 2.5)

    def _wall(self) -> tuple[Array, float]:
        """A block of many boxes, far away, on the ground or on a ship: each is small, and all together are none."""
        rng = self._rng
        along, tiers, length = int(rng.integers(3, 9)), int(rng.integers(3, 8)), float(rng.choice(LENGTHS_M[:2]))
        if rng.random() < 0.5:
            length = WIDTH_M
        floor = 0.0
        whole = along * (length + 0.2)
        if rng.random() < 0.4:
            floor = float(rng.uniform(4, 12))
            colour = np.asarray(rng.uniform(15, 150, 3), np.float32)
            hull = {name: faces.plain_face(rng, 12, 4, colour) for name in ("near", "far", "rear", "front", "top")}
            self._add(Solid((-8.0, 0.0, -1.0), (whole + 16.0, floor, 14.0), hull))
        for x in range(along):
            up = floor
            for _ in range(max(1, tiers - int(rng.integers(0, 3)))):
                height = float(rng.choice(HEIGHTS_M))
                if length == WIDTH_M:
                    self._end_on((x * (length + 0.2), up, 0.0), height)
                else:
                    self._container((x * (length + 0.2), up, 0.0), length, height)
                up += height
        return np.array([whole / 2, floor + tiers * 1.2, WIDTH_M / 2]), max(whole, floor + tiers * 2.6)

    def _end_on(self, at: tuple[float, float, float], height: float) -> None:
        """Put a container whose doors look sideways out of the block."""
        rng = self._rng
        colour = faces.paint(rng)
        end = faces.door_face(rng, height, colour) if rng.random() < 0.6 else faces.end_face(rng, height, colour)
        side = faces.side_face(rng, 6.06, height, colour)
        roof = np.ascontiguousarray(faces.roof_face(rng, 6.06, colour).transpose(1, 0, 2))
        pictures = {"near": end, "far": end, "rear": side, "front": side, "top": roof}
        self._add(Solid(at, (WIDTH_M, height, 6.06), pictures, (self._owner("container"),)))

    def _clutter(self, length: float, largest: float = 1.0) -> None:
        """Put a box that is none, a shed or a house, beside or behind."""
        rng = self._rng
        wide, high, deep = rng.uniform(2, 12), rng.uniform(1.5, 10), rng.uniform(2, 8)
        wide, high, deep = (side * float(rng.uniform(1.0, largest)) for side in (wide, high, deep))
        colour = np.asarray(rng.uniform(40, 230, 3), np.float32)
        wall, end = faces.plain_face(rng, wide, high, colour), faces.plain_face(rng, deep, high, colour)
        top = faces.plain_face(rng, wide, deep, colour * 0.7)
        at = (float(rng.uniform(-10, length)), 0.0, float(rng.choice([-1, 1]) * rng.uniform(6, 14)))
        self._add(Solid(at, (wide, high, deep), {"near": wall, "far": wall, "rear": end, "front": end, "top": top}))

    def _none(self) -> tuple[Array, float]:
        for _ in range(int(self._rng.integers(1, 5))):
            self._clutter(8.0, 2.5)
        return np.array([2.0, 3.0, 0.0]), 14.0

    def _lorry(self) -> tuple[Array, float]:
        rng = self._rng
        truck = self._owner("truck")
        deck, length = float(rng.uniform(1.1, 1.5)), float(rng.choice([6.4, 12.4]))
        dark = np.full(3, rng.uniform(25, 80), np.float32)
        beam = {name: faces.plain_face(rng, 2, 0.3, dark) for name in ("near", "far", "rear", "front", "top")}
        axles = [length * 0.12 + 1.3 * number for number in range(int(rng.integers(2, 4)))]
        wheels = tuple((along, 0.5, 0.5) for along in (*axles, length + 0.2, length + 2.2))
        self._add(Solid((0.0, deck - 0.3, 0.2), (length + 1.6, 0.3, 2.1), beam, (truck,), wheels))
        carried = float(rng.random())
        height = float(rng.choice(HEIGHTS_M))
        if carried < 0.75:
            self._load(truck, deck, length, height)
        elif carried < 0.92:
            colour = np.asarray(rng.uniform(60, 240, 3), np.float32)
            side, end = faces.plain_face(rng, length, height, colour), faces.plain_face(rng, 2.44, height, colour)
            walls = {"near": side, "far": side, "rear": end, "front": end, "top": faces.plain_face(rng, 2, 2, colour)}
            self._add(Solid((0.0, deck, 0.0), (length, height, WIDTH_M), walls, (truck,)))
        colour, high = faces.paint(rng), float(rng.uniform(2.2, 3.1))
        long = float(rng.uniform(1.6, 2.4))
        side = faces.cab_face(rng, "side", long, high, colour)
        cab = {
            "near": np.ascontiguousarray(side[:, ::-1]),
            "far": side,
            "front": faces.cab_face(rng, "front", 2.4, high, colour),
            "rear": faces.plain_face(rng, 2.4, high, colour * 0.6),
            "top": faces.plain_face(rng, long, 2.4, colour),
        }
        self._add(Solid((length + 0.5, 0.6, 0.0), (long, high, 2.4), cab, (truck,)))
        if rng.random() < 0.3:
            self._clutter(length)
        whole = length + 0.5 + long
        return np.array([whole / 2, 1.8, WIDTH_M / 2]), whole

    def _load(self, truck: int, deck: float, length: float, height: float) -> None:
        rng = self._rng
        if length > 7.0 and rng.random() < 0.3:
            for place in (0.05, 6.25):
                if rng.random() < 0.9:
                    self._container((place, deck, 0.0), 6.06, height, None, truck)
        else:
            self._container((0.1, deck, 0.0), 12.19 if length > 7.0 else 6.06, height, None, truck)

    def _behind(self, camera: Camera, size: tuple[int, int]) -> Image:
        """Return what stands behind: a photograph, sky and ground, or next to nothing."""
        rng = self._rng
        width, height = size
        if self._photographs and rng.random() < PHOTOGRAPH_BEHIND:
            return view_of(self._photographs[int(rng.integers(len(self._photographs)))], rng, size)[0]
        if rng.random() < 0.08:
            return np.full((height, width, 3), int(rng.integers(180, 256)), np.uint8)
        rows = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
        sky = np.array([rng.uniform(150, 255), rng.uniform(120, 230), rng.uniform(90, 225)], np.float32)
        picture = np.broadcast_to(sky * (0.8 + 0.3 * rows), (height, width, 3)).copy()
        horizon = int(np.clip(camera.horizon(), 0, height))
        ground = np.array([1.0, rng.uniform(0.95, 1.1), rng.uniform(0.95, 1.2)], np.float32) * rng.uniform(50, 180)
        if horizon < height:
            picture[horizon:] = ground
            for _ in range(int(rng.integers(0, 5))):
                ends = rng.integers([0, horizon], [width, height], (2, 2))
                shade = float(rng.uniform(20, 250))
                cv2.line(picture, ends[0].tolist(), ends[1].tolist(), (shade,) * 3, int(rng.integers(1, 6)))
        if rng.random() < 0.5:
            # A far edge of trees or houses.
            edge = horizon - rng.integers(0, max(2, height // 5), width // 8 + 1)
            for place, top in enumerate(edge):
                picture[max(0, int(top)) : horizon, place * 8 : place * 8 + 8] = rng.uniform(20, 130)
        if rng.random() < 0.1:
            faces.spell(picture, rng)
        grain = rng.normal(0.0, 1.0, (height // 4 + 1, width // 4 + 1)).astype(np.float32)
        spots = np.asarray(cv2.resize(grain, (width, height)), np.float32)[..., None]
        return np.asarray(np.clip(picture + spots * rng.uniform(2, 16), 0, 255), np.uint8)


def view_of(photograph: Image, rng: Rng, size: tuple[int, int]) -> tuple[Image, Array]:
    """Return a part of `photograph` at `size`, and by what (x, y, 1) of it become pixels of that view (2, 3)."""
    width, height = size
    high, wide = photograph.shape[:2]
    scale = max(width / wide, height / high) * float(rng.uniform(1.0, 1.6))
    x = rng.uniform(0.0, max(0.0, wide - width / scale))
    y = rng.uniform(0.0, max(0.0, high - height / scale))
    flip = rng.random() < 0.5
    matrix = np.array([[scale, 0.0, -x * scale], [0.0, scale, -y * scale]], np.float32)
    if flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += width
    part = cv2.warpAffine(photograph, matrix, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(part, np.uint8), matrix


def _tinted(image: Image, rng: Rng) -> Image:
    """Return `image` in the light of another hour, or with less colour."""
    grey = image.mean(axis=2, keepdims=True)
    colour = rng.uniform(0.0, 1.3)
    tint = rng.uniform(0.75, 1.25, 3)
    return np.asarray(np.clip((grey + (image - grey) * colour) * tint, 0, 255), np.uint8)
