"""What every trainer's command does: it goes on where a sitting ended and says what it did."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.registry import load_registry, locate

pytestmark = pytest.mark.torch


@dataclass
class Pictures:
    pictures: np.ndarray


def arguments(out: Path, **more: object) -> argparse.Namespace:
    from models.training.sitting import add_fold, trainer_parser

    parser = trainer_parser("code_detector", "trains")
    add_fold(parser)
    network = locate(load_registry()["code_detector"])
    given = {"data": out, "network": network, "out": out / "run", "minutes": 0.001, "fold": 2, **more}
    return parser.parse_args([part for name, value in given.items() for part in (f"--{name}", str(value))])


def sat(out: Path, **more: object) -> dict[str, object]:
    from models.training.network import Network
    from models.training.sitting import Sitting

    given = arguments(out, **more)
    sitting = Sitting("code_detector", given)

    def drawn() -> Pictures:
        return Pictures(sitting.rng.uniform(-1, 1, (1, 3, 32, 32)).astype(np.float32))

    sitting.train(Network.load(given.network), drawn, lambda answers, _: answers.square().mean(), 1e-4)
    return sitting.card("pictures", teacher="none")


def test_a_sitting_goes_on_from_its_checkpoint_and_writes_what_it_did(tmp_path, capsys):
    from models.training.sitting import digest_of

    card = sat(tmp_path)
    assert card["steps"] == card["pictures"] > 0
    assert (card["model"], card["fold_left_out"], card["seed"], card["teacher"]) == ("code_detector", 2, 1, "none")
    assert card["begun_with"] == load_registry()["code_detector"].sha256
    assert card["sha256"] == digest_of(tmp_path / "run" / "code_detector.onnx") != card["begun_with"]
    assert json.loads((tmp_path / "run" / "card.json").read_text("utf-8")) == card
    assert json.loads(capsys.readouterr().out) == card
    # Its minutes are spent: nothing is left to do.
    assert sat(tmp_path) == card
    assert sat(tmp_path, minutes=0.01)["steps"] > card["steps"]


def test_a_card_is_of_a_training(tmp_path):
    from models.training.sitting import Sitting

    with pytest.raises(ValueError, match="has trained"):
        Sitting("code_detector", arguments(tmp_path)).card()


def test_the_loss_of_the_detector_of_plates_falls_with_what_is_right():
    import torch

    from models.training.plate_batches import PARTS, PlateBatch, asked
    from models.training.plate_detector import place_loss

    corners = np.array([[[100, 100], [232, 100], [232, 142], [100, 142]]], np.float32)
    centres, counted, offsets, weight = (part[None] for part in asked(PARTS[0], corners, (1,), (False,)))
    batch = PlateBatch(np.zeros((1, 3, 8, 8), np.float32), centres, counted, offsets, weight)
    right = torch.from_numpy(np.concatenate([np.where(centres == 1.0, 9.0, -9.0), offsets], axis=1).astype(np.float32))
    elsewhere = torch.roll(right, 5, dims=3)
    assert float(place_loss(right, batch)) < 0.01 < 1.0 < float(place_loss(elsewhere, batch))


def test_of_a_boxed_plate_another_way_to_stand_in_its_box_is_as_right():
    import torch

    from models.plate_finder import CORNER_UNIT_PX
    from models.training.plate_batches import PARTS, PlateBatch, asked
    from models.training.plate_detector import place_loss

    upright = np.array([[[100, 100], [232, 100], [232, 142], [100, 142]]], np.float32)
    aslant = np.array([[[100, 112], [232, 100], [232, 130], [100, 142]]], np.float32)
    losses = {}
    for boxed in (True, False):
        centres, counted, offsets, weight = (part[None] for part in asked(PARTS[0], upright, (1,), (boxed,)))
        batch = PlateBatch(np.zeros((1, 3, 8, 8), np.float32), centres, counted, offsets, weight)
        told = offsets + ((aslant - upright) / CORNER_UNIT_PX).reshape(1, 8, 1, 1)
        cells = np.concatenate([np.where(centres == 1.0, 9.0, -9.0), told], axis=1).astype(np.float32)
        losses[boxed] = float(place_loss(torch.from_numpy(cells), batch))
    assert losses[True] < 0.01 < losses[False]
