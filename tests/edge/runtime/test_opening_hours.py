"""The wall clock and a lane's calendar: it may close the lane by its doubt, never open it by its error."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from edge.core.events import HoursTurned
from edge.core.hours import Calendar, Window
from edge.runtime.opening_hours import OpeningHours

DAY = (Window(8 * 60, 18 * 60), Window(18 * 60, 22 * 60, appointments_only=True))
CALENDAR = Calendar((DAY,) * 7)
NOON = datetime(2026, 9, 28, 4, 0, tzinfo=UTC)  # 12:00 at +08:00


class WallClock:
    """Shows one time after another, one a look, and stops the reader at the end."""

    def __init__(self, *times: datetime) -> None:
        self.times = list(times)

    def now_ms(self) -> int:
        return 7

    def utc(self) -> datetime:
        return self.times.pop(0)

    async def sleep(self, seconds: float) -> None:
        if not self.times:
            raise asyncio.CancelledError


async def told(*times: datetime) -> list[tuple[str, str]]:
    heard: list[HoursTurned] = []
    hours = OpeningHours(CALENDAR, timedelta(hours=8), WallClock(*times))
    with contextlib.suppress(asyncio.CancelledError):
        await hours.run(heard.append)
    assert all(one.at_ms == 7 for one in heard)
    return [(one.hours, one.doubt) for one in heard]


async def test_every_turn_is_told_once() -> None:
    times = [NOON + timedelta(hours=hours) for hours in (0, 1, 6, 7, 10, 11)]
    assert await told(*times) == [("open", ""), ("appointments", ""), ("closed", "")]


async def test_the_calendar_is_in_its_own_time() -> None:
    assert await told(NOON - timedelta(hours=4, minutes=1), NOON - timedelta(hours=4)) == [("closed", ""), ("open", "")]


async def test_a_clock_that_was_never_set_closes() -> None:
    never = datetime(1970, 1, 1, 4, 0, tzinfo=UTC)
    assert await told(never, never, NOON) == [("closed", "clock_not_set")] * 2 + [("open", "")]


@pytest.mark.parametrize(("seconds", "doubt"), [(5, ""), (6, "clock_went_back"), (7200, "clock_went_back")])
async def test_a_clock_that_goes_back_closes_until_it_is_past_where_it_was(seconds: int, doubt: str) -> None:
    heard = await told(NOON, NOON - timedelta(seconds=seconds), NOON + timedelta(seconds=1))
    assert heard == ([("open", ""), ("closed", doubt), ("open", "")] if doubt else [("open", "")])


async def test_small_steps_back_do_not_add_up() -> None:
    heard = await told(NOON, *(NOON - timedelta(seconds=4 * step) for step in (1, 2)))
    assert heard[-1] == ("closed", "clock_went_back")
