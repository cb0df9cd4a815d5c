"""The days that a person asks a report of, and the hours of UTC that these are."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from ops.tally import Period

_OFFSET = re.compile(r"([+-])(\d\d):00")
_DAY = timedelta(days=1)
DEFAULT_OFFSET = "+08:00"


def offset_of(text: str) -> timedelta:
    """Return the offset from UTC that `+08:00` names: whole hours, as passages are counted. Raises ValueError."""
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) > 14:
        raise ValueError(text)
    hours = timedelta(hours=int(found[2]))
    return hours if found[1] == "+" else -hours


@dataclass(frozen=True, slots=True)
class Days:
    """From the first day until the end of the last one, both local at `offset_text`; None: without a bound."""

    first: date | None = None
    last: date | None = None
    offset_text: str = DEFAULT_OFFSET

    @classmethod
    def of_month(cls, month: str, offset_text: str) -> "Days":
        """Return the days of `2026-03`. Raises ValueError."""
        first = date.fromisoformat(f"{month}-01")
        following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        return cls(first, following - _DAY, offset_text)

    @property
    def offset(self) -> timedelta:
        """How far the local clock is ahead of UTC."""
        return offset_of(self.offset_text)

    @property
    def period(self) -> Period:
        """The same in hours of UTC."""
        return Period(
            "" if self.first is None else self._hour(self.first),
            "" if self.last is None else self._hour(self.last + _DAY),
        )

    def _hour(self, day: date) -> str:
        return f"{datetime.combine(day, time()) - self.offset:%Y-%m-%dT%H}"

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {
            "first_day": None if self.first is None else self.first.isoformat(),
            "last_day": None if self.last is None else self.last.isoformat(),
            "utc_offset": self.offset_text,
        }
