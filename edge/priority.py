"""Worker processes stand behind the control process: what moves a barrier does not wait for a picture."""

import contextlib
import os


def stand_back() -> None:
    """Become a batch process; for the start of a worker, before it has threads. Never raises.

    One that wakes up does not take the processor from a running process, in whatever session or control group either
    is; its share of a busy processor stays what it was. Linux alone knows such processes: elsewhere it does nothing.
    """
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
