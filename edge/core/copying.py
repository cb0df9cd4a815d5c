"""A copy of a frozen value with some of its fields changed.

What `dataclasses.replace` does, for classes without slots and with no field of their own making: that one asks every
field anew what it is, at each copy, and a lane copies its state more often than it does anything else.
"""

from typing import Any, TypeVar

T = TypeVar("T")


def changed(value: T, changes: dict[str, Any]) -> T:
    """Return a copy of `value`, a dataclass without slots, with these fields changed; raises TypeError for others."""
    fields = vars(value)
    if not changes.keys() <= fields.keys():
        raise TypeError(f"{value.__class__.__name__} has no {', '.join(sorted(changes.keys() - fields.keys()))}")
    copy = object.__new__(value.__class__)
    vars(copy).update(fields, **changes)
    return copy
