import pytest

from models.containers import best_candidates, code_line, sightings_of, without_repeats
from models.size_types import size_type_in
from tests.support.spelled import read_line


def found_in(*lines):
    code_lines = [code_line(line) for line in lines]
    return sightings_of(best_candidates(code_lines), code_lines)


def codes(*lines):
    return [(s.container.code, s.container.check) for s in found_in(*lines)]


def test_a_whole_code_in_one_row():
    assert codes(read_line("CSQU3054383")) == [("CSQU3054383", "verified")]


def test_a_row_with_the_size_and_type_behind():
    (sighting,) = found_in(read_line("CSQU305438345G1"))
    assert sighting.container.code == "CSQU3054383"
    assert sighting.container.size_type == "45G1"


@pytest.mark.parametrize(
    "lines",
    [
        (("CSQU", 0, 0), ("305438", 60, 0), ("3", 150, 0)),
        (("CSQU", 0, 0), ("3054383", 60, 0)),
        (("CSQU", 0, 0), ("3054383", 0, 30)),
        (("CSQU", 0, 0), ("305438", 0, 30), ("3", 0, 60)),
        (("CSQU", 0, 0), ("305438", 0, 30), ("3", 90, 30)),
        (("CSQU", 0, 0), ("305438", 60, 2), ("3", 150, 4), ("45G1", 0, 40)),
    ],
)
def test_rows_are_joined(lines):
    assert codes(*(read_line(text, x, y) for text, x, y in lines)) == [("CSQU3054383", "verified")]


def test_a_missing_check_digit_is_inferred_never_verified():
    assert codes(read_line("CSQU305438")) == [("CSQU3054383", "inferred")]


def test_a_check_digit_that_disagrees_is_failed():
    assert codes(read_line("CSQU3054384")) == [("CSQU3054384", "failed")]


@pytest.mark.parametrize("text", ["C5QU3054383", "CSQU3O54383", "CSQU3054B83"])
def test_letters_are_repaired_by_position_and_the_repair_is_recorded(text):
    (sighting,) = found_in(read_line(text))
    assert sighting.container.repaired
    assert sighting.container.check == ("failed" if "B" in text else "verified")


def test_a_painted_o_that_looks_like_a_zero_is_an_owners_letter():
    (sighting,) = found_in(read_line("00LU8959597"))
    assert (sighting.container.code, sighting.container.check) == ("OOLU8959597", "verified")
    assert sighting.container.repaired


@pytest.mark.parametrize(
    "text",
    [
        "CSQ03054383",  # the fourth letter is never a repair
        "NSU20423722",
        "CSQU3OSA383",
        "CSQUBOSIEB3",  # too many repairs
        "MAXGROSS",
        "",
    ],
)
def test_text_that_is_no_code(text):
    assert codes(read_line(text)) == []


def test_a_check_digit_that_is_the_side_of_its_box_is_not_verified():
    # TEXU100001 has the check digit 0: an O is repaired nowhere else so easily.
    assert ("TEXU1000010", "verified") not in codes(read_line("TEXU100001O"))


def test_the_first_digit_of_the_size_is_no_check_digit():
    assert codes(read_line("KKFU150926"), read_line("42G1", y=30)) == [("KKFU1509264", "inferred")]


def test_a_longer_number_is_not_cut_to_a_code():
    assert codes(read_line("CSQU305438377")) == []


def test_the_top_answer_alone_is_verified():
    # The second best digit would agree with the check digit; the best one does not.
    line = read_line("CSQU3054373", doubts={9: {"7": 0.6, "8": 0.4}})
    assert codes(line) == [("CSQU3054373", "failed")]


def test_an_unsure_character_is_not_verified():
    assert codes(read_line("CSQU3054383", doubts={2: {"Q": 0.35}})) == []


@pytest.mark.parametrize("size_type", ["22G1", "2261"])
def test_a_size_and_type_is_never_the_end_of_a_number(size_type):
    # PONU 0?8 with its other digits in the shade, 22G1 beneath: as digits 2261 it would even pass the check digit.
    assert codes(read_line("PONU018", 0, 0), read_line(size_type, 0, 30)) == []


def test_two_containers_are_two():
    found = codes(read_line("CSQU3054383"), read_line("TCLU4254260", y=200))
    assert sorted(found) == [("CSQU3054383", "verified"), ("TCLU4254260", "verified")]


def test_two_codes_in_one_place_dispute_each_other():
    (first,) = found_in(read_line("CSQU3054383"))
    (second,) = found_in(read_line("TCLU4254260"))
    assert without_repeats([first, second]) == []
    assert without_repeats([first, first]) == [first]


def test_one_code_read_in_two_ways_is_not_answered():
    # Both agree with their check digit: seen on two sides of one box, one of them misread.
    assert codes(read_line("TRLU6689511"), read_line("TRLU6689574", y=200)) == []


def test_one_code_seen_twice_is_one():
    assert codes(read_line("CSQU3054383"), read_line("CSQU3054383", y=200)) == [("CSQU3054383", "verified")]


def test_confidence_is_the_weakest_character():
    (sighting,) = found_in(read_line("CSQU3054383", doubts={5: {"0": 0.7, "8": 0.3}}))
    assert sighting.confidence == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45G1", "45G1"), ("45GI", "45G1"), ("4561", "45G1"), ("22G0", "22G0"), ("L5G1", "L5G1"), ("22T6", "22T6"),
        ("45R1", "45R1"), ("2210", "2210"), ("4310", "4310"), ("2185", None), ("MAXG", None), ("G1", None),
        ("CN45G1", "45G1"), ("62210", None),
    ],
)  # fmt: skip
def test_size_and_type(text, expected):
    assert size_type_in(text) == expected


def test_size_and_type_far_away_belongs_to_something_else():
    (sighting,) = found_in(read_line("CSQU3054383"), read_line("45G1", x=0, y=600))
    assert sighting.container.size_type is None
