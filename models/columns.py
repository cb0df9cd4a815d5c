"""Turns a column of upright characters into a row that the line reader can read.

The characters of a vertical container code stand under each other, each upright. They are cut apart where
rows of pixels show no ink, and set side by side.
"""

import numpy as np

from models.detector import TextLine
from models.lines import around
from models.pixels import Array, Image, cut_out, grey, ink_mask, resized

CELL_HEIGHT_PX = 44
CELL_GAP_PX = 10
MIN_CELLS = 4
MAX_CELLS = 17


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


def column_corners(group: list[TextLine], grow: float) -> Array:
    """Return the corners of the column of `group`, grown by `grow` of its width at both ends and sides."""
    upper, lower = group[0].corners, group[-1].corners
    down = (lower[2:].mean(axis=0) - upper[:2].mean(axis=0)) / max(_shape(group)[1], 1.0)
    width = float(np.median([line.width for line in group]))
    side = np.array([width * grow * 0.5, 0.0], np.float32)
    along = down * width * grow
    return np.stack(
        [upper[0] - side - along, upper[1] + side - along, lower[2] + side + along, lower[3] - side + along]
    ).astype(np.float32)


def cells_of(column: Image) -> list[tuple[int, int]]:
    """Return (top, bottom) of each character in the pixels of a column, from the rows that hold ink."""
    width = column.shape[1]
    ink = ink_mask(grey(column))
    core = ink[:, width // 6 : width - width // 6]
    rows = core.mean(axis=1) > 0.06
    edges = np.flatnonzero(np.diff(np.concatenate([[0], rows.astype(np.int8), [0]])))
    runs = [(int(top), int(bottom)) for top, bottom in zip(edges[::2], edges[1::2], strict=True)]
    runs = [run for run in runs if run[1] - run[0] > 0.25 * width]
    return _split_tall(runs) if runs else []


def _split_tall(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    usual = float(np.median([bottom - top for top, bottom in runs]))
    cells: list[tuple[int, int]] = []
    for top, bottom in runs:
        parts = max(1, round((bottom - top) / usual))
        step = (bottom - top) / parts
        cells += [(round(top + i * step), round(top + (i + 1) * step)) for i in range(parts)]
    return cells


def row_of(column: Image, cells: list[tuple[int, int]]) -> Image | None:
    """Return the characters of `column` side by side on its own background, or None where they are no code."""
    if not MIN_CELLS <= len(cells) <= MAX_CELLS:
        return None
    background = np.median(column.reshape(-1, 3), axis=0).astype(np.uint8)
    usual = float(np.median([bottom - top for top, bottom in cells]))
    scale = CELL_HEIGHT_PX / usual
    width = max(8, round(column.shape[1] * scale))
    height = CELL_HEIGHT_PX + 2 * CELL_GAP_PX
    row = np.empty((height, len(cells) * width, 3), np.uint8)
    row[:] = background
    for place, (top, bottom) in enumerate(cells):
        margin = max(1, round(0.08 * usual))
        cut = column[max(0, top - margin) : bottom + margin]
        tall = min(height, max(4, round(cut.shape[0] * scale)))
        start = (height - tall) // 2
        row[start : start + tall, place * width : (place + 1) * width] = resized(cut, width, tall)
    return row


def column_as_row(image: Image, group: list[TextLine], grow: float) -> Image | None:
    """Return the column of `group` in `image` as a row, or None where its characters cannot be told apart."""
    column = cut_out(image, column_corners(group, grow))
    return row_of(column, cells_of(column))
