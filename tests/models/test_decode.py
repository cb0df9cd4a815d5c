import math

import pytest

from models.decode import best_fitting, cut_to, spelling_of, top_glyphs
from models.plate_grammar import PLATE_CHARACTERS, is_complete, may_follow
from models.reader import CODE_CHARACTERS
from tests.support.spelled import spelled


def fitted(probabilities):
    alphabet, columns = cut_to(probabilities, PLATE_CHARACTERS)
    return best_fitting(columns, alphabet, may_follow, is_complete)


def test_repeated_steps_are_one_character_and_a_blank_between_makes_two():
    probabilities = spelled("A11").repeat(2, axis=0)
    assert spelling_of(top_glyphs(probabilities)).text == "A11"


def test_the_weakest_character_is_the_confidence():
    spelling = spelling_of(top_glyphs(spelled("AB", doubts={1: {"B": 0.6, "8": 0.4}})))
    assert spelling.text == "AB"
    assert spelling.confidence == pytest.approx(0.6)


def test_nothing_read_has_no_confidence():
    assert spelling_of([]).confidence == 0.0


def test_places_run_from_left_to_right():
    places = [glyph.place for glyph in top_glyphs(spelled("ABCD"))]
    assert places == sorted(places)
    assert 0.0 < places[0] < places[-1] < 1.0


def test_cutting_shares_the_probability_of_what_is_left_out():
    _, columns = cut_to(spelled("京", doubts={0: {"京": 0.9, "A": 0.08, "B": 0.02}}), CODE_CHARACTERS)
    assert columns[0].sum() == pytest.approx(1.0)
    assert columns[0].argmax() == CODE_CHARACTERS.index("A") + 1


# One of each class and form that domain.md 3.3 has, and the letters that those lack.
READABLE = [
    *(
        "粤B6R678",
        "皖O12345",
        "皖AD12929",
        "粤B12345D",
        "粤ZT580港",
        "粤Z1234澳",
        "粤AT781挂",
        "苏E123A学",
        "京A1234警",
    ),
    *("京X1234应急", "川SA123应急", "应急川X1234", "使198476", "198476使", "沪A1639领", "沪A16391领", "粤1639领"),
    *("粤16391领", "WJ12345", "WJ1234X", "WJ京1234X", "WJ1693015", "VA12345"),
]


@pytest.mark.parametrize("text", READABLE)
def test_well_formed_plates_are_read_as_they_are(text):
    spelling, share = fitted(spelled(text))
    assert spelling.text == text
    assert share > 0.9


def test_a_letter_that_cannot_stand_there_gives_way_to_the_next_best():
    spelling, _ = fitted(spelled("京A00000", doubts={3: {"O": 0.7, "0": 0.3}}))
    assert spelling.text == "京A00000"


def test_two_likely_plates_share_the_confidence():
    _, share = fitted(spelled("京A12345", doubts={3: {"2": 0.5, "7": 0.49}}))
    assert share == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("text", READABLE)
def test_what_may_follow_and_what_is_whole_are_one_grammar(text):
    assert is_complete(text)
    assert all(character in may_follow(text[:place]) for place, character in enumerate(text))


@pytest.mark.parametrize(
    "text", ["粤123领", "粤123456领", "粤1234", "WJ169301", "WJ16930155", "应急川1234", "苏A12345临"]
)
def test_what_is_longer_or_shorter_than_a_class_is_not_whole(text):
    assert not is_complete(text)


@pytest.mark.parametrize("text", ["", "京", "ABC", "MAXGROSS", "京A1234", "粤123领"])
def test_what_is_no_plate_is_none(text):
    assert fitted(spelled(text)) is None


def test_a_character_that_is_left_out_weakens_the_reading():
    found = fitted(spelled("WJ16930155"))
    assert found is None or found[0].confidence < 0.05


def test_what_cannot_win_is_left_and_changes_no_share(monkeypatch):
    doubts = {
        0: {"京": 0.7, "冀": 0.29},
        2: {"1": 0.9, "7": 0.09},
        4: {"3": 0.6, "8": 0.3, "B": 0.09},
        6: {"5": 0.99, "S": 0.002},
    }
    spelling, share = fitted(spelled("京A12345", doubts=doubts))
    monkeypatch.setattr("models.decode.LEFT_BELOW", -math.inf)
    again, exact = fitted(spelled("京A12345", doubts=doubts))
    assert spelling == again
    assert share == pytest.approx(exact, abs=1e-5)
    assert share < 0.5


def test_a_top_answer_that_may_not_be_followed_is_not_the_answer():
    alphabet, columns = cut_to(spelled("AB", doubts={0: {"A": 0.6, "C": 0.4}}), CODE_CHARACTERS)
    found = best_fitting(columns, alphabet, lambda text: "B" if text else "C", lambda text: len(text) == 2)
    assert found[0].text == "CB"
