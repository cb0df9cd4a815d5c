"""What plate readers are trained on: numbers of every class, rendered lines, photographs that may be used."""

import csv
import itertools
from collections import Counter

import cv2
import numpy as np
import pytest

from edge.core.plate import KIND_COLOURS, PROVINCES, plate_kind
from models.reader import ALPHABET, BLANK, COLUMN
from models.training.augment import SIGHTS, seen, taken
from models.training.batches import BATCH, WIDTHS_PX, Batches, RenderedLines
from models.training.photographs import CROPS, SCENES, boxes_of, may_train, photographs, without_plates
from models.training.rendering import HEIGHT_PX, WIDTH_PX, Line, LinePainter, installed
from models.training.repaint import Repainter, template
from models.training.texts import PlateText, plate_text, temporary_text
from simulators.scene import draw_plate
from tests.support.drawn import BLUE, ground, plate


def numbers(count=3000, seed=3):
    rng = np.random.default_rng(seed)
    return [plate_text(rng) for _ in range(count)]


def test_every_number_fits_the_grammar_in_a_colour_of_its_kind():
    for number in numbers():
        if number.kind == "temporary":
            continue
        assert plate_kind(number.text) == number.kind
        assert number.colour in KIND_COLOURS[number.kind]


def test_every_class_and_every_province_is_drawn():
    drawn = numbers()
    assert {number.kind for number in drawn} >= set(KIND_COLOURS) - {"civil_aviation", "port_internal"}
    assert {number.rows for number in drawn if number.kind == "trailer"} == {2}
    assert all("临" in (number.text[0], number.text[-1]) for number in drawn if number.kind == "temporary")
    provinces = Counter(number.text[0] for number in drawn if number.text[0] in PROVINCES)
    assert set(provinces) == set(PROVINCES)
    assert provinces.most_common(1)[0][0] == "粤" or max(provinces.values()) < 3 * min(provinces.values())


def test_the_same_seed_gives_the_same_line():
    first, second = (LinePainter(np.random.default_rng(4)).plate() for _ in range(2))
    assert first.text == second.text
    assert (first.image == second.image).all()
    assert first.image.shape == (HEIGHT_PX, WIDTH_PX, 3)


def test_a_row_of_a_plate_of_two_says_what_stands_in_it():
    painter = LinePainter(np.random.default_rng(5))
    number = PlateText("粤AT781挂", "yellow", "trailer", 2)
    assert {painter.painted(number).text for _ in range(20)} == {"粤A", "T781挂"}


def test_a_whole_plate_of_two_rows_is_higher_than_one_of_one():
    painter = LinePainter(np.random.default_rng(5))
    one, two = (painter.whole(PlateText("粤AT781挂", "yellow", "trailer", rows)) for rows in (1, 2))
    assert one.text == two.text == "粤AT781挂"
    assert one.image.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert two.image.shape[0] > one.image.shape[0]
    assert two.corners[2, 1] - two.corners[0, 1] > 1.4 * (one.corners[2, 1] - one.corners[0, 1])


@pytest.mark.parametrize("sight", SIGHTS)
def test_a_plate_is_taken_by_day_in_rain_and_at_night(sight):
    line = LinePainter(np.random.default_rng(7)).whole(PlateText("粤AT7812", "blue", "ordinary"))
    views = [taken(line.image, line.corners, (160, 48), np.random.default_rng(n), sight, sharp=True) for n in range(9)]
    days = [taken(line.image, line.corners, (160, 48), np.random.default_rng(n), "day", sharp=True) for n in range(9)]
    assert {view.shape for view in views} == {(48, 160, 3)}
    assert (np.mean(views) < 0.6 * np.mean(days)) == (sight == "night")
    assert all((view == day).all() for view, day in zip(views, days, strict=True)) == (sight == "day")


def test_other_text_reads_as_other():
    assert set(LinePainter(np.random.default_rng(6)).other().text) == {"\x01"}


def test_a_temporary_plate_is_drawn_on_paper_of_several_colours():
    painter = LinePainter(np.random.default_rng(6))
    papers = [np.median(painter.painted(temporary_text(painter._rng)).image[30:60, 60:240], (0, 1)) for _ in range(30)]
    blue, red = (np.array([paper[which] for paper in papers]) for which in (0, 2))
    assert (blue - red).max() > 25 > -25 > (blue - red).min()


def test_a_digit_stands_twice_in_a_row_more_often_than_by_chance():
    with_two = [number.text for number in numbers() if sum(map(str.isdigit, number.text)) > 3]
    twice = sum(any(a == b and a.isdigit() for a, b in itertools.pairwise(text)) for text in with_two)
    assert twice > 0.35 * len(with_two)
    assert any(any(len(list(run)) > 3 for _, run in itertools.groupby(text)) for text in with_two)


def test_missing_fonts_are_left_out():
    assert installed(["no/such/font.ttf"]) == ("",)


@pytest.mark.parametrize("sharp", [True, False])
def test_a_line_is_seen_at_the_reader_s_size(sharp):
    line = LinePainter(np.random.default_rng(7)).plate()
    rng = np.random.default_rng(8)
    views = [seen(line.image, line.corners, 160, rng, sharp=sharp) for _ in range(30)]
    assert {view.shape for view in views} == {(48, 160, 3)}
    assert len({view.tobytes() for view in views}) == 30
    # Seen well enough to be read: few pictures are nearly of one brightness.
    assert sum(view.std() > 6 for view in views) >= 27


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("Apache-2.0", True),
        ("MIT (CCPD)", True),
        ("Apache-2.0 (repo); CCPD MIT", True),
        ("MIT (repository; photos look web-sourced)", True),
        ("Apache-2.0 stated in README, no LICENSE file", False),
        ("none (no LICENSE file)", False),
        ("GPL-3.0 (repo)", False),
        ("", False),
    ],
)
def test_only_what_is_licensed_for_it_is_trained_on(licence, allowed):
    assert may_train(licence) == allowed


def photographed(text="皖A12345"):
    """A plate seen straight on, its characters where the standard has them."""
    image = draw_plate(text, "blue")
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return Line(image, corners, text)


class Placing:
    """A line reader that finds `text` where a plate has it; `misplaced` moves the last character."""

    def __init__(self, text, misplaced=0.0):
        self._text = text
        self._misplaced = misplaced

    def read(self, _line):
        steps = 200
        probabilities = np.zeros((steps, len(ALPHABET)), np.float32)
        middles = [38, 95, 174, 231, 288, 345, 402 + 440 * self._misplaced]
        for character, middle in zip(self._text, middles, strict=True):
            probabilities[min(steps - 1, round(middle / 440 * steps)), COLUMN[character]] = 1.0
        probabilities[:, BLANK] = 1.0 - probabilities.sum(axis=1)
        return probabilities


TEMPLATE = template(Placing("皖A12345"), photographed())


def test_a_province_is_painted_over_and_nothing_else():
    assert TEMPLATE is not None
    painter = Repainter(np.random.default_rng(2))
    lines = [painter.painted(TEMPLATE) for _ in range(60)]
    assert len({line.text[0] for line in lines}) > 20
    assert {line.text[1:] for line in lines} == {"A12345"}
    left, top, right, bottom = TEMPLATE.cell
    for line in lines[:5]:
        assert (line.image[:, right + 8 :] == TEMPLATE.image[:, right + 8 :]).all()
        inside = line.image[top:bottom, left:right].astype(int)
        assert np.abs(inside - TEMPLATE.image[top:bottom, left:right]).mean() > 5
        # The strokes are there: as white as the other letters.
        assert (inside.min(axis=2) > 180).mean() > 0.08


@pytest.mark.parametrize(
    ("reader", "line"),
    [
        (Placing("皖A12346"), photographed()),
        (Placing("皖A12345", misplaced=0.05), photographed()),
        (Placing("皖A12345"), Line(np.full((280, 880, 3), 128, np.uint8), photographed().corners, "皖A12345")),
    ],
)
def test_a_plate_that_does_not_lie_straight_is_no_template(reader, line):
    assert template(reader, line) is None


def labels(folder, rows):
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path):
    crop = ground(94, 24)
    plate(crop, "皖A12345", (5, 1), 22, BLUE)
    crops = [
        {"image": f"{place}.png", "plate": "皖A12345", "repo": "r", "licence": "none" if place == 3 else "MIT"}
        for place in range(20)
    ]
    labels(tmp_path / CROPS, crops)
    for row in crops:
        cv2.imwrite(str(tmp_path / CROPS / "images" / row["image"]), crop)
    scene = ground(300, 200)
    plate(scene, "粤B6R678", (100, 80), 40, BLUE)
    scenes = [
        {
            "image": f"{place}.png",
            "all_plates": "粤B6R678" if place else "粤B6R678|沪A12345",
            "boxes_xywh": "100,80,126,40",
            "repo": "r",
            "licence": "MIT",
        }
        for place in range(9)
    ]
    labels(tmp_path / SCENES, scenes)
    for row in scenes:
        cv2.imwrite(str(tmp_path / SCENES / "images" / row["image"]), scene)
    return tmp_path


def test_photographs_come_with_their_text_and_their_fold(folder):
    found = photographs(folder, 2)
    # One crop without a licence, one scene whose boxes and plates are not of one number.
    assert len(found) == 19 + 8
    assert Counter(photo.line.text for photo in found) == {"皖A12345": 19, "粤B6R678": 8}
    assert [photo.fold for photo in found[:8]] == [0] * 7 + [1]
    line = found[-1].line
    assert found[-1].scene
    left, top = line.corners[0].astype(int)
    assert np.abs(line.image[top + 3, left + 3].astype(int) - BLUE).max() < 20


def test_some_boxes_are_given_by_their_centre():
    row = {"boxes_xywh": "100,80,60,20;10,10,4,4", "repo": "liuruoze/EasyPR"}
    assert boxes_of(row) == [(70, 70, 60, 20), (8, 8, 4, 4)]
    assert boxes_of({**row, "repo": "other"})[0] == (100, 80, 60, 20)


def test_scenes_without_plates_teach_nothing_to_be_read(folder):
    scenes = without_plates(folder, 2, 1)
    assert len(scenes) == 8
    assert (scenes[0][81:119, 101:225] == 90).all()


def test_rendered_lines_are_drawn_once(tmp_path):
    first = RenderedLines.open(tmp_path, 5, 1)
    at = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = RenderedLines.open(tmp_path, 5, 1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == at
    assert len(first) == 5
    assert [again[place].text for place in range(5)] == [first[place].text for place in range(5)]
    assert (again[3].image == first[3].image).all()


@pytest.mark.parametrize("with_photographs", [True, False])
def test_a_batch_has_the_columns_of_its_texts(tmp_path, folder, with_photographs):
    lines = [photo.line for photo in photographs(folder, 2)] if with_photographs else []
    scenes = without_plates(folder, 2, 0) if with_photographs else []
    templates = [TEMPLATE] if with_photographs else []
    batches = Batches(np.random.default_rng(1), RenderedLines.open(tmp_path / "lines", 5, 1), lines, templates, scenes)
    batch = batches.next()
    assert batch.pictures.shape[:3] == (BATCH, 3, 48)
    assert batch.pictures.shape[3] in WIDTHS_PX
    assert -1.0 <= batch.pictures.min() < batch.pictures.max() <= 1.0
    assert len(batch.lengths) == BATCH
    assert batch.lengths.sum() == len(batch.columns)
    assert (batch.lengths == 0).any() == with_photographs
    if with_photographs:
        assert list(batch.columns[:1]) in ([COLUMN["皖"]], [COLUMN["粤"]])
