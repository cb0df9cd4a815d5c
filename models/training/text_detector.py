r"""`python -m models.training.text_detector`: trains the detector of lines and writes its card.

    python -m models.training.text_detector --seed 1 --minutes 30 --fold 0 --data ../shared/real-images \
        --network det.onnx --teacher PP-OCRv6_det_small.onnx --out FOLDER

It begins with PP-OCRv6 tiny and learns from what a larger detector sees in photographs that may be
used, and from painted codes, whose places are known. Go on with the same command where a sitting ended.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from models.pixels import normalised, use_one_thread
from models.registry import ModelEntry
from models.sessions import Session
from models.training.fit import Fit, PictureBatch, map_loss
from models.training.network import Network
from models.training.text_pictures import Example, PicturePainter, usable_photographs

FOLDS = 4
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
    parser = argparse.ArgumentParser(prog="python -m models.training.text_detector", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, all sittings together")
    parser.add_argument("--data", type=Path, required=True, help="folder laid out as ../shared/real-images")
    parser.add_argument("--network", type=Path, required=True, help="detector to begin with, ONNX")
    parser.add_argument("--teacher", type=Path, required=True, help="detector to learn from, ONNX")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoint, model and card go")
    parser.add_argument("--fold", type=int, default=-1, help="quarter of the photographs to leave out (default: none)")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args(argv)


def _session(file: Path) -> Session:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Session(ModelEntry("teacher", "", "", "", str(file.resolve()), digest, "", ""))


def main(argv: Sequence[str] | None = None) -> int:
    """Train, export, write `card.json`; returns 0. Raises OSError and KeyError for data that is not there."""
    arguments = _arguments(argv)
    use_one_thread()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    network = Network.load(arguments.network)
    teacher = _session(arguments.teacher)
    photographs = usable_photographs(arguments.data, FOLDS, arguments.fold)
    painter = PicturePainter(rng, photographs, lambda image: np.asarray(teacher.run(normalised(image))[0, 0]))
    arguments.out.mkdir(parents=True, exist_ok=True)
    checkpoint = arguments.out / "checkpoint.pt"
    fit = Fit(network, arguments.minutes, checkpoint, lambda: rng.bit_generator.state, map_loss, LEARNING_RATE)
    draws = fit.resume()
    if draws is not None:
        rng.bit_generator.state = draws
    fit.run(PictureBatches(rng, painter).next)
    onnx_file = arguments.out / "text_detector.onnx"
    onnx_file.write_bytes(network.exported(fit.averaged))
    card = {
        "model": "text_detector",
        "sha256": hashlib.sha256(onnx_file.read_bytes()).hexdigest(),
        "begun_with": hashlib.sha256(arguments.network.read_bytes()).hexdigest(),
        "teacher": hashlib.sha256(arguments.teacher.read_bytes()).hexdigest(),
        "seed": arguments.seed,
        "fold_left_out": arguments.fold,
        "minutes": round(fit.progress.spent_s / 60, 1),
        "steps": fit.progress.steps,
        "pictures": fit.progress.lines,
        "loss": round(fit.progress.loss, 4),
    }
    (arguments.out / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(card) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
