"""`kakou evaluate DIR`: reads a folder of labelled photographs and counts exact, wrong and unread."""

import argparse
import asyncio
import contextlib
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from edge.core.readings import PictureReading
from edge.text import say
from edge.text.arguments import Parser
from models.identify import file_bytes, identified
from models.pipeline import CONTAINER, PLATE, VEHICLE
from models.pixels import decoded
from models.recogniser import WorkerRecogniser, unread
from models.scoring import BoxTally, LabelledBox, Outcome, Tally, join_views, score_codes, score_plate

CROP_FOLDERS = ("plate_crops_ccpd", "plate_crops_gate")
PLATE_GROUPS = ("ordinary", "special", "painted", "ccpd_frame")
DEADLINE_S = 30.0
EXIT_NO_INPUT = 66  # EX_NOINPUT of sysexits.h
EXIT_CANNOT_CREATE = 73  # EX_CANTCREAT
Row = dict[str, str]


@dataclass(slots=True)
class Evaluation:
    """One run: the folder, the recogniser, how many pictures a folder at most, where details go."""

    folder: Path
    recogniser: WorkerRecogniser
    limit: int | None = None
    details: TextIO | None = None
    counts: dict[str, Any] = field(default_factory=dict)

    async def run(self) -> dict[str, Any]:
        """Return the published counts of every folder that is there. Raises OSError, KeyError for bad labels."""
        for name in CROP_FOLDERS:
            if (self.folder / name).is_dir():
                self.counts[name] = await self._crops(name)
        if (self.folder / "plates").is_dir():
            self.counts["plates"] = await self._plates()
        if (self.folder / "containers").is_dir():
            self.counts["containers"] = await self._containers()
        if (self.folder / "vehicles").is_dir():
            self.counts["vehicles"] = await self._vehicles()
        return self.counts

    async def _read_all(self, name: str, rows: list[Row], look_for: str, done: Callable[..., None]) -> None:
        """Read the pictures of `rows`, two at a time, and hand each (row, reading) to `done` in order."""
        readings: dict[int, PictureReading] = {}
        pending = iter(enumerate(rows))

        async def work() -> None:
            for index, row in pending:
                content, reason = file_bytes(self.folder / name / "images" / row["image"])
                if reason is None:
                    readings[index] = await self.recogniser.read(content, frozenset({look_for}), DEADLINE_S)
                else:
                    readings[index] = unread(reason)
                if len(readings) % 50 == 0:
                    sys.stderr.write(f"{name}: {len(readings)} of {len(rows)}\n")

        await asyncio.gather(work(), work())
        for index, row in enumerate(rows):
            done(row, readings[index])

    def _note(self, name: str, truth: str, outcome: Outcome, row: Row, reading: PictureReading) -> None:
        if self.details is not None:
            found = identified(f"{name}/{row['image']}", reading)
            self.details.write(json.dumps({"truth": truth, "outcome": outcome, **found}, ensure_ascii=False) + "\n")

    def _rows(self, name: str) -> list[Row]:
        with (self.folder / name / "labels.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    async def _crops(self, name: str) -> dict[str, float | None]:
        tally = Tally()

        def done(row: Row, reading: PictureReading) -> None:
            outcome = score_plate(row["plate"], (), (s.plate.text for s in reading.plates[:1]))
            tally.add(outcome, reading.elapsed_ms)
            self._note(name, row["plate"], outcome, row, reading)

        await self._read_all(name, self._rows(name)[: self.limit], PLATE, done)
        return tally.summary()

    async def _plates(self) -> dict[str, dict[str, float | None]]:
        tallies = {group: Tally() for group in PLATE_GROUPS}

        def done(row: Row, reading: PictureReading) -> None:
            answers = [sighting.plate.text for sighting in reading.plates]
            outcome = score_plate(row["plate"], row["all_plates"].split("|"), answers)
            tallies.setdefault(row["group"], Tally()).add(outcome, reading.elapsed_ms)
            self._note("plates", row["plate"], outcome, row, reading)

        await self._read_all("plates", self._rows("plates")[: self.limit], PLATE, done)
        return {group: tally.summary() for group, tally in tallies.items()}

    async def _containers(self) -> dict[str, dict[str, float | None]]:
        scored = [row for row in self._rows("containers") if row["code"] and not row["legible"].startswith("partial")]
        scores = _ContainerScores()

        def done(row: Row, reading: PictureReading) -> None:
            self._note("containers", row["code"], scores.add(row, reading), row, reading)

        await self._read_all("containers", scored[: self.limit], CONTAINER, done)
        return scores.summary()

    async def _vehicles(self) -> dict[str, dict[str, int]]:
        tally = BoxTally()

        def done(row: Row, reading: PictureReading) -> None:
            image = decoded(file_bytes(self.folder / "vehicles" / "images" / row["image"])[0])
            if image is not None:
                truths = labelled_boxes(row["boxes_xywh"])
                answers = [LabelledBox(s.vehicle_class, s.box) for s in reading.vehicles]
                tally.add(truths, answers, (image.shape[1], image.shape[0]))

        await self._read_all("vehicles", self._rows("vehicles")[: self.limit], VEHICLE, done)
        return tally.summary()


def labelled_boxes(text: str) -> list[LabelledBox]:
    """Return the boxes in `text`, `class:x,y,w,h;...`. Raises ValueError for what is none."""
    found: list[LabelledBox] = []
    for one in filter(None, text.split(";")):
        label, _, sides = one.partition(":")
        x, y, width, height = (round(float(side)) for side in sides.split(","))
        found.append(LabelledBox(label, (x, y, width, height)))
    return found


class _ContainerScores:
    """Counts of container pictures by orientation, of pictures with several codes, and of whole passages."""

    def __init__(self) -> None:
        self._groups = {group: Tally() for group in ("horizontal", "vertical", "several", "passages")}
        self._sizes = [0, 0]
        self._views: dict[str, list[PictureReading]] = {}
        self._truths: dict[str, set[str]] = {}

    def add(self, row: Row, reading: PictureReading) -> Outcome:
        truth = row["code"].split("|")
        verified = [s.container for s in reading.containers if s.container.check == "verified"]
        codes = {container.code for container in verified}
        outcome = score_codes(truth, codes)
        group = "vertical" if row["orientation"] == "vertical" else "horizontal"
        self._groups["several" if len(truth) > 1 else group].add(outcome, reading.elapsed_ms)
        if row["truck"]:
            self._views.setdefault(row["truck"], []).append(reading)
            self._truths.setdefault(row["truck"], set()).update(truth)
        sizes = dict(zip(truth, row["size_type"].split("|"), strict=False))
        for container in verified:
            if sizes.get(container.code):
                self._sizes[0] += 1
                self._sizes[1] += container.size_type == sizes[container.code]
        return outcome

    def summary(self) -> dict[str, dict[str, float | None]]:
        for truck, views in self._views.items():
            self._groups["passages"].add(score_codes(sorted(self._truths[truck]), join_views(views)))
        counts = {group: tally.summary() for group, tally in self._groups.items()}
        return counts | {"size_type": {"n": self._sizes[0], "exact": self._sizes[1]}}


async def evaluate(
    folder: Path, workers: int = 2, limit: int | None = None, details: TextIO | None = None
) -> dict[str, Any]:
    """Return the counts for `folder`. Raises ModelError where no model can be used, OSError for unreadable labels."""
    recogniser = WorkerRecogniser(workers=workers)
    try:
        await recogniser.start()
        await recogniser.ready()
        return await Evaluation(folder, recogniser, limit, details).run()
    finally:
        await recogniser.close()


def _at_least_one(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(say("evaluate_limit_bad", text=text))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, 66 where folder or labels cannot be used, 73 for details that cannot be written."""
    parser = Parser("kakou evaluate", say("verb_evaluate"))
    parser.add_argument("folder", type=Path, metavar="DIR", help=say("evaluate_folder"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    parser.add_argument("--limit", type=_at_least_one, metavar="N", help=say("evaluate_limit"))
    parser.add_argument("--details", type=Path, metavar="FILE", help=say("evaluate_details"))
    arguments = parser.parse_args(argv)
    if not arguments.folder.is_dir():
        sys.stderr.write(f"not_a_folder: {arguments.folder}\n")
        return EXIT_NO_INPUT
    with contextlib.ExitStack() as opened:
        details = None
        if arguments.details is not None:
            try:
                details = opened.enter_context(arguments.details.open("w", encoding="utf-8"))
            except OSError as error:
                sys.stderr.write(f"details_unwritable: {error}\n")
                return EXIT_CANNOT_CREATE
        try:
            counts = asyncio.run(evaluate(arguments.folder, limit=arguments.limit, details=details))
        except (OSError, KeyError, ValueError, csv.Error) as error:
            sys.stderr.write(f"labels_unusable: {arguments.folder}: {error!r}\n")
            return EXIT_NO_INPUT
    sys.stdout.write(json.dumps(counts, ensure_ascii=False, indent=None if arguments.json else 2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
