"""Why no plate was read: none is there, or one that is too low, or one that cannot be read. Each is true."""

import cv2
import numpy as np
import pytest

from edge.core.readings import PictureReading, Unread
from models.detector import TextLine
from models.lines import overlap
from models.looks import Looks, TwoLooks
from models.pipeline import PictureReader, _explained, load_picture_reader
from models.plate_finder import FoundPlate
from tests.support.drawn import BLUE, Image, ground, jpeg, plate, png

NUMBER = "粤B6R678"


@pytest.fixture(scope="module")
def reader() -> PictureReader:
    return load_picture_reader()


def found(width: float, height: float, score: float, rows: int = 1) -> FoundPlate:
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return FoundPlate(TextLine(corners, score), rows)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ([], ("not_found", None)),
        ([found(40, 10, 0.44), found(60, 20, 0.59)], ("not_found", None)),
        ([found(40, 10, 0.45)], ("too_few_pixels", (0, 0, 40, 10))),
        ([found(60, 20, 0.6)], ("illegible", (0, 0, 60, 20))),
        ([found(60, 38, 0.6, rows=2)], ("too_few_pixels", (0, 0, 60, 38))),
        ([found(80, 42, 0.6, rows=2)], ("illegible", (0, 0, 80, 42))),
        ([found(50, 20, 0.9), found(60, 20, 0.7), found(90, 30, 0.3)], ("illegible", (0, 0, 60, 20))),
        ([found(57, 18, 0.7), found(60, 21, 0.7)], ("too_few_pixels", (0, 0, 60, 21))),
    ],
)
def test_the_widest_plate_that_is_surely_seen_tells_why(seen: list[FoundPlate], why: object) -> None:
    nothing = Looks(ground(8, 8), None)  # type: ignore[arg-type]
    assert TwoLooks(nothing, nothing, seen=seen).why_no_plate() == why


def scene(height: int) -> Image:
    """A plate of 66 pixels, and all of its picture made so small that it has `height`."""
    image = ground(1320, 990)
    plate(image, NUMBER, (500, 500), 66, BLUE)
    scale = height / 66
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("height", [9, 10, 11, 12])
def test_a_plate_of_a_few_pixels_is_seen_and_said_to_have_too_few(reader: PictureReader, height: int) -> None:
    reading = reader.read_encoded(png(scene(height)), frozenset({"plate"}))
    if not reading.plates:
        (why,) = reading.unread
        assert (why.what, why.reason) == ("plate", "too_few_pixels")
        assert why.box is not None
        scale = height / 66
        assert overlap(why.box, (round(500 * scale), round(500 * scale), round(207 * scale), height)) > 0.5
    else:
        assert reading.plates[0].plate.text == NUMBER


def test_one_height_at_least_is_not_read(reader: PictureReader) -> None:
    assert not all(reader.read_encoded(png(scene(one)), frozenset({"plate"})).plates for one in (9, 10))


def test_what_looks_like_a_plate_and_spells_none_is_illegible(reader: PictureReader) -> None:
    image = ground(640, 480)
    plate(image, "BBBBBBB", (200, 200), 60, BLUE)
    (why,) = reader.read_encoded(jpeg(image), frozenset({"plate"})).unread
    assert (why.what, why.reason) == ("plate", "illegible")
    assert why.box is not None
    assert overlap(why.box, (200, 200, 189, 60)) > 0.8


def test_where_nothing_is_nothing_is_found(reader: PictureReader) -> None:
    assert reader.read(ground(), frozenset({"plate"})).unread == (Unread("plate", "not_found"),)


def test_a_crop_is_looked_at_for_a_plate_when_nobody_reads_it(reader: PictureReader) -> None:
    crop = ground(188, 60)
    plate(crop, "BBBBBBB", (0, 0), 60, BLUE)
    reasons = [reader.read(one, frozenset({"plate"})).unread[0].reason for one in (crop, ground(188, 60))]
    assert reasons == ["illegible", "not_found"]


def test_in_the_dark_it_is_the_dark() -> None:
    seen = PictureReading(unread=(Unread("plate", "illegible", (1, 2, 3, 4)), Unread("plate", "too_few_pixels")))
    assert [one.reason for one in _explained(seen, "dark").unread] == ["dark", "too_few_pixels"]
