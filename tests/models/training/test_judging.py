"""How a reader is judged: what counts, how honest a confidence is, where the floor lies."""

import pytest

from models.registry import load_registry, locate
from models.training.judging import (
    BINS,
    Answers,
    Bin,
    calibration_error,
    floor_for,
    joined,
    on_crops,
    on_rendered,
    read_crop,
    reader_of,
    reliability,
)
from models.training.texts import JUDGED
from tests.support.drawn import BLUE, ground, plate, png, two_row_plate


def test_answers_are_counted():
    answers = Answers()
    answers.add("京A12345", "京A12345", 0.9)
    answers.add("京A12345", "京A12346", 0.8)
    answers.add("京A12345", "", 0.0)
    assert answers.summary() == {"n": 3, "exact": 1, "wrong": 1, "unread": 1}
    assert answers.misread == {("京A12345", "京A12346"): 1}
    assert joined([answers, answers]).summary() == {"n": 6, "exact": 2, "wrong": 2, "unread": 2}


def test_a_confidence_that_is_right_as_often_as_it_says_has_no_error():
    assert calibration_error([(0.75, True)] * 3 + [(0.75, False)]) == pytest.approx(0.0)
    assert calibration_error([(1.0, False)] * 2 + [(0.0, False)] * 2) == pytest.approx(0.5)
    assert calibration_error([]) == 0.0


def test_answers_of_like_confidence_are_compared_with_how_often_they_are_right():
    bins = reliability([(0.96, True), (0.98, False), (0.31, True), (1.0, True)])
    assert len(bins) == BINS
    assert bins[3] == Bin(1, 0.31, 1.0)
    assert bins[9] == Bin(3, pytest.approx(0.98), pytest.approx(2 / 3))
    assert bins[0] == Bin(0, 0.0, 0.0)


def test_the_floor_leaves_one_wrong_in_a_thousand():
    given = [(0.99, True)] * 1000 + [(0.9, False), (0.8, False), (0.7, False)]
    assert floor_for(given, 1000, 1000) == 0.8
    assert floor_for(given, 5000, 1000) == 0.0


@pytest.fixture(scope="module")
def reader():
    path = locate(load_registry()["plate_reader"])
    return reader_of(path)


def test_a_crop_is_read(reader, tmp_path):
    (tmp_path / "images").mkdir()
    image = ground(188, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    (tmp_path / "images" / "a.png").write_bytes(png(image))
    (tmp_path / "images" / "b.png").write_bytes(png(ground(188, 60)))
    (tmp_path / "labels.csv").write_text("image,plate\na.png,粤B6R678\nb.png,粤B6R679\n", encoding="utf-8")
    answers = on_crops(reader, tmp_path)
    assert answers.summary() == {"n": 2, "exact": 1, "wrong": 0, "unread": 1}
    assert on_crops(reader, tmp_path, 2, 1).summary()["n"] == 0


def test_a_crop_of_two_rows_is_read(reader):
    image = ground(150, 75)
    two_row_plate(image, "粤A", "T781挂", (0, 0), 74)
    assert read_crop(reader, image)[0] == "粤AT781挂"


def test_rendered_plates_are_judged_by_class(reader):
    by_class = on_rendered(reader, 60, 5)
    whole = joined(by_class.values())
    assert set(by_class) == set(JUDGED)
    assert whole.exact >= 0.5 * whole.summary()["n"]
    assert whole.wrong <= 4
