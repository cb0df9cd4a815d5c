"""What an engine of somebody else tells of the containers that it read: one line of JSON for each vehicle. Pure.

    {"id": "7", "age_ms": 850, "boxes": [{"code": "CSQU3054383", "confidence": 0.98}]}*hhhh CR LF
    {"alive": true}*hhhh CR LF

`hhhh` is the CRC-16/MCRF4XX of everything before the `*`, as hex digits. `id` is the engine's own number of the result,
the same where it is sent again; `age_ms` is how long ago its oldest picture was taken, by the engine's own clock: no
clock of another machine orders anything. A box may have `size_type` and `place` (`front`, `rear`), a result `picture`
(how the engine names what it read). Other names are let be; nothing is read of a line that is wrong anywhere.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivers.kit import json_names
from drivers.kit.lines import LineDecoder
from drivers.kit.wire import crc16_mcrf4xx
from edge.core.container import parse_container
from edge.core.readings import ToldBox

MOST_BYTES = 4_096
MOST_BOXES = 4
MOST_AGE_MS = 600_000
_LINE = re.compile(rb"(\{.*\})\*([0-9A-Fa-f]{4})", re.DOTALL)
_NAME = re.compile(r"[!-~]{1,64}")
_MOST_PICTURE = 256


@dataclass(frozen=True, slots=True)
class Told:
    """One line: a result, or (with an empty `id`) a sign of life."""

    id: str = ""
    age_ms: int = 0
    boxes: tuple[ToldBox, ...] = ()
    picture: str = ""


ALIVE = Told()


def encode(said: Mapping[str, Any]) -> bytes:
    """Return the line that says this: for simulators. What it says is not judged."""
    body = json.dumps(said).encode()
    return body + b"*%04X\r\n" % crc16_mcrf4xx(body)


class EngineDecoder(LineDecoder[Told]):
    """Lines of an engine; `checksum_errors` counts those that are none."""

    def __init__(self) -> None:
        super().__init__(b"\r\n", MOST_BYTES)

    def read(self, line: bytes) -> Told | None:
        """Check the CRC, then read."""
        found = _LINE.fullmatch(line)
        if found is None or int(found[2], 16) != crc16_mcrf4xx(found[1]):
            return None
        return decode_result(found[1])


def decode_result(body: bytes) -> Told | None:
    """Return what a line says; None where it is wrong anywhere. Codes go through the lane's own check of them."""
    try:
        said = json_names.parse(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    if said == {"alive": True}:
        return ALIVE
    name, age_ms, listed, picture = (said.get(key) for key in ("id", "age_ms", "boxes", "picture"))
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(listed, list):
        return None
    if not isinstance(age_ms, int) or isinstance(age_ms, bool) or not 0 <= age_ms <= MOST_AGE_MS:
        return None
    if not (picture is None or (isinstance(picture, str) and picture.isprintable() and len(picture) <= _MOST_PICTURE)):
        return None
    boxes = tuple(box for one in listed[: MOST_BOXES + 1] if (box := _box(one)) is not None)
    if len(boxes) != len(listed) or len(boxes) > MOST_BOXES:
        return None
    return Told(name, age_ms, boxes, picture or "")


def _box(said: object) -> ToldBox | None:
    if not isinstance(said, dict):
        return None
    code, confidence, size_type, place = (said.get(key) for key in ("code", "confidence", "size_type", "place"))
    if not isinstance(code, str) or len(code) > 64 or not (size_type is None or isinstance(size_type, str)):
        return None
    if not isinstance(confidence, float | int) or isinstance(confidence, bool) or not 0.0 <= confidence <= 1.0:
        return None
    if place not in (None, "front", "rear"):
        return None
    container = parse_container(code, size_type)
    return None if container is None else ToldBox(container, float(confidence), place)
