r"""`python -m models.training.plate_reader`: trains the reader of plates, judges it and writes its card.

    python -m models.training.plate_reader --seed 1 --minutes 10 --data ../shared/real-images \
        --network rec.onnx --characters ppocrv6_tiny_dict.txt --out FOLDER

Go on with the same command where a sitting ended. `--fold 0` leaves one quarter of the photographs out, so that its
figures say what happens to photographs that were never seen. A model of an earlier run is begun with in the same way:
`--network FOLDER/plate_reader.onnx` without `--characters`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.reader import LineReader
from models.training.batches import Batches, RenderedLines
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
from models.training.photographs import CROPS, FOLDS, photographs, without_plates
from models.training.rendering import FONTS
from models.training.repaint import template
from models.training.sitting import Sitting, add_fold, trainer_parser

# The set of rendered plates that a card counts.
JUDGED_SET = 0
WRONG_IN = 1000
# A plate of a scene is drawn so many times as often as a crop: crops are nearly all of one province.
SCENE_SHARE = 3


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = trainer_parser("plate_reader", __doc__)
    add_fold(parser)
    parser.add_argument("--characters", type=Path, help="characters of the network, one a line (default: it has ours)")
    parser.add_argument("--lines", type=int, default=12_000, help="rendered lines, drawn once into FOLDER/../lines")
    parser.add_argument("--lines-seed", type=int, default=1, help="the seed that they are drawn from")
    parser.add_argument("--fonts", type=Path, default=FONTS, help="folder laid out as /usr/share/fonts")
    parser.add_argument("--judged", type=int, default=3000, help="rendered plates to judge with")
    return parser.parse_args(argv)


def _batches(arguments: argparse.Namespace, rng: np.random.Generator, reader: LineReader) -> Batches:
    rendered = RenderedLines.open(
        arguments.out.parent / "lines", arguments.lines, arguments.lines_seed, arguments.fonts
    )
    photos = photographs(arguments.data, FOLDS)
    kept = [photo for photo in photos if photo.fold != arguments.fold]
    lines = [photo.line for photo in kept for _ in range(SCENE_SHARE if photo.scene else 1)]
    templates = [found for found in (template(reader, photo.line) for photo in kept) if found is not None]
    scenes = without_plates(arguments.data, FOLDS, arguments.fold)
    sys.stderr.write(
        f"{len(rendered)} rendered lines, {len(kept)} of photographs, {len(templates)} of them to be painted over, "
        f"{len(scenes)} scenes\n"
    )
    return Batches(rng, rendered, lines, templates, scenes, arguments.fonts)


def _figures(answers: Answers) -> dict[str, Any]:
    worst = [f"{truth} as {answer}" for (truth, answer), _ in answers.misread.most_common(12)]
    return {**answers.summary(), "misread": worst}


def judged(onnx_file: Path, data: Path, fold: int, count: int) -> dict[str, Any]:
    """Return the figures of a model: gate crops, the photographs of `fold` that it never saw, rendered plates."""
    reader = reader_of(onnx_file)
    figures: dict[str, Any] = {GATE_CROPS: _figures(on_crops(reader, data / GATE_CROPS))}
    if fold >= 0:
        figures[f"{CROPS}, fold {fold}"] = _figures(on_crops(reader, data / CROPS, FOLDS, fold))
    by_class = on_rendered(reader, count, JUDGED_SET)
    whole = joined(by_class.values())
    total = whole.exact + whole.wrong + whole.unread
    figures["rendered"] = {
        **_figures(whole),
        "by_class": {name: answers.summary() for name, answers in sorted(by_class.items())},
        "calibration_error": round(calibration_error(whole.given), 4),
        "floor": round(floor_for(whole.given, total, WRONG_IN), 4),
    }
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """Train, export, judge, write `card.json`; returns 0. Raises OSError and KeyError for data that is not there."""
    arguments = _arguments(argv)
    sitting = Sitting("plate_reader", arguments)
    network = Network(load_cut(arguments.network, arguments.characters))
    sitting.onnx_file.write_bytes(network.exported())
    batches = _batches(arguments, sitting.rng, reader_of(sitting.onnx_file))
    sitting.train(network, batches.next)
    sitting.card(figures=judged(sitting.onnx_file, arguments.data, arguments.fold, arguments.judged))
    return 0


if __name__ == "__main__":
    sys.exit(main())
