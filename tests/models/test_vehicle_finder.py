"""Vehicles and boxes as their detector answers them: cells, sides, what covers what, without a network."""

import numpy as np
import pytest

from edge.core.readings import VehicleSighting
from models.pipeline import VEHICLE, Detectors, PictureReader
from models.registry import ModelError
from models.sessions import ModelOutputError
from models.vehicle_finder import (
    CELLS_PX,
    CHANNELS,
    LABELS,
    MAX_FOUND,
    STEPS,
    TOLD,
    FoundVehicle,
    VehicleFinder,
    kept,
    middles_and_cells,
    probability,
    shared_of_both,
    sighted,
    vehicles_of_cells,
)
from tests.support.drawn import door, ground, jpeg

SEEN = (64, 64)


def cells(*things, seen=SEEN):
    """Answers that are sure of `things`: (label, place of a cell, logit, whole steps to its sides)."""
    count = sum((seen[0] // cell) * (seen[1] // cell) for cell in CELLS_PX)
    answers = np.full((CHANNELS, count), -9.0, np.float32)
    for label, place, logit, steps in things:
        answers[LABELS.index(label), place] = logit
        for side, step in enumerate(steps):
            answers[len(LABELS) + side * STEPS + step, place] = 20.0
    return answers


def test_cells_lie_row_by_row_the_finest_first():
    middles, sides = middles_and_cells(*SEEN)
    assert middles[:2].tolist() == [[4.0, 4.0], [12.0, 4.0]]
    assert middles[8].tolist() == [4.0, 12.0]
    assert (middles[64].tolist(), middles[80].tolist()) == ([8.0, 8.0], [16.0, 16.0])
    assert sides[[0, 64, 80], 0].tolist() == [8.0, 16.0, 32.0]


def test_boxes_are_those_of_the_picture():
    (found,) = vehicles_of_cells(cells(("container", 27, 2.0, (1, 2, 3, 1))), SEEN, (128, 192))
    # Cell 27 is the fourth of the fourth row of the finest cells: its middle is 28, 28.
    assert found.label == "container"
    assert found.score == pytest.approx(0.881, abs=1e-3)
    assert found.box == (40, 36, 64, 72)


def test_a_box_ends_where_the_picture_ends_and_one_without_area_is_none():
    (found,) = vehicles_of_cells(cells(("truck", 0, 2.0, (10, 10, 10, 10))), SEEN, SEEN)
    assert found.box == (0, 0, 64, 64)
    flat = cells(("truck", 0, 2.0, (0, 0, 0, 0)))
    assert vehicles_of_cells(flat, SEEN, SEEN) == []


def test_one_thing_is_told_once_and_two_labels_may_share_a_place():
    twice = cells(
        ("container", 27, 2.0, (2, 2, 2, 2)),
        ("container", 28, 3.0, (3, 2, 1, 2)),
        ("container", 63, 1.2, (1, 1, 0, 0)),
        ("truck", 26, 1.0, (1, 2, 3, 2)),
    )
    found = vehicles_of_cells(twice, SEEN, SEEN)
    assert [(one.label, round(one.score, 2)) for one in found] == [
        ("container", 0.95),
        ("container", 0.77),
        ("truck", 0.73),
    ]


def test_what_is_unsure_is_left_out():
    unsure = cells(("car", 27, -2.5, (2, 2, 2, 2)))
    assert vehicles_of_cells(unsure, SEEN, SEEN) == []
    assert [one.label for one in vehicles_of_cells(unsure, SEEN, SEEN, 0.05)] == ["car"]


def test_no_more_than_anybody_would_count():
    many = cells(*(("car", place, 2.0, (0, 0, 1, 1)) for place in range(64)))
    assert len(vehicles_of_cells(many, SEEN, SEEN)) == MAX_FOUND
    boxes = np.array([[left, 0, left + 1, 1] for left in range(64)], np.float32)
    assert kept(np.linspace(0, 1, 64).astype(np.float32), boxes) == list(range(63, 63 - MAX_FOUND, -1))


def test_what_lies_within_a_surer_one_is_a_part_of_it():
    boxes = np.array([[0, 0, 40, 40], [10, 10, 25, 25], [30, 30, 60, 60]], np.float32)
    assert kept(np.array([0.9, 0.8, 0.7], np.float32), boxes) == [0, 2]
    assert kept(np.array([0.7, 0.8, 0.9], np.float32), boxes) == [2, 1]


def test_boxes_that_do_not_touch_share_nothing():
    assert shared_of_both(np.array([0, 0, 2, 2]), np.array([0, 1, 2, 3])) == pytest.approx(1 / 3)
    assert shared_of_both(np.array([0, 0, 2, 2]), np.array([2, 0, 4, 2])) == 0.0


def test_an_answer_of_another_shape_is_none():
    with pytest.raises(ModelOutputError, match="vehicle_detector answered"):
        VehicleFinder(lambda _: np.zeros((1, CHANNELS, 7), np.float32)).find(ground())


def test_what_is_half_seen_may_be_a_box():
    sure = FoundVehicle("truck", TOLD, (0, 0, 9, 9))
    half = FoundVehicle("container", TOLD - 0.1, (1, 1, 5, 5))
    car = FoundVehicle("car", TOLD - 0.1, (1, 1, 5, 5))
    told, faint = sighted([sure, half, car])
    assert told == (VehicleSighting("truck", round(probability(TOLD), 3), (0, 0, 9, 9)),)
    assert [(one.what, one.reason, one.box) for one in faint] == [("container", "faint", (1, 1, 5, 5))]
    assert sighted([]) == ((), ())


def test_probability_grows_with_the_score():
    values = [probability(score) for score in np.linspace(0.0, 1.0, 21)]
    assert values == sorted(values)
    assert 0.0 <= values[0] <= values[-1] <= 1.0


def test_a_picture_is_looked_at_for_vehicles_alone_where_nothing_else_is_asked_for():
    def run(batch):
        return cells(("truck", 0, 3.0, (1, 1, 9, 9)), seen=batch.shape[3:1:-1])[None]

    reader = PictureReader(Detectors(None, None, None, VehicleFinder(run)), None)
    reading = reader.read_encoded(jpeg(door([("CSQU", (80, 120))])), frozenset({VEHICLE}))
    assert [one.vehicle_class for one in reading.vehicles] == ["truck"]
    assert reading.unread == ()
    assert reading.elapsed_ms > 0


def test_a_site_without_such_a_detector_is_told_so():
    picture = jpeg(door([("CSQU", (80, 120))]))
    reading = PictureReader(Detectors(None, None, None), None).read_encoded(picture, frozenset({VEHICLE}))
    assert [(one.what, one.reason) for one in reading.unread] == [("vehicle", "model_unavailable")]


def test_a_box_that_is_half_seen_is_told_where_no_box_was_seen():
    half, sure = ("container", 5, -1.0, (1, 1, 9, 9)), ("container", 5, 3.0, (1, 1, 9, 9))
    for things, unread in (([half], ["faint"]), ([half, ("container", 400, 3.0, (1, 1, 1, 1))], []), ([sure], [])):

        def run(batch, things=things):
            return cells(*things, seen=batch.shape[3:1:-1])[None]

        reader = PictureReader(Detectors(None, None, None, VehicleFinder(run)), None)
        reading = reader.read_encoded(jpeg(door([("CSQU", (80, 120))])), frozenset({VEHICLE}))
        assert [one.reason for one in reading.unread] == unread


def test_a_model_that_is_gone_when_it_is_asked_is_told():
    def gone(_):
        raise ModelError("model_missing", "vehicle_detector", "x", "a file", "none", "reinstall")

    reader = PictureReader(Detectors(None, None, None, VehicleFinder(gone)), None)
    reading = reader.read_encoded(jpeg(door([("CSQU", (80, 120))])), frozenset({VEHICLE}))
    assert [(one.what, one.reason) for one in reading.unread] == [("vehicle", "model_unavailable")]
