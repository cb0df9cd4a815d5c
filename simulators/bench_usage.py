"""What a process and its children used, from /proc (Linux alone)."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time in seconds and resident memory in MiB, of the process itself and of all below it."""

    cpu_s: float
    children_cpu_s: float
    rss_mib: float
    children_rss_mib: float


def usage_of(pid: int) -> Usage:
    """Return what `pid` and the processes below it have used by now. Raises OSError where it is gone."""
    parents: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                parents.setdefault(int(_stat(folder)[1]), []).append(int(folder.name))
            except OSError:
                continue
    below, left = [], list(parents.get(pid, ()))
    while left:
        one = left.pop()
        below.append(one)
        left += parents.get(one, [])
    cpu_s, rss_mib = _used(pid)
    others = [_used(one, missing=True) for one in below]
    return Usage(cpu_s, sum(one[0] for one in others), rss_mib, sum(one[1] for one in others))


def peak_mib_of(pid: int) -> float:
    """Return the most memory that `pid` has held so far, in MiB. Raises OSError where it is gone."""
    told = (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace").split("VmHWM:")
    # A process that has ended and waits to be reaped tells none.
    return int(told[1].split()[0]) / 1024 if len(told) > 1 else 0.0


def _stat(folder: Path) -> list[str]:
    # The name, in brackets, may hold anything; what follows it begins with the state.
    return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _used(pid: int, *, missing: bool = False) -> tuple[float, float]:
    try:
        values = _stat(_PROC / str(pid))
    except OSError:
        if missing:
            return 0.0, 0.0
        raise
    pages = int(values[21])
    return (int(values[11]) + int(values[12])) / _TICKS_PER_S, pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
