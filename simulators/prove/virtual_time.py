"""Time that a seed owns: one schedule for the world, and an event loop that runs on it without ever waiting."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, TypeVarTuple

Values = TypeVarTuple("Values")
# The part of a microsecond by which a timer may come too early.
_RESOLUTION_US = 0.1

# Where the wall clock of a simulated box begins; a seed moves it, and nothing that opens may notice (I15).
FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)


class Killed(SystemExit):
    """The controller's process ends here, as by `kill -9` or a power cut."""


class WorldTime:
    """Microseconds since the world began, and what happens next in it. Outlives every process of the controller."""

    def __init__(self) -> None:
        self.now_us = 0
        self._next = 0
        self._due: list[tuple[int, int, Callable[[], object]]] = []

    @property
    def now_ms(self) -> int:
        """Whole milliseconds."""
        return self.now_us // 1000

    def after(self, delay_ms: float, happen: Callable[[], object]) -> None:
        """Have something happen; what is due at one instant happens in the order of these calls."""
        self._next += 1
        delay_us = int(delay_ms * 1000)
        heapq.heappush(self._due, (self.now_us + (delay_us if delay_us > 0 else 0), self._next, happen))

    def next_us(self) -> int | None:
        """When the next thing happens in the world."""
        return self._due[0][0] if self._due else None

    def run_due(self, until_us: int) -> None:
        """Go to `until_us`, and let everything happen that is due by then."""
        due = self._due
        while due and due[0][0] <= until_us:
            at_us, _, happen = heapq.heappop(due)
            # What happened may have moved the time on.
            if at_us > self.now_us:
                self.now_us = at_us
            happen()
        if until_us > self.now_us:
            self.now_us = until_us


class _Call(asyncio.TimerHandle):
    """A call that waits for its turn or its time."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None, other: Context
    ) -> None:
        self._callback = callback
        self._args = args
        self._context = other if context is None else context
        self._cancelled = False

    def cancel(self) -> None:
        """Never make it."""
        self._cancelled = True
        self._args = ()


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop whose time is the world's. It has no sockets, no threads and no signals.

    Calls, timers and tasks keep asyncio's order; what its own loop does beside is left out, for a history spends a
    large part of its time here.
    """

    # What the base class keeps: calls to make now, whether it was told to stop.
    _ready: deque[_Call]
    _stopping: bool

    def __init__(self, time: WorldTime) -> None:
        super().__init__()
        self._world_time = time
        self._timers: list[tuple[int, int, _Call]] = []
        self._timers_set = 0
        # Of all calls that bring none: nothing here keeps anything in a context.
        self._context = copy_context()

    def run_forever(self) -> None:
        """Run until `stop`. Raises what ends a process; every other error goes to the exception handler."""
        ready, timers, time = self._ready, self._timers, self._world_time
        asyncio._set_running_loop(self)
        try:
            while True:
                if not ready and not self._stopping:
                    self._wait()
                while timers and timers[0][0] <= time.now_us:
                    ready.append(heapq.heappop(timers)[2])
                # What these calls ask for comes after the timers that are due by then.
                for _ in range(len(ready)):
                    call = ready.popleft()
                    if call._cancelled:
                        continue
                    try:
                        call._context.run(call._callback, *call._args)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:  # noqa: BLE001 - as every event loop: who called learns nothing
                        self.call_exception_handler({"message": "exception in a callback", "exception": error})
                if self._stopping:
                    break
        finally:
            self._stopping = False
            asyncio._set_running_loop(None)

    def _wait(self) -> None:
        """Go to the next timer, or to what happens in the world before it and asks something of this loop."""
        ready, timers, time = self._ready, self._timers, self._world_time
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        until_us = timers[0][0] if timers else None
        if until_us is not None and until_us <= time.now_us:
            return
        known = len(timers)
        while not ready and not self._stopping and len(timers) == known:
            world_us = time.next_us()
            if world_us is None or (until_us is not None and until_us <= world_us):
                if until_us is None:
                    raise RuntimeError("nothing will ever happen again in this world")
                time.run_due(until_us)
                break
            time.run_due(world_us)

    def time(self) -> float:
        """Seconds of the world."""
        return self._world_time.now_us / 1e6

    def call_soon(
        self, callback: Callable[[*Values], object], *args: *Values, context: Context | None = None
    ) -> asyncio.Handle:
        """Make a call in the next turn."""
        call = _Call(callback, args, context, self._context)
        self._ready.append(call)
        return call

    def call_later(
        self, delay: float, callback: Callable[[*Values], object], *args: *Values, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Make a call after `delay` seconds."""
        call = _Call(callback, args, context, self._context)
        return self._at_us(self._world_time.now_us + ceil(delay * 1e6 - _RESOLUTION_US), call)

    def call_at(
        self, when: float, callback: Callable[[*Values], object], *args: *Values, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Make a call at `when` seconds of the world."""
        return self._at_us(ceil(when * 1e6 - _RESOLUTION_US), _Call(callback, args, context, self._context))

    def _at_us(self, at_us: int, call: _Call) -> asyncio.TimerHandle:
        self._timers_set += 1
        heapq.heappush(self._timers, (at_us, self._timers_set, call))
        return call

    def get_debug(self) -> bool:
        """Never: asyncio asks at each future."""
        return False


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
        # Days, seconds, microseconds: each record asks, and names cost more than the sum.
        return FIRST_DAY + timedelta(0, self._wall_offset_s(), self._time.now_us)

    async def sleep(self, seconds: float) -> None:
        """Wait on the world's time."""
        await asyncio.sleep(seconds)
