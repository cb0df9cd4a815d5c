"""`kakou evaluate DIR`: reads a folder of labelled photographs and counts exact, wrong and unread."""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.core.readings import PictureReading
from edge.text import escaped, say
from edge.text.arguments import Parser
from models.identify import EXIT_UNAVAILABLE, file_bytes, identified
from models.labels import (
    FILE,
    Labels,
    LabelsError,
    Row,
    counted,
    doubt_of_codes,
    doubt_of_plate,
    labelled_boxes,
    load_labels,
)
from models.noted import EXIT_NO_INPUT, Causes, Details, DetailsError, milliseconds
from models.picture import picture_size
from models.pipeline import CONTAINER, PLATE, VEHICLE
from models.recogniser import WorkerRecogniser, unread
from models.registry import ModelError
from models.scoring import BoxTally, LabelledBox, Outcome, Tally, join_views, score_codes, score_plate

CROP_FOLDERS = ("plate_crops_ccpd", "plate_crops_gate")
PLATE_GROUPS = ("ordinary", "special", "painted", "ccpd_frame")
DEADLINE_S = 30.0
EXIT_CANNOT_CREATE = 73  # EX_CANTCREAT of sysexits.h
EXIT_INPUT_OUTPUT = 74  # EX_IOERR
WORKERS = 2


@dataclass(slots=True)
class Evaluation:
    """One run: the folder, its labels, the recogniser, how many pictures a folder at most, where details go."""

    folder: Path
    labels: dict[str, Labels]
    recogniser: WorkerRecogniser
    limit: int | None = None
    details: Details | None = None
    counts: dict[str, Any] = field(default_factory=dict)
    causes: Causes = field(default_factory=Causes)

    async def run(self) -> dict[str, Any]:
        """Return the published counts of every folder that has labels. Raises DetailsError, ModelError."""
        for name in CROP_FOLDERS:
            if name in self.labels:
                self.counts[name] = await self._crops(name)
        if "plates" in self.labels:
            self.counts["plates"] = await self._plates()
        if "containers" in self.labels:
            self.counts["containers"] = await self._containers()
        if "vehicles" in self.labels:
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
            self.causes.add(name, row["image"], readings[index])
            done(row, readings[index])

    def _note(self, name: str, truth: str, outcome: Outcome, row: Row, reading: PictureReading) -> None:
        if self.details is not None:
            found = identified(f"{name}/{row['image']}", reading)
            self.details.write({"truth": truth, "outcome": outcome, **found})

    def _rows(self, name: str) -> list[Row]:
        return self.labels[name].rows

    async def _crops(self, name: str) -> dict[str, float | None]:
        tally = Tally()

        def done(row: Row, reading: PictureReading) -> None:
            outcome = score_plate(row["plate"], (), (s.plate.text for s in reading.plates[:1]))
            tally.add(outcome, milliseconds(reading))
            self._note(name, row["plate"], outcome, row, reading)

        await self._read_all(name, self._rows(name)[: self.limit], PLATE, done)
        return tally.summary()

    async def _plates(self) -> dict[str, dict[str, float | None]]:
        tallies = {group: Tally() for group in PLATE_GROUPS}

        def done(row: Row, reading: PictureReading) -> None:
            answers = [sighting.plate.text for sighting in reading.plates]
            outcome = score_plate(row["plate"], row["all_plates"].split("|"), answers)
            tallies.setdefault(row["group"], Tally()).add(outcome, milliseconds(reading))
            self._note("plates", row["plate"], outcome, row, reading)

        await self._read_all("plates", self._rows("plates")[: self.limit], PLATE, done)
        return {group: tally.summary() for group, tally in tallies.items()}

    async def _containers(self) -> dict[str, dict[str, float | None]]:
        scored = [row for row in self._rows("containers") if counted(row)]
        scores = _ContainerScores()

        def done(row: Row, reading: PictureReading) -> None:
            self._note("containers", row["code"], scores.add(row, reading), row, reading)

        await self._read_all("containers", scored[: self.limit], CONTAINER, done)
        return scores.summary()

    async def _vehicles(self) -> dict[str, dict[str, int]]:
        tally = BoxTally()

        def done(row: Row, reading: PictureReading) -> None:
            # By its header: what no worker decoded is not decoded here either.
            size = picture_size(file_bytes(self.folder / "vehicles" / "images" / row["image"])[0])
            if size is not None:
                truths = labelled_boxes(row["boxes_xywh"])
                answers = [LabelledBox(s.vehicle_class, s.box) for s in reading.vehicles]
                tally.add(truths, answers, size)

        await self._read_all("vehicles", self._rows("vehicles")[: self.limit], VEHICLE, done)
        return tally.summary()


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
        self._groups["several" if len(truth) > 1 else group].add(outcome, milliseconds(reading))
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


def labels_in(folder: Path) -> dict[str, Labels]:
    """Return the labels of every folder of pictures in `folder`. Raises LabelsError."""
    columns: dict[str, tuple[tuple[str, ...], Callable[[Row], str | None]]] = {
        **dict.fromkeys(CROP_FOLDERS, (("image", "plate"), doubt_of_plate)),
        "plates": (("image", "plate", "all_plates", "group"), doubt_of_plate),
        "containers": (("image", "code", "legible", "orientation", "truck", "size_type"), doubt_of_codes),
        "vehicles": (("image", "boxes_xywh"), lambda _: None),
    }
    # A link that leads nowhere is no folder that is not there.
    there = [name for name in columns if os.path.lexists(folder / name)]
    return {name: load_labels(folder / name, *columns[name]) for name in there}


async def evaluate(evaluation: Evaluation) -> dict[str, Any]:
    """Return the counts. Raises ModelError where no model can be used, DetailsError."""
    recogniser = evaluation.recogniser
    try:
        await recogniser.start()
        await recogniser.ready()
        return await evaluation.run()
    finally:
        await recogniser.close()


def _at_least_one(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(say("evaluate_limit_bad", text=text))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0, or 66 where folder, labels or pictures cannot be used, 69 where models cannot.

    73 for details that cannot be made, 74 for such that cannot be written.
    """
    parser = Parser("kakou evaluate", say("verb_evaluate"))
    parser.add_argument("folder", type=Path, metavar="DIR", help=say("evaluate_folder"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    parser.add_argument("--limit", type=_at_least_one, metavar="N", help=say("evaluate_limit"))
    parser.add_argument("--details", type=Path, metavar="FILE", help=say("evaluate_details"))
    arguments = parser.parse_args(argv)
    try:
        labels = labels_in(arguments.folder)
    except LabelsError as error:
        return _failed(EXIT_NO_INPUT, str(error))
    if not labels:
        code = "evaluate_no_labels" if arguments.folder.is_dir() else "evaluate_no_folder"
        return _failed(EXIT_NO_INPUT, say(code, folder=arguments.folder))
    for doubt in (one for labelled in labels.values() for one in labelled.doubts):
        sys.stderr.write(f"{doubt}\n")
    with contextlib.ExitStack() as opened:
        details = None
        if arguments.details is not None:
            if any(_lies_in(arguments.details, arguments.folder / name) for name in labels):
                return _failed(EXIT_CANNOT_CREATE, say("evaluate_details_inside", file=arguments.details))
            try:
                details = opened.enter_context(contextlib.closing(Details(arguments.details)))
            except OSError as error:
                return _failed(EXIT_CANNOT_CREATE, say("evaluate_details_unwritable", cause=error))
        faults: list[ModelError] = []
        recogniser = WorkerRecogniser(workers=WORKERS, told=faults.append)
        evaluation = Evaluation(arguments.folder, labels, recogniser, arguments.limit, details)
        return _evaluated(evaluation, faults, None if arguments.json else 2)


def _lies_in(file: Path, folder: Path) -> bool:
    """Say whether `file` is a part of a labelled folder, which may be a link as any of its parts. Raises nothing."""
    # Not Path.resolve: it raises where a link leads back to itself.
    place = Path(os.path.realpath(file))
    return any(place.is_relative_to(os.path.realpath(folder / part)) for part in ("", "images", FILE))


def _evaluated(evaluation: Evaluation, faults: list[ModelError], indent: int | None) -> int:
    try:
        counts = asyncio.run(evaluate(evaluation))
    except ModelError as error:
        return _failed(EXIT_UNAVAILABLE, str(error))
    except DetailsError as error:
        return _failed(EXIT_INPUT_OUTPUT, say("evaluate_details_unwritable", cause=error))
    for line in (*(escaped(str(one)) for one in faults), *evaluation.causes.lines()):
        sys.stderr.write(f"{line}\n")
    if evaluation.causes.status:
        return evaluation.causes.status
    sys.stdout.write(json.dumps(counts, ensure_ascii=False, indent=indent) + "\n")
    return 0


def _failed(status: int, text: str) -> int:
    sys.stderr.write(f"{escaped(text)}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
