"""Messages between the recogniser and its worker process: length-prefixed JSON, pictures as raw bytes."""

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from edge.core.container import Container, ContainerCheck
from edge.core.masks import MOST_MASKS, Mask, mask_of
from edge.core.plate import PLATE_COLOURS, PLATE_KINDS, Plate
from edge.core.readings import (
    Box,
    ContainerSighting,
    Corners,
    Layout,
    PictureReading,
    PlateSighting,
    Unread,
    VehicleSighting,
)

_CHECKS = get_args(ContainerCheck)
_LAYOUTS = get_args(Layout)
PREFIX = struct.Struct(">I")
MAX_MESSAGE_BYTES = 32 * 1024 * 1024


class MessageError(Exception):
    """The other side sent what is no message."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A model did what it may not do, or could not be loaded when it was asked for: a code of ModelError, and why."""

    code: str
    model: str
    message: str


def packed(payload: bytes) -> bytes:
    """Return `payload` behind its length."""
    return PREFIX.pack(len(payload)) + payload


def request(look_for: frozenset[str], jpeg: bytes, masks: Sequence[Mask] = ()) -> bytes:
    """Return the question for one picture: what to look for and what to leave out of it, then the picture."""
    question = {"look_for": sorted(look_for), "masks": [[m.left, m.top, m.right, m.bottom] for m in masks]}
    return packed(json.dumps(question).encode()) + packed(jpeg)


def decode_question(payload: bytes) -> tuple[frozenset[str], tuple[Mask, ...]]:
    """Return what to look for and what to leave out. Raises MessageError, also for one mask of many that is no area."""
    message = decode_message(payload)
    try:
        look_for, masks = message.pop("look_for"), message.pop("masks")
        if message or not isinstance(look_for, list) or not isinstance(masks, list) or len(masks) > MOST_MASKS:
            raise ValueError(f"lists of what to look for and of at most {MOST_MASKS} masks, and nothing else")
        return frozenset(_text(one) for one in look_for), tuple(_mask(one) for one in masks)
    except (KeyError, TypeError, ValueError) as error:
        raise MessageError(f"malformed question: {error!r}") from error


def _mask(sides: Any) -> Mask:
    if not isinstance(sides, list) or not all(type(side) in (int, float) for side in sides):
        raise ValueError("a mask is of four numbers")
    left, top, right, bottom = sides
    return mask_of(left, top, right, bottom)


def length_of(prefix: bytes) -> int:
    """Return the length that `prefix` announces. Raises MessageError where it is out of bounds."""
    if len(prefix) != PREFIX.size:
        raise MessageError("short prefix")
    length = int(PREFIX.unpack(prefix)[0])
    if length > MAX_MESSAGE_BYTES:
        raise MessageError(f"{length} bytes announced")
    return length


def encode_reading(reading: PictureReading, fault: Fault | None = None) -> bytes:
    """Return `reading` as JSON, and which model did what it may not do meanwhile."""
    told: dict[str, Any] = {"reading": asdict(reading)}
    if fault is not None:
        told["fault"] = asdict(fault)
    return json.dumps(told, ensure_ascii=False).encode()


def decode_fault(message: dict[str, Any]) -> Fault | None:
    """Return which model did what it may not do, as `message` tells. Raises MessageError."""
    said = message.get("fault")
    if said is None:
        return None
    try:
        return Fault(_text(said["code"]), _text(said["model"]), _text(said["message"]))
    except (KeyError, TypeError, ValueError) as error:
        raise MessageError(f"malformed fault: {error!r}") from error


def decode_message(payload: bytes) -> dict[str, Any]:
    """Return a message of the worker. Raises MessageError."""
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MessageError(str(error)) from error
    if not isinstance(message, dict):
        raise MessageError("not an object")
    return message


def decode_reading(message: dict[str, Any]) -> PictureReading:
    """Return the reading that `message` carries, with values that a journal takes. Raises MessageError."""
    try:
        body = message["reading"]
        return PictureReading(
            tuple(
                PlateSighting(
                    _plate(item["plate"]),
                    _share(item["confidence"]),
                    _box(item["box"]),
                    _characters(item),
                    _corners(item["corners"]),
                )
                for item in body["plates"]
            ),
            tuple(
                ContainerSighting(
                    _container(item["container"]),
                    _share(item["confidence"]),
                    _box(item["box"]),
                    _characters(item),
                    _corners(item["corners"]),
                    _layout(item["layout"]),
                )
                for item in body["containers"]
            ),
            tuple(
                VehicleSighting(_text(item["vehicle_class"]), _share(item["confidence"]), _box(item["box"]))
                for item in body["vehicles"]
            ),
            tuple(
                Unread(_text(item["what"]), _text(item["reason"]), None if item["box"] is None else _box(item["box"]))
                for item in body["unread"]
            ),
            _duration(body["elapsed_ms"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"malformed reading: {error!r}") from error


def _plate(said: dict[str, Any]) -> Plate:
    plate = Plate(**said)
    _text(plate.text)
    if plate.colour not in (None, *PLATE_COLOURS) or plate.kind not in PLATE_KINDS:
        raise ValueError("a colour or a kind that no plate has")
    if type(plate.rows) is not int or plate.rows not in (1, 2):
        raise ValueError("a plate of one row or two")
    return plate


def _container(said: dict[str, Any]) -> Container:
    container = Container(**said)
    _text(container.code)
    if container.size_type is not None:
        _text(container.size_type)
    if container.check not in _CHECKS or type(container.repaired) is not bool:
        raise ValueError("a check that no code has")
    return container


def _text(value: Any) -> str:
    """Half of a surrogate pair is valid JSON and no text."""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("expected text")
    return value


def _duration(value: Any) -> float:
    duration_ms = float(value)
    if not 0.0 <= duration_ms < float("inf"):
        raise ValueError("a duration that is none")
    return duration_ms


def _characters(item: dict[str, Any]) -> tuple[float, ...]:
    return tuple(_share(one) for one in item["characters"])


def _share(value: Any) -> float:
    """JSON of Python knows NaN and infinities: neither is a confidence, and the journal takes none."""
    share = float(value)
    if not 0.0 <= share <= 1.0:
        raise ValueError("a confidence outside 0 to 1")
    return share


def _box(values: list[int]) -> Box:
    if not all(type(one) is int for one in values):
        raise ValueError("a box is of whole pixels")
    x, y, width, height = values
    return x, y, width, height


def _corners(values: Any) -> Corners | None:
    if values is None:
        return None
    first, second, third, fourth = (_point(one) for one in values)
    return first, second, third, fourth


def _point(values: Any) -> tuple[int, int]:
    if not all(type(one) is int for one in values):
        raise ValueError("a corner is of whole pixels")
    x, y = values
    return x, y


def _layout(value: Any) -> Layout | None:
    if value is not None and value not in _LAYOUTS:
        raise ValueError("a layout that no code has")
    layout: Layout | None = value
    return layout
