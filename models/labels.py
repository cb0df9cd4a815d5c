"""The labels of a folder of pictures: `labels.csv`, one row a picture, refused where a count of it would be untrue."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.core.container import parse_container
from edge.core.plate import parse_plate
from edge.text import escaped, say
from models.identify import file_bytes
from models.scoring import LabelledBox

FILE = "labels.csv"
Row = dict[str, str]
_SIDES = 4


class LabelsError(Exception):
    """Labels that cannot be counted with: which file and line, what was expected."""

    def __init__(self, path: Path, line: int | None, key: str, **fields: object) -> None:
        where = escaped(str(path)) + ("" if line is None else f":{line}")
        super().__init__(f"labels_unusable: {where}: {escaped(say(key, None, **fields))}")


@dataclass(slots=True)
class Labels:
    """The rows of one folder, and what about them is doubtful: counted as it stands, and told."""

    rows: list[Row]
    doubts: list[str] = field(default_factory=list)


def load_labels(folder: Path, columns: Sequence[str], doubt: Callable[[Row], str | None]) -> Labels:
    """Return the rows of `folder`, each with its `columns`. `doubt` names the text that tells what is odd about one.

    Raises LabelsError: no folder, no such file, not UTF-8 or CSV, no row, a column or cell that is not there, a
    column twice, a picture outside of the folder, boxes that are none.
    """
    path = folder / FILE
    if not folder.is_dir():
        raise LabelsError(folder, None, "labels_no_folder")
    content, reason = file_bytes(path)
    if reason is not None:
        raise LabelsError(path, None, "labels_no_file", reason=reason)
    try:
        # Strictly: an open quotation mark would make one cell of all rows behind it.
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise LabelsError(path, 1, "labels_columns", expected=", ".join(columns), missing=", ".join(missing))
        # Of two columns of one name the last would be counted with, whichever was meant.
        twice = [name for name in columns if list(reader.fieldnames or ()).count(name) > 1]
        if twice:
            raise LabelsError(path, 1, "labels_columns_twice", twice=", ".join(twice))
        numbered = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        raise LabelsError(path, content.count(b"\n", 0, error.start) + 1, "labels_encoding") from error
    except csv.Error as error:
        # The row behind the last whole one.
        raise LabelsError(path, reader.line_num + 1, "labels_not_csv", cause=error) from error
    if not numbered:
        raise LabelsError(path, None, "labels_no_rows")
    for line, row in numbered:
        _refuse(path, line, row, columns)
    rows = [row for _, row in numbered]
    return Labels(rows, [*_doubtful(path, numbered, doubt), *_repeated(path, rows)])


def _refuse(path: Path, line: int, row: Row, columns: Sequence[str]) -> None:
    for name in columns:
        if row[name] is None:
            raise LabelsError(path, line, "labels_short", column=name)
    image = Path(row["image"])
    if not image.name or image.is_absolute() or ".." in image.parts or "\0" in row["image"]:
        raise LabelsError(path, line, "labels_outside", image=row["image"])
    if "boxes_xywh" in columns:
        try:
            labelled_boxes(row["boxes_xywh"])
        except (ValueError, OverflowError) as error:
            raise LabelsError(path, line, "labels_boxes", boxes=row["boxes_xywh"]) from error


def _doubtful(path: Path, numbered: list[tuple[int, Row]], doubt: Callable[[Row], str | None]) -> Iterator[str]:
    # One line for each kind of doubt: a whole folder may share it.
    first: dict[str, tuple[int, Row]] = {}
    counts: Counter[str] = Counter()
    for line, row in numbered:
        key = "labels_long" if None in row else doubt(row)
        if key is not None:
            counts[key] += 1
            first.setdefault(key, (line, row))
    for key, (line, row) in first.items():
        truth = row.get("plate") or row.get("code") or ""
        yield _doubt(path, line, say(key, count=counts[key], truth=truth))


def _repeated(path: Path, rows: list[Row]) -> Iterator[str]:
    named = Counter(row["image"] for row in rows)
    again = [image for image, times in named.items() if times > 1]
    if again:
        yield _doubt(path, None, say("labels_repeated", count=len(again), image=again[0]))


def _doubt(path: Path, line: int | None, text: str) -> str:
    return f"labels_doubtful: {escaped(str(path))}{'' if line is None else f':{line}'}: {escaped(text)}"


def doubt_of_plate(row: Row) -> str | None:
    """Return what is odd about the truth of a plate: no answer can ever equal it."""
    plate = parse_plate(row["plate"])
    return None if plate is not None and plate.text == row["plate"] else "labels_no_plate"


def counted(row: Row) -> bool:
    """Say whether a picture of containers is counted: it has a code that can be read as a whole."""
    return bool(row["code"]) and not row["legible"].startswith("partial")


def doubt_of_codes(row: Row) -> str | None:
    """Return what is odd about the truth of container codes that are counted: no answer can ever equal one of them."""
    for code in row["code"].split("|") if counted(row) else ():
        container = parse_container(code)
        if container is None or container.check != "verified" or container.code != code:
            return "labels_no_code"
    return None


def labelled_boxes(text: str) -> list[LabelledBox]:
    """Return the boxes in `text`, `class:x,y,w,h;...`. Raises ValueError or OverflowError for what is none."""
    found: list[LabelledBox] = []
    for one in filter(None, text.split(";")):
        label, _, sides = one.partition(":")
        numbers = [round(float(side)) for side in sides.split(",")]
        if len(numbers) != _SIDES or not label:
            raise ValueError(one)
        x, y, width, height = numbers
        found.append(LabelledBox(label, (x, y, width, height)))
    return found
