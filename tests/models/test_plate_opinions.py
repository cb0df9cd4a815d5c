"""Two readers of one plate: when they agree, when one is believed, when neither is."""

import pytest

from edge.core.plate import parse_plate
from edge.core.readings import PlateSighting
from models.plate_opinions import agreed, agreed_in_scene, contradicted, fitting, has_sure_marks, may_be_temporary
from models.plates import plates_of
from tests.support.spelled import read_line, spelled


def sighting(text, confidence):
    return PlateSighting(parse_plate(text, "blue"), confidence, (1, 2, 30, 10))


@pytest.mark.parametrize(
    "seen",
    [
        spelled("浙F397C0"),
        # The general reader writes O for 0, and does not know a province at low resolution.
        spelled("浙F397CO", 0.8),
        spelled("RF397CO", 0.8),
        spelled("F397C0", 0.6),
    ],
)
def test_two_that_agree(seen):
    answer = agreed(sighting("浙F397C0", 0.95), seen)
    assert answer.plate.text == "浙F397C0"
    assert answer.confidence >= 0.95


def test_two_that_say_the_same_are_surer_than_one():
    assert agreed(sighting("浙F397C0", 0.8), spelled("浙F397C0", 0.9)).confidence > 0.95


def test_a_province_that_one_reader_alone_knows_has_to_be_sure():
    assert agreed(sighting("浙F397C0", 0.94), spelled("F397C0", 0.6)) is None


@pytest.mark.parametrize("seen", ["MAXGROSS", "NETCUCAP", "CSQU3054383"])
def test_words_are_no_plate(seen):
    assert agreed(sighting("川AXGR0S", 0.99), spelled(seen)) is None


def test_who_is_much_surer_is_believed():
    other = agreed(sighting("蒙PB3313", 0.7), spelled("豫PB3313", 0.99))
    assert (other.plate.text, other.box) == ("豫PB3313", (1, 2, 30, 10))
    assert other.confidence > 0.9
    ours = agreed(sighting("蒙PB3313", 0.999), spelled("豫PB3313", doubts={0: {"豫": 0.6, "蒙": 0.2}}))
    assert ours.plate.text == "蒙PB3313"


def test_two_that_are_as_sure_are_not_believed():
    assert agreed(sighting("川A39J61", 0.97), spelled("川A39J64", 0.95)) is None


@pytest.mark.parametrize(
    ("rows", "seen", "answered"),
    [
        (2, spelled("闽O5Y790", doubts={1: {"0": 0.45, "O": 0.25, "Q": 0.02}}), False),
        (2, spelled("闽O5Y790", doubts={1: {"0": 0.48, "O": 0.08, "Q": 0.02}}), True),
        # Provinces it does not know at low resolution, and whether it sees an O or a 0 says nothing.
        (2, spelled("京Q5Y790", doubts={0: {"京": 0.45, "闽": 0.1}}), True),
        (2, spelled("闽Q5Y79O"), True),
        # In one row it loses letters oftener than the reader of plates does.
        (1, spelled("闽O5Y790", doubts={1: {"0": 0.45, "O": 0.25, "Q": 0.02}}), True),
    ],
)
def test_in_two_rows_a_letter_that_may_be_another_one_is_no_answer(rows, seen, answered):
    given = PlateSighting(parse_plate("闽Q5Y790", "yellow", rows), 0.998, (1, 2, 30, 10))
    found = agreed(given, seen)
    assert (found is not None and found.plate.text == "闽Q5Y790") == answered


def test_a_province_that_the_second_reader_does_not_know_is_not_lost():
    """豫JG81318 is JG81318 to it, for certain, which is a military plate's number."""
    assert agreed(sighting("豫JG81318", 0.85), spelled("JG81318")) is None
    assert agreed(sighting("JG81319", 0.85), spelled("JG81318")).plate.text == "JG81318"
    assert agreed(sighting("WJ沪12345", 0.85), spelled("WJ12345")) is None


@pytest.mark.parametrize(("text", "colour"), [("粤BD12345", "green"), ("粤B12345D", "yellow_green")])
def test_seven_characters_do_not_win_on_green(text, colour):
    given = PlateSighting(parse_plate(text, colour), 0.7, (1, 2, 30, 10))
    assert agreed(given, spelled(text[:-1])) is None


def test_both_readers_may_spell_the_mark_of_an_emergency_vehicle_first():
    given = PlateSighting(parse_plate("粤X12A4应急", "white"), 0.98, (1, 2, 30, 10))
    assert agreed_in_scene(given, spelled("应急粤X12A4")).plate.text == "粤X12A4应急"


@pytest.mark.parametrize(
    ("text", "colour", "share", "sure"),
    [
        ("鲁D94682", "blue", 0.9, True),
        ("鲁D94682", "blue", 0.89, False),
        ("鲁D9468挂", "yellow", 0.9, True),
        ("鲁DDA4682", "green", 0.9, True),
        ("鲁D94682D", "yellow_green", 0.9, True),
        ("鲁D9468领", "black", 0.99, True),
        ("鲁D9468领", "black", 0.98, False),
        ("使198476", "black", 0.9, True),
        # It is not what the reader sees first.
        ("使198476", "black", None, False),
        ("使198476", "black", 0.89, False),
    ],
)
def test_a_province_and_a_mark_that_one_reader_alone_tells_have_to_be_sure(text, colour, share, sure):
    characters = () if share is None else (share, *(0.99,) * (len(text) - 1))
    given = PlateSighting(parse_plate(text, colour), 0.98, (1, 2, 30, 10), characters)
    assert has_sure_marks(given) == sure
    # The second reader knows it, sees next to nothing of it, or says nothing of it.
    assert agreed_in_scene(given, spelled(text)).plate.text == text
    hardly = spelled(text, doubts={0: {text[0]: 0.02}})
    assert (agreed_in_scene(given, hardly) is not None) == sure
    assert (agreed_in_scene(given, spelled(text[1:], 0.6)) is not None) == sure


@pytest.mark.parametrize(("text", "colour", "answered"), [("鲁D9468领", "black", False), ("鲁D94682", "blue", True)])
def test_in_a_scene_a_plate_that_is_seldom_seen_has_to_be_surer(text, colour, answered):
    given = PlateSighting(parse_plate(text, colour), 0.8, (1, 2, 30, 10), (1.0,) * len(text))
    seen = spelled(text, doubts={3: {text[3]: 0.7, "3": 0.2}})
    assert agreed(given, seen).confidence < 0.95
    assert (agreed_in_scene(given, seen) is not None) == answered


@pytest.mark.parametrize(
    ("text", "colour", "answered"),
    # Large new-energy plates have a letter after five digits; on blue, or with a letter among them, nothing lacks.
    [("青H33423", None, False), ("青H33423", "blue", True), ("青H3342A", None, True)],
)
def test_what_may_lack_its_last_letter_has_to_be_surer(text, colour, answered):
    given = PlateSighting(parse_plate(text, colour), 0.82, (1, 2, 30, 10), (0.92, *(1.0,) * 6))
    seen = spelled(text, doubts={0: {"青": 0.53, "晋": 0.2}})
    assert (agreed_in_scene(given, seen) is not None) == answered


@pytest.mark.parametrize(("sure", "answered"), [(0.2, True), (0.05, False)])
def test_what_neither_reader_spells_first_is_no_plate(sure, answered):
    given = PlateSighting(parse_plate("川LX42G1", "blue"), 0.8, (1, 2, 30, 10))
    seen = spelled("川LX42G1", doubts={0: {"川": sure, "L": 0.7 - sure}})
    assert agreed(given, seen) is not None
    assert (agreed_in_scene(given, seen) is not None) == answered


@pytest.mark.parametrize(("confidence", "answered"), [(0.8, True), (0.79, False)])
def test_in_a_scene_the_least_of_any_plate(confidence, answered):
    given = PlateSighting(parse_plate("渝HHDMH0", "blue"), confidence, (1, 2, 30, 10), (0.92, *(1.0,) * 6))
    seen = spelled("渝HHDMH0", doubts={0: {"渝": 0.3, "豫": 0.2}})
    assert (agreed_in_scene(given, seen) is not None) == answered


@pytest.mark.parametrize(
    ("seen", "sure", "rows", "expected"),
    [
        ("晋L2M2CT", 0.99, 1, False),
        ("晋L2M2C1", 0.62, 1, True),
        ("晋L2M2C1", 0.45, 1, False),
        # At low resolution it does not know provinces; of two rows nobody is outvoted about one, either.
        ("鲁L2M2CT", 0.62, 1, False),
        ("鲁L2M2CT", 0.62, 2, True),
        ("L2M2", 0.99, 1, False),
    ],
)
def test_a_plate_is_contradicted_where_another_one_is_surely_spelt(seen, sure, rows, expected):
    given = parse_plate("晋L2M2CT", "yellow", rows)
    assert contradicted(given, fitting(spelled(seen, sure))) == expected


@pytest.mark.parametrize(("confidence", "answered"), [(0.97, True), (0.96, False)])
def test_alone_one_has_to_be_sure(confidence, answered):
    assert (agreed(sighting("沪A1639领", confidence), spelled("")) is not None) == answered


@pytest.mark.parametrize("text", ["苏A12345临", "临苏A12345", "苏A1234临"])
def test_a_temporary_plate_is_nobody_s_number(text):
    given = sighting("苏A12345", 0.99)
    assert agreed(given, spelled(text, 0.6)) is None
    # Neither where this reader sees a 临 itself.
    assert plates_of([read_line(text)], lambda _: "white") == []


@pytest.mark.parametrize(
    ("text", "colour", "asked"),
    [
        ("苏A12345", "blue", False),
        ("苏A12345", "black", True),
        ("苏A12346", "blue", True),
        ("苏A1234领", "black", True),
        ("苏A1234挂", "yellow", True),
    ],
)
def test_what_a_temporary_plate_is_taken_for_is_looked_at_by_who_knows_one(text, colour, asked):
    assert may_be_temporary(PlateSighting(parse_plate(text, colour), 0.99, (1, 2, 30, 10))) == asked
