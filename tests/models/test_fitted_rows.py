"""A row that stands aslant in the crop of a plate camera: how it is measured, and who has to spell it."""

import cv2
import numpy as np
import pytest

from models.cover_finder import CoverFinder
from models.fitted_rows import LEANS, SLOPES, fitted_row
from models.looks import COVERED, Looks, SeenCovers, TwoLooks
from models.pipeline import Detectors, PictureReader, Readers
from models.pixels import Array, Image
from models.plate_looks import FITTED_GROUNDS, read_fitted_crop
from models.plate_sight import DOUBTFUL_FLOOR
from tests.support.drawn import BLUE, ground, plate
from tests.support.spelled import Script

NUMBER = "粤B6R678"
OTHER = "粤B6R673"
DOUBTED = (NUMBER, {6: {"8": 0.96, "3": 0.03}})
UNSURE = (NUMBER, {6: {"8": 0.45, "3": 0.4}})
LOOKS = len(FITTED_GROUNDS)


def aslant(slope: float, lean: float = 0.0, height: int = 36) -> Image:
    """Return the upright box around a plate that slopes and leans, `height` pixels high."""
    level = ground(380, 300)
    plate(level, NUMBER, (33, 100), 100, BLUE)
    width = 314
    corners = np.array([[0, 0], [width, 0], [width, 100], [0, 100]], np.float32)
    stands = np.array([(x + lean * (y - 50), y + slope * (x - width / 2)) for x, y in corners], np.float32)
    stands -= stands.min(axis=0)
    across, down = np.ceil(stands.max(axis=0)).astype(int)
    corners += np.array([33, 100], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, stands)
    shown = cv2.warpPerspective(level, matrix, (int(across), int(down)), borderMode=cv2.BORDER_REPLICATE)
    size = (round(across * height / down), height)
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("slope", [-0.2, -0.1, 0.0, 0.1, 0.2])
@pytest.mark.parametrize("height", [24, 48])
def test_a_slope_is_measured(slope: float, height: int) -> None:
    row = fitted_row(aslant(slope, height=height))
    assert row is not None
    assert row.slope == pytest.approx(slope, abs=0.03)
    assert -4 < row.lower + row.upper - height < 4, "the row stands in the middle"


@pytest.mark.parametrize("lean", [-0.3, 0.0, 0.3])
def test_a_lean_is_measured(lean: float) -> None:
    row = fitted_row(aslant(0.1, lean))
    assert row is not None
    # A slope turns uprights by nothing: what is left of the lean is all of it.
    assert row.lean == pytest.approx(lean, abs=0.11)


def test_the_line_of_a_row_stands_as_the_row_does() -> None:
    row = fitted_row(aslant(0.1, 0.3))
    assert row is not None
    width = 90
    line = row.line(width, 0.5)
    along, down = line.corners[1] - line.corners[0], line.corners[3] - line.corners[0]
    assert along[0] == pytest.approx(width)
    assert along[1] == pytest.approx(row.slope * width, abs=1e-3)
    assert down[0] == pytest.approx(row.lean * 2.0 * (row.lower - row.upper), abs=1e-3)
    middle = line.corners.mean(axis=0)
    assert middle == pytest.approx([width / 2, (row.upper + row.lower) / 2], abs=1e-3)


def test_what_shows_no_strokes_has_no_row() -> None:
    assert fitted_row(np.full((36, 136, 3), 90, np.uint8)) is None
    thin = np.full((48, 188, 3), 90, np.uint8)
    thin[23:25, ::4] = 250
    assert fitted_row(thin) is None


def test_level_and_upright_are_among_what_is_tried() -> None:
    assert 0.0 in SLOPES
    assert LEANS[len(LEANS) // 2] == 0.0


def hidden(share: float) -> CoverFinder:
    """A finder that says so of every line."""

    def run(_line: Array) -> Array:
        return np.full((1, 1, 1, 32), share, np.float32)

    return CoverFinder(run)


def looks(plates: Script, texts: Script, share: float = 0.0) -> TwoLooks:
    image = aslant(0.15)
    return TwoLooks(Looks(image, plates), Looks(image, texts), SeenCovers(image, hidden(share)))  # type: ignore[arg-type]


def test_a_row_that_both_readers_surely_spell_in_every_cut_is_answered() -> None:
    (sighting,) = read_fitted_crop(looks(Script(*[NUMBER] * LOOKS), Script(NUMBER)))
    assert sighting.plate.text == NUMBER
    assert sighting.corners is not None
    assert sighting.corners[1][1] > sighting.corners[0][1], "as it stands"


def test_the_general_reader_may_leave_the_province_open() -> None:
    assert len(read_fitted_crop(looks(Script(*[NUMBER] * LOOKS), Script(NUMBER[1:])))) == 1


@pytest.mark.parametrize("differs", range(LOOKS))
@pytest.mark.parametrize("other", [OTHER, ""])
def test_a_row_that_one_cut_spells_otherwise_is_not_answered(differs: int, other: str) -> None:
    cuts = [NUMBER] * LOOKS
    cuts[differs] = other
    texts = Script(NUMBER)
    plates = Script(*cuts)
    assert read_fitted_crop(looks(plates, texts)) == []
    assert texts.seen == []
    assert len(plates.seen) <= max(2, differs + 1), "no cut is read in vain"


@pytest.mark.parametrize(
    ("plates", "texts"),
    [
        (DOUBTED, NUMBER),
        (NUMBER, UNSURE),
        (NUMBER, OTHER),
        (NUMBER, ""),
        (NUMBER, "临" + NUMBER),
        ("临" + NUMBER, NUMBER),
    ],
)
def test_a_row_that_either_reader_doubts_is_not_answered(plates: str, texts: str) -> None:
    assert read_fitted_crop(looks(Script(*[plates] * LOOKS), Script(texts))) == []


@pytest.mark.parametrize("number", ["粤B6R67警", "粤BD12345"])
def test_a_kind_that_no_photographed_crop_shows_is_not_answered(number: str) -> None:
    texts = Script(number)
    assert read_fitted_crop(looks(Script(*[number] * LOOKS), texts)) == []
    assert texts.seen == []


@pytest.mark.parametrize(("share", "answered"), [(DOUBTFUL_FLOOR - 0.01, True), (DOUBTFUL_FLOOR, False)])
def test_a_row_that_something_may_stand_before_is_said_to_be_covered(share: float, answered: bool) -> None:
    seen = looks(Script(*[NUMBER] * LOOKS), Script(NUMBER), share)
    assert [one.plate.text for one in read_fitted_crop(seen)] == [NUMBER] * answered
    assert answered or seen.why_no_plate()[0] == COVERED


def test_nobody_looks_again_at_what_was_refused_for_what_stands_before_it() -> None:
    plates = Script(*[NUMBER] * LOOKS)
    seen = looks(plates, Script(NUMBER))
    assert seen.covers is not None
    seen.covers.refuse([fitted_line(seen)], for_good=False)
    assert read_fitted_crop(seen) == []
    assert plates.seen == []


def fitted_line(seen: TwoLooks):  # type: ignore[no-untyped-def]
    row = fitted_row(seen.plates.image)
    assert row is not None
    return row.line(seen.plates.image.shape[1])


def test_where_nobody_looks_for_what_stands_before_it_a_row_is_answered() -> None:
    seen = looks(Script(*[NUMBER] * LOOKS), Script(NUMBER))
    assert len(read_fitted_crop(TwoLooks(seen.plates, seen.texts))) == 1


def test_a_crop_is_fitted_where_nobody_read_the_whole_of_it() -> None:
    plates, texts = Script("", *[NUMBER] * LOOKS), Script("", NUMBER)
    image = aslant(0.12)
    reader = PictureReader(Detectors(None, None, None), Readers(texts, plates, None))  # type: ignore[arg-type]
    reading = reader.read(image, frozenset({"plate"}))
    assert [one.plate.text for one in reading.plates] == [NUMBER]
    sure = Script(NUMBER, "", "", "")
    reader = PictureReader(Detectors(None, None, None), Readers(Script(), sure, None))  # type: ignore[arg-type]
    assert [one.plate.text for one in reader.read(image, frozenset({"plate"})).plates] == [NUMBER]
    assert len(sure.seen) == 1, "a sure crop is looked at once"
