"""Container codes: ISO 6346 with the fixtures of domain.md 3.1, its weakness, and repair by position alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.container import (
    LETTER_VALUES,
    SAME_CHECK_VALUE,
    Container,
    also_ending_in_zero,
    check_digit,
    describe_size_type,
    is_size_type,
    parse_container,
    repair_by_position,
)

GOOD = ["CSQU3054383", "HLXU4074106", "FCIU9176921", "FSCU9390315", "TCLU4254260", "TEXU1000010"]
LETTERS = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
STEMS = st.builds(
    "{}{}{}{}{}".format, LETTERS, LETTERS, LETTERS, st.sampled_from("UJZ"), st.from_regex("[0-9]{6}", fullmatch=True)
)


@pytest.mark.parametrize("code", GOOD)
def test_painted_digits_are_verified(code: str) -> None:
    assert parse_container(code) == Container(code, "verified")


@pytest.mark.parametrize("code", ["TCLU4254260", "TEXU1000010"])
def test_a_remainder_of_ten_is_painted_as_zero(code: str) -> None:
    assert check_digit(code[:10]) == 0
    assert sum(value(c) << place for place, c in enumerate(code[:10])) % 11 == 10


def value(character: str) -> int:
    return LETTER_VALUES.get(character, -1) if character.isalpha() else int(character)


def test_d7_a_wrong_digit_fails_and_is_never_corrected() -> None:
    assert parse_container("MSCU1234567") == Container("MSCU1234567", "failed")
    assert check_digit("MSCU123456") == 6


@given(STEMS)
def test_a_zero_is_confirmed_by_one_other_remainder(stem: str) -> None:
    code = f"{stem}{check_digit(stem)}"
    others = also_ending_in_zero(code)
    assert len(others) == 10
    for place, (character, passing) in enumerate(zip(stem, others, strict=True)):
        every = "0123456789" if character.isdigit() else "UJZ" if place == 3 else LETTER_VALUES
        also = [
            other
            for other in every
            if check_digit(stem[:place] + other + stem[place + 1 :]) == int(code[10])
            and (value(other) - value(character)) % 11
        ]
        # Any other digit leaves none: it finds each single character that is misread as one of another value.
        assert list(passing) == also


@pytest.mark.parametrize("code", ["CSQU3054383", "CSQU3054380", "MSCU1234560"])
def test_only_a_zero_that_agrees_has_others(code: str) -> None:
    assert also_ending_in_zero(code) == ("",) * 10


def test_ten_characters_get_an_inferred_digit() -> None:
    assert parse_container("CSQU305438") == Container("CSQU3054383", "inferred")


@pytest.mark.parametrize("raw", ["csqu 305438 3", "CSQU-305438[3]", "ＣＳＱＵ３０５４３８３", "CSQU/305438|3\n"])
def test_spellings_of_one_code_are_one_code(raw: str) -> None:
    assert parse_container(raw) == Container("CSQU3054383", "verified")


@pytest.mark.parametrize(
    "raw", ["", "CSQU", "CSQX3054383", "CSQU30543833", "C5QX3054383", "1234567890A", "CSQU3054?83"]
)
def test_what_is_no_code_is_refused(raw: str) -> None:
    assert parse_container(raw) is None


def test_repair_is_by_position_before_the_digit_is_looked_at() -> None:
    assert repair_by_position("C5QU3O54383") == "CSQU3054383"
    assert parse_container("C5QU3O54383") == Container("CSQU3054383", "verified", repaired=True)
    assert parse_container("C5QU3O5438") == Container("CSQU3054383", "inferred", repaired=True)
    broken = parse_container("C5QU3O54384")
    assert broken == Container("CSQU3054384", "failed", repaired=True), "never guided by the check digit"


@pytest.mark.parametrize(("wrong", "right"), ["0O", "1I", "2Z", "5S", "6G", "8B"])
def test_each_confusion_is_repaired_both_ways(wrong: str, right: str) -> None:
    assert repair_by_position(f"{wrong}AAU000000{right}") == f"{right}AAU000000{wrong}"


@pytest.mark.hazard("D7")
def test_letters_that_the_check_digit_cannot_tell_apart() -> None:
    """domain.md 0.3: these groups are equal modulo 11, so an exchange within one passes every time."""
    groups = {"GQ", "FPZ", "IS", "HR", "JT", "CMW", "DNX", "EOY", "BLV", "AKU"}
    assert {"".join(sorted(group)) for group in SAME_CHECK_VALUE} == groups
    for group in SAME_CHECK_VALUE:
        assert len({check_digit(f"{letter}SQU305438") for letter in group}) == 1
    assert [LETTER_VALUES[c] for c in "ABKLUVZ"] == [10, 12, 21, 23, 32, 34, 38]


@given(STEMS)
def test_every_code_with_its_own_digit_is_verified(stem: str) -> None:
    parsed = parse_container(f"{stem}{check_digit(stem)}")
    assert parsed is not None
    assert (parsed.check, parsed.repaired) == ("verified", False)


@given(STEMS, st.integers(4, 9), st.integers(1, 9))
def test_d7_one_wrong_digit_fails_unless_ten_and_zero_hide_it(stem: str, place: int, change: int) -> None:
    misread = f"{stem[:place]}{(int(stem[place]) + change) % 10}{stem[place + 1 :]}"
    parsed = parse_container(f"{misread}{check_digit(stem)}")
    assert parsed is not None
    remainders = [sum(value(c) << i for i, c in enumerate(one)) % 11 for one in (stem, misread)]
    assert (parsed.check == "verified") == (sorted(remainders) == [0, 10])


@given(st.text(max_size=14))
def test_no_text_raises(raw: str) -> None:
    parsed = parse_container(raw)
    assert parsed is None or parse_container(parsed.code) is not None


@pytest.mark.parametrize("stem", ["", "CSQU30543", "CSQU3054383", "CSQX305438", "csqu305438", "CSQU30543\n"])
def test_a_check_digit_needs_a_stem(stem: str) -> None:
    with pytest.raises(ValueError, match="first ten characters"):
        check_digit(stem)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("22G1", "20 ft, 8 ft 6 in, general purpose"),
        ("42G1", "40 ft, 8 ft 6 in, general purpose"),
        ("45G1", "40 ft, 9 ft 6 in, general purpose"),
        ("L5G1", "45 ft, 9 ft 6 in, general purpose"),
        ("22R1", "20 ft, 8 ft 6 in, reefer"),
        ("22U1", "20 ft, 8 ft 6 in, open top"),
        ("22P1", "20 ft, 8 ft 6 in, platform or flat rack"),
        ("22T1", "20 ft, 8 ft 6 in, tank"),
        ("2EG1", "20 ft, 9 ft 6 in, wide, general purpose"),
        ("4310", "40 ft, type code of 1984: 4310"),
        ("2210", "20 ft, type code of 1984: 2210"),
    ],
)
def test_size_and_type(code: str, words: str) -> None:
    assert is_size_type(code)
    assert describe_size_type(code) == words
    assert parse_container("CSQU3054383", code) == Container("CSQU3054383", "verified", code)


@pytest.mark.parametrize(
    "code", ["", "22G", "22G11", "52G1", "27G1", "22X1", "22GA", "22g1", "5310", "22G1\n", "4310\n"]
)
def test_what_is_no_size_and_type(code: str) -> None:
    assert not is_size_type(code)
    assert parse_container("CSQU3054383", code) == Container("CSQU3054383", "verified")
    with pytest.raises(ValueError, match="size and type"):
        describe_size_type(code)
