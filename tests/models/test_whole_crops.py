"""The crop of a plate, with readers that answer what the test says: who is asked, and who is believed."""

import pytest

from models.plate_looks import read_whole_crop
from tests.support.drawn import BLUE, WHITE, ground, plate, two_row_plate
from tests.support.spelled import Script, two_looks


def test_a_crop_that_is_surely_read_is_not_read_twice():
    image = ground(188, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    texts = Script()
    (sighting,) = read_whole_crop(two_looks(image, Script("粤B6R678"), texts))
    assert sighting.plate.text == "粤B6R678"
    assert texts.seen == []


DOUBTFUL = {0: {"粤": 0.92, "冀": 0.08}}


@pytest.mark.parametrize(("again", "answered"), [(3, True), (2, False)])
def test_a_doubtful_crop_is_read_where_other_cuts_say_the_same(again, answered):
    image = ground(188, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    plates = Script(("粤B6R678", DOUBTFUL), *["粤B6R678"] * again, *["冀B6R678"] * (3 - again))
    found = read_whole_crop(two_looks(image, plates, Script()))
    assert [sighting.plate.text for sighting in found] == ["粤B6R678"] * answered
    assert len(plates.seen) >= 4


@pytest.mark.parametrize(("text_read", "answered"), [("粤B6R678", True), ("", False)])
def test_other_cuts_say_nothing_of_a_character_that_is_doubtful(text_read, answered):
    image = ground(220, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    plates = Script(("粤B6R678", {0: {"粤": 0.85, "冀": 0.15}}), *["粤B6R678"] * 3)
    found = read_whole_crop(two_looks(image, plates, Script(text_read)))
    assert [sighting.plate.text for sighting in found] == ["粤B6R678"] * answered
    assert len(plates.seen) == 1


@pytest.mark.parametrize(
    ("doubts", "text_read", "answered"),
    [({}, "粤B6R678", True), ({}, "冀B6R678", False), ({3: {"R": 0.96, "B": 0.03}}, "粤B6R678", False)],
)
def test_a_low_crop_needs_both_readers_and_each_character(doubts, text_read, answered):
    image = ground(66, 18)
    plate(image, "粤B6R678", (0, 0), 18, BLUE)
    found = read_whole_crop(two_looks(image, Script(("粤B6R678", doubts)), Script(text_read)))
    assert [sighting.plate.text for sighting in found] == ["粤B6R678"] * answered


@pytest.mark.parametrize(
    ("upper", "lower", "answered"),
    [("粤A", "T781挂", True), ("冀A", "T781挂", False), ("", "781挂", False)],
)
def test_a_crop_of_two_rows_needs_both_readers(upper, lower, answered):
    image = ground(150, 75)
    two_row_plate(image, "粤A", "T781挂", (0, 0), 74)
    # The whole crop as one row says nothing; then its rows.
    texts = Script("", upper, lower)
    found = read_whole_crop(two_looks(image, Script("", "粤A", "T781挂"), texts))
    assert [sighting.plate.text for sighting in found] == ["粤AT781挂"] * answered
    assert len(texts.seen) == 3


@pytest.mark.parametrize(("other", "answered"), [("川Z28740", "川Z28740"), ("NZ28740", "")])
def test_a_crop_on_white_that_its_kind_is_never_painted_on_needs_both_readers(other, answered):
    image = ground(188, 60)
    plate(image, "川Z28740", (0, 0), 60, WHITE)
    texts = Script(other)
    found = read_whole_crop(two_looks(image, Script("川Z28740"), texts))
    assert [sighting.plate.text for sighting in found] == [answered] * bool(answered)
    assert len(texts.seen) == 1


@pytest.mark.parametrize(("text_read", "answered"), [("粤B6R678", True), ("粤B6R67警", False)])
def test_a_crop_that_both_read_with_a_doubt_is_answered_where_photographs_show_its_kind(text_read, answered):
    image = ground(188, 60)
    plate(image, text_read, (0, 0), 60, WHITE if text_read.endswith("警") else BLUE)
    doubts = {4: {"6": 0.6, "8": 0.39}}
    plates = Script((text_read, {4: {"6": 0.8, "8": 0.19}}))
    found = read_whole_crop(two_looks(image, plates, Script((text_read, doubts))))
    assert [sighting.plate.text for sighting in found] == [text_read] * answered
    assert all(sighting.confidence < 0.95 for sighting in found)


def test_other_cuts_say_nothing_for_a_kind_that_no_photographed_crop_shows():
    image = ground(188, 60)
    plate(image, "粤B6R67警", (0, 0), 60, WHITE)
    doubtful = ("粤B6R67警", {0: {"粤": 0.9, "冀": 0.09}})
    plates = Script(doubtful)
    assert read_whole_crop(two_looks(image, plates, Script())) == []
    assert len(plates.seen) == 3, "the whole, and its halves as two rows"
    (sighting,) = read_whole_crop(two_looks(image, Script(doubtful), Script("粤B6R67警")))
    assert sighting.confidence >= 0.95


def test_what_has_neither_province_nor_mark_is_not_read_by_the_general_reader_alone():
    image = ground(188, 60)
    plate(image, "NZ28740", (0, 0), 60, WHITE)
    assert read_whole_crop(two_looks(image, Script(), Script("NZ28740"))) == []
    (sighting,) = read_whole_crop(two_looks(image, Script("NZ28740"), Script()))
    assert sighting.plate.kind == "military"


def test_a_crop_of_two_rows_is_not_read_by_the_general_reader_alone():
    image = ground(150, 75)
    two_row_plate(image, "粤A", "T781挂", (0, 0), 74)
    assert read_whole_crop(two_looks(image, Script(), Script("", "粤A", "T781挂"))) == []


def test_a_crop_that_one_reader_cannot_read_is_read_by_the_other():
    image = ground(188, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    (sighting,) = read_whole_crop(two_looks(image, Script(), Script("粤B6R678")))
    assert sighting.plate.text == "粤B6R678"
    assert read_whole_crop(two_looks(image, Script(), Script())) == []
    unsure = Script(("粤B6R678", {0: {"粤": 0.97, "冀": 0.02}}))
    assert read_whole_crop(two_looks(image, Script(), unsure)) == []


@pytest.mark.parametrize(
    ("half", "with_more", "answers"),
    [
        ("粤B6R118", "粤B6R118", ["粤B6R118"]),
        ("粤B6R118", "粤B6RT18", []),
        ("粤B6R118", "", []),
        # Nobody believed the whole crop, and no photographed crop shows a half of such a plate.
        ("粤B6R67警", "粤B6R67警", []),
    ],
)
def test_a_lone_half_of_a_crop_has_to_spell_the_same_with_a_part_of_the_other_one(half, with_more, answers):
    """浙F1T953 with its upper side cut off is 浙F11953."""
    image = ground(150, 60)
    plate(image, "粤B6R118", (0, 20), 40, BLUE)
    found = read_whole_crop(two_looks(image, Script("", "", half, with_more, *[half] * 3), Script()))
    assert [one.plate.text for one in found] == answers
