"""Time that a seed owns: one schedule for the world, and an event loop that runs on it without ever waiting."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

# Where the wall clock of a simulated box begins; a seed moves it, and nothing that opens may notice (I15).
FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)


class Killed(SystemExit):
    """The controller's process ends here, as by `kill -9` or a power cut."""


class WorldTime:
    """Microseconds since the world began, and what happens next in it. Outlives every process of the controller."""

    def __init__(self) -> None:
        self.now_us = 0
        self._next = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []

    @property
    def now_ms(self) -> int:
        """Whole milliseconds."""
        return self.now_us // 1000

    def after(self, delay_ms: float, happen: Callable[[], None]) -> None:
        """Have something happen; what is due at one instant happens in the order of these calls."""
        self._next += 1
        heapq.heappush(self._due, (self.now_us + max(0, int(delay_ms * 1000)), self._next, happen))

    def next_us(self) -> int | None:
        """When the next thing happens in the world."""
        return self._due[0][0] if self._due else None

    def run_due(self, until_us: int) -> None:
        """Go to `until_us`, and let everything happen that is due by then."""
        due = self._due
        while due and due[0][0] <= until_us:
            at_us, _, happen = heapq.heappop(due)
            self.now_us = max(self.now_us, at_us)
            happen()
        self.now_us = max(self.now_us, until_us)


class _WorldSelector:
    """Where a loop would wait for sockets: goes to the next instant of the loop or of the world instead."""

    def __init__(self, time: WorldTime, idle: Callable[[], bool], timers: Callable[[], int]) -> None:
        """`idle` says that the loop has nothing to run, `timers` how many it has set."""
        self._time = time
        self._idle = idle
        self._timers = timers

    def select(self, timeout: float | None) -> list[Any]:
        """Wait for at most `timeout` seconds of the world's time, None for ever."""
        if timeout is not None and timeout <= 0:
            return []
        time, idle = self._time, self._idle
        until_us = None if timeout is None else time.now_us + max(1, round(timeout * 1e6))
        timers = self._timers()
        # What happens in the world concerns the loop only where it asks something of it.
        while idle() and self._timers() == timers:
            world_us = time.next_us()
            if world_us is None or (until_us is not None and until_us <= world_us):
                if until_us is None:
                    raise RuntimeError("nothing will ever happen again in this world")
                time.run_due(until_us)
                break
            time.run_due(world_us)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time is the world's. It has no sockets, no threads and no signals."""

    # What the base class keeps: handles to run now, timers, whether it was told to stop.
    _ready: deque[Any]
    _scheduled: list[Any]
    _stopping: bool

    def __init__(self, time: WorldTime) -> None:
        super().__init__()
        self._world_time = time
        self._selector = _WorldSelector(time, self._is_idle, lambda: len(self._scheduled))
        self._clock_resolution = 1e-7

    def _is_idle(self) -> bool:
        return not self._ready and not self._stopping

    def time(self) -> float:
        """Seconds of the world."""
        return self._world_time.now_us / 1e6

    def _process_events(self, _events: object) -> None:
        """Nothing comes from sockets."""

    def _write_to_self(self) -> None:
        """Nothing waits outside."""


class LaneClock:
    """Implements `edge.ports.Clock` for one process: monotonic from the world, a wall clock that may be anything."""

    def __init__(self, time: WorldTime, wall_offset_s: Callable[[], float]) -> None:
        self._time = time
        self._wall_offset_s = wall_offset_s

    def now_ms(self) -> int:
        """Milliseconds of the world."""
        return self._time.now_us // 1000

    def utc(self) -> datetime:
        """What this box believes the date to be."""
        return FIRST_DAY + timedelta(microseconds=self._time.now_us, seconds=self._wall_offset_s())

    async def sleep(self, seconds: float) -> None:
        """Wait on the world's time."""
        await asyncio.sleep(seconds)
