"""Looking again, with a reader that answers what the test says: which strips are read, and what comes of them."""

import cv2
import pytest

from models.container_looks import find_containers, heed_rows, lacks_size_type, size_type_beside
from models.containers import likely_code_lines
from models.framed import framed_digit, without_frame
from models.lines import ReadLine
from models.looks import Looks
from models.pixels import decoded
from models.plate_looks import find_plates, upper_row
from tests.support.drawn import BLUE, ground, jpeg, plate, text
from tests.support.spelled import Script, read_line, spelled, text_line, two_looks


def verified(found):
    return [s.container.code for s in found if s.container.check == "verified"]


def test_the_check_digit_is_looked_for_to_the_right():
    script = Script("CSQU3054383")
    row = read_line("CSQU305438", x=100, y=100)
    assert verified(find_containers(Looks(ground(), script), [row.line], [row])) == ["CSQU3054383"]
    (shape,) = script.seen
    assert shape[1] > row.line.width


def test_a_shorter_look_follows_where_the_first_saw_more_than_the_digit():
    script = Script("CSQU30S438", "CSQU3054383")
    row = read_line("CSQU305438", x=100, y=100)
    assert verified(find_containers(Looks(ground(), script), [row.line], [row])) == ["CSQU3054383"]
    assert script.seen[0][1] > script.seen[1][1]


def test_a_digit_that_was_found_apart_is_not_read_twice():
    rows = [read_line("CSQU", y=100), read_line("305438", y=140), read_line("E", x=80, y=142)]
    found = find_containers(Looks(ground(), Script("3054383")), [row.line for row in rows], rows)
    assert verified(found) == ["CSQU3054383"]


def test_no_digit_is_no_code():
    row = read_line("CSQU305438", x=100, y=100)
    found = find_containers(Looks(ground(), Script()), [row.line], [row])
    assert [s.container.check for s in found] == ["inferred"]


def test_a_disagreeing_code_is_not_looked_at_again():
    script = Script("CSQU3054383")
    row = read_line("CSQU3054384", x=100, y=100)
    assert verified(find_containers(Looks(ground(), script), [row.line], [row])) == []
    assert script.seen == []


def test_a_province_is_looked_for_to_the_left():
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE)
    row = read_line("B6R678", x=120, y=108, height=24)
    (sighting,) = find_plates(two_looks(image, Script("粤B6R678"), Script("粤B6R678")), [row])
    assert sighting.plate.text == "粤B6R678"


def test_an_upper_row_is_looked_for_above():
    row = read_line("T781挂", x=200, y=200, height=40)
    (sighting,) = find_plates(two_looks(ground(), Script("", "粤A"), Script("粤A", "T781挂")), [row])
    assert (sighting.plate.text, sighting.plate.rows) == ("粤AT781挂", 2)
    x, y, width, height = upper_row(row.line).box
    assert y + height < 210
    assert x > 200
    assert x + width < 200 + row.line.width


def test_where_the_reader_of_plates_reads_none_the_general_one_is_asked():
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE)
    row = read_line("B6R678", x=120, y=108, height=24)
    (sighting,) = find_plates(two_looks(image, Script(), Script("", "粤B6R678")), [row])
    assert sighting.plate.text == "粤B6R678"


def test_what_the_general_reader_sees_as_words_is_no_plate():
    row = read_line("川AXGR0S", x=120, y=108, height=24)
    texts = Script(*["MAXGROSS"] * 9)
    assert find_plates(two_looks(ground(), Script(), texts), [row]) == []
    assert texts.seen


@pytest.mark.parametrize(("seen", "answers"), [("桂TCUCAP", []), ("桂TCUCA9", ["桂TCUCA9"])])
def test_what_has_no_digit_is_a_word_whoever_reads_it(seen, answers):
    image = ground()
    plate(image, seen, (100, 100), 40, BLUE)
    row = read_line(seen, x=100, y=108, height=24)
    found = find_plates(two_looks(image, Script(*[seen] * 9), Script(*[seen] * 9)), [row], frozenset({seen}))
    assert [one.plate.text for one in found] == answers


def test_what_was_refused_once_stays_refused():
    image = ground()
    plate(image, "粤B6R678", (100, 100), 40, BLUE)
    row = read_line("粤B6R678", x=100, y=108, height=24)
    texts = Script("粤B6R679", *["粤B6R678"] * 2)
    assert find_plates(two_looks(image, Script(*["粤B6R678"] * 9), texts), [row]) == []


def test_weights_and_words_are_not_looked_at_again():
    script, texts = Script(), Script()
    rows = [read_line("MAXGROSSKG", y=10), read_line("A1", y=60), read_line("B6R678", y=90, height=7)]
    assert find_plates(two_looks(ground(), script, texts), rows) == []
    assert script.seen == texts.seen == []


COLUMN = [text_line(100, 20, 20, 300)]


def in_column(*answers, lines=COLUMN):
    return find_containers(Looks(ground(), Script(), Script(*answers)), lines, [])


def test_without_a_reader_of_columns_none_is_read():
    assert find_containers(Looks(ground(), Script()), COLUMN, []) == []


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        (["CSQU3054383", "CSQU305438", "CSQU3054383", ""], ["CSQU3054383"]),
        (["CSQU3054383", "", "", ""], ["CSQU3054383"]),
        ([("CSQU3054383", {5: {"0": 0.7, "8": 0.2}}), "", "", ""], []),
        ([("CSQU3054383", {5: {"0": 0.7, "8": 0.2}}), "", "CSQU3054383", ""], ["CSQU3054383"]),
        ([("CSQU3054383", {5: {"0": 0.7, "8": 0.2}})] * 2, []),
        ([("CSQU3054383", {5: {"0": 0.7, "8": 0.2}})] * 3, ["CSQU3054383"]),
        ([("CSQU3054383", {5: {"0": 0.5, "8": 0.4}})] * 4, []),
        (["CSQU3054383", "MSKU3054387", "CSQU3054383", "CSQU3054383"], ["CSQU3054383"]),
        (["CSQU3054383", "TEMU3108252", "CSQU3054383", "CSQU3054383"], []),
        (["CSQ", "CSQU3054383"], []),
        (["CSQU3054384"] * 4, []),
    ],
)
def test_a_column_is_verified_by_several_cuts_or_by_a_sure_one(answers, codes):
    assert verified(in_column(*answers)) == codes


def doubted(text, place, character, share):
    """A cut that spells `text`, and is so sure of `character` at `place`."""
    return text, {place: {character: share}}


def test_cuts_that_are_wrong_in_different_places_spell_a_code_together():
    other = doubted("CSQU3054388", 10, "8", 0.5)
    assert verified(in_column(other, doubted("C5QU8054383", 4, "8", 0.5), "CSQU3O54383", other)) == ["CSQU3054383"]
    weak = doubted("CSQU3054383", 10, "3", 0.5)
    assert verified(in_column(*[doubted("CSQU3054388", 10, "8", 0.9)] * 3, weak)) == [], "the top answer"


def test_columns_that_detectors_find_one_after_the_other_are_cuts_of_one_code():
    weak = doubted("CSQU3054383", 5, "0", 0.7)
    looks = Looks(ground(), Script(), Script(weak, "", "", "", weak, "", "", "", weak, "", "", ""))
    found = [verified(find_containers(looks, COLUMN, [])) for _ in range(3)]
    assert found == [[], [], ["CSQU3054383"]]


def test_another_verified_code_at_the_same_place_leaves_it_open():
    weak, other = doubted("CSQU3054383", 5, "0", 0.7), doubted("TEMU3108252", 5, "1", 0.7)
    assert verified(in_column(weak, other, weak, weak)) == []


@pytest.mark.parametrize(
    ("row", "height", "codes"),
    [
        ("GHU1030851", 60, []),
        ("GHU1030851", 40, ["CSQU3054383"]),
        ("SQU3054", 60, ["CSQU3054383"]),
        ("QU3064383", 60, ["CSQU3054383"]),
        ("MAERSK", 60, ["CSQU3054383"]),
    ],
)
def test_a_column_is_another_box_s_where_a_larger_row_holds_another_number(row, height, codes):
    looks = Looks(ground(), Script(), Script("CSQU3054383", "", "", ""))
    heed_rows(looks, [read_line(row, x=200, y=20, height=height)])
    assert verified(find_containers(looks, COLUMN, [])) == codes


def test_a_column_that_lacks_characters_is_cut_longer_until_it_lacks_none():
    script = Script("U3054383", "", "", "", "QU3054383", "CSQU3054383")
    looks = Looks(ground(), Script(), script)
    assert verified(find_containers(looks, COLUMN, [])) == ["CSQU3054383"]
    lengths = [shape[1] for shape in script.seen]
    assert lengths[0] < lengths[4] < lengths[5]


def test_a_longer_cut_that_reads_no_more_ends_the_looking():
    script = Script("CSQU30543", "", "", "", "CSQU30543", "CSQU3054383")
    assert verified(find_containers(Looks(ground(), Script(), script), COLUMN, [])) == []
    assert len(script.seen) == 5


def test_the_size_and_type_stands_in_the_other_column():
    other = text_line(140, 20, 20, 120)
    (sighting,) = in_column("CSQU3054383", "45G1", "CSQU3054383", lines=[*COLUMN, other])
    assert sighting.container.size_type == "45G1"


@pytest.mark.parametrize(
    ("beside", "size_type"),
    [
        (["22G1M8", "XX2ZGI9", "", ""], "22G1"),
        (["M22G1M8", "", "", ""], None),
        (["22G1M8", "22G1", "45G1", "L5G1"], "22G1"),
        (["M22G1M8", "22G1", "45G1", "45GI"], None),
        (["4310M8", "4310", "", ""], None),
    ],
)
def test_the_size_and_type_is_what_two_cuts_of_a_column_hold(beside, size_type):
    other = text_line(140, 20, 20, 120)
    codes = ["CSQU3054383", "", "", ""]
    found = in_column(codes[0], beside[0], *codes[1:], *beside[1:], lines=[*COLUMN, other])
    assert [sighting.container.size_type for sighting in found] == [size_type]


def test_a_column_that_another_look_finds_holds_the_size_and_type():
    looks = Looks(ground(), Script(), Script("CSQU3054383", "", "", "", "M45G1", "M45GI", "", ""))
    found = find_containers(looks, COLUMN, [])
    assert lacks_size_type(found)
    (sighting,) = size_type_beside(looks, [*COLUMN, text_line(140, 20, 20, 120)], found)
    assert (sighting.container.code, sighting.container.size_type) == ("CSQU3054383", "45G1")
    assert not lacks_size_type([sighting])
    row = find_containers(looks, [], [read_line("CSQU3054383", y=100)])
    assert not lacks_size_type(row), "what belongs to a row stands in rows"


def test_a_code_that_lacks_its_first_letters_is_looked_at_further_to_the_left():
    row = read_line("SQU3054383", x=100, y=100)
    script = Script("CSQU3054383")
    assert verified(find_containers(Looks(ground(), script), [], [row])) == ["CSQU3054383"]
    assert verified(find_containers(Looks(ground(), Script("SQU3054383")), [], [row])) == []


YELLOW, RED, CYAN, MAGENTA, GREEN = (0, 255, 255), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 0)


@pytest.mark.parametrize("outline", [False, True])
@pytest.mark.parametrize("content", ["CSQU3054383", "CSQU"])
@pytest.mark.parametrize("colour", [YELLOW, RED, CYAN, MAGENTA, GREEN])
def test_what_a_program_drew_into_the_picture_is_no_code(colour, content, outline):
    image = ground()
    if outline:
        cv2.putText(image, content, (100, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.putText(image, content, (100, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.0, colour, 2, cv2.LINE_AA)
    (width, _), _ = cv2.getTextSize(content, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    shown = decoded(jpeg(image))
    owner = ReadLine(text_line(95, 93, width + 10, 32), spelled(content))
    serial = read_line("3054383", x=110 + width, y=93, height=32)
    rows = [owner] if len(content) > 4 else [owner, serial]
    assert find_containers(Looks(shown, Script()), [], rows) == []
    assert verified(find_containers(Looks(ground(), Script()), [], rows)) == ["CSQU3054383"]


@pytest.mark.parametrize("paint", [(30, 30, 200), (200, 190, 20), (30, 200, 210), (60, 40, 30)])
def test_white_letters_on_a_box_of_a_colour_of_screens_are_a_code(paint):
    """What stands between the letters hangs together, and goes on above and below them."""
    image = ground()
    cv2.rectangle(image, (40, 60), (600, 200), paint, -1)
    text(image, "CSQU3054383", (100, 120), 26, (250, 250, 250))
    row = ReadLine(text_line(95, 90, 240, 36), spelled("CSQU3054383"))
    assert verified(find_containers(Looks(decoded(jpeg(image)), Script()), [], [row])) == ["CSQU3054383"]


def test_the_lines_of_a_code_are_asked_for_first():
    owner = read_line("CSOU", x=100, y=100)
    serial = read_line("305438", x=170, y=100)
    below = read_line("3", x=100, y=130)
    weights = [read_line("MAXGROSS", x=100, y=300), read_line("30480KGS", x=300, y=300)]
    assert likely_code_lines([*weights, serial, below, owner]) == [row.line for row in (owner, serial, below)]


def test_of_many_lines_that_may_be_a_code_some_are_asked_for():
    many = [read_line("CSQU", y=40 * place) for place in range(20)]
    assert len(likely_code_lines(many)) == 12


def framed(digit="1", level=150, frame=True):
    """A serial number of six digits, 30 px high at (100, 100), and a digit in a frame behind it."""
    image = ground(640, 480, level)
    text(image, "305438", (100, 130), 30, (245, 245, 245))
    text(image, digit, (250, 130), 30, (245, 245, 245))
    if frame:
        cv2.rectangle(image, (242, 95), (278, 135), (245, 245, 245), 2)
    line = text_line(100, 98, 130, 34)
    return image, ReadLine(line, spelled("305438"))


def test_a_digit_in_a_frame_is_read_without_the_frame():
    image, serial = framed("3")
    owner = read_line("CSQU", x=20, y=100, height=30)
    # Wider looks see the frame as characters; the last one is of the digits and what stands in the frame.
    script = Script("30543811", "305438I", "3054383")
    found = find_containers(Looks(image, script), [], [owner, serial])
    assert verified(found) == ["CSQU3054383"]
    assert len(script.seen) == 3


@pytest.mark.parametrize("answer", ["", "305438", "30543833", "3054338", "305438E"])
def test_what_is_not_one_digit_more_is_no_check_digit(answer):
    image, serial = framed("3")
    owner = read_line("CSQU", x=20, y=100, height=30)
    assert verified(find_containers(Looks(image, Script("", "", answer)), [], [owner, serial])) == []


def test_the_other_digit_of_a_frame_does_not_verify():
    image, serial = framed("4")
    owner = read_line("CSQU", x=20, y=100, height=30)
    found = find_containers(Looks(image, Script("", "", "3054384")), [], [owner, serial])
    assert [s.container.check for s in found] == ["failed"]


def test_a_frame_is_found_in_dark_and_in_light_paint():
    for level in (40, 200):
        image, _ = framed("1", level)
        shown = image if level < 100 else 255 - image
        strip = shown[80:150, 100:400]
        frame = framed_digit(strip, 120.0, 22.0)
        assert frame is not None
        assert abs(frame.left - 142) <= 3
        assert abs(frame.width - 37) <= 4
        alone = without_frame(strip, frame, 120.0, 22.0)
        assert alone.shape[0] == strip.shape[0]
        assert alone.shape[1] < frame.left + 2 * frame.width


def test_no_frame_no_digit():
    image, _ = framed(frame=False)
    assert framed_digit(image[80:150, 100:400], 120.0, 22.0) is None
    assert framed_digit(image[80:150, 100:125], 120.0, 22.0) is None
    short = read_line("38", x=100, y=100)
    rows = [read_line("CSQU", y=40), read_line("3054", y=70), short]
    assert verified(find_containers(Looks(image, Script()), [], rows)) == []


@pytest.mark.parametrize(("heights", "too_low"), [((), False), ((4, 5), True), ((4, 9), False)])
def test_rows_that_are_all_too_low_to_be_read_are_known(heights, too_low):
    looks = two_looks(ground(), Script(), Script())
    looks.plates.read_rows([text_line(10, 10 + 20 * place, 60, height) for place, height in enumerate(heights)])
    assert looks.all_too_low == too_low
