"""What the C library keeps after a large picture goes back to the system."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import memory
from models.memory import give_back, keep, limit


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / (1 << 20)


def test_what_is_free_is_given_back():
    kept = [np.ones(12_000) for _ in range(1_000)]
    # The last one holds the end of the heap: what is below it stays resident when it is freed.
    del kept[:-1]
    before = resident_mib()
    assert give_back(0)
    assert before - resident_mib() > 50


def test_what_is_kept_serves_the_next_picture():
    # In a process of its own: the C library of this one serves other tests.
    faults = """
import resource
import numpy as np
from models.memory import keep
keep()
for picture in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts = [np.ones(1 << 20) for _ in range(8)]
    del parts
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    first, *later = map(int, subprocess.check_output([sys.executable, "-c", faults]).split())
    assert first > 2_000
    assert max(later) < first / 4


def test_what_a_process_may_take_ends_and_it_goes_on():
    script = """
import resource
import numpy as np
from models.memory import limit
limit(300)
limit(5_000)
try:
    np.ones(400 << 17)
except MemoryError:
    print("none", resource.getrlimit(resource.RLIMIT_DATA)[0] >> 20)
print(np.ones(50 << 17).size >> 17)
"""
    assert subprocess.check_output([sys.executable, "-c", script]).split() == [b"none", b"300", b"50"]


def test_where_there_is_no_such_limit_nothing_happens(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    limit()


def test_a_small_process_is_left_alone():
    assert not give_back(1 << 20)


@pytest.mark.parametrize("failure", [OSError("no C library"), AttributeError("malloc_trim")])
def test_without_its_c_library_nothing_happens(monkeypatch, failure):
    def none(_name):
        raise failure

    monkeypatch.setattr("ctypes.CDLL", none)
    keep()
    assert not give_back(0)


def test_without_proc_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_OWN_PAGES", tmp_path / "none")
    assert not give_back(0)
