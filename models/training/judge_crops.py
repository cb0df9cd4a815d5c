r"""`python -m models.training.judge_crops`: what one reader of lines reads of photographed crops, by itself.

    python -m models.training.judge_crops --network models/weights/plate_reader.onnx --data ../shared/real-images

Crops of gates, which taught none, and the quarter of the others that was left out. The product asks more than one.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from models.pixels import use_one_thread
from models.training.judging import GATE_CROPS, on_crops, reader_of
from models.training.photographs import CROPS, FOLDS, LEFT_OUT


def main(argv: Sequence[str] | None = None) -> int:
    """Judge and print one JSON object; returns 0. Raises OSError, KeyError and ModelError for what cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m models.training.judge_crops", description=__doc__)
    parser.add_argument("--network", type=Path, required=True, help="reader, ONNX")
    parser.add_argument("--data", type=Path, required=True, help="folder laid out as ../shared/real-images")
    arguments = parser.parse_args(argv)
    use_one_thread()
    reader = reader_of(arguments.network)
    gates = on_crops(reader, arguments.data / GATE_CROPS)
    others = on_crops(reader, arguments.data / CROPS, FOLDS, LEFT_OUT)
    found = {GATE_CROPS: gates.summary(), f"{CROPS}, fold {LEFT_OUT}": others.summary()}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
