"""What is drawn before numbers: where it stands, that it repeats, that it hides what it is said to hide."""

import numpy as np
import pytest

from models.cover_finder import COLUMNS
from models.training.cover_batches import BATCH, CoverBatches, CoverPainter, hidden_columns, shadowed
from models.training.covers import KINDS, PAINTS, Cover, covered, drawn_cover
from models.training.rendering import Line, LinePainter
from tests.support.drawn import BLUE, ground, plate

CORNERS = np.array([[60, 40], [240, 40], [240, 100], [60, 100]], np.float32)


def scene():
    image = ground(300, 140)
    plate(image, "粤B6R678", (60, 40), 60, BLUE)
    return image


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("paint", PAINTS)
def test_a_thing_stands_where_it_is_said_to_and_nowhere_else(kind, paint):
    image = scene()
    seen = covered(image, CORNERS, Cover(kind, paint, 0.1, 0.5), np.random.default_rng(1))
    changed = np.abs(seen.astype(int) - image).max(axis=2) > 20
    assert changed[40:100, 60:240].any()
    assert not changed[:, :60].any()
    assert not changed[:, 240:].any()
    if kind == "post":
        assert changed[40:100, 148:152].mean() > (0.1 if paint == "ground" else 0.6)
        assert not changed[:, :130].any()


def test_things_repeat_with_their_seed_and_stand_over_characters():
    one, again, other = ([drawn_cover(np.random.default_rng(seed)) for _ in range(2)] for seed in (1, 1, 2))
    assert one == again
    assert one != other
    rng = np.random.default_rng(3)
    drawn = [drawn_cover(rng) for _ in range(400)]
    assert {cover.kind for cover in drawn} == set(KINDS)
    assert {cover.paint for cover in drawn} == set(PAINTS)
    assert all(0.04 <= cover.width <= 0.15 and 0.05 < cover.place < 0.95 for cover in drawn)


def test_a_column_is_a_row_whose_first_side_runs_downwards():
    corners = np.roll(CORNERS, -1, axis=0)
    seen = covered(scene(), corners, Cover("post", "bright", 0.1, 0.5), np.random.default_rng(1))
    changed = np.abs(seen.astype(int) - scene()).max(axis=2) > 40
    assert changed[69:71].mean() > 0.5, "across the picture"
    assert not changed[:55].any()


def test_a_thing_may_show_another_picture():
    texture = np.full((140, 300, 3), (1, 2, 250), np.uint8)
    seen = covered(scene(), CORNERS, Cover("post", "grey", 0.1, 0.5), np.random.default_rng(1), texture)
    assert tuple(seen[70, 150]) == (1, 2, 250)


def test_what_differs_is_hidden_and_what_hardly_does_is_not_asked():
    image = scene()[40:100, 60:240]
    seen = covered(scene(), CORNERS, Cover("post", "bright", 0.1, 0.5), np.random.default_rng(1))[40:100, 60:240]
    hidden = hidden_columns(seen, image)
    assert hidden.shape == (COLUMNS,)
    assert hidden[COLUMNS // 2] == 1.0
    assert (hidden[: COLUMNS // 2 - 3] == 0.0).all()
    assert (hidden_columns(image, image) == 0.0).all()
    touched = image.copy()
    touched[28:31] = 255
    assert (hidden_columns(touched, image) == -1.0).any()


def test_a_shadow_hides_nothing():
    line = Line(scene(), CORNERS, "粤B6R678")
    rng = np.random.default_rng(2)
    ratios = [shadowed(line, rng).astype(float).sum() / line.image.sum() for _ in range(20)]
    assert min(ratios) > 0.45
    assert max(ratios) < 1.4
    assert len(set(ratios)) > 10


def test_batches_hold_lines_that_are_covered_and_lines_that_are_not(tmp_path):
    rng = np.random.default_rng(1)
    painter = CoverPainter(rng, LinePainter(rng, tmp_path), 20, [Line(scene(), CORNERS, "粤B6R678")])
    batches = CoverBatches(rng, painter)
    for _ in range(2):
        batch = batches.next()
        assert batch.pictures.shape == (BATCH, 3, 32, 128)
        assert batch.hidden.shape == batch.counted.shape == (BATCH, 1, 1, COLUMNS)
        assert batch.pictures.min() >= -1.0
        assert batch.pictures.max() <= 1.0
        share = batch.hidden.max(axis=(1, 2, 3)).mean()
        assert 0.3 < share < 0.7
        assert 0.85 < batch.counted.mean() < 1.0


def test_old_samples_make_room_for_new_ones(tmp_path, monkeypatch):
    monkeypatch.setattr("models.training.cover_batches.KEPT", BATCH)
    rng = np.random.default_rng(1)
    batches = CoverBatches(rng, CoverPainter(rng, LinePainter(rng, tmp_path), 4, []))
    first, second = batches.next(), batches.next()
    assert not np.array_equal(first.hidden, second.hidden)
