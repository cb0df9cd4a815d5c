"""When a lane is open: windows of the week and exceptions by date. Pure: the local wall clock is an argument.

The shell reads the clock and tells the lane by `HoursTurned`; the clock may only take away (I15).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.core.modes import Hours

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar day; `weekday` 0 is Monday."""

    year: int
    month: int
    day: int
    weekday: int


@dataclass(frozen=True, slots=True)
class Window:
    """From a minute of the day until before another (1440: the day's end)."""

    from_minute: int
    until_minute: int
    appointments_only: bool = False

    def __contains__(self, minute: int) -> bool:
        return self.from_minute <= minute < self.until_minute


@dataclass(frozen=True, slots=True)
class Calendar:
    """`week` holds the windows of Monday to Sunday; `exceptions` those of single dates, which replace the week's.

    An exception without a window is a holiday. Where windows overlap, one for everybody counts before one by
    appointment.
    """

    week: tuple[tuple[Window, ...], ...]
    exceptions: tuple[tuple[tuple[int, int, int], tuple[Window, ...]], ...] = ()

    def windows(self, date: Date) -> tuple[Window, ...]:
        """Return the windows of a day."""
        by_date = dict(self.exceptions)
        return by_date.get((date.year, date.month, date.day), self.week[date.weekday])

    def at(self, date: Date, minute: int) -> Hours:
        """Say how the lane is open at a minute (0 to 1439) of a day."""
        found = [window for window in self.windows(date) if minute in window]
        if not found:
            return "closed"
        return "appointments" if all(window.appointments_only for window in found) else "open"

    def turns(self, date: Date) -> Iterator[tuple[int, Hours]]:
        """Yield the minutes of a day at which the hours turn, and to what; its first minute is always one."""
        before: Hours | None = None
        edges = {edge for window in self.windows(date) for edge in (window.from_minute, window.until_minute)}
        for minute in sorted({0, *edges} - {DAY_MINUTES}):
            hours = self.at(date, minute)
            if hours != before:
                yield minute, hours
            before = hours
