"""Detector output, geometry of lines, columns, colours: pixels without a network."""

import numpy as np
import pytest

from models.colours import plate_colour
from models.columns import ColumnCut, bend_of, column_corners, columns_of, completing, turned_column
from models.decode import Glyph
from models.detector import FAINT, PLAIN, TextDetector, TextLine, input_size, lines_of_map
from models.lines import corners_around, is_upright, layout_of, overlap, stands_above, stands_left, stretched
from models.pixels import cut_out, order_corners, upright_box
from models.reader import ALPHABET, COLUMN, OTHER, LineReader, column_map
from models.sessions import ModelOutputError
from tests.support.drawn import BLACK, BLUE, WHITE, YELLOW, ground, plate
from tests.support.spelled import text_line

# Bright enough for the dark characters of new energy.
GREEN = (120, 225, 100)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (640, 352)), ((640, 480), (640, 480)), ((100, 100), (192, 192)), ((10, 2000), (32, 640))],
)
def test_the_detector_sees_multiples_of_its_stride(size, expected):
    assert input_size(*size, 640) == expected


def test_a_line_of_the_map_is_grown_to_the_whole_characters():
    probability = np.zeros((100, 200), np.float32)
    probability[40:50, 50:150] = 0.9
    (line,) = lines_of_map(probability, 2.0, 2.0)
    x, y, width, height = line.box
    assert x < 100
    assert y < 80
    assert x + width > 300
    assert y + height > 100
    assert line.score > 0.8


def test_specks_and_unsure_spots_are_no_lines():
    probability = np.zeros((100, 200), np.float32)
    probability[10:12, 10:12] = 0.9
    probability[40:50, 50:150] = 0.35
    assert lines_of_map(probability, 1.0, 1.0) == []


def test_faint_lines_are_found_where_they_are_asked_for_without_another_look():
    asked = []

    def run(batch):
        asked.append(batch.shape)
        probability = np.zeros((1, 1, *batch.shape[2:]), np.float32)
        probability[0, 0, 20:200, 100:120] = 0.25
        return probability

    detector, image = TextDetector(run), ground(640, 480)
    assert detector.find(image, 640) == detector.find(image, 640, PLAIN) == []
    (line,) = detector.find(image, 640, FAINT)
    assert line.height > line.width
    assert len(asked) == 1
    detector.find(image, 320, FAINT)
    detector.find(image.copy(), 320, FAINT)
    assert len(asked) == 3


def bent_line(sag):
    """Return a map with a tall line whose middle lies `sag` to the right of its ends, and the line found in it."""
    probability = np.zeros((400, 200), np.float32)
    for row in range(20, 380):
        along = (row - 20) / 360
        left = 80 + round(4 * sag * along * (1 - along))
        probability[row, left : left + 16] = 0.9
    (line,) = lines_of_map(probability, 1.0, 1.0)
    return probability, line


def test_a_bent_column_is_straightened():
    probability, line = bent_line(14)
    image = np.asarray(np.repeat((probability * 255)[:, :, None], 3, axis=2), np.uint8)
    assert len(line.bend) == 3
    assert bend_of([line]) is not None
    turned = turned_column(image, [line], ColumnCut(0.0, 0.0, 0.0))[:, :, 0].astype(np.float32)
    assert turned.shape[0] == 48
    middles = [float((turned[:, at] * np.arange(48)).sum() / turned[:, at].sum()) for at in (10, 40, 66, 90, 116)]
    assert max(middles) - min(middles) < 2.5
    # As it was found it is far from straight.
    plain = turned_column(image, [TextLine(line.corners, 0.9)], ColumnCut(0.0, 0.0, 0.0))[:, :, 0].astype(np.float32)
    middles = [float((plain[:, at] * np.arange(48)).sum() / plain[:, at].sum()) for at in (10, 40, 66, 90, 116)]
    assert max(middles) - min(middles) > 5.0


def test_what_is_straight_or_short_or_no_column_is_not_bent():
    assert bend_of([bent_line(0)[1]]) is None
    assert bend_of([bent_line(60)[1]]) is None
    _, line = bent_line(14)
    assert bend_of([TextLine(line.corners, 0.9)]) is None
    short = TextLine(line.corners * np.array([1.0, 0.2], np.float32), 0.9, line.bend)
    assert bend_of([short]) is None


def test_an_answer_of_the_wrong_shape_is_an_error():
    detector = TextDetector(lambda batch: np.zeros((1, 2, 8, 8), np.float32))
    with pytest.raises(ModelOutputError):
        detector.find(ground(64, 64), 64)


@pytest.mark.parametrize("shape", [(1, 5), (2, 5, 5), (1, 5, 3)])
def test_a_reader_of_the_wrong_shape_is_an_error(shape):
    reader = LineReader(lambda batch: np.zeros(shape, np.float32), list("AB京"))
    with pytest.raises(ModelOutputError):
        reader.read(ground(60, 20))


def shares(*rows):
    return np.array([rows], np.float32)


@pytest.mark.hazard("D33")
@pytest.mark.parametrize(
    "output",
    [
        shares([0.2] * 5, [0.2] * 4 + [0.3]),
        shares([0.2] * 5, [0.0] * 5),
        shares([1.5, -0.5, 0, 0, 0]),
        shares([4.0, 2.0, 0.1, -3.0, 0.5]),
        shares([1e30] * 5),
        shares([-0.2, 0.3, 0.3, 0.3, 0.3]),
    ],
    ids=["more than one", "none", "beyond", "logits", "huge", "below"],
)
def test_what_a_reader_answers_has_to_be_shares_of_one(output):
    reader = LineReader(lambda batch: output, list("AB京"), "plate_reader")
    with pytest.raises(
        ModelOutputError, match="model_output: plate_reader answered what are no shares of one"
    ) as caught:
        reader.read(ground(60, 20))
    assert caught.value.name == "plate_reader"


def test_shares_may_be_off_by_what_numbers_of_32_bits_are():
    output = shares([0.2004, 0.1999, 0.1999, 0.2, 0.2], [1.0004, -0.0003, 0, 0, 0])
    assert LineReader(lambda batch: output, list("AB京")).read(ground(60, 20)).shape == (2, len(ALPHABET))
    nothing = np.zeros((1, 0, 5), np.float32)
    assert LineReader(lambda batch: nothing, list("AB京")).read(ground(60, 20)).shape == (0, len(ALPHABET))


@pytest.mark.hazard("D33")
@pytest.mark.parametrize(("least", "most"), [(-0.5, 0.5), (0.0, 1.5), (-9.0, 9.0), (0.0, 3e38)])
def test_a_map_of_text_has_to_be_shares(least, most):
    def run(batch):
        output = np.full((1, 1, *batch.shape[2:]), least, np.float32)
        output[0, 0, 5, 5] = most
        return output

    with pytest.raises(ModelOutputError, match="model_output: code_detector answered what are no shares"):
        TextDetector(run, "code_detector").find(ground(64, 64), 64)


def test_corners_of_a_code_lie_as_its_text_does():
    one = text_line(10, 20, 100, 20)
    assert corners_around([one]) == ((10, 20), (110, 20), (110, 40), (10, 40))
    # Two rows, the lower one shorter: around both.
    assert corners_around([one, text_line(30, 50, 60, 20)]) == ((10, 20), (110, 20), (110, 70), (10, 70))
    slanted = TextLine(np.array([[0, 0], [40, 30], [28, 46], [-12, 16]], np.float32), 0.9)
    more = TextLine(slanted.corners + np.array([48, 36], np.float32), 0.9)
    assert corners_around([slanted, more]) == ((0, 0), (88, 66), (76, 82), (-12, 16))


def test_how_a_code_is_painted():
    row, right, below = text_line(10, 20, 100, 20), text_line(120, 20, 80, 20), text_line(10, 45, 100, 20)
    assert layout_of([row]) == layout_of([row, right]) == "row"
    assert layout_of([row, below]) == layout_of([row, right, below]) == "rows"
    assert layout_of([text_line(10, 20, 20, 200)]) == "column"


def test_the_network_s_characters_become_ours():
    assert column_map(["a", "A", "·", "京", "字", "l"]) == [
        0, COLUMN["A"], COLUMN["A"], 0, COLUMN["京"], OTHER, COLUMN["I"], 0,
    ]  # fmt: skip


def test_probabilities_of_one_character_are_added():
    output = np.zeros((1, 1, 5), np.float32)
    output[0, 0] = [0.1, 0.3, 0.4, 0.2, 0.0]
    probabilities = LineReader(lambda batch: output, ["a", "A", "字"]).read(ground(60, 20))
    assert probabilities.shape == (1, len(ALPHABET))
    assert probabilities[0, COLUMN["A"]] == pytest.approx(0.7)
    assert probabilities[0, OTHER] == pytest.approx(0.2)


def test_corners_are_ordered_clockwise():
    corners = np.array([[10, 10], [0, 0], [10, 0], [0, 10]], np.float32)
    assert order_corners(corners).tolist() == [[0, 0], [10, 0], [10, 10], [0, 10]]


def test_what_is_cut_out_is_what_was_there():
    image = ground(100, 100)
    assert np.abs(cut_out(image, text_line(20, 30, 40, 10).corners).astype(int) - image[30:40, 20:60]).mean() < 12


def test_neighbours():
    left, right, below = text_line(0, 0, 60, 20), text_line(80, 2, 60, 20), text_line(5, 26, 60, 20)
    assert stands_left(left, right)
    assert not stands_left(right, left)
    assert not stands_left(left, below)
    assert stands_above(left, below)
    assert not stands_above(below, left)
    assert not stands_above(left, right)


def test_stretching_moves_sides_by_heights():
    assert stretched(text_line(100, 100, 60, 20), left=1, right=2, up=0.5, down=1).box == (80, 90, 120, 50)


def test_shapes():
    assert is_upright(text_line(0, 0, 20, 100))
    assert not is_upright(text_line(0, 0, 100, 20))
    assert overlap((0, 0, 10, 10), (20, 20, 5, 5)) == 0.0
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [(BLUE, "blue"), (YELLOW, "yellow"), (WHITE, "white"), (BLACK, "black"), (GREEN, "green")],
)
def test_colours(colour, expected):
    image = ground(200, 60)
    plate(image, "粤B6R678", (0, 0), 60, colour)
    assert plate_colour(image[:60, :188]) == expected


def test_yellow_and_green_is_the_large_new_energy_plate():
    image = ground(190, 60)
    plate(image, "粤BD12345", (0, 0), 60, GREEN)
    image[:, :60] = YELLOW
    assert plate_colour(image[:60, :188]) == "yellow_green"


def test_bright_characters_in_green_light_are_no_green_plate():
    image = ground(200, 60)
    plate(image, "皖AK5D11", (0, 0), 60, (90, 170, 60))
    assert plate_colour(image[:60, :188]) is None


@pytest.mark.parametrize(("left", "colour"), [(GREEN, "green"), (YELLOW, "yellow_green")])
def test_a_green_plate_in_the_dark_is_a_green_one(left, colour):
    image = ground(190, 60)
    plate(image, "粤BD1234", (0, 0), 60, GREEN)
    image[:, :60] = left
    dark = np.maximum(image[:60, :188] * 0.2, 18).astype(np.uint8)
    assert plate_colour(dark) == colour


@pytest.mark.parametrize("image", [ground(4, 4), ground(100, 30), np.full((30, 100, 3), (200, 40, 200), np.uint8)])
def test_no_colour_where_there_is_none(image):
    assert plate_colour(image) is None


def test_single_characters_under_each_other_are_a_column():
    singles = [text_line(100, 20 + 30 * place, 20, 24) for place in range(11)]
    aside = text_line(300, 20, 20, 24)
    (group,) = columns_of([*reversed(singles), aside])
    assert group == singles


def test_a_column_is_turned_to_the_left_and_drawn_together():
    image = ground(200, 400)
    image[50:90, 100:120] = WHITE
    turned = turned_column(image, [text_line(100, 50, 20, 160)], ColumnCut(0.0, 0.0, 0.0))
    assert turned.shape == (48, 192, 3)
    # What stands at the top comes first.
    assert turned[:, :44].mean() > 230
    assert turned[:, 52:].mean() < 130


@pytest.mark.parametrize("width", [12, 90])
def test_thin_strokes_of_a_column_stay_as_thin_as_they_are(width):
    image = np.zeros((400, 120, 3), np.uint8)
    # Three lines across the column, a twelfth of its width each, as far apart as they are thick.
    thick = max(1, width // 12)
    for number in range(3):
        image[100 + 2 * number * thick : 100 + (2 * number + 1) * thick, 10 : 10 + width] = 255
    turned = turned_column(image, [text_line(10, 90, width, 4 * width)], ColumnCut(0.0, 0.0, 0.0))
    row = turned[24].mean(axis=-1)
    begin = (100 - 90) * 24 / width
    lines = [row[round(begin + (2 * number + 0.5) * thick * 24 / width)] for number in range(3)]
    between = [row[round(begin + (2 * number + 1.5) * thick * 24 / width)] for number in range(2)]
    assert min(lines) > max(between) + 60


def test_a_column_is_cut_wider_and_longer():
    corners = column_corners([text_line(100, 50, 20, 100), text_line(102, 160, 20, 100)], ColumnCut(0.5, 2.0, 2.0))
    assert upright_box(corners) == (89, 10, 44, 290)


@pytest.mark.parametrize(
    ("text", "longer"),
    [
        ("QU3054383", (True, False)),
        ("3054383", (True, False)),
        ("CSQU30543", (False, True)),
        ("CSQU3054383", None),
        ("CSQ", None),
        ("22G1", None),
        ("2XY3", None),
    ],
)
def test_a_column_is_cut_longer_at_the_end_where_a_code_lacks_characters(text, longer):
    glyphs = tuple(Glyph(character, 0.9, (place + 0.5) / len(text)) for place, character in enumerate(text))
    cut = ColumnCut(0.0, 0.5, 0.5)
    again = completing([text_line(100, 50, 20, 200)], cut, glyphs)
    assert (again and (again.before > cut.before, again.after > cut.after)) == longer
    # As long as so many characters of the same pitch, and room for the gaps between owner, number and check digit.
    if again is not None:
        pitch = (200 / 20 + 1.0) / len(text)
        assert max(again.before, again.after) == pytest.approx(0.5 + (11 - len(text) + 3.0 - 0.5) * pitch)


def test_a_line_knows_its_measures():
    line = TextLine(text_line(10, 20, 30, 40).corners, 0.5)
    assert (line.width, line.height, line.centre) == (30.0, 40.0, (25.0, 40.0))
