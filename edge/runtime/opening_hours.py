"""Reads the wall clock for a lane's calendar and tells the lane when its hours turn (decision 0013)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from edge.core.events import HoursTurned
from edge.core.hours import Calendar, Date
from edge.core.modes import Hours
from edge.ports import Clock

LOOK_EVERY_S = 1.0
# A clock that shows an earlier year was never set.
EARLIEST_YEAR = 2024
# What a time service may correct without being doubted.
MOST_BACK = timedelta(seconds=5)


def local_hours(calendar: Calendar, local: datetime) -> Hours:
    """Return the hours at a local time."""
    return calendar.at(date_of(local), local.hour * 60 + local.minute)


def date_of(local: datetime) -> Date:
    """Return the day of a local time."""
    return Date(local.year, local.month, local.day, local.weekday())


class OpeningHours:
    """Tells one lane its hours; a clock that was never set, or went back, closes it until it is right again."""

    def __init__(self, calendar: Calendar, utc_offset: timedelta, clock: Clock) -> None:
        self._calendar = calendar
        self._utc_offset = utc_offset
        self._clock = clock
        self._latest: datetime | None = None

    async def run(self, take: Callable[[HoursTurned], None]) -> None:
        """Look every `LOOK_EVERY_S` until cancelled; `take` hears of every turn, and of a doubt while it lasts."""
        told: tuple[Hours, str] | None = None
        while True:
            now = self.look()
            if now != told or now[1]:
                told = now
                take(HoursTurned(self._clock.now_ms(), *now))
            await self._clock.sleep(LOOK_EVERY_S)

    def look(self) -> tuple[Hours, str]:
        """Return the hours now, and why the clock is doubted, else an empty text."""
        utc = self._clock.utc()
        if utc.year < EARLIEST_YEAR:
            return "closed", "clock_not_set"
        if self._latest is not None and utc < self._latest - MOST_BACK:
            return "closed", "clock_went_back"
        self._latest = utc if self._latest is None else max(utc, self._latest)
        return local_hours(self._calendar, utc + self._utc_offset), ""
