"""What the finder of vehicles is trained on: rendered yards, marked photographs, and what is asked of cells."""

import csv
import hashlib

import cv2
import numpy as np
import pytest

from models.pixels import decoded
from models.training.container_faces import (
    LABELS_FILE,
    PhotographedFaces,
    cab_face,
    door_face,
    end_face,
    fitted,
    labelled_photographs,
    paint,
    photographed_faces,
    plain_face,
    recoloured,
    roof_face,
    side_face,
)
from models.training.container_scenes import KINDS, SIZES_PX, Marked, YardPainter, view_of
from models.training.solids import Camera, Canvas, Solid, outline
from models.training.vehicle_batches import NOTHING, DrawnScenes, SceneSource, wanted_of
from models.vehicle_finder import CELLS_PX, CHANNELS, LABELS, STEPS, middles_and_cells
from tests.support.drawn import ground, jpeg

SIZE = (320, 256)
RED = (20, 20, 200)


def rng(seed=1):
    return np.random.default_rng(seed)


def flat(colour, width=40, height=20):
    return np.full((height, width, 3), colour, np.uint8)


def block(at=(0.0, 0.0, 0.0), colour=RED, owners=(1,), wheels=()):
    return Solid(
        at, (4.0, 2.0, 2.0), dict.fromkeys(("near", "far", "rear", "front", "top"), flat(colour)), owners, wheels
    )


def before(away=10.0, up=1.0):
    at, target = np.array([2.0, up, -away], np.float32), np.array([2.0, 1.0, 0.0], np.float32)
    return Camera.looking(at, target, 0.0, 300.0, SIZE)


# --- space --------------------------------------------------------------------------------------------------------


def test_a_point_ahead_is_in_the_middle_and_what_is_higher_is_above():
    camera = before()
    assert camera.seen(np.array([[2.0, 1.0, 0.0]], np.float32))[0] == pytest.approx([160, 128])
    assert camera.seen(np.array([[3.0, 2.0, 0.0]], np.float32))[0] == pytest.approx([190, 98])
    assert camera.seen(np.array([[2.0, 1.0, -11.0]], np.float32)) is None
    assert camera.horizon() == pytest.approx(128, abs=1)


def test_a_block_is_seen_where_it_stands_and_hides_what_is_behind():
    canvas, camera = Canvas(flat(0, *SIZE)), before()
    light = {"near": 1.0}
    canvas.put(block((0.0, 0.0, 6.0), (200, 20, 20), (2,)), camera, light, 0.0)
    behind = int(canvas.owners[2].sum())
    canvas.put(block(), camera, light, 0.0)
    rows, columns = np.nonzero(canvas.owners[1])
    assert (columns.min(), columns.max() + 1) == (pytest.approx(100, abs=2), pytest.approx(220, abs=2))
    assert (rows.min(), rows.max() + 1) == (pytest.approx(98, abs=2), pytest.approx(158, abs=2))
    assert canvas.image[128, 160].tolist() == pytest.approx(RED, abs=3)
    assert canvas.owners[2].sum() < 0.2 * behind
    hull = outline([block()], camera)
    assert cv2.contourArea(hull) == pytest.approx(120 * 60, rel=0.1)


def test_what_is_too_near_or_far_aside_is_not_painted():
    canvas, camera = Canvas(flat(0, *SIZE)), before(1.0)
    canvas.put(block((0.0, 0.0, -1.0)), camera, {}, 0.0)
    canvas.put(block((900.0, 0.0, 0.0), owners=(2,)), camera, {}, 0.0)
    canvas.put(block((60.0, 0.0, 5.0), owners=(3,)), camera, {}, 0.0)
    assert not any(mask.any() for mask in canvas.owners.values())
    assert outline([block((0.0, 0.0, -1.5))], camera) is None


def test_wheels_and_shadows_lie_below():
    canvas, camera = Canvas(flat(200, *SIZE)), before(up=3.0)
    canvas.shadow(block(), camera, 0.5)
    assert canvas.image.min() == pytest.approx(100, abs=3)
    canvas.put(block(wheels=((1.0, 0.0, 0.5),)), camera, {}, 0.0)
    assert int(canvas.image.max(axis=2).min()) == pytest.approx(25, abs=5)


# --- faces --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_faces_are_as_large_as_what_they_show(seed):
    draws = rng(seed)
    colour = paint(draws)
    assert side_face(draws, 6.0, 2.5, colour).shape == (100, 240, 3)
    assert door_face(draws, 2.5, colour).shape == end_face(draws, 2.5, colour).shape == (100, 98, 3)
    assert roof_face(draws, 6.0, colour).shape == (98, 240, 3)
    assert plain_face(draws, 3.0, 2.0, colour).shape == (80, 120, 3)
    for what in ("front", "side"):
        assert cab_face(draws, what, 2.0, 2.5, colour).shape == (100, 80, 3)
    assert fitted(flat(90), 2.0, 1.0).shape == (40, 80, 3)


def test_photographed_faces_come_in_other_colours():
    faces = PhotographedFaces({"door": [flat((120, 40, 30))]})
    assert faces.one("side", rng()) is None
    assert {faces.one("door", rng(seed)).shape for seed in range(4)} == {(20, 40, 3)}
    assert len({recoloured(flat((120, 40, 30)), rng(seed)).tobytes() for seed in range(5)}) == 5


@pytest.fixture
def folder(tmp_path):
    """Photographs of containers as the folder holds them, one that may be used, one that may not, and their marks."""
    images = tmp_path / "containers" / "images"
    images.mkdir(parents=True)
    content = jpeg(ground(400, 300))
    for name in ("may.jpg", "not.jpg"):
        (images / name).write_bytes(content)
    with (tmp_path / "containers" / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "licence"), ("may.jpg", "MIT"), ("not.jpg", "none")])
    head = ["image", "sha256", "what", *(f"{axis}{place}" for place in range(1, 5) for axis in "xy")]
    digest = hashlib.sha256(content).hexdigest()
    rows = [
        ("may.jpg", digest, "container", 40, 40, 360, 40, 360, 260, 40, 260),
        ("may.jpg", digest, "door", 40, 40, 140, 40, 140, 260, 40, 260),
        ("may.jpg", digest, "neither", 0, 0, 20, 0, 20, 20, 0, 20),
        ("not.jpg", digest, "container", 40, 40, 360, 40, 360, 260, 40, 260),
    ]
    with (tmp_path / "marks.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return tmp_path


def test_marks_count_for_the_pictures_that_may_be_used(folder):
    (one,) = labelled_photographs(folder, folder / "marks.csv")
    assert [what for what, _ in one.marks] == ["container", "door", "neither"]
    faces = photographed_faces([one])
    assert {what: [face.shape for face in found] for what, found in faces.faces.items()} == {"door": [(220, 100, 3)]}


def test_another_picture_of_the_same_name_is_refused(folder):
    (folder / "containers" / "images" / "may.jpg").write_bytes(jpeg(ground(300, 300)))
    with pytest.raises(ValueError, match=r"may\.jpg"):
        labelled_photographs(folder, folder / "marks.csv")


def test_shipped_marks_are_of_known_kinds_and_name_their_pictures():
    with LABELS_FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["what"] for row in rows} == {"container", "truck", "door", "side", "end", "neither"}
    assert all(len(row["sha256"]) == 64 for row in rows)


# --- scenes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(KINDS))
def test_scenes_of_each_kind_hold_what_they_say(kind, monkeypatch):
    monkeypatch.setattr("models.training.container_scenes.KINDS", {kind: 1.0})
    painter = YardPainter(rng(), [ground(640, 480)], PhotographedFaces({"side": [flat((120, 40, 30))]}))
    scenes = [painter.next(SIZES_PX[place % 4]) for place in range(8)]
    labels = [mark.label for scene in scenes for mark in scene.marks]
    assert ("truck" in labels) == (kind == "lorry")
    assert ("container" in labels) == (kind != "none")
    for place, scene in enumerate(scenes):
        width, height = SIZES_PX[place % 4]
        assert scene.image.shape == (height, width, 3)
        for mark in scene.marks:
            left, top, right, bottom = mark.box
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height


def test_the_same_seed_paints_the_same_scenes():
    first, second = (YardPainter(rng(4), [], PhotographedFaces()) for _ in range(2))
    for _ in range(4):
        one, other = first.next(SIZE), second.next(SIZE)
        assert (one.image == other.image).all()
        assert one.marks == other.marks


def test_a_view_says_where_its_pixels_come_from():
    image = flat(0, 400, 300)
    image[140:160, 190:210] = 255
    for seed in range(6):
        part, matrix = view_of(image, rng(seed), SIZE)
        x, y = (matrix[:, :2] @ np.array([200.0, 150.0]) + matrix[:, 2]).round().astype(int)
        assert part.shape == (256, 320, 3)
        assert part[np.clip(y, 0, 255), np.clip(x, 0, 319)].min() > 200


# --- what is asked ------------------------------------------------------------------------------------------------


def test_the_cells_around_the_middle_of_a_thing_are_asked_for_it():
    wanted = wanted_of([Marked("container", (100.0, 80.0, 220.0, 150.0))], SIZE)
    middles, _ = middles_and_cells(*SIZE)
    taken = wanted.labels != NOTHING
    assert set(wanted.labels[taken]) == {LABELS.index("container")}
    assert 2 <= taken.sum() <= 3 * 9
    assert np.abs(middles[taken] - [160, 115]).max() < 50
    assert wanted.boxes[taken].tolist() == [[100, 80, 220, 150]] * int(taken.sum())
    assert not wanted.free.any()


def test_a_thing_smaller_than_its_cell_still_has_one_and_hidden_ones_are_free():
    tiny = wanted_of([Marked("car", (3.0, 3.0, 5.0, 5.0))], SIZE)
    assert (tiny.labels != NOTHING).sum() >= 1
    assert (wanted_of([Marked("car", (0.5, 0.5, 1.5, 1.5))], SIZE).labels == NOTHING).all()
    hidden = wanted_of([Marked("truck", (100.0, 80.0, 220.0, 150.0), asked=False)], SIZE)
    assert (hidden.labels == NOTHING).all()
    assert hidden.free[0].any()
    assert not hidden.free[1:].any()


def test_a_container_has_its_cells_before_the_truck_that_carries_it():
    marks = [Marked("container", (100.0, 80.0, 220.0, 150.0)), Marked("truck", (95.0, 78.0, 226.0, 156.0))]
    for order in (marks, marks[::-1]):
        assert LABELS.index("container") in set(wanted_of(order, SIZE).labels)


def knows(*things):
    """A network that sees `things` (label, place of a cell, logit) in whatever it is shown."""

    def run(batch):
        height, width = batch.shape[2:]
        count = sum((width // cell) * (height // cell) for cell in CELLS_PX)
        answers = np.full((1, CHANNELS, count), -9.0, np.float32)
        answers[0, len(LABELS) + 2 :: STEPS] = 20.0
        for label, place, logit in things:
            answers[0, LABELS.index(label), place] = logit
        return answers

    return run


def test_photographs_ask_for_what_was_marked_and_for_what_another_network_is_sure_of(folder, monkeypatch):
    monkeypatch.setattr("models.training.vehicle_batches.PHOTOGRAPHS", 1.0)
    marked = labelled_photographs(folder, folder / "marks.csv")
    network = knows(("car", 410, 3.0), ("bus", 5, -1.0), ("container", 700, 3.0))
    source = SceneSource(rng(), [ground(640, 480)], marked, network)
    made = [source.next(SIZE) for _ in range(12)]
    labels = {mark.label for scene, _ in made for mark in scene.marks}
    assert labels == {"car", "container"}
    assert any(mark.label == "container" for scene, _ in made for mark in scene.marks)
    for _, wanted in made:
        assert wanted.free[LABELS.index("bus"), 5] == (wanted.labels[5] == NOTHING)
        assert not wanted.free[LABELS.index("container")].any()


def test_what_is_drawn_is_kept_and_drawn_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("models.training.vehicle_batches.LOT", 4)
    asked = []

    def source(draws):
        asked.append(1)
        return SceneSource(draws, [], [], knows(("truck", 0, 3.0)))

    scenes = DrawnScenes.open(tmp_path / "yards", 6, 3, source)
    assert len(asked) == 2
    DrawnScenes.open(tmp_path / "yards", 6, 3, source)
    assert len(asked) == 2
    assert "scenes: 6 of 6" in capsys.readouterr().err
    batch = scenes.batch(rng(), 3)
    count = batch.labels.shape[1]
    assert batch.pictures.shape[:2] == (3, 3)
    assert (batch.boxes.shape, batch.free.shape) == ((3, count, 4), (3, len(LABELS), count))
    assert batch.free.dtype == np.bool_
    first = sorted((tmp_path / "yards").glob("*.npz"))[0]
    with np.load(first) as kept:
        assert decoded(kept["content"].tobytes()).shape == (224, 320, 3)
        spoilt = {name: kept[name] for name in kept.files} | {"content": np.zeros(3, np.uint8)}
    for path in (tmp_path / "yards").glob("*.npz"):
        np.savez(path, **spoilt)
    with pytest.raises(ValueError, match="expected a scene"):
        scenes.batch(rng(), 1)
