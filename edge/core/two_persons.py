"""Orders that count only when a second person gives them too, and who gave the first."""

from dataclasses import dataclass
from typing import Literal

TwoPersonAction = Literal["open", "lower", "reset", "mode", "supplement"]


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """An order that waits for a second person. `subject` is the open passage, or the mode that was ordered."""

    action: str
    subject: str | None
    operator: str
    at_ms: int


def completes(first: FirstOrder | None, action: str, subject: str | None, operator: str, by_ms: int) -> bool:
    """Say whether this order, of another person, is the second of `first`; `by_ms` is the first that still counts.

    The operator's name is compared without regard to case and surrounding space: one person has one name.
    """
    return (
        first is not None
        and (first.action, first.subject) == (action, subject)
        and first.operator.strip().casefold() != operator.strip().casefold()
        and first.at_ms >= by_ms
    )
