"""Trucks of the demo: drawn by seed, rendered or shown on real photographs; each with its true identity."""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edge.core.container import check_digit
from edge.core.grant import NotedPlate, ReleaseNote
from edge.core.plate import KIND_COLOURS, PLATE_COLOURS, PROVINCES, PlateColour, parse_plate
from simulators.vehicle import Truck

PLATE_CAMERA = "plate-front"
CONTAINER_CAMERA = "container-side"
Row = TypeVar("Row")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_SERIAL = _LETTERS + "0123456789"
_OWNERS = ("CSQU", "HLXU", "TCLU", "MSKU", "CMAU", "OOLU", "COSU", "TEMU", "SEGU", "FCIU")
_SIZES = ("22G1", "42G1", "45G1", "45R1", "22U1")
# Group `painted` shows enlarged numbers on tail boards: those are no plates, a lane cannot be released on them.
_PLATE_GROUPS = frozenset({"ordinary", "special", "ccpd_frame"})


@dataclass(frozen=True, slots=True)
class PhotoSource:
    """Rows of a folder laid out like `../shared/real-images`: (picture, what it truly shows)."""

    plates: tuple[tuple[Path, str, PlateColour | None], ...]
    containers: tuple[tuple[Path, tuple[str, ...], str], ...]


def rendered_trucks(count: int, seed: int) -> Iterator[Truck]:
    """Yield `count` trucks with drawn identities; the same seed gives the same trucks."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable simulation
    for number in range(count):
        text, colour, kind = _plate(draw)
        stem = draw.choice(_OWNERS) + "".join(draw.choices("0123456789", k=6))
        container = (f"{stem}{check_digit(stem)}", draw.choice(_SIZES))
        yield Truck(f"truck-{number + 1}", (("front", text, colour, kind, 1),), (container,), _epc(draw))


def photo_trucks(count: int, seed: int, source: PhotoSource) -> Iterator[Truck]:
    """Yield `count` trucks, each shown by one drawn plate scene and one drawn container photograph.

    Raises ValueError where the folder holds none of the one or the other.
    """
    if not source.plates or not source.containers:
        raise ValueError("the folder holds no plate scene or no container photograph with a label")
    draw = random.Random(seed)  # noqa: S311 - a repeatable simulation
    plates = _without_repeats(draw, source.plates, count)
    containers = _without_repeats(draw, source.containers, count)
    for number, (plate, container) in enumerate(zip(plates, containers, strict=True)):
        path, text, colour = plate
        parsed = parse_plate(text, colour)
        assert parsed is not None  # load_photos keeps nothing else
        yield Truck(
            f"truck-{number + 1}",
            (("front", parsed.text, colour or "", parsed.kind, 1),),
            tuple((code, container[2]) for code in container[1]),
            _epc(draw),
            pictures=((PLATE_CAMERA, str(path)), (CONTAINER_CAMERA, str(container[0]))),
        )


def load_photos(folder: Path) -> PhotoSource:
    """Read the labels of `folder`; every row whose truth is whole and legible counts, none is picked by hand."""
    plates = []
    for row in _rows(folder / "plates" / "labels.csv"):
        colour = _colour_of(row["kind"], row["plate"])
        parsed = parse_plate(row["plate"], colour)
        if row["group"] in _PLATE_GROUPS and parsed is not None:
            plates.append((folder / "plates" / "images" / row["image"], parsed.text, parsed.colour))
    containers = []
    for row in _rows(folder / "containers" / "labels.csv"):
        codes = tuple(code for code in row["code"].split("|") if len(code) == 11)
        if row["legible"] == "yes" and 1 <= len(codes) <= 2:
            path = folder / "containers" / "images" / row["image"]
            containers.append((path, codes, row["size_type"]))
    return PhotoSource(tuple(plates), tuple(containers))


def note_of(truck: Truck) -> ReleaseNote:
    """Return the release note (核放单) that names exactly this truck."""
    plates = tuple(
        NotedPlate(place, text, next((one for one in PLATE_COLOURS if one == colour), None))
        for place, text, colour, _, _ in truck.plates
    )
    codes = tuple(code for code, _ in truck.containers)
    return ReleaseNote(f"note-{truck.id}", plates, codes, truck.tag_epc)


def _plate(draw: random.Random) -> tuple[str, PlateColour, str]:
    head = draw.choice(PROVINCES) + draw.choice(_LETTERS)
    drawn = draw.random()
    if drawn < 0.2:
        return head + "".join(draw.choices("0123456789", k=5)) + "D", "yellow_green", "nev_large"
    tail = draw.choice(_SERIAL) + "".join(draw.choices("0123456789", k=4))
    return head + tail, "yellow" if drawn < 0.8 else "blue", "ordinary"


def _epc(draw: random.Random) -> str:
    return "E280" + "".join(draw.choices("0123456789ABCDEF", k=20))


def _without_repeats(draw: random.Random, rows: tuple[Row, ...], count: int) -> list[Row]:
    """Draw `count` rows; none twice before all were drawn."""
    drawn: list[Row] = []
    while len(drawn) < count:
        drawn += draw.sample(rows, min(len(rows), count - len(drawn)))
    return drawn


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _colour_of(label: str, text: str) -> PlateColour | None:
    """The colour that a label's words name, else the only one that the plate's kind is painted in."""
    if "blue" in label:
        return "blue"
    if "yellow" in label or "黄" in label:
        return "yellow"
    parsed = parse_plate(text)
    colours = KIND_COLOURS[parsed.kind] if parsed else frozenset()
    return next(iter(colours)) if len(colours) == 1 else None
