"""A line of text with what was read in it, and how lines stand to each other in the picture."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edge.core.readings import Box, Corners, Layout
from models.detector import TextLine
from models.pixels import Array, upright_box


@dataclass(frozen=True, slots=True, eq=False)
class ReadLine:
    """One line and its probabilities (steps, reader.ALPHABET)."""

    line: TextLine
    probabilities: Array

    @property
    def box(self) -> Box:
        """Upright box in pixels of the picture."""
        return self.line.box


def is_upright(line: TextLine) -> bool:
    """Say whether `line` stands taller than wide: a column of characters, not a row."""
    return line.height > 1.5 * line.width


def stretched(line: TextLine, left: float = 0.0, right: float = 0.0, up: float = 0.0, down: float = 0.0) -> TextLine:
    """Return `line` with its sides moved outwards by so many of its heights (negative: inwards)."""
    along = (line.corners[1] - line.corners[0]) / max(line.width, 1.0) * line.height
    across = line.corners[3] - line.corners[0]
    moves = np.stack(
        [
            -left * along - up * across,
            right * along - up * across,
            right * along + down * across,
            -left * along + down * across,
        ]
    )
    return TextLine((line.corners + moves).astype(np.float32), line.score)


def stands_above(upper: TextLine, lower: TextLine, max_gap: float = 0.8) -> bool:
    """Say whether `upper` is the row over `lower`: overlapping in x, at most `max_gap` row heights apart."""
    (ux, uy, uw, uh), (lx, ly, lw, lh) = upper.box, lower.box
    shared = min(ux + uw, lx + lw) - max(ux, lx)
    row = max(upper.height, lower.height)
    return shared > 0.5 * min(uw, lw) and uy + uh / 2 < ly + lh / 2 and -0.5 * row < ly - (uy + uh) < max_gap * row


def stands_left(left: TextLine, right: TextLine, max_gap: float = 3.0) -> bool:
    """Say whether `right` continues the row of `left`: same height and level, at most `max_gap` heights apart."""
    height = max(left.height, right.height)
    direction = (left.corners[1] - left.corners[0]) / max(left.width, 1.0)
    step = right.corners[0] - left.corners[1]
    along = float(np.dot(step, direction))
    across = float(abs(direction[0] * step[1] - direction[1] * step[0]))
    alike = 0.5 < left.height / max(right.height, 1.0) < 2.0
    return alike and across < 0.5 * height + 0.1 * abs(along) and -0.6 * height < along < max_gap * height


def joined(pieces: list[Array]) -> Array:
    """Return the probabilities of `pieces` one after the other, a sure blank between them."""
    gap = np.zeros((1, pieces[0].shape[1]), np.float32)
    gap[0, 0] = 1.0
    parts: list[Array] = []
    for piece in pieces:
        parts += [piece, gap]
    return np.concatenate(parts[:-1])


def around(lines: list[TextLine]) -> Box:
    """Return the upright box around all `lines`."""
    return upright_box(np.concatenate([line.corners for line in lines]))


def corners_around(lines: list[TextLine]) -> Corners:
    """Return the corners of a line; of several, those of the rectangle around all that lies as the first one does."""
    corners = lines[0].corners
    if len(lines) > 1:
        along = (corners[1] - corners[0]) / max(float(np.hypot(*(corners[1] - corners[0]))), 1.0)
        axes = np.stack([along, np.array([-along[1], along[0]], np.float32)])
        places = np.concatenate([line.corners for line in lines]) @ axes.T
        (left, upper), (right, lower) = places.min(axis=0), places.max(axis=0)
        corners = np.array([[left, upper], [right, upper], [right, lower], [left, lower]], np.float32) @ axes
    first, second, third, fourth = ((round(float(x)), round(float(y))) for x, y in corners)
    return first, second, third, fourth


def layout_of(lines: list[TextLine]) -> Layout:
    """Return how the code that is written in `lines` is painted."""
    if len(lines) == 1:
        return "column" if is_upright(lines[0]) else "row"
    return "row" if all(stands_left(one, other) for one, other in pairwise(lines)) else "rows"


def overlap(a: Box, b: Box) -> float:
    """Return the shared area of two boxes as a share of the smaller one."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(1, min(a[2] * a[3], b[2] * b[3]))
