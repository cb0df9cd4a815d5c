"""Boxes in space with pictures on their faces, and the camera that sees them.

Metres: x to the right, y up, z away from where a camera stands that looks along z.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pixels import Array, Image

NEAREST_M = 0.3
# Upper left, upper right, lower right, lower left of each face as seen by who stands before it: length, height, depth.
_FACES = {
    "near": ((0, 1, 0), (1, 1, 0), (1, 0, 0), (0, 0, 0)),
    "far": ((1, 1, 1), (0, 1, 1), (0, 0, 1), (1, 0, 1)),
    "rear": ((0, 1, 1), (0, 1, 0), (0, 0, 0), (0, 0, 1)),
    "front": ((1, 1, 0), (1, 1, 1), (1, 0, 1), (1, 0, 0)),
    "top": ((0, 1, 1), (1, 1, 1), (1, 1, 0), (0, 1, 0)),
}
# How much of the light each face gets.
_LIGHT = {"near": 1.0, "far": 1.0, "rear": 0.9, "front": 0.9, "top": 1.08}


@dataclass(frozen=True, slots=True)
class Solid:
    """A box: where its lower rear corner is, its sizes (length, height, depth), its faces, whose part it is."""

    at: tuple[float, float, float]
    size: tuple[float, float, float]
    faces: dict[str, Image]
    owners: tuple[int, ...] = ()
    # Middles (along, up) and radius of the wheels on both of its long sides.
    wheels: tuple[tuple[float, float, float], ...] = ()

    @property
    def middle(self) -> Array:
        """Where its middle is."""
        return np.asarray(np.array(self.at) + np.array(self.size) / 2, np.float32)

    def face(self, name: str) -> Array:
        """Return the corners (4, 3) of a face."""
        return np.asarray(np.array(self.at) + np.array(_FACES[name]) * np.array(self.size), np.float32)


@dataclass(frozen=True, slots=True)
class Camera:
    """Where it stands, the axes (right, down, ahead) that it sees along, pixels a unit, and its picture's size."""

    at: Array
    axes: Array
    focal_px: float
    width: int
    height: int

    @classmethod
    def looking(cls, at: Array, target: Array, roll: float, focal_px: float, size: tuple[int, int]) -> "Camera":
        """Return a camera at `at` that has `target` in the middle of its picture, turned by `roll` (radians)."""
        ahead = (target - at) / np.linalg.norm(target - at)
        right = np.cross(np.array([0.0, 1.0, 0.0]), ahead)
        right /= max(float(np.linalg.norm(right)), 1e-6)
        down = np.cross(ahead, right) * -1.0
        cosine, sine = np.cos(roll), np.sin(roll)
        axes = np.stack([cosine * right + sine * down, cosine * down - sine * right, ahead])
        return cls(np.asarray(at, np.float32), np.asarray(axes, np.float32), focal_px, *size)

    def seen(self, points: Array) -> Array | None:
        """Return pixels (n, 2) of points (n, 3), None where one is behind or too near."""
        there = (points - self.at) @ self.axes.T
        if float(there[:, 2].min()) < NEAREST_M:
            return None
        middle = np.array([self.width / 2, self.height / 2], np.float32)
        return np.asarray(there[:, :2] / there[:, 2:] * self.focal_px + middle, np.float32)

    def horizon(self) -> float:
        """Return the row of the horizon in the middle of the picture."""
        ahead = self.axes[2] * np.array([1.0, 0.0, 1.0], np.float32)
        flat = self.seen((self.at + ahead / max(float(np.linalg.norm(ahead)), 1e-3) * 1000.0)[None])
        return float(flat[0, 1]) if flat is not None else -1.0


@dataclass(slots=True)
class Canvas:
    """A picture that solids are put on, the furthest first, and which owner each pixel is of (0: nobody's)."""

    image: Image
    owners: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    outlines: dict[int, list[Array]] = field(default_factory=dict)

    def put(self, solid: Solid, camera: Camera, light: dict[str, float], haze: float) -> None:
        """Paint `solid` as `camera` sees it; `haze` (0 to 1) takes its contrast."""
        covered = np.zeros(self.image.shape[:2], np.uint8)
        for name, picture in solid.faces.items():
            corners = camera.seen(solid.face(name))
            if corners is not None and _turns_right(corners) and np.abs(corners).max() < 8000:
                self._face(picture, corners, light.get(name, 1.0) * _LIGHT[name], haze, covered)
        if solid.wheels:
            self._wheels(solid, camera, covered)
        hidden = covered > 0
        for owner, mask in self.owners.items():
            if owner not in solid.owners:
                mask &= ~hidden
        for owner in solid.owners:
            known = self.owners.setdefault(owner, np.zeros(hidden.shape, np.bool_))
            known |= hidden

    def _face(self, picture: Image, corners: Array, light: float, haze: float, covered: Image) -> None:
        height, width = self.image.shape[:2]
        left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width, height])
        right, low = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, [width, height])
        if right - left < 1 or low - top < 1:
            return
        scale = np.sqrt(_area(corners) / (picture.shape[0] * picture.shape[1]))
        if scale < 0.7:
            size = (max(2, round(picture.shape[1] * scale * 1.2)), max(2, round(picture.shape[0] * scale * 1.2)))
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        shift = corners - np.array([left, top], np.float32)
        high, wide = picture.shape[:2]
        source = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, shift.astype(np.float32))
        size = (int(right - left), int(low - top))
        pixels = cv2.warpPerspective(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        mask = np.zeros((size[1], size[0]), np.uint8)
        cv2.fillConvexPoly(mask, np.round(shift).astype(np.int32), 255, cv2.LINE_AA)
        pixels = pixels * light * (1.0 - haze) + 200.0 * haze
        share = mask[..., None].astype(np.float32) / 255.0
        part = self.image[top:low, left:right]
        part[:] = np.clip(part * (1.0 - share) + pixels * share, 0, 255).astype(np.uint8)
        covered[top:low, left:right] |= mask > 127

    def _wheels(self, solid: Solid, camera: Camera, covered: Image) -> None:
        turn = np.linspace(0.0, 2 * np.pi, 18)
        sides = sorted((0.0, solid.size[2]), key=lambda z: -abs(float(camera.at[2]) - solid.at[2] - z))
        for z in sides:
            for along, up, radius in solid.wheels:
                for share, shade in ((1.0, 25.0), (0.5, 95.0)):
                    rim = np.stack(
                        [along + radius * share * np.cos(turn), up + radius * share * np.sin(turn), np.full(18, z)],
                        axis=1,
                    )
                    points = camera.seen((rim + np.array([solid.at[0], 0.0, solid.at[2]])).astype(np.float32))
                    if points is not None and np.abs(points).max() < 8000:
                        polygon = np.round(points).astype(np.int32)
                        cv2.fillConvexPoly(self.image, polygon, (shade, shade, shade), cv2.LINE_AA)
                        cv2.fillConvexPoly(covered, polygon, 1)

    def shadow(self, solid: Solid, camera: Camera, strength: float) -> None:
        """Darken the ground around the foot of `solid`."""
        x, _, z = solid.at
        length, _, depth = solid.size
        foot = np.array(
            [
                [x - 0.4, 0, z - 0.8],
                [x + length + 0.4, 0, z - 0.8],
                [x + length + 0.4, 0, z + depth],
                [x - 0.4, 0, z + depth],
            ]
        )
        points = camera.seen(foot.astype(np.float32))
        if points is not None and np.abs(points).max() < 8000:
            mask = np.zeros(self.image.shape[:2], np.uint8)
            cv2.fillConvexPoly(mask, np.round(points).astype(np.int32), 255)
            soft = np.asarray(cv2.blur(mask, (9, 9)), np.float32)[..., None] / 255.0 * strength
            self.image[:] = (self.image * (1.0 - soft)).astype(np.uint8)


def outline(solids: list[Solid], camera: Camera) -> Array | None:
    """Return the outline (n, 2) of what `solids` would cover, or None where a part is too near to say."""
    points = [camera.seen(solid.face(name)) for solid in solids for name in ("near", "far")]
    if any(found is None for found in points):
        return None
    joined = np.concatenate([found for found in points if found is not None])
    return np.asarray(cv2.convexHull(joined.astype(np.float32)).reshape(-1, 2), np.float32)


def _turns_right(corners: Array) -> bool:
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    return bool(first[0] * second[1] - first[1] * second[0] > 0.0)


def _area(corners: Array) -> float:
    x, y = corners[:, 0], corners[:, 1]
    return max(1.0, 0.5 * abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))))
