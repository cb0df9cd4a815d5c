"""Something stands before a plate: it is unread, and says why, whatever the readers make of what is left of it."""

import cv2
import numpy as np
import pytest

from models.cover_finder import COLUMNS, CoverFinder
from models.looks import COVERED, ILLEGIBLE, Looks, SeenCovers, TwoLooks
from models.pipeline import load_picture_reader
from models.plate_looks import find_plates, read_whole_crop
from models.plate_sight import DOUBTFUL_FLOOR, HIDDEN_FLOOR, SURELY_FLOOR
from models.sessions import ModelOutputError
from tests.support.drawn import BLUE, YELLOW, ground, jpeg, plate, png, two_row_plate
from tests.support.spelled import Script, read_line, text_line

PLATE = frozenset({"plate"})


@pytest.fixture(scope="module")
def reader():
    return load_picture_reader()


def said(*shares):
    """Return a finder that answers these in turn, each as the surest column, and then the last one for ever."""
    answers = list(shares)

    def run(batch):
        assert batch.shape == (1, 3, 32, 128)
        columns = np.zeros((1, 1, 1, COLUMNS), np.float32)
        columns[..., 7] = answers.pop(0) if len(answers) > 1 else answers[0]
        return columns

    return CoverFinder(run)


def crop(content="粤B6R678", ground_colour=BLUE):
    image = ground(188, 60)
    plate(image, content, (0, 0), 60, ground_colour)
    return image


# A post over a tenth of the width, as it was found at a gate: left, right, paint.
POSTS = [(70, 90, (60, 60, 60)), (118, 137, (40, 40, 200)), (142, 160, (225, 225, 225)), (96, 114, (20, 160, 60))]


@pytest.mark.parametrize(("left", "right", "paint"), POSTS)
@pytest.mark.parametrize("ground_colour", [BLUE, YELLOW])
def test_a_crop_behind_a_post_is_unread_and_says_so(reader, left, right, paint, ground_colour):
    image = crop(ground_colour=ground_colour)
    (sighting,) = reader.read_encoded(png(image), PLATE).plates
    assert sighting.plate.text == "粤B6R678"
    cv2.rectangle(image, (left, 0), (right, 60), paint, -1)
    reading = reader.read_encoded(png(image), PLATE)
    assert reading.plates == ()
    (unread,) = reading.unread
    assert unread.what == "plate"
    assert unread.reason in {COVERED, ILLEGIBLE, "not_found"}


@pytest.mark.parametrize("paint", [(60, 60, 60), (225, 225, 225), (40, 40, 200)])
def test_a_plate_behind_a_post_in_a_scene_is_unread(reader, paint):
    image = ground()
    plate(image, "粤B6R678", (200, 200), 60, BLUE)
    cv2.rectangle(image, (322, 0), (342, 480), paint, -1)
    assert reader.read_encoded(jpeg(image), PLATE).plates == ()


def test_a_finder_that_answers_another_shape_is_no_finder():
    with pytest.raises(ModelOutputError, match="cover_detector"):
        CoverFinder(lambda batch: batch).hidden(crop())


@pytest.mark.parametrize("share", [-4.0, 1.5])
def test_a_finder_that_answers_what_are_no_shares_is_no_finder(share):
    with pytest.raises(ModelOutputError, match="cover_detector answered what are no shares"):
        said(share).hidden(crop())


def test_where_something_may_be_hidden_other_cuts_are_asked_and_their_median_decides():
    line = text_line(100, 100, 130, 40)
    assert SeenCovers(ground(), said(0.05, 0.9)).before([line]) == pytest.approx(0.05), "no other cut is asked"
    assert SeenCovers(ground(), said(0.9, 0.1, 0.3, 0.1)).before([line]) == pytest.approx(0.2)
    assert SeenCovers(ground(), said(0.4, 0.9, 0.8, 0.9)).before([line]) == pytest.approx(0.85)
    assert SeenCovers(ground(), said(0.0, 0.9)).before([line, line]) == pytest.approx(0.9), "either row of two"
    assert SeenCovers(ground(), None).before([line]) == 0.0, "nobody looks"


def test_what_was_refused_for_good_is_refused_in_every_cut():
    covers = SeenCovers(ground(), said(0.09))
    line, again, other = text_line(100, 100, 130, 40), text_line(110, 102, 100, 36), text_line(300, 100, 130, 40)
    assert covers.before([line]) == pytest.approx(0.09)
    covers.refuse([line], for_good=False)
    assert covers.before([again]) == pytest.approx(0.09), "a doubt is one of this cut"
    covers.refuse([line], for_good=True)
    assert covers.before([again]) == 1.0
    assert covers.before([other]) == pytest.approx(0.09), "another plate"
    assert covers.boxes == 2 * [(100, 100, 130, 40)]


def looks(image, plates, texts, finder):
    return TwoLooks(Looks(image, plates), Looks(image, texts), SeenCovers(image, finder))


def test_no_reader_is_asked_about_a_crop_that_is_covered():
    texts = Script("粤B6R678")
    assert read_whole_crop(looks(crop(), Script("粤B6R678"), texts, said(1.0))) == []
    assert texts.seen == []
    (sighting,) = read_whole_crop(looks(crop(), Script("粤B6R678"), texts, said(0.0)))
    assert sighting.plate.text == "粤B6R678"


PERHAPS, PROBABLY = (SURELY_FLOOR + DOUBTFUL_FLOOR) / 2, (HIDDEN_FLOOR + SURELY_FLOOR) / 2
UNSURE = {4: {"6": 0.85, "8": 0.14}}


@pytest.mark.parametrize(
    ("plates", "texts", "hidden", "answered"),
    [
        ("粤B6R678", "粤B6R678", PROBABLY, 1),
        ("粤B6R678", "B6R678", PROBABLY, 1),
        ("粤B6R678", "粤B6R673", PROBABLY, 0),
        ("粤B6R678", "粤B6R673", PERHAPS, 0),
        ("粤B6R678", "", PERHAPS, 0),
        ("粤B6R678", ("粤B6R678", UNSURE), PROBABLY, 0),
        (("粤B6R678", UNSURE), "粤B6R678", PROBABLY, 0),
        (("粤B6R678", UNSURE), ("粤B6R678", UNSURE), PERHAPS, 1),
        ("粤B6R678", "粤B6R678", HIDDEN_FLOOR + 0.01, 0),
    ],
)
def test_where_something_may_be_hidden_both_readers_have_to_be_sure_of_the_same(plates, texts, hidden, answered):
    found = read_whole_crop(looks(crop(), Script(plates, plates, plates, plates), Script(texts, texts), said(hidden)))
    assert len(found) == answered


def test_the_general_reader_is_not_believed_about_a_crop_that_is_covered():
    assert read_whole_crop(looks(crop(), Script(), Script("粤B6R678"), said(1.0))) == []
    assert [one.plate.text for one in read_whole_crop(looks(crop(), Script(), Script("粤B6R678"), said(0.0)))] == [
        "粤B6R678"
    ]


def test_a_crop_of_two_rows_is_covered_where_either_row_is():
    image = ground(150, 75)
    two_row_plate(image, "粤A", "T781挂", (0, 0), 74)
    for finder, answered in ((said(0.0), 1), (said(0.0, 1.0), 0)):
        found = read_whole_crop(looks(image, Script("", "粤A", "T781挂"), Script("", "粤A", "T781挂"), finder))
        assert len(found) == answered


def test_a_line_of_a_scene_that_is_covered_is_refused_and_stays_refused():
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE)
    row = read_line("粤B6R678", x=100, y=100, height=40)
    texts = Script("粤B6R678", "粤B6R678")
    assert find_plates(looks(image, Script("粤B6R678"), texts, said(1.0)), [row]) == []
    assert texts.seen == []
    found = find_plates(looks(image, Script(), Script("粤B6R678"), said(0.0)), [row])
    assert [one.plate.text for one in found] == ["粤B6R678"]


def test_what_the_general_reader_alone_spells_closer_is_refused_where_it_is_covered():
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE)
    row = read_line("B6R678", x=120, y=108, height=24)
    for finder, answered in ((said(0.0), 1), (said(1.0), 0)):
        found = find_plates(looks(image, Script(), Script("粤B6R678"), finder), [row])
        assert len(found) == answered
