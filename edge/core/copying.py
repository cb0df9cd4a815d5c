"""A copy of a frozen value with some of its fields changed.

What `dataclasses.replace` does, for classes without slots and with no field of their own making: that one asks every
field anew what it is, at each copy, and a lane copies its state more often than it does anything else.
"""

from typing import Any, TypeVar

T = TypeVar("T")


def changed(value: T, changes: dict[str, Any]) -> T:
    """Return a copy of `value`, a dataclass without slots, with these fields changed; raises TypeError for others."""
    before = vars(value)
    fields = before | changes
    if len(fields) != len(before):
        raise TypeError(f"{value.__class__.__name__} has no {', '.join(sorted(changes.keys() - before.keys()))}")
    copy = object.__new__(value.__class__)
    # The class is frozen: its own `__setattr__` refuses.
    object.__setattr__(copy, "__dict__", fields)
    return copy
