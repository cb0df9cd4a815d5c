"""What the detector of codes and the reader of columns are trained on."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.container import parse_container
from models.registry import load_registry, locate
from models.training import code_judging, column_store
from models.training.code_judging import judged, unseen
from models.training.column_store import LENGTHS_PX, ColumnBatches, ColumnStore, draw
from models.training.columns import LENGTH_PX, ColumnPainter, fonts_in, turned
from models.training.text_pictures import SIDE_PX, PicturePainter, code_text, usable_photographs
from tests.support.drawn import ground


def rng(seed=1):
    return np.random.default_rng(seed)


def test_every_code_has_its_check_digit():
    for seed in range(200):
        code, size_type = code_text(rng(seed))
        assert parse_container(code).check == "verified"
        assert len(size_type) == 4


def photographs_in(tmp_path):
    for name in ("plates", "containers"):
        (tmp_path / name / "images").mkdir(parents=True)
        with (tmp_path / name / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "licence"])
            for place in range(16):
                writer.writerow([f"{place}.png", "MIT" if place % 2 else "none"])
                cv2.imwrite(str(tmp_path / name / "images" / f"{place}.png"), ground(40, 30))


def test_photographs_are_used_by_their_licence_and_fold(tmp_path):
    photographs_in(tmp_path)
    # Eight scenes and eight containers, each of the latter four times.
    assert len(usable_photographs(tmp_path, 4, -1)) == 8 + 32
    assert len(usable_photographs(tmp_path, 4, 0)) == 4 + 16
    assert len(usable_photographs(tmp_path, 4, 0, rest=True)) == 4 + 16
    # Where none was left out, all of them are judged with.
    assert len(unseen(tmp_path, -1)) == 8 + 32
    assert len(unseen(tmp_path, 1)) == 4 + 16


def test_a_detector_of_codes_is_judged_by_the_painted_ones_that_it_marks(tmp_path, capsys):
    def at(value):
        return lambda pictures: np.full((1, 1, *pictures.shape[2:]), value, np.float32)

    blind, sighted = (judged(at(value), [ground(640, 480)], 12) for value in (0.1, 0.9))
    assert blind["pictures"] == 12
    assert blind["lines"] == sighted["lines"] == sighted["found"] > 0
    assert blind["found"] == 0
    photographs_in(tmp_path)
    shipped = locate(load_registry()["code_detector"])
    assert code_judging.main(["--network", str(shipped), "--data", str(tmp_path), "--judged", "8"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sha256"] == load_registry()["code_detector"].sha256
    assert 0 < found["found"] <= found["lines"]


def test_painted_codes_are_marked_and_the_teacher_marks_the_rest():
    seen = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    seen[:10, :10] = 1.0
    painter = PicturePainter(rng(), [ground(640, 480), ground(200, 150)], lambda _: seen)
    examples = [painter.next() for _ in range(60)]
    assert {example.image.shape for example in examples} == {(SIDE_PX, SIDE_PX, 3)}
    assert all(example.text[:10, :10].min() == 255 for example in examples)
    painted = [example for example in examples if example.text[10:].any()]
    assert 0.15 < len(painted) / len(examples) < 0.6
    tall = [e for e in painted if np.ptp(np.nonzero(e.text[10:])[0]) > np.ptp(np.nonzero(e.text[10:])[1])]
    assert 0 < len(tall) < len(painted)


@pytest.mark.parametrize("photographs", [[], [ground(640, 480)]])
def test_columns_are_of_every_kind(photographs):
    painter = ColumnPainter(rng(), fonts_in(None), photographs)
    columns = [painter.next() for _ in range(150)]
    lengths = {len(column.text) for column in columns}
    assert {0, 4, 11} <= lengths
    assert all(column.image.shape[0] > column.image.shape[1] for column in columns if len(column.text) > 2)
    again = ColumnPainter(rng(), fonts_in(None), photographs)
    assert [column.text for column in columns] == [again.next().text for _ in range(150)]


def test_fonts_that_lean_are_left_out(tmp_path):
    for name in ("Sans-Bold.ttf", "Sans-Italic.ttf", "Serif.ttf"):
        (tmp_path / name).write_bytes(b"")
    assert [Path(font).name for font in fonts_in(tmp_path) if font.startswith(str(tmp_path))] == ["Sans-Bold.ttf"]


def test_the_first_character_is_the_leftmost():
    column = np.full((200, 20, 3), 30, np.uint8)
    column[:20] = 250
    lying = turned(column, 240)
    assert lying.shape == (48, 240, 3)
    assert lying[:, :20].mean() > 200
    assert turned(column[:40], 240).shape == (48, 240, 3)


@pytest.fixture
def two_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(column_store, "PIECE", 3)
    draw(tmp_path, 6, 1, fonts_in(None), [])
    return tmp_path


def test_columns_are_drawn_once(two_pieces):
    first = ColumnStore.open(two_pieces)
    assert len(first) == 6
    image, text = first[4]
    assert image.shape == (48, LENGTH_PX, 3)
    # What is whole stays, what is missing is drawn as it was.
    (two_pieces / "columns-1-0001.txt").unlink()
    kept = (two_pieces / "columns-1-0000.npy").stat().st_mtime_ns
    draw(two_pieces, 6, 1, fonts_in(None), [])
    again = ColumnStore.open(two_pieces)
    assert again[4][1] == text
    assert np.array_equal(again[4][0], image)
    assert (two_pieces / "columns-1-0000.npy").stat().st_mtime_ns == kept


def test_without_columns_the_command_that_draws_them_is_named(tmp_path):
    with pytest.raises(ValueError, match="column_store"):
        ColumnStore.open(tmp_path)


def test_the_command_draws_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(column_store, "PIECE", 2)
    for name in ("plates", "containers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text("image,licence\n", encoding="utf-8")
    out = tmp_path / "columns"
    assert column_store.main(["--count", "2", "--data", str(tmp_path), "--out", str(out)]) == 0
    assert len(ColumnStore.open(out)) == 2


def test_a_batch_names_its_characters(two_pieces):
    batch = ColumnBatches(rng(), ColumnStore.open(two_pieces)).next()
    assert batch.pictures.shape[1:3] == (3, 48)
    assert batch.pictures.shape[3] in LENGTHS_PX
    assert np.abs(batch.pictures).max() <= 1.0
    assert batch.lengths.sum() == len(batch.columns)
