import pytest

from models.decode import best_fitting
from models.plates import plates_of, read_plate
from tests.support.spelled import read_line, spelled

BOX = (0, 0, 10, 10)


def blue(_lines):
    return "blue"


def white(_lines):
    return "white"


def test_one_row_is_read_with_its_colour():
    (sighting,) = plates_of([read_line("京CX8888")], blue)
    assert (sighting.plate.text, sighting.plate.colour, sighting.plate.rows) == ("京CX8888", "blue", 1)


def test_two_rows_are_joined_and_not_read_apart():
    upper, lower = read_line("粤A", x=30, y=0, height=14), read_line("T781挂", x=10, y=18)
    (sighting,) = plates_of([lower, upper], lambda _: "yellow")
    assert (sighting.plate.text, sighting.plate.kind, sighting.plate.rows) == ("粤AT781挂", "trailer", 2)
    x, y, width, height = sighting.box
    assert (x, y) == (10, 0)
    assert y + height >= 38
    assert x + width >= 70


def test_rows_far_apart_are_not_one_plate():
    assert plates_of([read_line("粤A", y=0, height=14), read_line("T781挂", y=100)], blue) == []


@pytest.mark.parametrize(("colour_of", "count"), [(white, 1), (blue, 0), (lambda _: None, 0)])
def test_two_letters_and_digits_need_the_white_of_the_plate(colour_of, count):
    assert len(plates_of([read_line("GA13189")], colour_of)) == count


def test_a_colour_that_the_kind_never_has_is_dropped():
    (sighting,) = plates_of([read_line("皖AD12929")], blue)
    assert sighting.plate.colour is None


@pytest.mark.parametrize("colour", ["green", "yellow_green"])
def test_a_green_plate_without_its_last_character_is_no_reading(colour):
    # What is left of 皖AD12929 behind a post is the number of another vehicle.
    assert plates_of([read_line("皖AD1292")], lambda _: colour) == []
    (sighting,) = plates_of([read_line("皖AD12929")], lambda _: colour)
    assert sighting.plate.text == "皖AD12929"


def test_an_open_choice_is_no_reading():
    doubtful = spelled("京A12345", doubts={0: {"京": 0.34, "冀": 0.33, "津": 0.33}})
    assert read_plate(doubtful, "blue", 1, BOX) is None


def test_a_weak_character_is_no_reading():
    weak = spelled("京A12345", doubts={0: {"京": 0.001}})
    assert read_plate(weak, "blue", 1, BOX) is None


def test_a_plain_plate_is_not_searched_for(monkeypatch):
    searched = []

    def search(*arguments):
        searched.append(arguments)
        return best_fitting(*arguments)

    monkeypatch.setattr("models.plates.best_fitting", search)
    plain = read_plate(spelled("京A12345", 0.999), "blue", 1, BOX)
    assert plain.plate.text == "京A12345"
    assert searched == []
    unsure = read_plate(spelled("京A12345", 0.98), "blue", 1, BOX)
    assert unsure.plate.text == "京A12345"
    assert read_plate(spelled("京A1234", 0.9999), "blue", 1, BOX) is None
    assert len(searched) == 2


def test_the_same_text_twice_is_one_plate():
    assert len(plates_of([read_line("京CX8888"), read_line("京CX8888", y=200)], blue)) == 1


def test_two_plates_are_two():
    found = plates_of([read_line("京CX8888"), read_line("冀FA3215", y=200)], blue)
    assert {s.plate.text for s in found} == {"京CX8888", "冀FA3215"}


def test_low_rows_are_not_read():
    assert plates_of([read_line("京CX8888", height=5)], blue) == []
