from dataclasses import replace

import pytest

from edge.core.container import check_digit
from edge.core.evidence import SEEN
from edge.core.readings import PictureReading
from models.code_chains import code_line
from models.containers import as_probability, best_candidates, sightings_of, without_repeats
from models.look_alikes import LOOK_ALIKE, OF_ONE_VALUE
from models.scoring import join_views
from models.size_types import size_type_in
from tests.support.spelled import read_line, text_line


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


@pytest.mark.parametrize("text", ["ACSQU3054383", "1CSQU3054383", "CSQU30543831", "CSQU3054383I", "CSQU3054383L"])
def test_a_code_with_a_character_too_many_is_not_verified(text):
    (sighting,) = found_in(read_line(text))
    assert sighting.container.check == "failed"
    # Nor do frames that all show it verify it together.
    assert max(sighting.characters) < SEEN


@pytest.mark.parametrize("behind", ["KG", "US", "22G1KG", "2500", "22500", "US2500", "USAB22G1", "22C1"])
def test_what_else_stands_behind_a_code_is_not_its_size_and_type(behind):
    assert ("CSQU3054383", "verified") not in codes(read_line("CSQU3054383" + behind))


@pytest.mark.parametrize("behind", ["22G1", "US22G1", "USA22G1", "2210", "US4310"])
def test_a_size_and_type_as_it_was_read_may_stand_behind(behind):
    assert codes(read_line("CSQU3054383" + behind)) == [("CSQU3054383", "verified")]


@pytest.mark.parametrize(
    "lines",
    [
        # A bar hides the end of CBHU9542961: weights below end another number that agrees with the check digit.
        [("CBHU", 0, 0), ("954", 60, 0), ("45G", 60, 30), ("32500", 60, 60)],
        [("CBHU", 0, 0), ("954", 60, 0), ("456", 60, 30), ("32500", 60, 60)],
        # The beginning of a word is no owner, though 71.650 would agree.
        [("MAXCRU", 0, 0), ("5571650", 90, 0)],
        # Repairs, where lines are joined: this may be another number.
        [("CSQU", 0, 0), ("30S4383", 60, 0)],
        [("C5QU", 0, 0), ("3054383", 60, 0)],
        # Too far, too low, too far aside, too small.
        [("CSQU", 0, 0), ("3054383", 100, 0)],
        [("CSQU", 0, 0), ("3054383", 0, 50)],
        [("CSQU", 0, 0), ("3054383", 28, 30)],
        [("CSQU", 0, 0), ("305438", 0, 30), ("32210", 90, 30)],
        # Cut where no code is divided: between the pieces a digit is missing.
        [("CSQU3", 0, 0), ("054383", 84, 0)],
        [("CSQU3", 0, 0), ("054383", 0, 30)],
    ],
)
def test_lines_that_do_not_belong_together_are_no_verified_code(lines):
    assert [
        code for code, check in codes(*(read_line(text, x, y) for text, x, y in lines)) if check == "verified"
    ] == []


@pytest.mark.parametrize("height", [10, 40])
def test_a_line_of_another_height_is_no_part_of_a_code(height):
    assert codes(read_line("CSQU"), read_line("3054383", 60, 0, height=height)) == []


def test_a_code_that_is_cut_by_a_bar_is_joined_where_nothing_is_missing():
    assert codes(read_line("CSQU3"), read_line("054383", 64)) == [("CSQU3054383", "verified")]
    assert codes(read_line("HJCU"), read_line("4963", 60), read_line("634", 112)) == [("HJCU4963634", "verified")]


def test_an_owner_whose_o_is_read_as_zero_is_joined():
    assert codes(read_line("00LU"), read_line("9929730", 60)) == [("OOLU9929730", "verified")]


def test_the_check_digit_does_not_choose_between_two_numbers():
    found = found_in(read_line("CSQU"), read_line("3054383", 60), read_line("3054384", 0, 30))
    assert [sighting.container.check for sighting in found] == ["failed"]
    assert max(found[0].characters) < SEEN


@pytest.mark.parametrize(
    ("text", "place", "shares"),
    [
        ("FSSU1102456", 0, {"F": 0.515, "P": 0.3}),
        ("FSSU1102456", 0, {"F": 0.98, "P": 0.01}),
        ("FSSU1102456", 0, {"F": 0.8}),
        ("CSQU3054383", 2, {"Q": 0.97, "G": 0.01}),
        ("OOLU9929730", 1, {"O": 0.97, "Y": 0.02}),
    ],
)
def test_a_letter_that_may_be_another_one_of_its_value_is_not_verified(text, place, shares):
    """The check digit cannot tell an F from a P, and frames that all show half of a P do not verify it together."""
    (sighting,) = found_in(read_line(text, doubts={place: shares}))
    assert sighting.container.check == "failed"
    assert sighting.characters[place] < SEEN


@pytest.mark.parametrize(
    ("place", "shares"), [(0, {"C": 0.6, "O": 0.3}), (2, {"Q": 0.9, "O": 0.1}), (3, {"U": 0.9, "K": 0.1})]
)
def test_what_the_check_digit_tells_apart_needs_no_more(place, shares):
    assert codes(read_line("CSQU3054383", doubts={place: shares})) == [("CSQU3054383", "verified")]


@pytest.mark.parametrize(
    "lines",
    [
        [read_line("FSSU1102456", doubts={0: {"F": 0.515, "P": 0.3}})],
        [read_line("ACSQU3054383")],
        [read_line("CSQU30543831")],
        [read_line("CSQU"), read_line("30S4383", 60)],
        [read_line("CSQU"), read_line("3054383", 60), read_line("3054384", 0, 30)],
    ],
)
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_frames_of_what_stands_still_verify_nothing_together(lines, frames):
    views = [PictureReading(containers=tuple(found_in(*lines)))] * frames
    assert views[0].containers
    assert join_views(views) == ()


def test_letters_of_one_value_have_it():
    assert OF_ONE_VALUE["F"] == "PZ"
    assert "H" in OF_ONE_VALUE["R"]
    assert all(
        check_digit(f"{one}SQU305438") == check_digit(f"{other}SQU305438")
        for one in OF_ONE_VALUE
        for other in OF_ONE_VALUE[one]
    )
    assert all(set(OF_ONE_VALUE[one]) & LOOK_ALIKE for one in LOOK_ALIKE)


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


def test_a_check_digit_that_agrees_makes_the_code_more_probable_and_no_character_surer():
    (sighting,) = found_in(read_line("CSQU3054383", doubts={5: {"0": 0.7, "8": 0.3}}))
    told = as_probability(sighting)
    # Seven in ten it is right; of the three that are not one in eleven would agree.
    assert told.confidence == pytest.approx(0.7 / (0.7 + 0.3 / 11), abs=0.01)
    assert replace(told, confidence=sighting.confidence) == sighting
    together = replace(sighting, characters=())
    assert as_probability(together) == together, "its confidence stands for its characters"


def test_a_zero_that_agrees_makes_it_half_as_much_more_probable():
    (sighting,) = found_in(read_line("TEMU7568750", doubts={6: {"6": 0.7, "5": 0.3}}))
    assert as_probability(sighting).confidence == pytest.approx(0.7 / (0.7 + 0.3 * 2 / 11), abs=0.01)


@pytest.mark.parametrize(
    ("text", "place", "second", "probabilities"),
    [
        ("TEMU7508750", 6, "6", (0.98, 0.01)),
        ("BMOU2569620", 5, "6", (0.95, 0.04)),
        ("MSJU7370760", 6, "2", (0.9, 0.01)),
        ("DOLU7773890", 0, "O", (0.9, 0.1)),
    ],
)
def test_a_zero_confirms_nothing_that_may_be_another_character_it_confirms_as_well(text, place, second, probabilities):
    # As they were read of TEMU7568750, BMOU2669620, MSJU7320760 and OOLU7773890 in rain or behind something.
    assert check_digit(text[:place] + second + text[place + 1 : 10]) == 0
    doubts = {place: dict(zip((text[place], second), probabilities, strict=True))}
    assert codes(read_line(text, doubts=doubts)) == [(text, "failed")]


@pytest.mark.parametrize(("text", "doubts"), [
    ("TEMU7508750", {6: {"0": 0.98, "8": 0.01}}),  # which no 0 would confirm
    ("TEMU7508750", {6: {"0": 0.98, "6": 0.002}}),
    ("DOLU7773890", {0: {"D": 0.9, "O": 0.03}}),
    ("CSQU3054383", {6: {"5": 0.95, "6": 0.04}}),  # any other digit finds what is misread
])  # fmt: skip
def test_a_zero_confirms_what_can_hardly_be_another_code(text, doubts):
    assert codes(read_line(text, doubts=doubts)) == [(text, "verified")]


@pytest.mark.parametrize(("second", "characters"), [("6", 0.40), ("8", 0.98)])
def test_a_frame_without_the_check_digit_does_not_take_that_doubt_away(second, characters):
    (sighting,) = found_in(read_line("TEMU750875", doubts={6: {"0": 0.98, second: 0.01}}))
    assert (sighting.container.code, sighting.container.check) == ("TEMU7508750", "inferred")
    assert sighting.characters[6] == pytest.approx(characters, abs=0.01)
    assert (sighting.characters[6] < SEEN) == (second == "6")


def test_cuts_of_a_column_that_ends_in_zero_may_be_less_sure():
    line = read_line("TEMU7508750", doubts={6: {"0": 0.95, "6": 0.02}})
    assert codes(line) == [("TEMU7508750", "failed")]
    assert codes(replace(line, line=text_line(0, 0, 20, 130))) == [("TEMU7508750", "verified")]


def test_a_check_digit_that_was_not_read_makes_nothing_more_probable():
    (sighting,) = found_in(read_line("CSQU305438", doubts={5: {"0": 0.7, "8": 0.3}}))
    assert sighting.container.check == "inferred"
    assert as_probability(sighting) == sighting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45G1", "45G1"), ("45GI", "45G1"), ("4561", "45G1"), ("22G0", "22G0"), ("L5G1", "L5G1"), ("22T6", "22T6"),
        ("45R1", "45R1"), ("2210", "2210"), ("4310", "4310"), ("2185", None), ("MAXG", None), ("G1", None),
        ("CN45G1", "45G1"), ("62210", None),
        ("32500", None), ("2500", None), ("42261", None), ("2200", "2200"), ("45C1", "45G1"),
    ],
)  # fmt: skip
def test_size_and_type(text, expected):
    assert size_type_in(text) == expected


def test_size_and_type_far_away_belongs_to_something_else():
    (sighting,) = found_in(read_line("CSQU3054383"), read_line("45G1", x=0, y=600))
    assert sighting.container.size_type is None
