"""JSON of devices: a name that stands twice in an object says two things, and so does the whole."""

import json
from typing import Any


def parse(body: bytes, *, whole_numbers: bool = False) -> Any:
    """Return what `body` says; with `whole_numbers` it may hold no others.

    Raises ValueError where it is no JSON, names something twice in one object, or holds a number that is none (NaN,
    Infinity), and RecursionError where it nests too deep.
    """
    number = _no_number if whole_numbers else None
    return json.loads(body, object_pairs_hook=_unique, parse_float=number, parse_constant=_no_number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a name twice")
    return said


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number here")
