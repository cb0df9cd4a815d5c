"""Finds columns of upright characters among lines, and turns them to what their reader reads.

The characters of a vertical container code stand under each other, each upright. A column is turned to the left, so
that its first character is the leftmost, and drawn together to half its length.
"""

import numpy as np

from models.detector import TextLine
from models.lines import around
from models.pixels import Array, Image, cut_out, resized

# What of its length a turned column keeps: characters that lie on their side need less of it than upright ones.
TURNED_SHARE = 0.5


def columns_of(lines: list[TextLine]) -> list[list[TextLine]]:
    """Return groups of lines that form one column: tall lines and single characters under each other."""
    tall = sorted((line for line in lines if line.height > 0.75 * line.width), key=lambda line: line.centre[1])
    groups: list[list[TextLine]] = []
    for line in tall:
        for group in groups:
            if _continues(group[-1], line):
                group.append(line)
                break
        else:
            groups.append([line])
    return [group for group in groups if _shape(group)[1] > 3.0 * _shape(group)[0]]


def _continues(upper: TextLine, lower: TextLine) -> bool:
    width = max(upper.width, lower.width)
    gap = float(lower.corners[:2, 1].mean() - upper.corners[2:, 1].mean())
    aside = abs(float(lower.corners[:2, 0].mean() - upper.corners[2:, 0].mean()))
    alike = 0.5 < upper.width / max(lower.width, 1.0) < 2.0
    return alike and aside < 0.5 * width and -0.6 * width < gap < 4.0 * width


def _shape(group: list[TextLine]) -> tuple[float, float]:
    _, _, _, height = around(group)
    return float(np.median([line.width for line in group])), float(height)


def column_corners(group: list[TextLine], aside: float, along: float) -> Array:
    """Return the corners of the column of `group`, its sides and ends moved outwards by so many widths."""
    upper, lower = group[0].corners, group[-1].corners
    down = (lower[2:].mean(axis=0) - upper[:2].mean(axis=0)) / max(_shape(group)[1], 1.0)
    width = float(np.median([line.width for line in group]))
    side = np.array([width * aside, 0.0], np.float32)
    end = down * width * along
    return np.stack(
        [upper[0] - side - end, upper[1] + side - end, lower[2] + side + end, lower[3] - side + end]
    ).astype(np.float32)


def turned_column(image: Image, group: list[TextLine], aside: float, along: float) -> Image:
    """Return the column of `group` in `image` as its reader gets it."""
    lying = np.ascontiguousarray(np.rot90(cut_out(image, column_corners(group, aside, along))))
    height, length = lying.shape[:2]
    return resized(lying, max(1, round(length * TURNED_SHARE)), height)
