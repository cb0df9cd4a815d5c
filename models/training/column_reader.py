r"""`python -m models.training.column_reader`: trains the reader of columns and writes its card.

    python -m models.training.column_reader --seed 1 --minutes 30 --data ../shared/real-images \
        --network rec.onnx --characters ppocrv6_tiny_dict.txt --out FOLDER

It is trained on rendered columns alone; photographs that may be used are the ground of some. Go on with the same
command where a sitting ended.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from models.decode import cut_to, spelling_of, top_glyphs
from models.pixels import use_one_thread
from models.reader import CODE_CHARACTERS
from models.training.columns import ColumnBatches, ColumnPainter, fonts_in, turned
from models.training.fit import Fit
from models.training.head import load_cut
from models.training.judging import reader_of
from models.training.network import Network
from models.training.text_pictures import usable_photographs

JUDGED_SEED = 900_001
JUDGED_WIDTH_PX = 448


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.training.column_reader", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, all sittings together")
    parser.add_argument("--data", type=Path, required=True, help="folder laid out as ../shared/real-images")
    parser.add_argument("--network", type=Path, required=True, help="recogniser to begin with, ONNX")
    parser.add_argument("--characters", type=Path, help="its characters, one a line (default: it has ours)")
    parser.add_argument("--fonts", type=Path, help="folder with more fonts")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoint, model and card go")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--judged", type=int, default=400, help="rendered columns to judge with")
    return parser.parse_args(argv)


def judged(onnx_file: Path, painter: ColumnPainter, count: int) -> dict[str, int]:
    """Return how many of `count` rendered columns are read as they were painted."""
    reader = reader_of(onnx_file)
    exact = 0
    for _ in range(count):
        column = painter.next()
        alphabet, shares = cut_to(reader.read(turned(column.image, JUDGED_WIDTH_PX)), CODE_CHARACTERS)
        exact += spelling_of(top_glyphs(shares, alphabet)).text == column.text
    return {"n": count, "exact": exact}


def main(argv: Sequence[str] | None = None) -> int:
    """Train, export, judge, write `card.json`; returns 0. Raises OSError and KeyError for data that is not there."""
    arguments = _arguments(argv)
    use_one_thread()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    network = Network(load_cut(arguments.network, arguments.characters))
    photographs = usable_photographs(arguments.data, 1, -1)
    fonts = fonts_in(arguments.fonts)
    arguments.out.mkdir(parents=True, exist_ok=True)
    fit = Fit(network, arguments.minutes, arguments.out / "checkpoint.pt", lambda: rng.bit_generator.state)
    draws = fit.resume()
    if draws is not None:
        rng.bit_generator.state = draws
    fit.run(ColumnBatches(rng, ColumnPainter(rng, fonts, photographs)).next)
    onnx_file = arguments.out / "column_reader.onnx"
    onnx_file.write_bytes(network.exported(fit.averaged))
    painter = ColumnPainter(np.random.default_rng(JUDGED_SEED), fonts, photographs)
    card = {
        "model": "column_reader",
        "sha256": hashlib.sha256(onnx_file.read_bytes()).hexdigest(),
        "begun_with": hashlib.sha256(arguments.network.read_bytes()).hexdigest(),
        "seed": arguments.seed,
        "minutes": round(fit.progress.spent_s / 60, 1),
        "steps": fit.progress.steps,
        "lines": fit.progress.lines,
        "loss": round(fit.progress.loss, 4),
        "rendered": judged(onnx_file, painter, arguments.judged),
    }
    (arguments.out / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(card) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
