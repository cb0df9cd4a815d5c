"""Pictures of rendered plates and codes that were misread or not read: truth and answer under each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.pixels import Image
from models.training.rendered_sets import Drawn

COLUMNS = 4
MAX_EXAMPLES = 20
CELL_WIDTH_PX, CELL_HEIGHT_PX, LABEL_PX, GAP_PX = 180, 58, 36, 6
TEXT_PX = 13
# A scene of a container is cut to where its code is painted: left, top, right, bottom as shares of it.
_ROWS_SHOWN, _COLUMN_SHOWN = (0.44, 0.02, 0.86, 0.42), (0.55, 0.02, 0.86, 0.80)
_SCENE_ASPECT = 1.6
_INK, _PAPER = (30, 30, 30), 255


@dataclass(frozen=True, slots=True)
class Example:
    """A picture and what was answered, '' for nothing."""

    drawn: Drawn
    answer: str


def draw_examples(examples: Sequence[Example], file: Path) -> None:
    """Write a sheet of up to MAX_EXAMPLES, the wrong ones first; nothing where there are none. Raises OSError."""
    chosen = sorted(examples, key=lambda one: not one.answer)[:MAX_EXAMPLES]
    if not chosen:
        return
    cells = [_cell(one, max(map(_height_of, (each.drawn for each in chosen)))) for one in chosen]
    cells += [np.full_like(cells[0], _PAPER)] * (-len(cells) % COLUMNS)
    rows = [np.hstack(cells[at : at + COLUMNS]) for at in range(0, len(cells), COLUMNS)]
    _, data = cv2.imencode(".png", np.vstack(rows))
    file.write_bytes(data.tobytes())


def _cell(example: Example, height: int) -> Image:
    """Return one example, as large as a cell `height` pixels high allows, over two lines of text."""
    image = _shown(example.drawn)
    scale = min(CELL_WIDTH_PX / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    seen = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    cell = np.full((height + LABEL_PX + GAP_PX, CELL_WIDTH_PX + GAP_PX, 3), _PAPER, np.uint8)
    cell[height - size[1] : height, : size[0]] = seen
    drawn = example.drawn
    for row, text in enumerate((f"{drawn.truth}: {example.answer or 'unread'}", f"{drawn.group}, {drawn.sight}")):
        at = (2, height + TEXT_PX + row * (TEXT_PX + 3))
        cv2.putText(cell, text, at, _INK, cv2.FontFace("uni"), TEXT_PX, 0)
    return np.asarray(cell, np.uint8)


def _is_scene(drawn: Drawn) -> bool:
    height, width = drawn.image.shape[:2]
    return bool(height > CELL_HEIGHT_PX * 2 and width < height * 2)


def _height_of(drawn: Drawn) -> int:
    return round(CELL_WIDTH_PX / _SCENE_ASPECT) if _is_scene(drawn) else CELL_HEIGHT_PX


def _shown(drawn: Drawn) -> Image:
    """Return the crop of a plate, or the part of a scene where its code is painted."""
    if not _is_scene(drawn):
        return drawn.image
    height, width = drawn.image.shape[:2]
    left, top, right, bottom = _COLUMN_SHOWN if drawn.group == "column" else _ROWS_SHOWN
    return drawn.image[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
