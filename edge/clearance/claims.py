"""Tables of claims: which fields an object has, no more and no fewer, and what each may hold."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from edge.clearance.envelope import IDENTIFIER
from edge.clearance.strict_json import MAX_INTEGER

Check = Callable[[object], bool]
Table = Mapping[str, Check]

_HASH = re.compile(r"\A[0-9a-f]{64}\Z")
_REASON = re.compile(r"\A[a-z0-9_]{0,64}\Z")
_UTC = re.compile(r"\A\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z\Z", re.ASCII)


class ClaimError(ValueError):
    """A claim is missing, unknown or not what it may be. `reason`: field_missing, field_unknown, field_value."""

    def __init__(self, reason: str, name: str) -> None:
        super().__init__(f"{reason}: {name}")
        self.reason = reason
        self.name = name


def check_version(claims: Mapping[str, Any], table: Table) -> None:
    """Raise ClaimError for another version or type: its other fields are not ours to judge (hazards.md C19)."""
    for name, reason in (("v", "version"), ("typ", "type")):
        if not table[name](claims.get(name)):
            raise ClaimError(reason, name)


def check_claims(found: Mapping[str, Any], table: Table) -> None:
    """Raise ClaimError for the first field that is unknown, missing or wrong, in that order."""
    unknown = sorted(found.keys() - table.keys())
    if unknown:
        # The name was chosen by the sender: it is not repeated.
        raise ClaimError("field_unknown", f"{len(unknown)} fields")
    for name, check in table.items():
        if name not in found:
            raise ClaimError("field_missing", name)
        if not check(found[name]):
            raise ClaimError("field_value", name)


def is_identifier(value: object) -> bool:
    """Say whether it is an id: 1 to 64 of letters, digits, `_` and `-` (hazards.md S6)."""
    return isinstance(value, str) and IDENTIFIER.match(value) is not None


def is_hash(value: object) -> bool:
    """Say whether it is a SHA-256 in lower-case hex."""
    return isinstance(value, str) and _HASH.match(value) is not None


def is_reason(value: object) -> bool:
    """Say whether it is a stable reason code: at most 64 of a-z, 0-9 and `_`, or empty."""
    return isinstance(value, str) and _REASON.match(value) is not None


def is_text(value: object, *, longest: int = 64) -> bool:
    """Say whether it is printable text of 1 to `longest` characters."""
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def is_integer(value: object, *, least: int = 0, most: int = MAX_INTEGER) -> bool:
    """Say whether it is an integer within bounds; True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_utc(value: object) -> bool:
    """Say whether it is an RFC 3339 time in UTC with a `Z`."""
    return parse_utc(value) is not None


def parse_utc(value: object) -> datetime | None:
    """Return the time that an RFC 3339 text with `Z` names, else None."""
    if not isinstance(value, str) or not _UTC.match(value):
        return None
    try:
        return datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        return None


def one_of(*allowed: object) -> Check:
    """Return a check for exactly one of some values, of the same type (1 is not True)."""
    return lambda value: any(type(value) is type(item) and value == item for item in allowed)


def list_of(check: Check, *, longest: int, least: int = 0) -> Check:
    """Return a check for a list of `least` to `longest` items that each pass."""
    return lambda value: isinstance(value, list) and least <= len(value) <= longest and all(map(check, value))


def object_of(table: Table) -> Check:
    """Return a check for an object with exactly these fields."""

    def check(value: object) -> bool:
        if not isinstance(value, dict):
            return False
        try:
            check_claims(value, table)
        except ClaimError:
            return False
        return True

    return check


def or_null(check: Check) -> Check:
    """Return a check that also lets null pass."""
    return lambda value: value is None or check(value)
