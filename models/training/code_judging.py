r"""`python -m models.training.code_judging`: how many painted codes a detector of lines marks.

    python -m models.training.code_judging --network models/weights/code_detector.onnx --data ../shared/real-images

They are painted on photographs that were left out of training, where they stand is known. A line counts as found where
half of its core is marked as the product wants it marked (models.detector).
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from models.detector import PLAIN
from models.pixels import Array, Image, normalised, use_one_thread
from models.registry import ModelEntry
from models.sessions import Session
from models.training.photographs import FOLDS, LEFT_OUT
from models.training.text_pictures import SIDE_PX, PicturePainter, usable_photographs

JUDGED, JUDGED_SEED = 600, 900_001
FOUND_SHARE = 0.5


def unseen(folder: Path, left_out: int) -> list[Image]:
    """Return the photographs of the quarter `left_out`, all where none was. Raises OSError and KeyError."""
    return usable_photographs(folder, FOLDS, left_out, rest=left_out >= 0)


def judged(run: Callable[[Array], Array], photographs: list[Image], count: int) -> dict[str, int]:
    """Return how many lines were painted on `count` pictures and how many of them `run` marks. Raises ModelOutputError.

    Only what was painted counts: what else is text in a photograph nobody has marked.
    """
    nothing = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    painter = PicturePainter(np.random.default_rng(JUDGED_SEED), photographs, lambda _: nothing)
    lines = found = 0
    for _ in range(count):
        example = painter.next()
        number, places = cv2.connectedComponents((example.text > 0).astype(np.uint8))
        if number == 1:
            continue
        marked = run(normalised(example.image))[0, 0] > PLAIN.pixel
        shares = [float(marked[places == line].mean()) for line in range(1, number)]
        lines += len(shares)
        found += sum(share >= FOUND_SHARE for share in shares)
    return {"pictures": count, "lines": lines, "found": found}


def main(argv: Sequence[str] | None = None) -> int:
    """Judge and print one JSON object; returns 0. Raises OSError, KeyError and ModelError for what cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m models.training.code_judging", description=__doc__)
    parser.add_argument("--network", type=Path, required=True, help="detector, ONNX")
    parser.add_argument("--data", type=Path, required=True, help="folder laid out as ../shared/real-images")
    parser.add_argument("--fold", type=int, default=LEFT_OUT, help="quarter of the photographs that was left out")
    parser.add_argument("--judged", type=int, default=JUDGED, help="pictures to judge with")
    arguments = parser.parse_args(argv)
    use_one_thread()
    file = arguments.network
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    session = Session(ModelEntry(file.stem, "", "", "", str(file.resolve()), digest, "", ""))
    found = judged(session.run, unseen(arguments.data, arguments.fold), arguments.judged)
    sys.stdout.write(json.dumps({"sha256": digest, **found}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
