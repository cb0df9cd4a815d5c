r"""`python -m models.training.code_detector`: trains the detector of lines and writes its card.

    python -m models.training.code_detector --seed 1 --minutes 30 --fold 0 --data ../shared/real-images \
        --network det.onnx --teacher PP-OCRv6_det_small.onnx --out FOLDER

It begins with PP-OCRv6 tiny and learns from what a larger detector sees in photographs that may be
used, and from painted codes, whose places are known. It is judged on codes painted on the photographs that were left
out (models.training.code_judging). Go on with the same command where a sitting ended.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.pixels import normalised
from models.training.code_judging import JUDGED, judged, unseen
from models.training.fit import PictureBatch, map_loss
from models.training.network import Network
from models.training.photographs import FOLDS
from models.training.sitting import Sitting, add_fold, digest_of, session_of, trainer_parser
from models.training.text_pictures import Example, PicturePainter, usable_photographs

BATCH = 6
# Examples that are drawn before the first step, and how many are kept: every step replaces the oldest one.
FIRST, KEPT = 60, 900
LEARNING_RATE = 4e-4


class PictureBatches:
    """Batches from a pool of examples that is renewed while it is used."""

    def __init__(self, rng: np.random.Generator, painter: PicturePainter) -> None:
        self._rng = rng
        self._painter = painter
        self._pool: list[Example] = [painter.next() for _ in range(FIRST)]
        self._oldest = 0

    def next(self) -> PictureBatch:
        """Return a batch, and renew the oldest example."""
        self._renew()
        drawn = [self._pool[int(place)] for place in self._rng.integers(0, len(self._pool), BATCH)]
        pictures = np.concatenate([normalised(example.image) for example in drawn])
        text = np.stack([example.text for example in drawn]).astype(np.float32)[:, None] / 255.0
        return PictureBatch(pictures, text)

    def _renew(self) -> None:
        if len(self._pool) < KEPT:
            self._pool.append(self._painter.next())
            return
        self._pool[self._oldest] = self._painter.next()
        self._oldest = (self._oldest + 1) % KEPT


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = trainer_parser("code_detector", __doc__)
    add_fold(parser)
    parser.add_argument("--teacher", type=Path, required=True, help="detector to learn from, ONNX")
    parser.add_argument("--judged", type=int, default=JUDGED, help="pictures to judge with")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Train, export, write `card.json`; returns 0. Raises OSError and KeyError for data that is not there."""
    arguments = _arguments(argv)
    sitting = Sitting("code_detector", arguments)
    network = Network.load(arguments.network)
    teacher = session_of(arguments.teacher)
    photographs = usable_photographs(arguments.data, FOLDS, arguments.fold)
    painter = PicturePainter(sitting.rng, photographs, lambda image: np.asarray(teacher.run(normalised(image))[0, 0]))
    sitting.train(network, PictureBatches(sitting.rng, painter).next, map_loss, LEARNING_RATE)
    found = judged(session_of(sitting.onnx_file).run, unseen(arguments.data, arguments.fold), arguments.judged)
    sitting.card("pictures", teacher=digest_of(arguments.teacher), painted=found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
