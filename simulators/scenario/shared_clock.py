"""The time of a scenario for processes that a camera's driver starts: they stamp pictures by their monotonic clock.

A file that both have mapped holds how the loop's time goes; `slow_workers/sitecustomize.py`, which Python imports
before anything else, has a worker read it. Nothing but the stamps is of that time: what a worker waits for is the
machine's.
"""

import contextlib
import mmap
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "KAKOU_SCENARIO_CLOCK"
# Where Python finds the module that it imports at the start of every process.
STARTS_WITH = Path(__file__).resolve().parent / "slow_workers"
_ROOT = str(Path(__file__).resolve().parents[2])
# A count that is odd while the rest is written; where the loop's time was at which moment, how fast it goes, how far.
_FORM = struct.Struct("<Qdddd")
_NS = 1_000_000_000


class SharedClock:
    """How a loop's time goes, in a file: written by the loop, read by whoever has mapped it."""

    def __init__(self, path: Path, *, writes: bool = False) -> None:
        """Map it. Raises OSError."""
        if writes:
            path.write_bytes(bytes(_FORM.size))
        with path.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), _FORM.size)
        self._count = 0

    def write(self, base_s: float, anchor_s: float, pace: float, most_s: float) -> None:
        """From `anchor_s` of the machine on it is `base_s`, `pace` times as fast, for at most `most_s`."""
        self._count += 2
        struct.pack_into("<Q", self._map, 0, self._count - 1)
        _FORM.pack_into(self._map, 0, self._count - 1, base_s, anchor_s, pace, most_s)
        struct.pack_into("<Q", self._map, 0, self._count)

    def now_s(self, machine_s: float) -> float:
        """The loop's time at this moment of the machine's monotonic clock."""
        while True:
            before, base_s, anchor_s, pace, most_s = _FORM.unpack_from(self._map, 0)
            if before % 2 == 0 and before == struct.unpack_from("<Q", self._map, 0)[0]:
                return float(base_s + min((machine_s - anchor_s) * pace, most_s))

    def close(self) -> None:
        """Unmap it."""
        self._map.close()


@contextlib.contextmanager
def told(path: Path) -> Iterator[SharedClock]:
    """A clock in this file, to be written by a loop; what is started meanwhile stamps by it."""
    before = {name: os.environ.get(name) for name in (VARIABLE, "PYTHONPATH")}
    clock = SharedClock(path, writes=True)
    os.environ[VARIABLE] = str(path)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(STARTS_WITH), _ROOT, before["PYTHONPATH"])))
    try:
        yield clock
    finally:
        clock.close()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def install() -> None:
    """Let this process stamp by the clock that its environment names, if it names one."""
    named = os.environ.get(VARIABLE)
    if named is None:
        return
    clock, machine_ns = SharedClock(Path(named)), time.perf_counter_ns
    time.monotonic_ns = lambda: int(clock.now_s(machine_ns() / _NS) * _NS)
