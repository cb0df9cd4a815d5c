"""What the detector of codes and the reader of columns are trained on."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.container import parse_container
from models.training.columns import WIDTHS_PX, ColumnBatches, ColumnPainter, fonts_in, turned
from models.training.text_pictures import SIDE_PX, PicturePainter, code_text, usable_photographs
from tests.support.drawn import ground


def rng(seed=1):
    return np.random.default_rng(seed)


def test_every_code_has_its_check_digit():
    for seed in range(200):
        code, size_type = code_text(rng(seed))
        assert parse_container(code).check == "verified"
        assert len(size_type) == 4


def test_photographs_are_used_by_their_licence_and_fold(tmp_path):
    for name in ("plates", "containers"):
        (tmp_path / name / "images").mkdir(parents=True)
        with (tmp_path / name / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "licence"])
            for place in range(16):
                writer.writerow([f"{place}.png", "MIT" if place % 2 else "none"])
                cv2.imwrite(str(tmp_path / name / "images" / f"{place}.png"), ground(40, 30))
    # Eight scenes and eight containers, each of the latter four times.
    assert len(usable_photographs(tmp_path, 4, -1)) == 8 + 32
    assert len(usable_photographs(tmp_path, 4, 0)) == 4 + 16


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


def test_a_batch_names_its_characters():
    batch = ColumnBatches(rng(), ColumnPainter(rng(), fonts_in(None), [])).next()
    assert batch.pictures.shape[1:3] == (3, 48)
    assert batch.pictures.shape[3] in WIDTHS_PX
    assert batch.lengths.sum() == len(batch.columns)
