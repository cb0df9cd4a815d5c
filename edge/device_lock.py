"""Who may speak to the devices of a box: one process at a time, by a lock of its state folder.

The controller holds it while it runs, `kakou bringup` while it looks at one device, `kakou sim` while a scenario has a
real one. It is gone with the process.
"""

import contextlib
import importlib
import os
from collections.abc import Iterator
from pathlib import Path

from edge.portable import POSIX

# What is locked in the place of a folder, where a folder cannot be (Windows).
LOCK_FILE = "devices.lock"
# Where Linux tells who holds which lock.
LOCKS = Path("/proc/locks")


class DevicesHeldError(Exception):
    """Another process of this box speaks to its devices. `code` is `devices_held`; `holder` its pid, where known."""

    def __init__(self, state_dir: Path, holder: int | None = None) -> None:
        who, how = ("another process", "") if holder is None else (f"process {holder}", f" or kill {holder}")
        super().__init__(
            f"devices_held: {state_dir}: expected to be alone with the devices of this box, got {who} "
            f"(kakou run, kakou bringup, or kakou sim with a real device); next: stop it first: the service with "
            f"systemctl stop kakou, anything else where it runs{how}"
        )
        self.code = "devices_held"
        self.holder = holder


@contextlib.contextmanager
def devices_held(state_dir: Path) -> Iterator[None]:
    """Hold the devices of the box with this folder. Raises DevicesHeldError, OSError where it cannot be read.

    A box without the folder has no controller yet, and nobody to be kept out.
    """
    if not state_dir.exists():
        yield
        return
    if not POSIX:
        with _file_held(state_dir):
            yield
        return
    import fcntl

    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _holder(folder)
        os.close(folder)
        raise DevicesHeldError(state_dir, holder) from error
    try:
        yield
    finally:
        os.close(folder)


@contextlib.contextmanager
def _file_held(state_dir: Path) -> Iterator[None]:
    """The same by a byte of a file: Windows' lock is gone with its process, too, and tells no holder."""
    system = importlib.import_module("msvcrt")
    with (state_dir / LOCK_FILE).open("ab") as file:
        try:
            system.locking(file.fileno(), system.LK_NBLCK, 1)
        except OSError as error:
            raise DevicesHeldError(state_dir) from error
        yield


def _holder(folder: int) -> int | None:
    """The process that holds the lock of an open folder; None where this kernel, or this container, does not say."""
    found = os.fstat(folder)
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with contextlib.suppress(OSError, ValueError):
        for line in LOCKS.read_text(encoding="ascii").splitlines():
            # 7: FLOCK  ADVISORY  WRITE 4711 fe:01:2793 0 EOF; a process that waits has an arrow behind the number.
            words = line.split()
            if words[1:2] == ["FLOCK"] and words[5:6] == [place]:
                # Of another container nothing but a zero is seen.
                return int(words[4]) or None
    return None
