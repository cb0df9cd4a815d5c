"""Plates as their detector answers them: cells, corners, rows, without a network."""

import numpy as np
import pytest

from edge.core.plate import parse_plate
from edge.core.readings import PlateSighting
from models.detector import TextLine
from models.looks import Looks, TwoLooks
from models.pixels import reduced
from models.plate_finder import (
    CELL_PX,
    CHANNELS,
    CORNER_UNIT_PX,
    MAX_PLATES,
    FoundPlate,
    PlateFinder,
    plates_of_cells,
    window_around,
)
from models.plate_looks import found_rows, leaves_larger
from models.sessions import ModelOutputError
from tests.support.drawn import ground
from tests.support.spelled import spelled, text_line


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
        wide = (3, 4, 0, 3.0, 60, 20)
        return cells(wide, down=batch.shape[2] // CELL_PX, across=batch.shape[3] // CELL_PX)[None]

    (found,) = PlateFinder(run).find(ground(1280, 720), 416)
    assert shapes == [(1, 3, 224, 416)]
    assert found.line.centre == pytest.approx((4.5 * CELL_PX * 1280 / 416, 3.5 * CELL_PX * 720 / 224), abs=0.01)


def looked_at_twice(second):
    """What is found of a small plate at (36, 28) of 416 x 224, where a closer look answers with `second` cells."""
    windows = []

    def run(batch):
        down, across = batch.shape[2] // CELL_PX, batch.shape[3] // CELL_PX
        windows.append((across * CELL_PX, down * CELL_PX))
        seen = [(13, 25, 0, 1.0, 20, 6)] if len(windows) == 1 else second(down, across)
        return cells(*seen, down=down, across=across)[None]

    (found,) = PlateFinder(run).find(ground(832, 448), 416)
    assert windows[0] == (416, 224)
    assert windows[1][0] == 224
    return found


def test_a_small_plate_has_the_corners_of_a_closer_look():
    found = looked_at_twice(lambda down, across: [(down // 2, across // 2, 1, 3.0, 56, 18)])
    # Half of the window of 160 pixels, which is seen at 224.
    assert found.line.width == pytest.approx(112 * 160 / 224, abs=1)
    assert found.line.centre == pytest.approx((25.5 * 16, 13.5 * 16), abs=6)
    assert found.rows == 2
    assert found.line.score == pytest.approx(0.9526, abs=1e-3)


@pytest.mark.parametrize("second", [lambda *_: [], lambda *_: [(1, 1, 0, 3.0, 56, 18)]])
def test_a_closer_look_that_sees_nothing_there_changes_nothing(second):
    found = looked_at_twice(second)
    assert found.line.width == pytest.approx(80)
    assert found.line.score == pytest.approx(0.731, abs=1e-3)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (100, 90), (590, 470)])
def test_the_part_that_is_looked_at_closer_lies_inside_of_the_picture(x, y):
    left, top, (width, height) = window_around(text_line(x, y, 50, 12), 640, 480)
    assert (width, height) == (100, 57)
    assert 0 <= left <= 640 - width
    assert 0 <= top <= 480 - height
    assert window_around(text_line(x, y, 50, 12), 40, 30) == (0, 0, (40, 30))


def test_an_answer_of_the_wrong_shape_is_an_error():
    with pytest.raises(ModelOutputError, match="plate_detector answered"):
        PlateFinder(lambda batch: batch).find(ground(64, 64), 64)


@pytest.mark.hazard("D33")
@pytest.mark.parametrize("far", [3e38, -3e38, 1e9, 65.0])
def test_a_corner_far_outside_of_what_was_seen_is_no_answer(far):
    seen = cells((10, 20, 0, 3.0, 44, 14))
    seen[5, 10, 20] = far
    with pytest.raises(ModelOutputError, match="model_output: plate_detector answered a corner"):
        plates_of_cells(seen, 1.0, 1.0)
    # Where nothing is seen it says nothing.
    seen[0, 10, 20] = -9.0
    assert plates_of_cells(seen, 1.0, 1.0) == []


@pytest.mark.parametrize("size", [(640, 480), (1280, 960), (1300, 970), (300, 200)])
def test_what_is_looked_at_shows_the_mean_of_each_place(size):
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = (10, 100, 200)
    seen = reduced(image, 320, 240)
    assert seen.shape == (240, 320, 3)
    assert (seen[:, :155] == (10, 100, 200)).all()
    assert (seen[:, 165:] == 0).all()
    # Lines finer than what is seen are grey, not stripes.
    image[:] = (np.arange(width) % 2 * 200)[None, :, None]
    assert width < 640 or abs(int(reduced(image, 320, 240).mean()) - 100) <= 2


class Script:
    """A line reader that gives what `answer` says for the width and height of what it is shown."""

    def __init__(self, answer):
        self.answer = answer
        self.shapes = []

    def read(self, line):
        height, width = line.shape[:2]
        self.shapes.append((width, height))
        return spelled(self.answer(width, height))


def rows_of(script, *found):
    looks = Looks(ground(), script)
    return found_rows(TwoLooks(looks, looks), list(found)).rows


@pytest.mark.parametrize(
    ("width", "rows", "heights"), [(200, 1, {40}), (80, 1, {40, 17, 26}), (80, 2, {17, 26}), (120, 2, {40, 17, 26})]
)
def test_a_plate_is_read_in_its_rows_and_both_ways_where_it_may_be_either(width, rows, heights):
    script = Script(lambda *_: "")
    assert rows_of(script, FoundPlate(text_line(100, 100, width, 40), rows)) == []
    assert {height for _, height in script.shapes} == heights


def test_a_plate_that_says_the_same_where_more_is_cut_out_is_taken_as_it_was_found():
    (row,) = rows_of(Script(lambda *_: "粤B6R678"), FoundPlate(text_line(100, 100, 130, 40), 1))
    assert row.line.width == pytest.approx(130)


def test_a_box_that_is_too_short_is_taken_where_it_holds_the_whole_plate():
    script = Script(lambda width, _: "粤AR8591" if width < 140 else "粤AR859挂")
    (row,) = rows_of(script, FoundPlate(text_line(100, 100, 130, 40), 1))
    assert row.line.width == pytest.approx(130 + 2 * 0.3 * 40)


def test_a_box_that_is_much_too_short_is_not_believed():
    script = Script(lambda width, _: "粤AR8591" if width < 160 else "粤AR859挂")
    assert rows_of(script, FoundPlate(text_line(100, 100, 130, 40), 1)) == []


def test_a_plate_of_two_rows_is_taken_row_by_row():
    script = Script(lambda _, height: "粤A" if height < 20 else "R859挂")
    upper, lower = rows_of(script, FoundPlate(text_line(100, 100, 80, 40), 2))
    assert upper.line.centre[1] < lower.line.centre[1]


def test_where_the_box_says_nothing_the_wide_cut_has_to_be_sure():
    class Unsure(Script):
        def read(self, line):
            wide = line.shape[1] > 140
            return spelled("陕A328L2", doubts={0: {"陕": 0.8, "皖": 0.15}}) if wide else spelled("")

    found = FoundPlate(text_line(100, 100, 130, 40), 1)
    assert rows_of(Unsure(None), found) == []
    assert len(rows_of(Script(lambda width, _: "陕A328L2" if width > 140 else ""), found)) == 1


@pytest.mark.parametrize(
    ("close", "wide", "undoubted"), [(0.99, 0.99, {"粤B6R678"}), (0.8, 0.99, set()), (0.99, 0.8, set())]
)
def test_a_plate_that_is_sure_both_close_and_wide_is_undoubted(close, wide, undoubted):
    class Surely(Script):
        def read(self, line):
            share = wide if line.shape[1] > 140 else close
            return spelled("粤B6R678", doubts={4: {"6": share, "8": 1.0 - share}})

    looks = Looks(ground(), Surely(None))
    found = found_rows(TwoLooks(looks, looks), [FoundPlate(text_line(100, 100, 130, 40), 1)])
    assert len(found.rows) == 1
    assert found.undoubted == undoubted


def found_plate(x, width, score=0.8):
    line = text_line(x, 100, width, width / 3)
    return FoundPlate(TextLine(line.corners, score), 1)


def sighting(x, width):
    plate = parse_plate("粤B6R678", "blue", 1)
    assert plate is not None
    return PlateSighting(plate, 0.99, (x, 100, width, width // 3))


def test_a_plate_beside_a_larger_one_that_was_not_read_is_not_the_vehicles():
    near, far = found_plate(300, 180), found_plate(50, 80)
    assert leaves_larger([near, far], [sighting(50, 80)])
    assert not leaves_larger([near, far], [sighting(50, 80), sighting(300, 180)])
    assert not leaves_larger([near, far], [sighting(310, 170)])
    assert not leaves_larger([found_plate(300, 180, score=0.4), far], [sighting(50, 80)])
    assert not leaves_larger([found_plate(300, 90), far], [sighting(50, 80)])
