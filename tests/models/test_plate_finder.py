"""Plates as their detector answers them: cells, corners, rows, without a network."""

import numpy as np
import pytest

from models.plate_finder import CELL_PX, CHANNELS, CORNER_UNIT_PX, MAX_PLATES, FoundPlate, PlateFinder, plates_of_cells
from models.plate_looks import found_lines
from models.sessions import ModelOutputError
from tests.support.drawn import ground
from tests.support.spelled import text_line


def cells(*plates, down=40, across=52):
    """Answers that are sure of `plates`: (row, column, kind, logit, half width, half height in what is seen)."""
    answers = np.full((CHANNELS, down, across), -9.0, np.float32)
    for row, column, kind, logit, wide, high in plates:
        answers[kind, row, column] = logit
        corners = np.array([-wide, -high, wide, -high, wide, high, -wide, high], np.float32)
        answers[2:, row, column] = corners / CORNER_UNIT_PX
    return answers


def test_corners_are_those_of_the_picture():
    (found,) = plates_of_cells(cells((10, 20, 0, 3.0, 44, 14)), 2.0, 3.0)
    assert found.rows == 1
    assert found.line.score == pytest.approx(0.9526, abs=1e-3)
    x, y = 20.5 * CELL_PX, 10.5 * CELL_PX
    expected = [[x - 44, y - 14], [x + 44, y - 14], [x + 44, y + 14], [x - 44, y + 14]]
    assert found.line.corners == pytest.approx(np.array(expected) * [2.0, 3.0])


def test_the_surest_cell_of_a_plate_answers_for_it():
    seen = cells((10, 20, 0, 2.0, 44, 14), (10, 21, 0, 3.0, 44, 14), (10, 23, 1, 1.0, 44, 14), (30, 40, 1, 4.0, 44, 22))
    found = plates_of_cells(seen, 1.0, 1.0)
    assert [plate.rows for plate in found] == [2, 1]
    assert found[1].line.centre == pytest.approx((21.5 * CELL_PX, 10.5 * CELL_PX))


def test_unsure_cells_and_corners_that_fold_over_are_no_plates():
    folded = cells((10, 20, 0, 3.0, 44, 14))
    folded[2:4, 10, 20], folded[4:6, 10, 20] = folded[4:6, 10, 20].copy(), folded[2:4, 10, 20].copy()
    assert plates_of_cells(folded, 1.0, 1.0) == []
    assert plates_of_cells(cells((10, 20, 0, -2.0, 44, 14)), 1.0, 1.0) == []


def test_no_more_plates_than_anybody_would_read():
    many = [(2 * row, 4 * column, 0, 3.0, 12, 4) for row in range(8) for column in range(8)]
    assert len(plates_of_cells(cells(*many), 1.0, 1.0)) == MAX_PLATES


def test_a_picture_is_looked_at_in_multiples_of_the_stride():
    shapes = []

    def run(batch):
        shapes.append(batch.shape)
        return cells((3, 4, 0, 3.0, 20, 6), down=batch.shape[2] // CELL_PX, across=batch.shape[3] // CELL_PX)[None]

    (found,) = PlateFinder(run).find(ground(1280, 720), 416)
    assert shapes == [(1, 3, 224, 416)]
    assert found.line.centre == pytest.approx((4.5 * CELL_PX * 1280 / 416, 3.5 * CELL_PX * 720 / 224), abs=0.01)


def test_an_answer_of_the_wrong_shape_is_an_error():
    with pytest.raises(ModelOutputError, match="finder of plates"):
        PlateFinder(lambda batch: batch).find(ground(64, 64), 64)


@pytest.mark.parametrize(
    ("width", "rows", "heights"),
    [(200, 1, [40]), (80, 1, [40, 17, 26]), (80, 2, [17, 26]), (120, 2, [40, 17, 26])],
)
def test_a_plate_is_read_in_its_rows_and_both_ways_where_it_may_be_either(width, rows, heights):
    lines = found_lines([FoundPlate(text_line(100, 100, width, 40), rows)])
    assert [line.height for line in lines] == pytest.approx(heights, abs=1)
