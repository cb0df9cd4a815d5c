"""Keeps memory from picture to picture, gives it back when none comes, and takes no more than a worker may.

The C library is asked for both: it takes memory from the system in pieces and returns it as it thinks best.
"""

import ctypes
import os
from pathlib import Path

# Loaded and at rest a worker holds 170 to 190 MiB; a look of the general detector takes 200 more for its time.
KEPT_MIB = 190
# What the shipped models take at most is 410 MiB for a photograph, 650 with the largest picture that is decoded. A
# model of a site that takes more is refused by name, instead of the box's memory, which its neighbours need.
MOST_MIB = 1024
_OWN_PAGES = Path("/proc/self/statm")
# From malloc.h of glibc. Pieces below the first size come out of memory that is kept, up to the second.
_M_MMAP_THRESHOLD, _MAPPED_FROM = -3, 32 << 20
_M_TRIM_THRESHOLD, _KEPT_UP_TO = -1, 512 << 20


def keep() -> None:
    """Keep what is freed for the next picture: to take 34 MiB anew costs the detector of codes 18 ms of its 50.

    Never raises; does nothing without glibc.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_UP_TO)
    except (OSError, AttributeError, TypeError):
        # TypeError: Windows has no library without a name.
        return


def limit(most_mib: int = MOST_MIB) -> None:
    """Let this process take no more memory than this, for good: asking for more fails in it, and in it alone.

    Only what it writes to counts, not the libraries and files that it maps. Never raises; does nothing where the system
    knows no such limit (Windows) or does not keep it (macOS).
    """
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = most_mib << 20
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def give_back(above_mib: int = KEPT_MIB) -> bool:
    """Return to the system what is free where this process holds more than `above_mib`; say whether it did.

    Never raises; does nothing without glibc or /proc. It takes 12 ms where there are 150 MiB to return.
    """
    try:
        if int(_OWN_PAGES.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE") <= above_mib << 20:
            return False
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):
        return False
