"""Tells when the control loop stood still, and where it stood (hazard X9): a stall delays every lane of the box.

A thread looks, since a loop that stands cannot. It sleeps between looks and costs some wake-ups a second. It only
tells: the service manager's watchdog and the output's own lease are what act.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Self

from edge.log import logger

STALL_S = 0.5
_FRAMES_TOLD = 12

Tell = Callable[[str, dict[str, object]], None]


def _log(event: str, fields: dict[str, object]) -> None:
    logger().warning(event, **fields)


class LoopWatch:
    """Watches the loop of the thread that enters it: `loop_stalled` with the stack, `loop_moves_again` with the time.

    `stall_s` is the longest that the loop may take between two turns, in seconds; `tell` is called on the
    watching thread.
    """

    def __init__(self, *, stall_s: float = STALL_S, tell: Tell = _log) -> None:
        self._stall_s = stall_s
        self._tell = tell
        self._beaten_at_s = time.monotonic()
        self._watched = threading.get_ident()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)
        self._beat: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._beat_now()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beat is not None:
            self._beat.cancel()
        self._stop.set()
        self._thread.join()

    def _beat_now(self) -> None:
        self._beaten_at_s = time.monotonic()
        self._beat = asyncio.get_running_loop().call_later(self._stall_s / 2, self._beat_now)

    def _watch(self) -> None:
        stalled_at_s: float | None = None
        while not self._stop.wait(self._stall_s / 2):
            beaten_at_s = self._beaten_at_s
            if stalled_at_s is not None and beaten_at_s != stalled_at_s:
                self._tell("loop_moves_again", {"stalled_ms": int((beaten_at_s - stalled_at_s) * 1000)})
                stalled_at_s = None
            # A beat may itself be due only after half the time.
            if stalled_at_s is None and time.monotonic() - beaten_at_s > 1.5 * self._stall_s:
                stalled_at_s = beaten_at_s
                # Not `stack`: in a terminal that is shown as text alone.
                self._tell("loop_stalled", {"calls": self._stack()})

    def _stack(self) -> list[str]:
        """File, line and function of the innermost calls, innermost last; never the values of variables."""
        frame = sys._current_frames().get(self._watched)
        calls = traceback.extract_stack(frame)[-_FRAMES_TOLD:] if frame is not None else []
        return [f"{call.filename}:{call.lineno} {call.name}" for call in calls]
