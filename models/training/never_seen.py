r"""`python -m models.training.never_seen DIR DETAILS`: counts by kind, and of what was never trained on.

    ./kakou evaluate ../shared/real-images --json --details FILE
    python -m models.training.never_seen ../shared/real-images FILE

DETAILS is what `kakou evaluate DIR --details` wrote. Prints one JSON object: "kinds" of plates and codes as labels.csv
names them, and "never_trained_on" by set; of each n, exact, wrong, unread. And "confidence": the expected calibration
error of all plates and of all codes that were answered.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from models.scoring import Tally
from models.training.judging import calibration_error
from models.training.photographs import CROPS, FOLDS, LEFT_OUT, SCENES, fold_of, may_train, rows_of

GATE_CROPS, CONTAINERS = "plate_crops_gate", "containers"
Row = dict[str, str]


def trained_on(folder: str, place: int, row: Row) -> bool:
    """Say whether the row at `place` of `folder` taught one of the networks that read such a picture.

    Crops of gates teach none. Scenes teach where their plates are boxed. Columns are read by what saw no fold left out.
    """
    if folder == GATE_CROPS or not may_train(row["licence"]):
        return False
    if folder == CONTAINERS and row["orientation"] == "vertical":
        return True
    return (folder != SCENES or bool(row["boxes_xywh"])) and fold_of(place, FOLDS) != LEFT_OUT


def kind_of(folder: str, row: Row) -> tuple[str, str]:
    """Return the set that a row counts in, and its kind within the set ('' for crops, which are of one)."""
    if folder == SCENES:
        return f"{folder}, {row['group']}", row["kind"]
    if folder == CONTAINERS:
        several = "|" in row["code"]
        which = "several" if several else "vertical" if row["orientation"] == "vertical" else "horizontal"
        return f"{folder}, {which}", row["orientation"]
    return folder, ""


def counted(folder: Path, details: Path) -> dict[str, dict[str, dict[str, int]]]:
    """Return the counts of `details`, which are of pictures of `folder`. Raises OSError, ValueError and KeyError."""
    answers = [json.loads(line) for line in details.read_text(encoding="utf-8").splitlines()]
    outcomes = {answer["image"]: answer["outcome"] for answer in answers}
    kinds: dict[str, Tally] = {}
    unseen: dict[str, Tally] = {}
    for name in (CROPS, GATE_CROPS, SCENES, CONTAINERS):
        for place, row in enumerate(rows_of(folder / name) if (folder / name).is_dir() else ()):
            outcome = outcomes.get(f"{name}/{row['image']}")
            if outcome is None:
                continue
            of_set, kind = kind_of(name, row)
            if kind:
                kinds.setdefault(f"{of_set}: {kind}", Tally()).add(outcome)
            if not trained_on(name, place, row):
                unseen.setdefault(of_set, Tally()).add(outcome)
    return {"kinds": _summed(kinds), "never_trained_on": _summed(unseen)}


def calibration(details: Path) -> dict[str, dict[str, float]]:
    """Return how many plates and codes were answered in `details`, and how far their confidence is from being right.

    Of each picture the first answer counts. Raises OSError, ValueError and KeyError.
    """
    given: dict[str, list[tuple[float, bool]]] = {"plates": [], "codes": []}
    for line in details.read_text(encoding="utf-8").splitlines():
        answer = json.loads(line)
        of = "codes" if answer["image"].startswith(f"{CONTAINERS}/") else "plates"
        told = answer["containers"] if of == "codes" else answer["plates"]
        if answer["outcome"] in ("exact", "wrong") and told:
            given[of].append((told[0]["confidence"], answer["outcome"] == "exact"))
    return {of: {"n": len(one), "error": round(calibration_error(one), 4)} for of, one in given.items()}


def _summed(tallies: dict[str, Tally]) -> dict[str, dict[str, int]]:
    names = ("n", "exact", "wrong", "unread")
    return {of: {name: int(tally.summary()[name] or 0) for name in names} for of, tally in sorted(tallies.items())}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0. Raises OSError, ValueError and KeyError for files that are not as described."""
    parser = argparse.ArgumentParser(prog="python -m models.training.never_seen", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("details", type=Path, metavar="DETAILS")
    arguments = parser.parse_args(argv)
    told = {**counted(arguments.folder, arguments.details), "confidence": calibration(arguments.details)}
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
