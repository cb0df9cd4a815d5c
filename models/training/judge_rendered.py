r"""`python -m models.training.judge_rendered`: judges the product as it is shipped on rendered plates and containers.

    python -m models.training.judge_rendered --seed 1 --plates 6000 --codes 1200 --covered-plates 3000 --json

Every picture goes the way of a photograph: encoded, through `PictureReader.read_encoded`, with the models of the
registry and their default thresholds. Numbers that something stands before (sight `covered`) are sets of their own, so
that the figures of the others stay what they were: what nobody can tell is to be unread there, and any other string
than the painted one is wrong. So are temporary plates, of which every answer is wrong, and plates in the picture of a
whole trailer, which are found before they are read. Needs nothing of the extra `training`. Figures are those of
rendered pictures and are never counted together with photographs. `--fonts FOLDER` names fonts that are not installed
(laid out as /usr/share/fonts); `--examples FOLDER` draws what was misread or unread, truth and answer under each;
`--details FILE` keeps one line of JSON for each picture.
"""

import argparse
import contextlib
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from models.pipeline import CONTAINER, PLATE, PictureReader, line_reader, load_picture_reader
from models.pixels import use_one_thread
from models.reader import LineReader
from models.registry import load_registry
from models.training.examples import Example, draw_examples
from models.training.judging import Answers, calibration_error, floor_for, joined, read_crop, reliability
from models.training.rendered_sets import (
    Drawn,
    codes,
    covered_codes,
    covered_plates,
    plates,
    scene_plates,
    temporary_plates,
)
from models.training.rendering import CHINESE_FONTS, FONTS, LATIN_FONTS, installed

WRONG_IN = 1000
# So many are kept for the pictures of examples: all wrong ones, and these of each class that are unread.
UNREAD_EXAMPLES = 2
REPORTED_EVERY = 500
DIGITS = 4


@dataclass(slots=True)
class Judged:
    """What was answered to one rendered set: by class, by what it is seen in, and examples."""

    by_class: dict[str, Answers] = field(default_factory=dict)
    by_sight: dict[str, Answers] = field(default_factory=dict)
    by_cover: dict[str, Answers] = field(default_factory=dict)
    # What the first reader alone says of those that stayed unread: what the thresholds cost, and spare.
    unread_alone: Answers = field(default_factory=Answers)
    examples: list[Example] = field(default_factory=list)
    details: TextIO | None = None

    def add(self, drawn: Drawn, answer: str, confidence: float) -> None:
        """Count one picture; `answer` is '' where there was none."""
        groups = [(self.by_class, drawn.group), (self.by_sight, drawn.sight)]
        if drawn.cover is not None:
            groups += [(self.by_cover, drawn.cover.kind), (self.by_cover, drawn.cover.paint)]
        for answers, name in groups:
            answers.setdefault(name, Answers()).add(drawn.truth, answer, confidence)
        of_class = self.by_class[drawn.group]
        if answer != drawn.truth and (answer or of_class.unread <= UNREAD_EXAMPLES):
            self.examples.append(Example(drawn, answer))
        if self.details is not None:
            told = {"class": drawn.group, "sight": drawn.sight, "truth": drawn.truth}
            if drawn.cover is not None:
                told |= {"cover": drawn.cover.kind, "paint": drawn.cover.paint}
            line = json.dumps({**told, "answer": answer, "confidence": confidence}, ensure_ascii=False)
            self.details.write(line + "\n")

    def figures(self) -> dict[str, Any]:
        """Return the published figures."""
        whole = joined(self.by_class.values())
        total = whole.exact + whole.wrong + whole.unread
        return {
            **whole.summary(),
            "wrong_in_1000": round(1000 * whole.wrong / max(total, 1), 2),
            "calibration_error": round(calibration_error(whole.given), DIGITS),
            "reliability": [
                {"answers": one.answers, "mean": round(one.mean, DIGITS), "right": round(one.right, DIGITS)}
                for one in reliability(whole.given)
            ],
            "floor": round(floor_for(whole.given, total, WRONG_IN), DIGITS),
            "by_class": {name: answers.summary() for name, answers in self.by_class.items()},
            "by_sight": {name: answers.summary() for name, answers in self.by_sight.items()},
            "by_cover": {name: answers.summary() for name, answers in sorted(self.by_cover.items())},
            "misread": [
                {"class": one.drawn.group, "sight": one.drawn.sight, "truth": one.drawn.truth, "answer": one.answer}
                for one in self.examples
                if one.answer
            ],
        }


def _told(pictures: Iterator[Drawn], what: str) -> Iterator[Drawn]:
    for place, drawn in enumerate(pictures, 1):
        yield drawn
        if place % REPORTED_EVERY == 0:
            sys.stderr.write(f"{what}: {place}\n")


def judge_plates(
    reader: PictureReader, alone: LineReader, pictures: Iterator[Drawn], details: TextIO | None = None
) -> Judged:
    """Return what `reader` answers to crops of plates, and `alone` to those that it leaves unread."""
    judged = Judged(details=details)
    for drawn in _told(pictures, "plates"):
        found = reader.read_encoded(drawn.encoded, frozenset({PLATE})).plates[:1]
        answer, confidence = (found[0].plate.text, found[0].confidence) if found else ("", 0.0)
        judged.add(drawn, answer, confidence)
        if not answer:
            judged.unread_alone.add(drawn.truth, *read_crop(alone, drawn.image))
    return judged


def judge_codes(reader: PictureReader, pictures: Iterator[Drawn], details: TextIO | None = None) -> Judged:
    """Return what `reader` verifies in pictures of one container: another code than the painted one is wrong."""
    judged = Judged(details=details)
    for drawn in _told(pictures, "codes"):
        found = reader.read_encoded(drawn.encoded, frozenset({CONTAINER})).containers
        verified = [(one.container.code, one.confidence) for one in found if one.container.check == "verified"]
        # A second code beside the right one is wrong as well.
        verified.sort(key=lambda pair: pair[0] == drawn.truth)
        judged.add(drawn, *(verified[0] if verified else ("", 0.0)))
    return judged


def _table(title: str, figures: dict[str, Any]) -> str:
    """Return the figures of one set as tables of Markdown."""
    lines = [f"| {title} | n | exact | wrong | unread |", "|---|---|---|---|---|"]
    parts = (figures[part].items() for part in ("by_class", "by_sight", "by_cover"))
    for name, counts in (*itertools.chain(*parts), ("all", figures)):
        lines.append(f"| {name} | {counts['n']} | {counts['exact']} | {counts['wrong']} | {counts['unread']} |")
    lines += ["", "| confidence | answers | mean | right |", "|---|---|---|---|"]
    for place, one in enumerate(figures["reliability"]):
        if one["answers"]:
            span = f"{place / 10:.1f} to {(place + 1) / 10:.1f}"
            lines.append(f"| {span} | {one['answers']} | {one['mean']:.3f} | {one['right']:.3f} |")
    lines += ["", f"{figures['wrong_in_1000']} wrong in 1,000; calibration error {figures['calibration_error']:.4f}"]
    lines += [f"{one['class']}, {one['sight']}: {one['truth']} as {one['answer']}" for one in figures["misread"]]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, read, count, print; returns 0. Raises ModelError for models that cannot be used, OSError for files."""
    parser = argparse.ArgumentParser(prog="python -m models.training.judge_rendered", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the set that is drawn")
    parser.add_argument("--plates", type=int, default=3000, help="how many crops of plates")
    parser.add_argument("--codes", type=int, default=1200, help="how many pictures of containers")
    parser.add_argument("--covered-plates", type=int, default=600, help="how many crops with something before them")
    parser.add_argument("--temporary-plates", type=int, default=360, help="how many crops of temporary plates")
    parser.add_argument("--scene-plates", type=int, default=600, help="how many plates in pictures of trailers")
    parser.add_argument("--covered-codes", type=int, default=240, help="how many codes with something before them")
    parser.add_argument("--fonts", type=Path, default=FONTS, help="folder laid out as /usr/share/fonts")
    parser.add_argument("--examples", type=Path, help="folder for pictures of what was misread or unread")
    parser.add_argument("--details", type=Path, help="file for one line of JSON a picture")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    if arguments.examples is not None:
        # Not after minutes of reading.
        arguments.examples.mkdir(parents=True, exist_ok=True)
    use_one_thread()
    reader = load_picture_reader()
    alone = line_reader(load_registry()["plate_reader"])
    seed, fonts_in = arguments.seed, arguments.fonts
    with contextlib.ExitStack() as opened:
        details = None
        if arguments.details is not None:
            details = opened.enter_context(arguments.details.open("w", encoding="utf-8"))
        read_plates = judge_plates(reader, alone, plates(arguments.plates, seed, fonts_in), details)
        read_codes = judge_codes(reader, codes(arguments.codes, seed, fonts_in), details)
        behind = covered_plates(arguments.covered_plates, seed, fonts_in)
        read_covered_plates = judge_plates(reader, alone, behind, details)
        read_temporary = judge_plates(
            reader, alone, temporary_plates(arguments.temporary_plates, seed, fonts_in), details
        )
        read_scenes = judge_plates(reader, alone, scene_plates(arguments.scene_plates, seed, fonts_in), details)
        read_covered_codes = judge_codes(reader, covered_codes(arguments.covered_codes, seed, fonts_in), details)
    fonts = {Path(font).name for font in installed((*CHINESE_FONTS, *LATIN_FONTS), fonts_in) if font}
    figures = {
        "seed": seed,
        "fonts": sorted(fonts),
        "plates": {**read_plates.figures(), "unread_alone": read_plates.unread_alone.summary()},
        "codes": read_codes.figures(),
        "temporary_plates": read_temporary.figures(),
        "scene_plates": read_scenes.figures(),
        "covered_plates": read_covered_plates.figures(),
        "covered_codes": read_covered_codes.figures(),
    }
    if arguments.examples is not None:
        draw_examples(read_plates.examples, arguments.examples / "misread-plates.png")
        draw_examples(read_codes.examples, arguments.examples / "misread-codes.png")
        draw_examples(read_temporary.examples, arguments.examples / "misread-temporary-plates.png")
        draw_examples(read_scenes.examples, arguments.examples / "misread-scene-plates.png")
        draw_examples(read_covered_plates.examples, arguments.examples / "misread-covered-plates.png")
        draw_examples(read_covered_codes.examples, arguments.examples / "misread-covered-codes.png")
    if arguments.json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
    else:
        sets = ("plates", "codes", "temporary_plates", "scene_plates", "covered_plates", "covered_codes")
        sys.stdout.write("\n\n".join(_table(one.replace("_", " "), figures[one]) for one in sets) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
