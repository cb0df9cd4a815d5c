r"""`python -m models.training.column_reader`: trains the reader of columns and writes its card.

    python -m models.training.column_reader --seed 1 --minutes 30 --data ../shared/real-images --columns COLUMNS \
        --network rec.onnx --characters ppocrv6_tiny_dict.txt --out FOLDER

It is trained on rendered columns alone, which are drawn once into COLUMNS (models.training.column_store); photographs
that may be used are the ground of some. Go on with the same command where a sitting ended.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.decode import cut_to, spelling_of, top_glyphs
from models.reader import CODE_CHARACTERS
from models.training.column_store import COUNT, ColumnBatches, ColumnStore, draw
from models.training.columns import ColumnPainter, fonts_in, turned
from models.training.head import load_cut
from models.training.judging import reader_of
from models.training.network import Network
from models.training.sitting import Sitting, trainer_parser
from models.training.text_pictures import usable_photographs

JUDGED_SEED = 900_001
JUDGED_LENGTH_PX = 304


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = trainer_parser("column_reader", __doc__)
    parser.add_argument("--characters", type=Path, help="characters of the network, one a line (default: it has ours)")
    parser.add_argument("--columns", type=Path, required=True, help="folder for drawn columns; missing ones are drawn")
    parser.add_argument("--count", type=int, default=COUNT, help="columns to draw, whole thousands")
    parser.add_argument("--columns-seed", type=int, default=1, help="the seed that they are drawn from")
    parser.add_argument("--fonts", type=Path, help="folder with more fonts")
    parser.add_argument("--judged", type=int, default=400, help="rendered columns to judge with")
    return parser.parse_args(argv)


def judged(onnx_file: Path, painter: ColumnPainter, count: int) -> dict[str, int]:
    """Return how many of `count` rendered columns are read as they were painted."""
    reader = reader_of(onnx_file)
    exact = 0
    for _ in range(count):
        column = painter.next()
        alphabet, shares = cut_to(reader.read(turned(column.image, JUDGED_LENGTH_PX)), CODE_CHARACTERS)
        exact += spelling_of(top_glyphs(shares, alphabet)).text == column.text
    return {"n": count, "exact": exact}


def main(argv: Sequence[str] | None = None) -> int:
    """Train, export, judge, write `card.json`; returns 0. Raises OSError and KeyError for data that is not there."""
    arguments = _arguments(argv)
    sitting = Sitting("column_reader", arguments)
    network = Network(load_cut(arguments.network, arguments.characters))
    photographs = usable_photographs(arguments.data, 1, -1)
    fonts = fonts_in(arguments.fonts)
    draw(arguments.columns, arguments.count, arguments.columns_seed, fonts, photographs)
    sitting.train(network, ColumnBatches(sitting.rng, ColumnStore.open(arguments.columns)).next)
    painter = ColumnPainter(np.random.default_rng(JUDGED_SEED), fonts, photographs)
    sitting.card("columns", rendered=judged(sitting.onnx_file, painter, arguments.judged))
    return 0


if __name__ == "__main__":
    sys.exit(main())
