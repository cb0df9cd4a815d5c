"""How late the control loop is: what every lane of the box waits for before anything of its own happens."""

import asyncio
from collections import deque

SAMPLE_EVERY_S = 0.1
# The last minute.
_SAMPLES = 600


class LoopLag:
    """Asks for a turn every `SAMPLE_EVERY_S` and notes how late it came."""

    def __init__(self) -> None:
        self._late_s: deque[float] = deque(maxlen=_SAMPLES)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to sample, on the running loop."""
        loop = asyncio.get_running_loop()
        self._ask(loop, loop.time())

    def close(self) -> None:
        """End it. Repeated calls do nothing."""
        if self._timer is not None:
            self._timer.cancel()

    def figures(self) -> dict[str, float | int]:
        """Return `p50_ms`, `p99_ms` and `max_ms` of the last minute, and how many `samples` they are from."""
        late = sorted(self._late_s) or [0.0]
        named = {"p50_ms": late[len(late) // 2], "p99_ms": late[int(len(late) * 0.99)], "max_ms": late[-1]}
        return {**{name: round(value * 1000, 2) for name, value in named.items()}, "samples": len(self._late_s)}

    def _ask(self, loop: asyncio.AbstractEventLoop, now_s: float) -> None:
        due_s = now_s + SAMPLE_EVERY_S
        self._timer = loop.call_at(due_s, self._note, loop, due_s)

    def _note(self, loop: asyncio.AbstractEventLoop, due_s: float) -> None:
        now_s = loop.time()
        self._late_s.append(max(0.0, now_s - due_s))
        self._ask(loop, now_s)
