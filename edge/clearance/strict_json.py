"""JSON read strictly: what two parsers could understand differently is refused (hazards.md S3, S8).

To be used on bytes whose signature was verified, and on envelope headers. Time is linear in the input,
which the caller bounds.
"""

import json
import math
import re
from typing import Any

MAX_DEPTH = 8
# Largest integer that every JSON reader keeps exact (RFC 8259, section 6).
MAX_INTEGER = 2**53 - 1
_MAX_NUMBER_LENGTH = 24
_BOM = b"\xef\xbb\xbf"
# Strings are matched so that brackets inside them do not count; an unclosed one runs to the end, so that the
# scan never goes back.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_DEEPER = {"{": 1, "[": 1, "}": -1, "]": -1}
_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")


class StrictJsonError(ValueError):
    """The bytes are not acceptable JSON. `reason` is stable.

    Reasons: byte_order_mark, not_utf8, too_deep, duplicate_key, number, syntax, not_an_object, text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the one JSON object that `raw` is; raises StrictJsonError for anything else.

    Refused: byte order mark, bytes that are not UTF-8, nesting deeper than `MAX_DEPTH`, duplicate keys, NaN
    and infinities, integers outside plus or minus 2^53-1, lone surrogates and NUL, trailing data.
    """
    if raw.startswith(_BOM):
        raise StrictJsonError("byte_order_mark")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJsonError("not_utf8") from error
    # Nothing is nested deeper than it has brackets that open.
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _check_depth(text)
    try:
        value = _parse(text)
    except StrictJsonError:
        raise
    except ValueError as error:
        raise StrictJsonError("syntax") from error
    if not isinstance(value, dict):
        raise StrictJsonError("not_an_object")
    # Strict UTF-8 and JSON hold neither as it is: only an escape can bring one in.
    if "\\u" in text:
        _check_text(value)
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(text):
        depth += _DEEPER.get(match.group(), 0)
        if depth > MAX_DEPTH:
            raise StrictJsonError("too_deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise StrictJsonError("duplicate_key")
    return found


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER_LENGTH or abs(int(text)) > MAX_INTEGER:
        raise StrictJsonError("number")
    return int(text)


def _decimal(text: str) -> float:
    if len(text) > _MAX_NUMBER_LENGTH or not math.isfinite(float(text)):
        raise StrictJsonError("number")
    return float(text)


def _constant(_text: str) -> Any:
    raise StrictJsonError("number")


# Made once: `json.loads` makes a decoder of its own at each call that does not want the defaults.
_parse = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
).decode


def _check_text(value: object) -> None:
    """Refuse text that cannot be stored or shown as it stands: lone surrogates and NUL."""
    if isinstance(value, str) and _NOT_TEXT.search(value):
        raise StrictJsonError("text")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
