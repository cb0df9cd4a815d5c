"""Who is asked about a plate in a scene: the reader of plates, the general one, or both."""

import pytest

from models.plate_looks import find_plates, read_whole_crop
from tests.support.drawn import BLACK, BLUE, WHITE, YELLOW, ground, plate
from tests.support.spelled import Script, read_line, two_looks


@pytest.mark.parametrize(
    ("seen", "share", "answers"),
    [
        ("粤B6R678", 0.93, ["粤B6R678"]),
        ("粤B6R678", 0.85, []),
        # On white it may be what is left of another kind of plate.
        ("粤D6R678", 1.0, []),
        # What lacks a province may be another plate, and seldom kinds need more.
        ("BC66678", 1.0, []),
        ("WJ66678", 1.0, []),
        ("WJ1693015", 1.0, ["WJ1693015"]),
        ("鲁D9467警", 0.93, []),
        ("鲁D9467警", 0.97, ["鲁D9467警"]),
        # Consulates have four digits or five, and a letter or none.
        ("鲁D9467领", 1.0, []),
        ("鲁94675领", 1.0, []),
    ],
)
def test_the_general_reader_alone_has_to_be_sure_and_to_know_the_province(seen, share, answers):
    texts = Script("", (seen, {5: {seen[5]: share, "4": 1.0 - share}}))
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE if seen[1] == "B" else WHITE)
    row = read_line("B6R678", x=120, y=108, height=24)
    assert [one.plate.text for one in find_plates(two_looks(image, Script(), texts), [row])] == answers


@pytest.mark.parametrize("first", [("粤B6R678", {5: {"7": 0.88, "1": 0.12}}), "BC66678"])
def test_what_the_general_reader_spells_first_counts(first):
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE if isinstance(first, tuple) else WHITE)
    row = read_line("B6R678", x=120, y=108, height=24)
    assert find_plates(two_looks(image, Script(), Script(first, "粤B6R618")), [row]) == []


@pytest.mark.parametrize(
    ("general", "answers"),
    [
        ("粤B6R678", ["粤B6R678"]),
        ("", ["粤B6R678"]),
        ("豫B6R678", ["粤B6R678"]),
        (("粤B6R618", {6: {"1": 0.4, "7": 0.3}}), ["粤B6R678"]),
        ("粤B6R618", []),
    ],
)
def test_what_was_surely_spelt_twice_stands_unless_the_general_reader_surely_spells_another(general, answers):
    row = read_line("粤B6R678", x=100, y=108, height=24)
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE)
    looks = two_looks(image, Script(*["粤B6R678"] * 9), Script(general))
    found = find_plates(looks, [row], frozenset({"粤B6R678"}))
    assert [one.plate.text for one in found] == answers


@pytest.mark.parametrize("undoubted", [True, False])
@pytest.mark.parametrize(
    ("ground_colour", "general", "around", "answers"),
    [
        (BLUE, "E92514", ["川E92514"], True),
        (BLUE, "ME92514", ["川E92514"] * 3, False),
        (WHITE, "E92514", ["川E92514"] * 3, True),
        (WHITE, "E92514", ["川E92514", "川E92514", ""], False),
        (WHITE, "川E92514", ["川E92514", "", ""], True),
        (WHITE, "川E92514", ["川E92514", "川E92514", "ME92514"], False),
    ],
)
def test_a_plate_on_no_ground_of_its_kind_may_be_another_kind_s(ground_colour, general, around, answers, undoubted):
    """ME92514 on white, a military plate, is 川E92514 to the reader of plates, for certain."""
    image = ground()
    plate(image, "川E92514", (100, 100), 40, ground_colour)
    row = read_line("川E92514", x=100, y=108, height=24)
    looks = two_looks(image, Script(*around), Script(general))
    found = find_plates(looks, [row], frozenset({"川E92514"} if undoubted else ()))
    assert [one.plate.text for one in found] == (["川E92514"] if answers else [])


@pytest.mark.parametrize(("share", "answers"), [(0.992, True), (0.97, False)])
def test_the_province_of_a_plate_seldom_seen_has_to_be_sure(share, answers):
    image = ground()
    plate(image, "鲁D94681", (100, 100), 40, WHITE)
    row = read_line("鲁D9468警", x=100, y=108, height=24, doubts={0: {"鲁": share, "赣": 0.995 - share}})
    looks = two_looks(image, Script(*["鲁D9468警"] * 9), Script("D9468警"))
    found = find_plates(looks, [row], frozenset({"鲁D9468警"}))
    assert [one.plate.text for one in found] == (["鲁D9468警"] if answers else [])


@pytest.mark.parametrize(("upper", "answers"), [("闽Q", ["闽Q5Y790"]), ("闽O", [])])
def test_of_two_rows_the_second_reader_is_asked_however_sure_the_first_one_is(upper, answers):
    rows = [read_line("闽Q", x=125, y=80, height=20), read_line("5Y790", x=100, y=102, height=30)]
    image = ground()
    plate(image, "闽Q5Y790", (100, 75), 60, YELLOW)
    texts = Script(upper, "5Y790", *[""] * 9)
    found = find_plates(two_looks(image, Script(*[""] * 9), texts), rows, frozenset({"闽Q5Y790"}))
    assert [one.plate.text for one in found] == answers
    assert len(texts.seen) >= 2


@pytest.mark.parametrize(("seen", "answers"), [("苏A1234临", []), ("苏A12346", ["苏A12346"])])
@pytest.mark.parametrize("undoubted", [True, False])
def test_a_sure_plate_that_may_be_a_temporary_one_is_shown_to_the_second_reader(undoubted, seen, answers):
    """In a scene, and in a crop: of plates that end like a temporary one, or have no colour."""
    row = read_line("苏A12346", x=100, y=108, height=24)
    sure = frozenset({"苏A12346"}) if undoubted else frozenset()
    image = ground()
    plate(image, "苏A12346", (100, 100), 40, BLUE)
    found = find_plates(two_looks(image, Script(*["苏A12346"] * 9), Script(seen)), [row], sure)
    assert [one.plate.text for one in found] == answers
    crop = read_whole_crop(two_looks(ground(188, 60), Script("苏A12346"), Script(seen)))
    assert [one.plate.text for one in crop] == answers


@pytest.mark.parametrize(("again", "answers"), [("粤B6R678", ["粤B6R678"]), ("粤B6R618", []), ("", [])])
def test_what_one_cut_alone_shows_and_the_general_reader_hardly_spells_is_no_answer(again, answers):
    row = read_line("粤B6R678", x=100, y=108, height=24)
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE)
    hardly = ("粤B6R678", {5: {"7": 0.3, "1": 0.2}})
    found = find_plates(two_looks(image, Script(again), Script(hardly)), [row])
    assert [one.plate.text for one in found] == answers


@pytest.mark.parametrize("undoubted", [True, False])
@pytest.mark.parametrize(
    ("seen", "weakest", "height", "general", "answers"),
    [
        ("粤B6R678", 0.96, 24, "B6R678", True),
        ("粤B6R678", 0.96, 18, "B6R678", False),
        ("粤B6R678", 0.96, 18, "粤B6R678", True),
        ("粤B6R678", 0.98, 18, "B6R678", True),
        # 港 and 澳, 警 and 澳 are much the same in so few pixels.
        ("粤Z2476澳", 0.99, 18, "Z2476", False),
        ("粤Z2476澳", 0.99, 18, "粤Z2476澳", True),
        ("粤Z2476澳", 0.99, 24, "Z2476", True),
    ],
)
def test_in_low_rows_a_doubtful_character_and_a_mark_need_both_readers(
    seen, weakest, height, general, answers, undoubted
):
    row = read_line(seen, x=100, y=100, height=height, doubts={6: {seen[6]: weakest, "B": 0.999 - weakest}})
    image = ground()
    plate(image, seen[:2] + "88888", (90, 94), 40, BLUE if seen[6] == "8" else BLACK)
    looks = two_looks(image, Script(*[seen] * 9), Script(general))
    found = find_plates(looks, [row], frozenset({seen} if undoubted else ()))
    assert [one.plate.text for one in found] == ([seen] if answers else [])
