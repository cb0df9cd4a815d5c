"""A copy of a frozen value with some of its fields changed.

What `dataclasses.replace` does, for classes with slots and no field of their own making: that one asks every field
anew what it is, at each copy, and a lane copies its state more often than it does anything else.
"""

from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")


@lru_cache(maxsize=64)
def _members(cls: Any) -> tuple[frozenset[str], tuple[tuple[str, Any, Any], ...]]:
    names = tuple(field.name for field in fields(cls))
    members = [(name, vars(cls)[name]) for name in names]
    return frozenset(names), tuple((name, member.__get__, member.__set__) for name, member in members)


def changed(value: T, changes: dict[str, Any]) -> T:
    """Return a copy of `value`, a dataclass with slots, with these fields changed; raises TypeError for others."""
    cls: Any = value.__class__
    names, members = _members(cls)
    if not changes.keys() <= names:
        raise TypeError(f"{value.__class__.__name__} has no {', '.join(sorted(changes.keys() - names))}")
    copy = object.__new__(value.__class__)
    for name, get, put in members:
        put(copy, changes[name] if name in changes else get(value))
    return copy
