r"""`python -m models.training.judge_covered DIR`: what the product answers to photographs when a part is hidden.

    python -m models.training.judge_covered ../shared/real-images --seed 1 --places places.json --json

Before every number of a folder laid out as ../shared/real-images stands one thing (`covers`), drawn by the seed and the
name of the picture. Crops are numbers as they are; in scenes a plate stands where labels.csv says, a plate without a
box and a code where the product itself reads it when nothing is in the way. Those that it does not read are left out.
`--places FILE` keeps where they stand: made where it is missing, so that another version is judged on the same
pictures. `--sets` names the sets, `--rounds` how often each picture is taken, each time with another thing, `--kinds`
the things; `--details FILE` keeps one line of JSON for each picture, `--examples FOLDER` every one that was answered
wrongly. Where a character is so hidden that nobody can tell it, to be unread is right.
"""

import argparse
import contextlib
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import cv2
import numpy as np

from edge.core.readings import PictureReading
from models.detector import TextLine
from models.lines import is_upright
from models.pipeline import CONTAINER, PLATE, PictureReader, load_picture_reader
from models.pixels import Image, use_one_thread
from models.scoring import Outcome, Tally, score_codes, score_plate
from models.training.covers import KINDS, Cover, covered, drawn_cover
from models.training.photographs import boxes_of, image_of, rows_of

GATES, CCPD, SCENES, ROWS, COLUMNS = SETS = ("plate_crops_gate", "plate_crops_ccpd", "plates", "rows", "columns")
COVERED_SEED = 910_000
# Widths are told apart in these shares of the number.
_WIDTHS = ((0.04, 0.07), (0.07, 0.11), (0.11, 0.15))
_JPEG_QUALITY = 95
Row = dict[str, str]
Corners = list[list[float]]


@dataclass(slots=True)
class Judged:
    """What was answered to one set, also by kind, paint and width of what stood before the number."""

    whole: Tally = field(default_factory=Tally)
    parts: dict[str, Tally] = field(default_factory=dict)
    misread: list[str] = field(default_factory=list)
    left_out: int = 0

    def add(self, cover: Cover, outcome: Outcome, told: str) -> None:
        """Count one picture; `told` is kept where the answer was wrong."""
        width = next(f"{low:.2f} to {high:.2f}" for low, high in _WIDTHS if cover.width <= high)
        self.whole.add(outcome)
        for name in (cover.kind, cover.paint, width):
            self.parts.setdefault(name, Tally()).add(outcome)
        if outcome == "wrong":
            self.misread.append(told)

    def figures(self) -> dict[str, Any]:
        """Return the published figures."""
        parts = {name: _counts(tally) for name, tally in sorted(self.parts.items())}
        return {**_counts(self.whole), "left_out": self.left_out, "by_cover": parts, "misread": self.misread}


def _counts(tally: Tally) -> dict[str, Any]:
    return {name: count for name, count in tally.summary().items() if count is not None}


@dataclass(slots=True)
class Judge:
    """One run: the folder, the reader, the seed, where numbers stand, and where details and examples go."""

    folder: Path
    reader: PictureReader
    seed: int
    rounds: int = 1
    limit: int | None = None
    kinds: Sequence[str] = KINDS
    places: dict[str, Corners | None] = field(default_factory=dict)
    details: TextIO | None = None
    examples: Path | None = None

    def judge(self, name: str) -> Judged:
        """Return what is answered to the set `name`. Raises OSError and KeyError for bad labels."""
        judged = Judged()
        answer = self._code if name in (ROWS, COLUMNS) else self._plate
        for place, (row, image, corners) in enumerate(self._numbers(name), 1):
            if corners is None:
                judged.left_out += 1
                continue
            for turn in range(self.rounds):
                rng = np.random.default_rng(
                    [COVERED_SEED, self.seed, turn, zlib.crc32(f"{name}/{row['image']}".encode())]
                )
                cover = self._drawn(rng)
                picture = covered(image, np.array(corners, np.float32), cover, rng)
                outcome, answers = answer(row, picture, crop=name in (GATES, CCPD))
                told = f"{row['image']}, {cover.kind}, {cover.paint}: {' '.join(answers)}"
                judged.add(cover, outcome, told)
                self._note(name, row, cover, outcome, answers, picture, turn)
            if place % 50 == 0:
                sys.stderr.write(f"{name}: {place}\n")
        return judged

    def _drawn(self, rng: np.random.Generator) -> Cover:
        while (cover := drawn_cover(rng)).kind not in self.kinds:
            pass
        return cover

    def _numbers(self, name: str) -> Iterator[tuple[Row, Image, Corners | None]]:
        """Yield the pictures of a set that can be scored, and where the number stands in each."""
        folder = self.folder / ("containers" if name in (ROWS, COLUMNS) else name)
        rows = [row for row in rows_of(folder) if _is_of(name, row)]
        for row in rows[: self.limit]:
            image = image_of(folder, row)
            if image is None:
                continue
            if name in (GATES, CCPD):
                height, width = image.shape[:2]
                yield row, image, [[0, 0], [width, 0], [width, height], [0, height]]
                continue
            known = f"{name}/{row['image']}"
            if known not in self.places:
                self.places[known] = self._plate_place(row, image) if name == SCENES else self._code_place(row, image)
            yield row, image, self.places[known]

    def _plate_place(self, row: Row, image: Image) -> Corners | None:
        texts = row["all_plates"].split("|")
        boxes = boxes_of(row) if row["boxes_xywh"] else []
        if len(boxes) == len(texts) and row["plate"] in texts:
            left, top, width, height = boxes[texts.index(row["plate"])]
            return [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]
        found = [one for one in self._read(image, PLATE, crop=False).plates if one.plate.text == row["plate"]]
        return [list(corner) for corner in found[0].corners] if found and found[0].corners else None

    def _code_place(self, row: Row, image: Image) -> Corners | None:
        for one in self._read(image, CONTAINER, crop=False).containers:
            if one.container.code == row["code"] and one.container.check == "verified" and one.corners:
                corners = np.array(one.corners, np.float32)
                # A column is a row whose first side runs downwards.
                upright = is_upright(TextLine(corners, 1.0))
                return [list(corner) for corner in (np.roll(corners, -1, axis=0) if upright else corners).tolist()]
        return None

    def _read(self, image: Image, what: str, *, crop: bool) -> PictureReading:
        # Crops are small: JPEG would take of them what no camera takes.
        _, data = cv2.imencode(".png", image) if crop else cv2.imencode(".jpg", image, [1, _JPEG_QUALITY])
        return self.reader.read_encoded(data.tobytes(), frozenset({what}))

    def _plate(self, row: Row, picture: Image, *, crop: bool) -> tuple[Outcome, list[str]]:
        answers = [one.plate.text for one in self._read(picture, PLATE, crop=crop).plates]
        answers = answers[:1] if crop else answers
        others = row.get("all_plates", "").split("|")
        return score_plate(row["plate"], others, answers), answers

    def _code(self, row: Row, picture: Image, *, crop: bool) -> tuple[Outcome, list[str]]:
        found = self._read(picture, CONTAINER, crop=crop).containers
        answers = [one.container.code for one in found if one.container.check == "verified"]
        return score_codes([row["code"]], answers), answers

    def _note(
        self, name: str, row: Row, cover: Cover, outcome: Outcome, answers: list[str], picture: Image, turn: int
    ) -> None:
        if self.details is not None:
            told = {"set": name, "image": row["image"], "truth": row.get("plate") or row.get("code"), "turn": turn}
            thing = {"cover": cover.kind, "paint": cover.paint, "width": cover.width, "place": cover.place}
            line = {**told, "outcome": outcome, "answers": answers, **thing}
            self.details.write(json.dumps(line, ensure_ascii=False) + "\n")
        if self.examples is not None and outcome == "wrong":
            _, data = cv2.imencode(".png", picture)
            (self.examples / f"{name}-{turn}-{Path(row['image']).stem}.png").write_bytes(data.tobytes())


def _is_of(name: str, row: Row) -> bool:
    if name not in (ROWS, COLUMNS):
        return True
    one_code = bool(row["code"]) and "|" not in row["code"] and not row["legible"].startswith("partial")
    return one_code and (row["orientation"] == "vertical") == (name == COLUMNS)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.training.judge_covered", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder laid out as ../shared/real-images")
    parser.add_argument("--seed", type=int, default=1, help="which things stand where")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS, help="what is judged")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what stands before numbers")
    parser.add_argument("--rounds", type=int, default=1, help="how often each picture is taken")
    parser.add_argument("--limit", type=int, help="how many pictures of a set")
    parser.add_argument("--places", type=Path, help="file that keeps where numbers stand")
    parser.add_argument("--details", type=Path, help="file for one line of JSON a picture")
    parser.add_argument("--examples", type=Path, help="folder for pictures that were answered wrongly")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, read, count, print; returns 0. Raises ModelError, OSError and KeyError for what cannot be used."""
    arguments = _arguments(argv)
    if arguments.examples is not None:
        arguments.examples.mkdir(parents=True, exist_ok=True)
    use_one_thread()
    judge = Judge(arguments.folder, load_picture_reader(), arguments.seed, arguments.rounds, arguments.limit)
    judge.kinds, judge.examples = arguments.kinds, arguments.examples
    known = arguments.places is not None and arguments.places.is_file()
    if known:
        judge.places = json.loads(arguments.places.read_text(encoding="utf-8"))
    figures: dict[str, Any] = {"seed": arguments.seed}
    with contextlib.ExitStack() as opened:
        if arguments.details is not None:
            judge.details = opened.enter_context(arguments.details.open("w", encoding="utf-8"))
        figures |= {name: judge.judge(name).figures() for name in arguments.sets}
    if arguments.places is not None and not known:
        arguments.places.write_text(json.dumps(judge.places, ensure_ascii=False), encoding="utf-8")
    sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n" if arguments.json else _table(figures))
    return 0


def _table(figures: dict[str, Any]) -> str:
    """Return the figures as a table of Markdown, and what was misread."""
    lines = ["| set | n | exact | wrong | unread |", "|---|---|---|---|---|"]
    sets = [(name, counts) for name, counts in figures.items() if name in SETS]
    for name, counts in sets:
        for part, one in ((name, counts), *((f"{name}, {part}", one) for part, one in counts["by_cover"].items())):
            lines.append(f"| {part} | {one['n']} | {one['exact']} | {one['wrong']} | {one['unread']} |")
    lines += [f"{name}: {told}" for name, counts in sets for told in counts["misread"]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
