r"""`python -m models.training.cover_detector`: trains the finder of what stands before plates and writes its card.

    python -m models.training.cover_detector --seed 1 --minutes 30 --fold 0 --data ../shared/real-images --out FOLDER

It begins with weights that are drawn by the seed, or with the model of an earlier run (`--network`). Lines are rendered
plates and the photographed ones that may be trained on, half of them with something before them (`covers`).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from models.cover_finder import CoverFinder
from models.training.cover_batches import CoverBatch, CoverBatches, CoverPainter
from models.training.cover_network import drawn_graph
from models.training.network import Network, Tensor
from models.training.photographs import FOLDS, photographs
from models.training.rendering import FONTS, LinePainter
from models.training.sitting import Sitting, add_fold, session_of, trainer_parser

JUDGED_SEED = 900_005
LEARNING_RATE = 2e-3


def column_loss(logits: Tensor, batch: CoverBatch) -> Tensor:
    """Return how far `logits` (n, 1, 1, columns) are from saying which columns of `batch` are hidden."""
    hidden, counted = torch.from_numpy(batch.hidden), torch.from_numpy(batch.counted)
    off = functional.binary_cross_entropy_with_logits(logits, hidden, reduction="none")
    return (off * counted).sum() / counted.sum().clamp(min=1.0)


def judged(onnx_file: Path, painter: CoverPainter, count: int, floor: float) -> dict[str, int]:
    """Return of `count` lines how many are covered, how many of these are seen so, and how many of the others."""
    finder = CoverFinder(session_of(onnx_file).run)
    covered = seen = false = 0
    for _ in range(count):
        sample = painter.next()
        said = bool(finder.hidden(sample.image).max() >= floor)
        if (sample.hidden == 1.0).any():
            covered += 1
            seen += said
        elif not (sample.hidden < 0.0).any():
            false += said
    return {"lines": count, "covered": covered, "seen": seen, "false": false}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = trainer_parser("cover_detector", __doc__, begins_with_one=False)
    add_fold(parser)
    parser.add_argument("--rendered", type=int, default=3000, help="lines that are rendered")
    parser.add_argument("--fonts", type=Path, default=FONTS, help="folder laid out as /usr/share/fonts")
    parser.add_argument("--judged", type=int, default=2000, help="lines to judge with")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Train, export, judge, write `card.json`; returns 0. Raises OSError and KeyError for data that is not there."""
    arguments = _arguments(argv)
    sitting = Sitting("cover_detector", arguments)
    if arguments.network is None:
        arguments.network = arguments.out / "drawn.onnx"
        arguments.network.write_bytes(drawn_graph(arguments.seed).SerializeToString())
    photos = photographs(arguments.data, FOLDS)
    lines = [photo.line for photo in photos if photo.fold != arguments.fold]
    painter = CoverPainter(sitting.rng, LinePainter(sitting.rng, arguments.fonts), arguments.rendered, lines)
    sys.stderr.write(f"drawing on {arguments.rendered} rendered and {len(lines)} photographed lines\n")
    sitting.train(Network.load(arguments.network), CoverBatches(sitting.rng, painter).next, column_loss, LEARNING_RATE)
    unseen = [photo.line for photo in photos if arguments.fold in (photo.fold, -1)]
    rng = np.random.default_rng(JUDGED_SEED)
    other = CoverPainter(rng, LinePainter(rng, arguments.fonts), arguments.rendered // 10, unseen)
    sitting.card("lines", judged=judged(sitting.onnx_file, other, arguments.judged, 0.5))
    return 0


if __name__ == "__main__":
    sys.exit(main())
