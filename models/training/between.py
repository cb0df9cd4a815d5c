r"""`python -m models.training.between`: a model between two of one network, an earlier and a later one.

    python -m models.training.between --earlier FILE --later FILE --share 0.45 --out FOLDER/plate_reader.onnx

A long sitting reads what it was shown better, and what it was never shown a little worse; the mean of the weights of
before and after keeps most of both (Wortsman and others, *Robust fine-tuning of zero-shot models*, 2022). What the
earlier one had no column for is taken from the later one as it is.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from models.training.head import CHARACTERS, last_matrix, load_cut, named_characters


def between(earlier: Path, later: Path, share: float) -> bytes:
    """Return the model whose weights are those of `earlier` and `share` (0 to 1) of the way to those of `later`.

    Raises OSError, and ValueError for files that are not two states of one network.
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"expected a share between 0 and 1, got {share}")
    model, other = load_cut(earlier, None), load_cut(later, None)
    theirs = {tensor.name: numpy_helper.to_array(tensor) for tensor in other.graph.initializer}
    known = named_characters(onnx.load(earlier))
    # Behind the blank, which both have.
    new = [place for place, character in enumerate(CHARACTERS, start=1) if character not in known]
    heads = {tensor.name for tensor in last_matrix(model)}
    if {tensor.name for tensor in model.graph.initializer} != set(theirs):
        raise ValueError("expected two states of one network")
    for tensor in model.graph.initializer:
        ours = numpy_helper.to_array(tensor)
        if ours.dtype != np.float32:
            continue
        mixed = ((1.0 - share) * ours + share * theirs[tensor.name]).astype(np.float32)
        if tensor.name in heads:
            mixed[..., new] = theirs[tensor.name][..., new]
        tensor.CopyFrom(numpy_helper.from_array(mixed, tensor.name))
    return bytes(model.SerializeToString())


def main(argv: Sequence[str] | None = None) -> int:
    """Write the model; returns 0. Raises as `between` does."""
    parser = argparse.ArgumentParser(prog="python -m models.training.between", description=__doc__)
    parser.add_argument("--earlier", type=Path, required=True)
    parser.add_argument("--later", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.5, help="0: the earlier one, 1: the later one")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(argv)
    given.out.write_bytes(between(given.earlier, given.later, given.share))
    return 0


if __name__ == "__main__":
    sys.exit(main())
