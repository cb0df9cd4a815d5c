"""What the judges of changed photographs share: which photographs, how they are counted, arguments and printing."""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.pixels import Image, decoded, use_one_thread
from models.scoring import Tally

Row = dict[str, str]
Figures = dict[str, Any]
_COUNTS = ("n", "exact", "wrong", "unread")


def labels_of(folder: Path) -> list[Row]:
    """Return the rows of the labels of `folder`. Raises OSError."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def labels_of_one_code(folder: Path) -> list[Row]:
    """Return the rows of pictures that show one whole code. Raises OSError, KeyError for bad labels."""
    rows = [row for row in labels_of(folder) if row["code"] and not row["legible"].startswith("partial")]
    return [row for row in rows if "|" not in row["code"]]


def photographs_of(folder: Path, rows: Sequence[Row]) -> Iterator[tuple[int, Row, Image]]:
    """Yield the pictures of `rows` with the number of their row; those that are none are left out. Raises OSError."""
    for turn, row in enumerate(rows):
        image = decoded((folder / "images" / row["image"]).read_bytes())
        if image is not None:
            yield turn, row, image


def published(tallies: Mapping[str, Tally], misread: list[dict[str, Any]]) -> Figures:
    """Return the figures of each set, and what was misread."""
    counts = {name: tally.summary() for name, tally in tallies.items()}
    return {name: {which: one[which] for which in _COUNTS} for name, one in counts.items()} | {"misread": misread}


def run(
    name: str, doc: str | None, judged: Callable[[Path, int, int], Figures], argv: Sequence[str] | None = None
) -> int:
    """Be the command of the module `name`: print what is `judged` of (folder, step, first); returns 0."""
    parser = argparse.ArgumentParser(prog=f"python -m models.training.{name}", description=doc)
    parser.add_argument("folder", type=Path, help="folder laid out as ../shared/real-images")
    parser.add_argument("--step", type=int, default=6, help="every how many photographs one is taken")
    parser.add_argument("--first", type=int, default=0, help="how many are left out before the first")
    parser.add_argument("--json", action="store_true", help="print JSON on one line")
    arguments = parser.parse_args(argv)
    use_one_thread()
    figures = judged(arguments.folder, arguments.step, arguments.first)
    sys.stdout.write(json.dumps(figures, ensure_ascii=False, indent=None if arguments.json else 2) + "\n")
    return 0
