"""What one authority may see of an identity: per field allow, mask, keyed hash, or deny."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

FieldRule = Literal["allow", "mask", "hash", "deny"]
_RULES: tuple[FieldRule, ...] = get_args(FieldRule)
# Of a plate or container object only these identify; colour, kind and place stay readable.
_IDENTIFYING = frozenset({"text", "code", "epc", "tid"})
_SHOWN_AT_END = 2


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """Rules by field of the identity (`plates`, `containers`, `tag`); a field without a rule is denied.

    `hash_key` (secret, at least 16 bytes) keys HMAC-SHA-256: equal values compare equal, and cannot be guessed
    without it. Raises ValueError for an unknown rule, or a hash without a key.
    """

    rules: Mapping[str, FieldRule]
    hash_key: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        unknown = [rule for rule in self.rules.values() if rule not in _RULES]
        if unknown:
            raise ValueError(f"unknown field rule {unknown[0]!r}: one of {', '.join(_RULES)}")
        if "hash" in self.rules.values() and len(self.hash_key) < 16:
            raise ValueError("a hash rule needs a hash_key of at least 16 bytes")

    def apply(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        """Return what may be seen of `identity`."""
        seen: dict[str, Any] = {}
        for name, value in identity.items():
            rule = self.rules.get(name, "deny")
            if rule == "allow":
                seen[name] = value
            elif rule == "mask":
                seen[name] = _changed(value, masked)
            elif rule == "hash":
                seen[name] = _changed(value, self.hashed)
        return seen

    def hashed(self, text: str) -> str:
        """Return HMAC-SHA-256 (hex) of the text under the policy's key."""
        return hmac.new(self.hash_key, text.encode(), hashlib.sha256).hexdigest()


def masked(text: str) -> str:
    """Return the text with all but its last two characters as `*`; a text of two or fewer shows nothing."""
    shown = _SHOWN_AT_END if len(text) > _SHOWN_AT_END else 0
    return "*" * (len(text) - shown) + text[len(text) - shown :]


def _changed(value: Any, change: Callable[[str], str]) -> Any:
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
