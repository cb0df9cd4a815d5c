"""The product judged on rendered plates and codes: what is drawn, how it is counted, what the command prints."""

import json

import cv2
import numpy as np
import pytest

from edge.core.container import parse_container
from edge.core.plate import PROVINCES, parse_plate
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting
from models.pipeline import CROP_HEIGHT_PX, CROP_MIN_ASPECT
from models.pixels import decoded
from models.reader import LineReader
from models.training.augment import SIGHTS
from models.training.covers import KINDS, Cover
from models.training.examples import MAX_EXAMPLES, Example, draw_examples
from models.training.judge_rendered import judge_codes, judge_plates, main
from models.training.rendered_sets import (
    CODE_FORMS,
    Drawn,
    codes,
    covered_codes,
    covered_plates,
    plates,
    scene_plates,
    temporary_plates,
)
from models.training.texts import JUDGED, judged_text

BOX = (0, 0, 100, 30)


def test_every_class_is_drawn_by_day_in_rain_and_at_night_as_the_crop_of_a_camera():
    drawn = list(plates(5 * len(JUDGED), 1))
    assert {(one.group, one.sight) for one in drawn} == {(name, sight) for name in JUDGED for sight in SIGHTS}
    for one in drawn:
        image = decoded(one.encoded)
        assert image is not None
        assert image.shape == one.image.shape
        assert image.shape[0] <= CROP_HEIGHT_PX
        assert image.shape[1] >= CROP_MIN_ASPECT * image.shape[0]
    assert {one.image.shape[0] for one in drawn if one.group == "blue"} != {48}


def test_a_set_repeats_with_its_seed_and_differs_with_another():
    first, again, other = ([one.encoded for one in plates(15, seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_covered_plates_and_codes_are_pictures_of_their_own():
    drawn = list(covered_plates(3 * len(JUDGED), 1))
    assert {one.group for one in drawn} == set(JUDGED)
    assert {one.sight for one in drawn} == {"covered"}
    assert {one.cover.kind for one in drawn} == set(KINDS)
    assert drawn[0].encoded not in {one.encoded for one in plates(15, 1)}
    assert [one.encoded for one in covered_plates(3, 1)] == [one.encoded for one in drawn[:3]]
    boxes = list(covered_codes(2 * len(CODE_FORMS), 1))
    assert {one.group for one in boxes} == {name for name, _, _ in CODE_FORMS}
    assert all(one.sight == "covered" and one.cover is not None for one in boxes)


def test_temporary_plates_are_pictures_of_their_own_and_no_plates():
    drawn = list(temporary_plates(10, 1))
    assert {one.group for one in drawn} == {"临"}
    assert {one.sight for one in drawn} == set(SIGHTS)
    assert all("临" in (one.truth[0], one.truth[-1]) and parse_plate(one.truth) is None for one in drawn)
    assert [one.encoded for one in temporary_plates(3, 1)] == [one.encoded for one in drawn[:3]]


def test_plates_in_scenes_are_small_in_the_picture_of_a_trailer():
    drawn = list(scene_plates(3 * len(JUDGED), 1))
    assert {one.group for one in drawn} == set(JUDGED)
    for one in drawn:
        scene = decoded(one.encoded)
        assert scene is not None
        assert scene.shape == (540, 960, 3)
        assert one.image.shape[0] <= CROP_HEIGHT_PX
        # It stands there as it was drawn, but for what the camera's compression leaves of it.
        least, *_ = cv2.minMaxLoc(cv2.matchTemplate(scene, one.image, cv2.TM_SQDIFF_NORMED))
        assert least < 0.05
    assert drawn[0].image.tobytes() not in {one.image.tobytes() for one in plates(15, 1)}
    assert [one.encoded for one in scene_plates(3, 1)] == [one.encoded for one in drawn[:3]]


@pytest.mark.parametrize("name", JUDGED)
def test_a_judged_plate_fits_the_grammar_and_the_provinces_take_turns(name):
    rng = np.random.default_rng(1)
    numbers = [judged_text(name, number, rng) for number in range(len(PROVINCES))]
    for number in numbers:
        plate = parse_plate(number.text, number.colour, number.rows)
        assert plate is not None
        assert (plate.kind, plate.colour, plate.rows) == (number.kind, number.colour, number.rows)
    if name == "挂, two rows":
        assert "".join(number.text[0] for number in numbers) == PROVINCES
    if name in "港澳":
        assert all(number.text.startswith("粤Z") and number.text.endswith(name) for number in numbers)


def test_codes_are_drawn_in_rows_and_in_columns():
    drawn = list(codes(len(CODE_FORMS), 1))
    assert [one.group for one in drawn] == ["one row", "two rows", "three rows", "column"]
    for one in drawn:
        container = parse_container(one.truth)
        assert container is not None
        assert container.check == "verified"
        assert decoded(one.encoded) is not None


class Answering:
    """A reader of pictures that gives one prepared reading after the other."""

    def __init__(self, *readings):
        self._readings = iter(readings)

    def read_encoded(self, _encoded, look_for):
        assert len(look_for) == 1
        return next(self._readings)


def drawn_as(truth, group="blue", sight="day", shape=(24, 80, 3)):
    return Drawn(group, sight, truth, b"", np.full(shape, 90, np.uint8))


def plate_read(text, confidence):
    return PictureReading(plates=(PlateSighting(parse_plate(text), confidence, BOX),))


def code_read(*codes_read):
    found = (ContainerSighting(parse_container(code), 0.9, BOX) for code in codes_read)
    return PictureReading(containers=tuple(found))


def nothing_alone():
    return LineReader(lambda batch: np.tile(np.array([1, 0, 0, 0], np.float32), (1, 20, 1)), ["A", "B"])


def test_plates_are_counted_by_class_and_sight_and_the_wrong_ones_are_named(tmp_path):
    reader = Answering(plate_read("京A12345", 0.99), plate_read("京A12346", 0.95), PictureReading())
    pictures = [drawn_as("京A12345"), drawn_as("京A12345", sight="rain"), drawn_as("粤ZA123港", "港")]
    with (tmp_path / "lines").open("w+", encoding="utf-8") as details:
        judged = judge_plates(reader, nothing_alone(), iter(pictures), details)
        details.seek(0)
        lines = [json.loads(line) for line in details]
    assert [(line["class"], line["answer"]) for line in lines] == [
        ("blue", "京A12345"),
        ("blue", "京A12346"),
        ("港", ""),
    ]
    figures = judged.figures()
    assert (figures["n"], figures["exact"], figures["wrong"], figures["unread"]) == (3, 1, 1, 1)
    assert figures["by_class"]["blue"] == {"n": 2, "exact": 1, "wrong": 1, "unread": 0}
    assert figures["by_sight"]["rain"] == {"n": 1, "exact": 0, "wrong": 1, "unread": 0}
    assert figures["misread"] == [{"class": "blue", "sight": "rain", "truth": "京A12345", "answer": "京A12346"}]
    assert figures["wrong_in_1000"] == pytest.approx(333.33)
    assert figures["reliability"][9] == {"answers": 2, "mean": 0.97, "right": 0.5}
    assert figures["calibration_error"] == pytest.approx(0.47)
    assert judged.unread_alone.summary() == {"n": 1, "exact": 0, "wrong": 0, "unread": 1}


def test_what_stood_before_a_number_is_counted_too(tmp_path):
    hidden = Drawn(
        "blue", "covered", "京A12345", b"", np.full((24, 80, 3), 90, np.uint8), Cover("mud", "dark", 0.1, 0.5)
    )
    with (tmp_path / "lines").open("w+", encoding="utf-8") as details:
        figures = judge_plates(
            Answering(plate_read("京A12346", 0.9)), nothing_alone(), iter([hidden]), details
        ).figures()
        details.seek(0)
        (line,) = map(json.loads, details)
    assert (line["cover"], line["paint"], line["sight"]) == ("mud", "dark", "covered")
    wrong = {"n": 1, "exact": 0, "wrong": 1, "unread": 0}
    assert figures["by_cover"] == {"dark": wrong, "mud": wrong}
    assert figures["by_sight"] == {"covered": wrong}


def test_a_second_code_beside_the_right_one_is_wrong():
    right, other = "CSQU3054383", "MSKU9070323"
    reader = Answering(code_read(right), code_read(right, other), code_read("CSQU3054384"), PictureReading())
    figures = judge_codes(reader, iter([drawn_as(right, "column")] * 4)).figures()
    assert (figures["exact"], figures["wrong"], figures["unread"]) == (1, 1, 2)
    assert figures["misread"][0]["answer"] == other


def test_the_command_judges_the_shipped_models(tmp_path, capsys):
    arguments = ["--seed", "3", "--plates", "15", "--codes", "4", "--covered-plates", "4", "--covered-codes", "2"]
    arguments += ["--temporary-plates", "3", "--scene-plates", "2"]
    arguments += ["--fonts", str(tmp_path)]
    more = ["--json", "--examples", str(tmp_path / "sheets"), "--details", str(tmp_path / "lines")]
    assert main([*arguments, *more]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["seed"], figures["fonts"]) == (3, [])
    assert set(figures["plates"]["by_class"]) == set(JUDGED)
    assert set(figures["codes"]["by_class"]) == {name for name, _, _ in CODE_FORMS}
    for part, count in (("plates", 15), ("codes", 4)):
        assert figures[part]["n"] == count
        assert figures[part]["wrong"] == 0
        assert figures[part]["exact"] >= 0.4 * count
        assert len(figures[part]["reliability"]) == 10
    assert len((tmp_path / "lines").read_text("utf-8").splitlines()) == 30
    assert figures["covered_plates"]["n"] == 4
    assert figures["covered_codes"]["n"] == 2
    assert figures["temporary_plates"]["unread"] == 3
    assert (figures["scene_plates"]["n"], figures["scene_plates"]["wrong"]) == (2, 0)
    assert (tmp_path / "sheets" / "misread-plates.png").is_file() == (figures["plates"]["exact"] < 15)


def test_the_command_prints_tables(capsys, tmp_path):
    behind = ["--covered-plates", "2", "--covered-codes", "0", "--temporary-plates", "0", "--scene-plates", "0"]
    assert main(["--plates", "15", "--codes", "0", *behind, "--fonts", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "| plates | n | exact | wrong | unread |" in out
    assert "| 挂, two rows | 1 |" in out
    assert "| covered plates | n | exact | wrong | unread |" in out
    assert "| covered | 2 |" in out
    assert "wrong in 1,000; calibration error" in out


def test_examples_are_labelled_the_wrong_ones_first(tmp_path):
    file = tmp_path / "sheet.png"
    draw_examples([], file)
    assert not file.exists()
    scene = drawn_as("CSQU3054383", "column", shape=(360, 640, 3))
    draw_examples([Example(scene, ""), Example(drawn_as("粤ZZ635港", "港"), "粤ZZ6358")], file)
    both = decoded(file.read_bytes())
    assert both is not None
    draw_examples([Example(drawn_as("粤ZZ635港", "港"), "")] * (2 * MAX_EXAMPLES), file)
    many = decoded(file.read_bytes())
    assert many is not None
    assert many.shape[0] > both.shape[0]
    assert (many < 100).any(), "a label"
