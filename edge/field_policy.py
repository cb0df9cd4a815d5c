"""What one authority may see of an identity: per kind of identifier allow, mask, keyed hash, or deny.

One policy serves both ways to an authority: its clearance requests and the event detail on `passage/<authority>`.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

FieldRule = Literal["allow", "mask", "hash", "deny"]
FIELD_RULES: tuple[FieldRule, ...] = get_args(FieldRule)
# The note at the start of each run that says which rules are in force for whom.
FIELD_POLICIES = "field_policies"
_FIELDS = ("plates", "containers", "tag", "weight", "driver", "seals")
# Of a plate or container object only these identify; colour, kind and place stay readable.
_IDENTIFYING = frozenset({"text", "code", "epc", "tid", "seal"})
_SHOWN_AT_END = 2
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """Rules for the kinds of identifier and the weight; whatever else an identity may hold is denied.

    `mask` shows the last two characters, `hash` is HMAC-SHA-256 (hex) under `hash_key` (secret, at least 16
    bytes): equal values compare equal and cannot be guessed without it. `deny` leaves the value out; the state
    of a reading is always told. A weight is shown or not, and who drives (a person) is shown to nobody unless a
    rule says so. Raises ValueError for an unknown rule, or a hash without a key.
    """

    plates: FieldRule = "allow"
    containers: FieldRule = "allow"
    tag: FieldRule = "allow"
    hash_key: bytes = field(default=b"", repr=False)
    weight: Literal["allow", "deny"] = "allow"
    driver: FieldRule = "deny"
    seals: FieldRule = "allow"

    def __post_init__(self) -> None:
        rules = tuple(self.rules.values())
        unknown = [rule for rule in rules if rule not in FIELD_RULES]
        if unknown:
            raise ValueError(f"unknown field rule {unknown[0]!r}: one of {', '.join(FIELD_RULES)}")
        if self.weight not in ("allow", "deny"):
            raise ValueError(f"field rule {self.weight!r} for a weight: allow or deny")
        if "hash" in rules and len(self.hash_key) < _KEY_BYTES:
            raise ValueError(f"a hash rule needs a hash_key of at least {_KEY_BYTES} bytes")

    @property
    def rules(self) -> dict[str, FieldRule]:
        """The rule of each kind, without the key."""
        return {name: getattr(self, name) for name in _FIELDS}

    @property
    def shows_pictures(self) -> bool:
        """Say whether pictures may be seen: all that they could show may. A card is in no picture of the vehicle."""
        return {rule for name, rule in self.rules.items() if name != "driver"} == {"allow"}

    def show(self, rule: FieldRule, text: str) -> str | None:
        """Return what may be seen of `text` under a rule; None where nothing may."""
        match rule:
            case "allow":
                return text
            case "mask":
                return masked(text)
            case "hash":
                return hmac.new(self.hash_key, text.encode(), hashlib.sha256).hexdigest()
            case "deny":
                return None

    def apply(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """Return what may be seen of an identity in plain words (`edge.runtime.records.personal`)."""
        seen: dict[str, Any] = {}
        for name, value in identity.items():
            rule: FieldRule = getattr(self, name) if name in _FIELDS else "deny"
            if rule == "allow":
                seen[name] = value
            elif rule != "deny":
                seen[name] = _changed(value, partial(self.show, rule))
        return seen


def masked(text: str) -> str:
    """Return the text with all but its last two characters as `*`; a text of two or fewer shows nothing."""
    shown = _SHOWN_AT_END if len(text) > _SHOWN_AT_END else 0
    return "*" * (len(text) - shown) + text[len(text) - shown :]


def _changed(value: Any, change: Callable[[str], str | None]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_changed(one, change) for one in value]
    if isinstance(value, dict):
        return {
            name: _changed(one, change) if name in _IDENTIFYING or isinstance(one, (dict, list)) else one
            for name, one in value.items()
        }
    # A bare number or flag under a rule that hides would be shown as it is.
    return None
