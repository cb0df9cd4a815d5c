"""The finder of covers: its graph, its loss, and its command on a small set."""

import json

import numpy as np
import pytest

from models.cover_finder import COLUMNS, CoverFinder
from tests.support.drawn import BLUE, ground, plate, png

pytestmark = pytest.mark.torch


def test_its_graph_answers_each_column_and_is_drawn_by_its_seed(tmp_path):
    from models.training.cover_network import drawn_graph
    from models.training.sitting import session_of

    one, again, other = (drawn_graph(seed).SerializeToString() for seed in (1, 1, 2))
    assert one == again
    assert one != other
    (tmp_path / "drawn.onnx").write_bytes(one)
    hidden = CoverFinder(session_of(tmp_path / "drawn.onnx").run).hidden(ground(188, 60))
    assert hidden.shape == (COLUMNS,)
    assert 0.0 < hidden.min() <= hidden.max() < 1.0


def test_columns_that_are_not_asked_for_cost_nothing():
    import torch

    from models.training.cover_batches import CoverBatch
    from models.training.cover_detector import column_loss

    hidden = np.zeros((1, 1, 1, 4), np.float32)
    hidden[..., 1] = 1.0
    counted = np.array([1, 1, 1, 0], np.float32).reshape(1, 1, 1, 4)
    right = torch.from_numpy(np.array([-9, 9, -9, 9], np.float32).reshape(1, 1, 1, 4))
    batch = CoverBatch(np.zeros((1, 3, 32, 128), np.float32), hidden, counted)
    assert float(column_loss(right, batch)) < 0.01
    assert float(column_loss(-right, batch)) > 5.0


def test_the_command_trains_and_goes_on(tmp_path, capsys):
    from models.training.cover_detector import main

    image = ground(188, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    for name in ("plate_crops_ccpd", "plates"):
        (tmp_path / name / "images").mkdir(parents=True)
        (tmp_path / name / "images" / "a.png").write_bytes(png(image))
    rows = "image,plate,licence\n" + 9 * "a.png,粤B6R678,MIT\n"
    (tmp_path / "plate_crops_ccpd" / "labels.csv").write_text(rows, encoding="utf-8")
    header = "image,plate,all_plates,boxes_xywh,repo,licence\n"
    (tmp_path / "plates" / "labels.csv").write_text(header, encoding="utf-8")
    arguments = ["--data", str(tmp_path), "--fonts", str(tmp_path), "--fold", "0", "--rendered", "10", "--judged", "8"]
    for minutes, more in (("0.02", []), ("0.03", ["--network", str(tmp_path / "out" / "cover_detector.onnx")])):
        assert main([*arguments, "--out", str(tmp_path / "out"), "--minutes", minutes, *more]) == 0
        card = json.loads(capsys.readouterr().out)
        assert card["model"] == "cover_detector"
        assert card["judged"]["lines"] == 8
        assert card["judged"]["seen"] <= card["judged"]["covered"]
