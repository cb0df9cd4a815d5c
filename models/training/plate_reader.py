r"""`python -m models.training.plate_reader`: trains the reader of plates, judges it and writes its card.

    python -m models.training.plate_reader --seed 1 --minutes 10 --data ../shared/real-images \
        --network rec.onnx --characters ppocrv6_tiny_dict.txt --out FOLDER

Go on with the same command where a sitting ended. `--fold 0` leaves one quarter of the photographs out, so that its
figures say what happens to photographs that were never seen. A model of an earlier run is begun with in the same way:
`--network FOLDER/plate_reader.onnx` without `--characters`.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.pixels import use_one_thread
from models.reader import LineReader
from models.training.batches import Batches, RenderedLines
from models.training.fit import Fit
from models.training.head import load_cut
from models.training.judging import (
    GATE_CROPS,
    Answers,
    calibration_error,
    floor_for,
    joined,
    on_crops,
    on_rendered,
    reader_of,
)
from models.training.network import Network
from models.training.photographs import CROPS, photographs, without_plates
from models.training.repaint import template

FOLDS = 4
# Lines that are judged are drawn from seeds that no training uses.
JUDGED_SEED = 900_000
WRONG_IN = 1000
# A plate of a scene is drawn so many times as often as a crop: crops are nearly all of one province.
SCENE_SHARE = 3


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.training.plate_reader", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, all sittings together")
    parser.add_argument("--data", type=Path, required=True, help="folder laid out as ../shared/real-images")
    parser.add_argument("--network", type=Path, required=True, help="recogniser to begin with, ONNX")
    parser.add_argument("--characters", type=Path, help="its characters, one a line (default: it has ours)")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoint, model and card go")
    parser.add_argument("--lines", type=int, default=12_000, help="rendered lines, drawn once into FOLDER/../lines")
    parser.add_argument("--lines-seed", type=int, default=1, help="the seed that they are drawn from")
    parser.add_argument("--fold", type=int, default=-1, help="quarter of the photographs to leave out (default: none)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--judged", type=int, default=3000, help="rendered plates to judge with")
    return parser.parse_args(argv)


def _batches(arguments: argparse.Namespace, rng: np.random.Generator, reader: LineReader) -> Batches:
    rendered = RenderedLines.open(arguments.out.parent / "lines", arguments.lines, arguments.lines_seed)
    photos = photographs(arguments.data, FOLDS)
    kept = [photo for photo in photos if photo.fold != arguments.fold]
    lines = [photo.line for photo in kept for _ in range(SCENE_SHARE if photo.scene else 1)]
    templates = [found for found in (template(reader, photo.line) for photo in kept) if found is not None]
    scenes = without_plates(arguments.data, FOLDS, arguments.fold)
    sys.stderr.write(
        f"{len(rendered)} rendered lines, {len(kept)} of photographs, {len(templates)} of them to be painted over, "
        f"{len(scenes)} scenes\n"
    )
    return Batches(rng, rendered, lines, templates, scenes)


def _figures(answers: Answers) -> dict[str, Any]:
    worst = [f"{truth} as {answer}" for (truth, answer), _ in answers.misread.most_common(12)]
    return {**answers.summary(), "misread": worst}


def judged(onnx_file: Path, data: Path, fold: int, count: int) -> dict[str, Any]:
    """Return the figures of a model: gate crops, the photographs of `fold` that it never saw, rendered plates."""
    reader = reader_of(onnx_file)
    figures: dict[str, Any] = {GATE_CROPS: _figures(on_crops(reader, data / GATE_CROPS))}
    if fold >= 0:
        figures[f"{CROPS}, fold {fold}"] = _figures(on_crops(reader, data / CROPS, FOLDS, fold))
    by_kind = on_rendered(reader, count, JUDGED_SEED)
    whole = joined(by_kind.values())
    total = whole.exact + whole.wrong + whole.unread
    figures["rendered"] = {
        **_figures(whole),
        "by_kind": {kind: answers.summary() for kind, answers in sorted(by_kind.items())},
        "calibration_error": round(calibration_error(whole.given), 4),
        "floor": round(floor_for(whole.given, total, WRONG_IN), 4),
    }
    return figures


def _card(arguments: argparse.Namespace, fit: Fit, onnx_file: Path) -> dict[str, Any]:
    progress = fit.progress
    return {
        "model": "plate_reader",
        "sha256": hashlib.sha256(onnx_file.read_bytes()).hexdigest(),
        "begun_with": hashlib.sha256(arguments.network.read_bytes()).hexdigest(),
        "seed": arguments.seed,
        "fold_left_out": arguments.fold,
        "minutes": round(progress.spent_s / 60, 1),
        "steps": progress.steps,
        "lines": progress.lines,
        "loss": round(progress.loss, 4),
        "figures": judged(onnx_file, arguments.data, arguments.fold, arguments.judged),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Train, export, judge, write `card.json`; returns 0. Raises OSError and KeyError for data that is not there."""
    arguments = _arguments(argv)
    use_one_thread()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    network = Network(load_cut(arguments.network, arguments.characters))
    onnx_file = arguments.out / "plate_reader.onnx"
    arguments.out.mkdir(parents=True, exist_ok=True)
    onnx_file.write_bytes(network.exported())
    batches = _batches(arguments, rng, reader_of(onnx_file))
    fit = Fit(network, arguments.minutes, arguments.out / "checkpoint.pt", lambda: rng.bit_generator.state)
    draws = fit.resume()
    if draws is not None:
        rng.bit_generator.state = draws
    fit.run(batches.next)
    onnx_file.write_bytes(network.exported(fit.averaged))
    card = _card(arguments, fit, onnx_file)
    (arguments.out / "card.json").write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(card["figures"], ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
