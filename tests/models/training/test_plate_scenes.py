"""What the detector of plates is trained on: scenes with plates painted in, and what is asked of it there."""

import csv

import cv2
import numpy as np
import pytest

from models.plate_finder import CELL_PX, CHANNELS, CORNER_UNIT_PX, plates_of_cells
from models.training.plate_batches import BATCH, PARTS, PaintedScenes, PlateBatches, SeenViews, asked, moved
from models.training.plate_scenes import HEIGHT_PX, WIDTH_PX, Ground, Scene, ScenePainter, box_corners, grounds
from models.training.rendering import Line
from tests.support.drawn import BLUE, ground, plate

NO_PLATES = np.zeros((0, 4, 2), np.float32)


def rng(seed=1):
    return np.random.default_rng(seed)


def photograph():
    image = ground(640, 480)
    plate(image, "粤B6R678", (200, 200), 50, BLUE)
    return Ground(image, quad(200, 200, 157, 50)[None])


def crop():
    image = ground(94, 24)
    plate(image, "皖A12345", (0, 0), 24, BLUE)
    return Line(image, quad(0, 0, 94, 24), "皖A12345")


def quad(x, y, width, height):
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


def wanted(*plates):
    corners = np.array([corners for corners, _ in plates], np.float32).reshape(-1, 4, 2)
    return asked(PARTS[0], corners, tuple(rows for _, rows in plates), (False,) * len(plates))


@pytest.mark.parametrize("photographs", [[], [photograph(), Ground(ground(300, 400), NO_PLATES)]])
def test_scenes_hold_plates_of_one_row_and_two_whose_corners_are_known(photographs):
    painter = ScenePainter(rng(), photographs, [crop()] if photographs else [])
    scenes = [painter.next() for _ in range(60)]
    assert {made.image.shape for made in scenes} == {(HEIGHT_PX, WIDTH_PX, 3)}
    assert all(made.corners.shape == (len(made.rows), 4, 2) for made in scenes)
    assert {1, 2} <= {rows for made in scenes for rows in made.rows}
    assert 0 < sum(not made.rows for made in scenes) < 20
    for made in scenes:
        for corners, rows in zip(made.corners, made.rows, strict=True):
            assert rows == 0 or (corners[1, 0] > corners[0, 0] and corners[3, 1] > corners[0, 1])


def test_how_a_photographed_plate_stands_is_not_known():
    scenes = [ScenePainter(rng(seed), [photograph()], [crop()]).next() for seed in range(40)]
    plates = [(corners, boxed) for made in scenes for corners, boxed in zip(made.corners, made.boxed, strict=True)]
    assert {boxed for _, boxed in plates} == {True, False}
    for corners, boxed in plates:
        upright = corners[0, 1] == corners[1, 1] and corners[0, 0] == corners[3, 0]
        assert upright == boxed


def test_of_a_boxed_plate_the_box_counts():
    corners = quad(100, 100, 132, 42)[None]
    _, _, _, weight = asked(PARTS[0], corners, (1,), (True,))
    assert not weight[0].any()
    assert 0 < weight[1, 15, 20] <= 1.0


def test_the_same_seed_paints_the_same_scenes():
    first, second = (ScenePainter(rng(4), [photograph()], [crop()]) for _ in range(2))
    for _ in range(3):
        one, other = first.next(), second.next()
        assert (one.image == other.image).all()
        assert (one.corners == other.corners).all()


def test_boxes_that_stand_are_of_plates_that_lie():
    row = {"repo": "somebody", "boxes_xywh": "100,50,30,90;10,20,90,30"}
    upright, lying = box_corners(row)
    assert upright.tolist() == quad(70, 80, 90, 30).tolist()
    assert lying.tolist() == quad(10, 20, 90, 30).tolist()


def test_grounds_are_used_by_licence_and_place_and_only_with_their_plates_marked(tmp_path):
    for name in ("plates", "containers"):
        (tmp_path / name / "images").mkdir(parents=True)
        with (tmp_path / name / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "licence", "repo", "boxes_xywh"])
            for place in range(8):
                box = "1,2,30,10" if place < 6 else ""
                writer.writerow([f"{place}.png", "MIT" if place % 2 else "none", "somebody", box])
                cv2.imwrite(str(tmp_path / name / "images" / f"{place}.png"), ground(60, 40))
    found = grounds(tmp_path, lambda place: place > 0)
    # Places 1, 3, 5 of the scenes, which have boxes; 1, 3, 5, 7 of the containers, above the truck alone.
    assert [len(one.plates) for one in found] == [1, 1, 1, 0, 0, 0, 0]
    assert [one.image.shape[0] for one in found] == [40, 40, 40, 26, 26, 26, 26]
    assert len(grounds(tmp_path, lambda place: place == 3)) == 2


def refuse(*_):
    raise AssertionError("made again")


def test_scenes_are_drawn_once(tmp_path):
    first = PaintedScenes.open(tmp_path, 3, 5, lambda: ([photograph()], []))
    again = PaintedScenes.open(tmp_path, 3, 5, refuse)
    assert len(first) == len(again) == 3
    assert (first[1].image == again[1].image).all()
    assert (first[1].corners == again[1].corners).all()
    assert (first[1].rows, first[1].boxed) == (again[1].rows, again[1].boxed)


def test_what_is_asked_for_is_what_is_answered():
    corners = quad(100, 100, 132, 42)
    centres, counted, offsets, weight = wanted((corners, 1), (quad(300, 200, 88, 44), 2))
    assert counted.min() == 1.0
    assert (centres == 1.0).sum() == 2
    assert 0 < weight[0, 15, 20] <= 1.0
    assert not weight[1].any()
    answers = np.concatenate([np.where(centres == 1.0, 6.0, -6.0), offsets]).astype(np.float32)
    assert answers.shape[0] == CHANNELS
    found = {plate.rows: plate.line.corners for plate in plates_of_cells(answers, 1.0, 1.0)}
    assert found[1] == pytest.approx(corners, abs=0.1)
    assert found[2] == pytest.approx(quad(300, 200, 88, 44), abs=0.1)


def test_cells_beside_the_middle_answer_the_same_corners():
    _, _, offsets, (weight, _) = wanted((quad(100, 100, 264, 84), 1))
    for row, column in np.argwhere(weight > 0):
        middle = np.array([(column + 0.5) * CELL_PX, (row + 0.5) * CELL_PX])
        corners = offsets[:, row, column].reshape(4, 2) * CORNER_UNIT_PX + middle
        assert corners == pytest.approx(quad(100, 100, 264, 84), abs=0.01)
    assert (weight > 0).sum() > 4


def test_a_plate_that_nobody_can_read_is_neither_asked_for_nor_held_against_anybody():
    centres, counted, _, weight = wanted((quad(200, 100, 16, 6), 0))
    assert not centres.any()
    assert not weight.any()
    assert counted[0, 12, 26] == 0.0
    assert counted[0, 30, 10] == 1.0
    # Its middle lies outside of the picture.
    assert not wanted((quad(-90, 100, 100, 30), 1))[0].any()


def test_plates_move_with_the_picture():
    image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    image[150:182, 150:250] = 255
    still = Scene(image, quad(150, 150, 100, 32)[None], (1,), (True,))
    for seed in range(40):
        seen = moved(still, rng(seed))
        assert seen.image.shape == (HEIGHT_PX, WIDTH_PX, 3)
        assert (seen.rows, seen.boxed) == ((1,), (True,))
        x, y = seen.corners[0].mean(axis=0)
        assert seen.image[int(y), int(x)].mean() > 120
    cut, small = (
        Scene(image, quad(*place)[None], (1,), (False,)) for place in ((390, 150, 100, 32), (150, 150, 15, 5))
    )
    assert moved(cut, rng()).rows == moved(small, rng()).rows == (0,)


def seen_as_brightness(batch):
    height, width = batch.shape[2] // CELL_PX, batch.shape[3] // CELL_PX
    return batch[:, :, ::CELL_PX, ::CELL_PX][:, :, :height, :width]


def test_a_batch_says_what_is_wanted_of_each_cell(tmp_path):
    scenes = PaintedScenes.open(tmp_path, 4, 2, lambda: ([photograph()], []))
    views = SeenViews.open(tmp_path, 5, 3, scenes, seen_as_brightness)
    batches = PlateBatches(rng(), views)
    shapes = set()
    for _ in range(6):
        batch = batches.next()
        cells = batch.pictures.shape[2:]
        shapes.add((cells[1], cells[0]))
        assert batch.pictures.shape == (BATCH, 3, *cells)
        assert batch.pictures.dtype == np.float32
        assert batch.centres.shape == (BATCH, 2, *cells)
        assert batch.corners.shape == (BATCH, 8, *cells)
        assert batch.counted.shape == (BATCH, 1, *cells)
        assert batch.weight.shape == (BATCH, 2, *cells)
    assert shapes == set(PARTS)


def test_views_are_seen_once(tmp_path):
    scenes = PaintedScenes.open(tmp_path, 2, 2, lambda: ([photograph()], []))
    first = SeenViews.open(tmp_path, 3, 3, scenes, seen_as_brightness)
    again = SeenViews.open(tmp_path, 3, 3, scenes, refuse)
    (cells, plates), (other_cells, other_plates) = (views.part(2, 3, 4, (40, 32)) for views in (first, again))
    whole, (corners, _, _) = first.part(2, 0, 0, PARTS[0])
    assert (cells == whole[:, 4:36, 3:43]).all()
    assert plates[0] + np.array([3, 4]) * CELL_PX == pytest.approx(corners)
    assert (cells == other_cells).all()
    assert plates[1] == other_plates[1]
    assert (plates[0] == other_plates[0]).all()
