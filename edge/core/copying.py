"""A copy of a frozen value with some of its fields changed.

What `dataclasses.replace` does, for classes with slots and no field of their own making: that one asks every field
anew what it is, at each copy, and a lane copies its state more often than it does anything else.
"""

from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")


@lru_cache(maxsize=64)
def _members(cls: Any) -> tuple[tuple[tuple[Any, Any], ...], dict[str, Any]]:
    members = {field.name: vars(cls)[field.name] for field in fields(cls)}
    both = tuple((member.__get__, member.__set__) for member in members.values())
    return both, {name: member.__set__ for name, member in members.items()}


def changed(value: T, changes: dict[str, Any]) -> T:
    """Return a copy of `value`, a dataclass with slots, with these fields changed; raises TypeError for others."""
    cls: Any = value.__class__
    members, setters = _members(cls)
    copy = object.__new__(value.__class__)
    for get, put in members:
        put(copy, get(value))
    for name, new in changes.items():
        if name not in setters:
            raise TypeError(f"{value.__class__.__name__} has no {name}")
        setters[name](copy, new)
    return copy
