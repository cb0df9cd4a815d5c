"""Who may speak to the devices of a box: one process at a time, by a lock of its state folder.

The controller holds it while it runs, `kakou bringup` while it looks at one device. It is gone with the process.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


class DevicesHeldError(Exception):
    """Another process of this box speaks to its devices. `code` is `devices_held`."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(
            f"devices_held: {state_dir}: expected to be alone with the devices of this box, got another process "
            "(kakou run, or kakou bringup); next: stop it first"
        )
        self.code = "devices_held"


@contextlib.contextmanager
def devices_held(state_dir: Path) -> Iterator[None]:
    """Hold the devices of the box with this folder. Raises DevicesHeldError, OSError where it cannot be read.

    A box without the folder has no controller yet, and nobody to be kept out.
    """
    if os.name != "posix" or not state_dir.exists():
        yield
        return
    import fcntl

    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder)
        raise DevicesHeldError(state_dir) from error
    try:
        yield
    finally:
        os.close(folder)
