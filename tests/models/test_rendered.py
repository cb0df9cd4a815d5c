"""Reading end to end, with the shipped models, on pictures drawn here."""

import numpy as np
import pytest

from models.detector import TextDetector
from models.pipeline import LOOK_FOR_ALL, VEHICLE, Detectors, PictureReader, Readers, load_picture_reader
from models.plate_finder import CELL_PX, CHANNELS, PlateFinder
from models.reader import LineReader
from models.scoring import BoxTally, LabelledBox
from models.training.container_faces import PhotographedFaces
from models.training.container_scenes import SIZES_PX, YardPainter
from tests.support.drawn import BLUE, YELLOW, column, door, ground, jpeg, plate, png, two_row_plate

PLATE = frozenset({"plate"})
CONTAINER = frozenset({"container"})


@pytest.fixture(scope="module")
def reader():
    return load_picture_reader()


def verified(reading):
    return [s.container.code for s in reading.containers if s.container.check == "verified"]


@pytest.mark.parametrize(("ground_colour", "colour"), [(BLUE, "blue"), (YELLOW, "yellow")])
def test_a_plate_in_a_scene(reader, ground_colour, colour):
    image = ground()
    plate(image, "粤B6R678", (200, 200), 60, ground_colour)
    (sighting,) = reader.read_encoded(jpeg(image), PLATE).plates
    assert (sighting.plate.text, sighting.plate.colour) == ("粤B6R678", colour)
    x, y, width, height = sighting.box
    assert 150 < x < 260
    assert 180 < y < 240
    assert width > 100
    assert height < 100
    upper_left, _, lower_right, _ = sighting.corners
    assert upper_left == pytest.approx((x, y), abs=8)
    assert lower_right == pytest.approx((x + width, y + height), abs=8)


def test_a_plate_of_two_rows(reader):
    image = ground()
    two_row_plate(image, "粤A", "T781挂", (200, 200), 120)
    (sighting,) = reader.read_encoded(jpeg(image), PLATE).plates
    assert (sighting.plate.text, sighting.plate.kind, sighting.plate.rows) == ("粤AT781挂", "trailer", 2)


# Light blue, white and light brown paper, in blue, green and red.
PAPERS = ((230, 215, 170), (245, 245, 245), (150, 190, 220))


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("number", ["苏A12345临", "苏AT123临", "临苏A12345", "苏A1234临"])
def test_a_temporary_plate_is_unread(reader, number, paper):
    """Without its 临 it would be another vehicle's, and that is all that the characters of plates leave of it."""
    for image, at, height in ((ground(), (200, 200), 46), (ground(151, 48), (0, 0), 48)):
        plate(image, number, at, height, paper)
        reading = reader.read_encoded(jpeg(image), PLATE)
        assert [one.plate.text for one in reading.plates] == []
        assert [one.what for one in reading.unread] == ["plate"]


def test_a_plate_is_found_without_looking_for_text(reader):
    def refuse(_batch):
        raise AssertionError("the detector of text was asked")

    image = ground()
    plate(image, "粤B6R678", (200, 200), 50, BLUE)
    detectors = Detectors(TextDetector(refuse), TextDetector(refuse), reader._detectors.plates)
    (sighting,) = PictureReader(detectors, reader._readers).read_encoded(jpeg(image), PLATE).plates
    assert sighting.plate.text == "粤B6R678"


def test_a_plate_that_its_detector_misses_is_looked_for_in_any_text(reader):
    asked = []

    def nothing(batch):
        asked.append(batch.shape[2:])
        return np.full((1, CHANNELS, batch.shape[2] // CELL_PX, batch.shape[3] // CELL_PX), -9.0, np.float32)

    image = ground()
    plate(image, "粤B6R678", (200, 200), 60, BLUE)
    found = reader._detectors
    detectors = Detectors(found.texts, found.codes, PlateFinder(nothing))
    (sighting,) = PictureReader(detectors, reader._readers).read_encoded(jpeg(image), PLATE).plates
    assert sighting.plate.text == "粤B6R678"
    # At the size that it was trained at, and closer.
    assert asked == [(320, 416), (640, 832)]


def test_a_crop_is_read_without_looking_for_text(reader):
    def refuse(_batch):
        raise AssertionError("the detector was asked")

    image = ground(188, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    detectors = Detectors(TextDetector(refuse), TextDetector(refuse), PlateFinder(refuse))
    without_detector = PictureReader(detectors, reader._readers)
    (sighting,) = without_detector.read_encoded(png(image), PLATE).plates
    assert sighting.plate.text == "粤B6R678"
    assert sighting.plate.colour == "blue"


def test_a_crop_of_two_rows(reader):
    image = ground(150, 75)
    two_row_plate(image, "粤A", "T781挂", (0, 0), 74)
    (sighting,) = reader.read_encoded(png(image), PLATE).plates
    assert (sighting.plate.text, sighting.plate.rows) == ("粤AT781挂", 2)


@pytest.mark.parametrize(
    ("image", "layout"),
    [
        (door([("CSQU 305438 3", (80, 120)), ("45G1", (80, 180))]), "row"),
        (door([("CSQU", (80, 120)), ("305438 3", (80, 180)), ("45G1", (80, 240))]), "rows"),
        (door([("CSQU 305438", (80, 120)), ("45G1", (80, 180))], boxed=("3", (390, 120))), "row"),
    ],
)
def test_a_code_in_rows_with_its_size_and_type(reader, image, layout):
    reading = reader.read_encoded(jpeg(image), CONTAINER)
    assert verified(reading) == ["CSQU3054383"]
    assert reading.containers[0].container.size_type == "45G1"
    assert reading.containers[0].layout == layout
    assert reading.unread == ()


def test_a_code_in_a_column(reader):
    reading = reader.read_encoded(jpeg(column("CSQU3054383")), CONTAINER)
    assert verified(reading) == ["CSQU3054383"]
    (sighting,) = reading.containers
    (left, upper), _, (right, lower), _ = sighting.corners
    assert (sighting.layout, lower - upper > 5 * (right - left)) == ("column", True)


def test_a_column_that_is_marked_weakly_is_read_all_the_same(reader):
    codes, readers = reader._detectors.codes, reader._readers
    asked = []

    def weakly(batch):
        asked.append(batch.shape)
        return codes._run(batch) * np.float32(0.29)

    blind = TextDetector(lambda batch: np.zeros((1, 1, *batch.shape[2:]), np.float32))
    weak = PictureReader(Detectors(blind, TextDetector(weakly), reader._detectors.plates), readers)
    assert verified(weak.read_encoded(jpeg(column("CSQU3054383")), CONTAINER)) == ["CSQU3054383"]
    assert len(asked) == 2


def test_a_code_without_its_check_digit_is_unread(reader):
    reading = reader.read_encoded(jpeg(door([("CSQU 305438", (80, 120))])), CONTAINER)
    assert verified(reading) == []
    assert [(u.what, u.reason) for u in reading.unread] == [("container", "check_digit")]


def test_boxes_in_rendered_yards_are_found(reader):
    painter = YardPainter(np.random.default_rng(900_004), [], PhotographedFaces())
    tally = BoxTally()
    for place in range(24):
        size = SIZES_PX[place % len(SIZES_PX)]
        scene = painter.next(size)
        boxes = [(mark, tuple(round(side) for side in mark.box)) for mark in scene.marks if mark.asked]
        truths = [LabelledBox(mark.label, (x, y, right - x, low - y)) for mark, (x, y, right, low) in boxes]
        reading = reader.read(scene.image, frozenset({VEHICLE}))
        tally.add(truths, [LabelledBox(one.vehicle_class, one.box) for one in reading.vehicles], size)
    counts = tally.summary()["container"]
    assert counts["found"] >= 0.3 * counts["truth"]
    assert counts["false"] <= 0.4 * counts["found"]


def test_nothing_to_read_is_unread(reader):
    reading = reader.read_encoded(jpeg(door([])), LOOK_FOR_ALL)
    assert [(u.what, u.reason) for u in reading.unread] == [("plate", "not_found"), ("container", "not_found")]
    assert (reading.plates, reading.containers) == ((), ())


def test_a_dark_picture_is_not_looked_at(reader):
    reading = reader.read_encoded(jpeg(np.zeros((480, 640, 3), np.uint8)), LOOK_FOR_ALL)
    assert [(u.what, u.reason) for u in reading.unread] == [("picture", "dark")]
    assert reading.elapsed_ms < 200


def test_a_model_that_answers_nonsense_makes_the_picture_unread():
    nonsense = LineReader(lambda batch: batch, ["A"])
    blind = TextDetector(lambda batch: batch)
    wrong = PictureReader(
        Detectors(blind, blind, PlateFinder(lambda batch: batch)), Readers(nonsense, nonsense, nonsense)
    )
    reading = wrong.read_encoded(jpeg(door([])), LOOK_FOR_ALL)
    assert [(u.what, u.reason) for u in reading.unread] == [("picture", "model_output")]
