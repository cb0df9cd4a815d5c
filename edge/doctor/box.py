"""The box itself: where its records lie, how much room they have, whether its clock is right."""

import ctypes
import getpass
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from config.schema import Configuration
from edge.doctor.finding import Finding
from edge.runtime.upkeep import FILLING, NEARLY_FULL

MOUNTS = Path("/proc/self/mounts")
# Records there are gone with the power, or SQLite cannot lock and sync them (https://sqlite.org/wal.html, item 2).
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_OVER_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"})
_OCTAL_ESCAPES = {r"\040": " ", r"\011": "\t", r"\134": "\\"}
# ntp_adjtime(3): "the system clock is not synchronised to a reliable server".
_TIME_ERROR = 5
# Larger than `struct timex` of any Linux.
_TIMEX_BYTES = 512
_MIB = 1 << 20


def look_at_box(configuration: Configuration) -> Iterator[Finding]:
    """Yield what is found of the state directory and the clock."""
    yield from _state_directory(configuration)
    yield from clock_finding(clock_state())


def _state_directory(configuration: Configuration) -> Iterator[Finding]:
    state_dir = configuration.state_dir
    there = next(folder for folder in (state_dir, *state_dir.absolute().parents) if folder.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding("FAIL", "state_dir_denied", str(state_dir), {"user": user_name(), "folder": there})
        return
    made = "state_dir_writable" if there == state_dir else "state_dir_to_be_made"
    yield Finding("OK", made, str(state_dir))
    kind = filesystem_of(there, MOUNTS.read_text("utf-8", "replace") if MOUNTS.exists() else "")
    if kind in _IN_MEMORY:
        yield Finding("FAIL", "state_dir_in_memory", str(state_dir), {"kind": kind})
    elif kind in _OVER_NETWORK:
        yield Finding("FAIL", "state_dir_over_network", str(state_dir), {"kind": kind})
    usage = shutil.disk_usage(there)
    yield from disk_findings(str(state_dir), usage.total, usage.free, configuration.evidence.quota_mib * _MIB)


def disk_findings(subject: str, total_bytes: int, free_bytes: int, quota_bytes: int) -> Iterator[Finding]:
    """Judge a disk as the running controller does, and whether the pictures' quota has room on it."""
    share = (total_bytes - free_bytes) / total_bytes if total_bytes else 1.0
    fields = {"percent": round(share * 100), "free_mib": free_bytes // _MIB, "quota_mib": quota_bytes // _MIB}
    if share >= NEARLY_FULL:
        yield Finding("FAIL", "disk_nearly_full", subject, dict(fields))
    elif share >= FILLING:
        yield Finding("WARN", "disk_filling", subject, dict(fields))
    else:
        yield Finding("OK", "disk_free", subject, dict(fields))
    if quota_bytes > total_bytes * NEARLY_FULL:
        yield Finding("WARN", "quota_beyond_disk", subject, {**fields, "total_mib": total_bytes // _MIB})


def filesystem_of(folder: Path, mounts: str) -> str:
    """Return the type of the file system that holds `folder`, from the text of `/proc/self/mounts`; "" if unknown."""
    best, found = -1, ""
    real = folder.resolve()
    for line in mounts.splitlines():
        words = line.split(" ")
        if len(words) < 3:
            continue
        point = words[1]
        for escaped, meant in _OCTAL_ESCAPES.items():
            point = point.replace(escaped, meant)
        # A later mount of the same point hides the one before.
        if real.is_relative_to(point) and len(Path(point).parts) >= best:
            best, found = len(Path(point).parts), words[2]
    return found


def clock_state() -> int | None:
    """Return what the kernel says of its clock (ntp_adjtime(3), asked without setting anything); None if unknown."""
    try:
        return int(ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError, TypeError):
        # TypeError: Windows has no library without a name.
        return None


def clock_finding(state: int | None) -> Iterator[Finding]:
    """Judge `clock_state`. A clock that nobody sets is no reason to stand still, but a person has to know (I15)."""
    if state is None or state < 0:
        yield Finding("WARN", "clock_unknown", "clock")
    elif state == _TIME_ERROR:
        yield Finding("WARN", "clock_not_synchronised", "clock")
    else:
        yield Finding("OK", "clock_synchronised", "clock")


def user_name() -> str:
    """Return who runs this, by name where there is one."""
    try:
        import pwd
    except ImportError:
        return getpass.getuser()
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def group_of(path: Path) -> str:
    """Return the group of a file, by name where there is one. Raises OSError."""
    number = path.stat().st_gid
    try:
        import grp

        return grp.getgrgid(number).gr_name
    except (ImportError, KeyError):
        return str(number)
