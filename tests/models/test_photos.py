"""A handful of real photographs: lower bounds, so that a change that reads worse is seen. Counts: `kakou evaluate`."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.masks import Mask
from models.labels import labelled_boxes
from models.pipeline import load_picture_reader
from models.pixels import decoded
from models.scoring import BoxTally, LabelledBox, score_codes, score_plate
from models.training.judge_disturbed import DRAWN_CODE, WHITE, bars, drawn

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "real-images"
pytestmark = [
    pytest.mark.photos,
    pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs the photographs in ../shared/real-images"),
]


@pytest.fixture(scope="module")
def reader():
    return load_picture_reader()


def every(name, step, keep=lambda row: True):
    with (PHOTOS / name / "labels.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if keep(row)][::step]


def read(reader, name, row, look_for):
    return reader.read_encoded((PHOTOS / name / "images" / row["image"]).read_bytes(), frozenset({look_for}))


@pytest.mark.parametrize(("name", "at_least"), [("plate_crops_ccpd", 0.9), ("plate_crops_gate", 0.95)])
def test_crops(reader, name, at_least):
    rows = every(name, 25)
    outcomes = [
        score_plate(row["plate"], (), (s.plate.text for s in read(reader, name, row, "plate").plates)) for row in rows
    ]
    assert outcomes.count("exact") >= at_least * len(rows)
    assert outcomes.count("wrong") <= 1


@pytest.mark.parametrize(
    ("name", "image"),
    [("plate_crops_ccpd", "0004.jpg"), ("plate_crops_ccpd", "0126.jpg"), ("plate_crops_gate", "0361.jpg")],
)
def test_crops_that_are_read_as_their_row_stands(reader, name, image):
    (row,) = every(name, 1, lambda row: row["image"] == image)
    assert [one.plate.text for one in read(reader, name, row, "plate").plates] == [row["plate"]]


def test_scenes(reader):
    rows = every("plates", 14, lambda row: row["group"] == "ordinary")
    outcomes = [
        score_plate(
            row["plate"],
            row["all_plates"].split("|"),
            (s.plate.text for s in read(reader, "plates", row, "plate").plates),
        )
        for row in rows
    ]
    assert outcomes.count("exact") >= 0.6 * len(rows)
    assert outcomes.count("wrong") <= 1


def test_boxes(reader):
    tally = BoxTally()
    for row in every("vehicles", 3):
        content = (PHOTOS / "vehicles" / "images" / row["image"]).read_bytes()
        height, width = decoded(content).shape[:2]
        seen = reader.read_encoded(content, frozenset({"vehicle"})).vehicles
        answers = [LabelledBox(one.vehicle_class, one.box) for one in seen]
        tally.add(labelled_boxes(row["boxes_xywh"]), answers, (width, height))
    counts = tally.summary()["container"]
    assert counts["found"] >= 0.25 * counts["truth"]
    assert counts["false"] <= 0.3 * counts["found"]


def test_no_container_is_taken_for_an_empty_vehicle(reader):
    for row in every("containers", 16):
        reading = read(reader, "containers", row, "vehicle")
        assert reading.unread or any(one.vehicle_class == "container" for one in reading.vehicles)


def test_horizontal_codes(reader):
    rows = every("containers", 28, lambda row: row["orientation"] == "horizontal" and row["legible"] == "yes")
    outcomes = [
        score_codes(
            [row["code"]],
            [
                s.container.code
                for s in read(reader, "containers", row, "container").containers
                if s.container.check == "verified"
            ],
        )
        for row in rows
    ]
    assert outcomes.count("exact") >= 0.6 * len(rows)
    assert outcomes.count("wrong") == 0


def test_a_bar_over_a_code_makes_no_other_code_of_what_is_beside_it(reader):
    """DRYU1549261, once: the owner, a bar, and a number of another row."""
    image = decoded((PHOTOS / "containers" / "images" / "y_data_13.jpg").read_bytes())
    for how, shown in bars(image, 9):
        _, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 92])
        found = reader.read_encoded(encoded.tobytes(), frozenset({"container"})).containers
        codes = {sighting.container.code for sighting in found if sighting.container.check == "verified"}
        assert codes <= {"DRYU9215492"}, how


def test_a_code_that_a_camera_draws_in_white_is_not_answered_where_it_is_masked(reader):
    answered = []
    for row in every("containers", 70, lambda row: row["orientation"] == "horizontal" and row["legible"] == "yes"):
        image = decoded((PHOTOS / "containers" / "images" / row["image"]).read_bytes())
        shown = image.copy()
        shown[-40:] = drawn(image[-40:], WHITE, np.random.default_rng(1))
        _, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 92])
        masks = (Mask(0.0, 1.0 - 40 / image.shape[0], 1.0, 1.0),)
        for given in ((), masks):
            found = reader.read_encoded(encoded.tobytes(), frozenset({"container"}), given).containers
            codes = {sighting.container.code for sighting in found if sighting.container.check == "verified"}
            assert DRAWN_CODE not in codes or not given
            answered.append(DRAWN_CODE in codes)
    assert any(answered)
