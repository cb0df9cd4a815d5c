"""Lanes that are open by a calendar, and persons who order in twos: drawn by seed, with the truth about both.

The lane reads its own wall clock, so its hours are judged by what that clock showed; a clock that is wrong may close a
lane, and opens none: outside its hours nothing passes without a person (decision 0013).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from edge.core.hours import Calendar, Window
from edge.core.modes import Hours
from edge.core.profile import LaneProfile
from edge.core.two_persons import TwoPersonAction
from edge.ports import Clock
from edge.runtime.opening_hours import OpeningHours
from simulators.prove.virtual_time import FIRST_DAY

if TYPE_CHECKING:
    from edge.core.effects import ConsumeAuthority
    from simulators.prove.box import Box
    from simulators.prove.traffic import Truck
    from simulators.prove.world import World

# What has to have come of hours in a large campaign: how a vehicle came, and what became of it.
HOURS_CASES = (
    "came_open", "came_appointments", "came_closed", "held_lane_closed", "held_no_appointment", "appointment_confirmed",
    "opened_by_person_outside", "clock_not_believed",
)  # fmt: skip
_SHARE_OF_LANES = 0.15
_ALL_DAY = (Window(0, 24 * 60),)
# The local time at which a history begins: early, late, and about midnight, where the date changes.
_OFFSETS_MINUTES = (8 * 60, 14 * 60 + 30, 24 * 60 - 2)
# Within which the lane has to have noticed that its hours turned; a controller that stood still is later.
_NOTICED_MS, _NOTICED_PAUSED_MS = 1_500, 11_000
# Within which a vehicle that comes where nothing is wrong is decided.
_DECIDED_MS = 9_000
_LOOK_EVERY_MS = 500
_TWO: tuple[TwoPersonAction, ...] = ("open", "lower", "reset")
_SHARE_OF_TWO = {"open": 0.25, "lower": 0.1, "reset": 0.1}
_LANE_CLOSED, _NO_APPOINTMENT = "lane_closed", "no_appointment"
_SAYS_WHY = (_LANE_CLOSED, "opened_by_person", "evacuation")
# How a passage ends whose reasons are those that it was held for.
_KEPT_WHOLE = frozenset({"TIMEOUT", "ABANDONED", "TURNED_BACK"})


def drawn_persons(profile: LaneProfile, seed: str) -> LaneProfile:
    """In some lanes two persons open, lower the boom, or reset a fault."""
    draw = Random(seed + "|persons")  # noqa: S311 - a repeatable simulation
    more = tuple(name for name in _TWO if draw.random() < _SHARE_OF_TWO[name])
    return replace(profile, two_persons=(*profile.two_persons, *more)) if more else profile


def drawn_hours(profile: LaneProfile, seed: str, *, asks_clock: bool) -> LaneProfile:
    """Some lanes have a calendar."""
    draw = Random(seed + "|hours lane")  # noqa: S311 - a repeatable simulation
    return replace(profile, calendar=True) if asks_clock and draw.random() < _SHARE_OF_LANES else profile


def _windows(draw: Random, minute: int) -> tuple[Window, ...]:
    """Hours of one day that turn several times within a few minutes of `minute`."""
    edges = sorted({(minute + one) % 1_440 for one in draw.sample(range(-1, 9), 4)})
    kinds = [draw.choice(("open", "closed", "appointments")) for _ in range(5)]
    parts = zip([0, *edges], [*edges, 24 * 60], kinds, strict=True)
    return tuple(Window(begin, end, kind == "appointments") for begin, end, kind in parts if kind != "closed")


class Opening:
    """The hours of one lane, from its calendar and what its wall clock shows."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.seen: set[str] = set()
        self.there = world.profile.calendar
        self._noticed_ms = _NOTICED_PAUSED_MS if "paused" in world.plan.faults else _NOTICED_MS
        # How the lane surely was when it looked last at whom each passage is for, and how often it looked.
        self._hours: dict[str, Hours | None] = {}
        self._looks: dict[str, int] = {}
        self._noted: dict[str, bool] = {}
        if self.there:
            self._draw_calendar()

    def _draw_calendar(self) -> None:
        draw = Random(self.world.plan.seed + "|hours")  # noqa: S311 - a repeatable simulation
        minutes = draw.choice(_OFFSETS_MINUTES)
        self._offset = timedelta(minutes=minutes)
        kind = draw.choice(("all_day", "hours", "hours", "hours", "holiday", "exception"))
        week = [_ALL_DAY if kind == "all_day" else _windows(draw, minutes) for _ in range(7)]
        today = FIRST_DAY + self._offset
        exceptions: tuple[Any, ...] = ()
        if kind in ("holiday", "exception"):
            windows = () if kind == "holiday" else _windows(draw, minutes)
            exceptions = (((today.year, today.month, today.day), windows),)
        self.calendar = Calendar(tuple(week), exceptions)

    # --- the controller -----------------------------------------------------------------------------------------

    def begin(self, box: "Box", clock: Clock) -> None:
        """A process of the controller starts, and reads its clock."""
        if self.there:
            hours = OpeningHours(self.calendar, self._offset, clock)
            box.keep(hours.run(box.take))

    # --- who comes ----------------------------------------------------------------------------------------------

    def may_come(self) -> bool:
        """Where nothing is wrong nobody comes just when the hours turn: what becomes of it would be chance."""
        return not self.there or bool(self.world.plan.faults) or self._surely(0, _DECIDED_MS) is not None

    def lets(self, one: "Truck") -> bool:
        """Say whether the lane is open for the vehicle that comes now."""
        if not self.there:
            return True
        hours = self._surely(0, _DECIDED_MS)
        self.seen.add(f"came_{hours}" if hours else "came")
        return hours == "open" or (hours == "appointments" and one.note.appointment is not None)

    # --- the truth ----------------------------------------------------------------------------------------------

    def captures(self, passage: str) -> None:
        """The lane looks at who stands there."""
        if self.there:
            self._hours[passage] = self._surely(self._noticed_ms, 0)
            self._looks[passage] = self._looks.get(passage, 0) + 1

    def noted(self, passage: str, one: "Truck") -> None:
        """An authority released the vehicle: with or without an appointment that it confirms."""
        if self.there:
            self._noted[passage] = self._noted.get(passage, False) or one.note.appointment is not None

    def consumes(self, effect: "ConsumeAuthority") -> None:
        """An authority is about to be spent: outside the hours that of a person alone (I1)."""
        if not self.there:
            return
        now, came = self._surely(self._noticed_ms, 0), self._hours.get(effect.passage)
        if effect.source == "person":
            if came == "closed":
                self.seen.add("opened_by_person_outside")
            return
        if came == "closed":
            self.world.judge.blame("I1", "opens without a person for a vehicle that came outside the hours")
        if now in ("closed", "appointments") and effect.source == "offline":
            self.world.judge.blame("I21", "passed unasked outside the hours")
        if now == "appointments" and effect.source == "grant":
            if not self._noted.get(effect.passage, False):
                self.world.judge.blame("I1", "opens without an appointment in hours that are for appointments")
            self.seen.add("appointment_confirmed")

    def ended(self, effect: dict[str, Any]) -> None:
        """A passage ended: one that was not decided for the hours says so."""
        if not self.there:
            return
        passage, reasons = effect["passage"], effect["reasons"]
        self.seen.update(f"held_{one}" for one in (_LANE_CLOSED, _NO_APPOINTMENT) if one in reasons)
        closed = self._hours.get(passage) == "closed" and self._looks[passage] == 1
        if closed and effect["terminal"] in _KEPT_WHOLE and not _says_why(reasons):
            self.world.judge.blame("I11", f"came outside the hours, and was held for {reasons}")

    def alarmed(self, code: str) -> None:
        """The lane raised an alarm."""
        if code == "clock_not_believed":
            self.seen.add(code)

    def _surely(self, before_ms: int, after_ms: int) -> Hours | None:
        """The hours, where they are the same for so long; by what the lane's wall clock shows in that time."""
        found = {self._at(one) for one in self._moments(before_ms, after_ms)}
        return found.pop() if len(found) == 1 else None

    def _moments(self, before_ms: int, after_ms: int) -> Iterator[datetime]:
        now_us, jumps = self.world.time.now_us, self.world.wall_jumps_s
        for at_ms in range(-before_ms, after_ms + 1, _LOOK_EVERY_MS):
            at_us = now_us + at_ms * 1_000
            wrong_s = jumps[max(0, at_us) // 20_000_000 % len(jumps)]
            yield FIRST_DAY + timedelta(microseconds=at_us, seconds=wrong_s) + self._offset

    def _at(self, local: datetime) -> Hours:
        """Told from the windows alone."""
        day = (local.year, local.month, local.day)
        windows = next((found for date, found in self.calendar.exceptions if date == day), None)
        minute = local.hour * 60 + local.minute
        there = [
            one
            for one in (self.calendar.week[local.weekday()] if windows is None else windows)
            if one.from_minute <= minute < one.until_minute
        ]
        if not there:
            return "closed"
        return "appointments" if all(one.appointments_only for one in there) else "open"


def _says_why(reasons: Sequence[str]) -> bool:
    return any(one in _SAYS_WHY or one.startswith("mode_") for one in reasons)
