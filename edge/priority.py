"""Worker processes stand behind the control process: what moves a barrier does not wait for a picture."""

import contextlib
import os

# A third of the control process's weight where both want one core; the whole core where it does not.
STEP_BACK = 5


def stand_back() -> None:
    """Give way to whatever is not a worker; for the start of a worker, before it has threads. Never raises.

    Linux: a batch process wakes up without taking the processor from a running one, in whatever session or control
    group either is. Elsewhere the lower priority alone, and on Windows nothing.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    with contextlib.suppress(OSError, AttributeError):
        os.nice(STEP_BACK)
