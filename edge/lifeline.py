"""A service that was started by a program ends with it: the kernel closes the pipe of a parent that was killed."""

import os
import signal
import threading

from edge.portable import POSIX


def stop_when_stdin_closes() -> None:
    """Send this process SIGTERM once its standard input ends; what comes before that is read and ignored."""
    threading.Thread(target=_watch, name="lifeline", daemon=True).start()


def _watch() -> None:
    # Not `sys.stdin`: a thread that waits inside its buffer breaks the interpreter's shutdown.
    while os.read(0, 4096):
        pass
    end_in_order()


def end_in_order() -> None:
    """Send this process SIGTERM, from whatever thread."""
    if POSIX:
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        # Windows has no signals between processes: `os.kill` would end this one at once.
        signal.raise_signal(signal.SIGTERM)
