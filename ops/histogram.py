"""Times as counts in fixed buckets: histograms of any lanes, days and centres add up by plain addition.

The buckets are the same everywhere and for ever, and whole numbers alone decide them: below 128 ms each millisecond
has its own, above that each doubling is cut into 64 equal ones. A percentile is the middle of the bucket that holds
the nearest rank, so it differs from the exact one by at most `RELATIVE_ERROR` of it, and below 128 ms not at all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# A passage of 24 days is none: what is above was never measured.
MOST_MS = (1 << 31) - 1
RELATIVE_ERROR = 1 / 128
_EXACT = 128
_PER_DOUBLING = 64


def bucket_of(ms: int) -> int:
    """Return the bucket of a time from 0 to `MOST_MS`. Raises ValueError for any other."""
    if not 0 <= ms <= MOST_MS:
        raise ValueError(f"{ms} ms: expected 0 to {MOST_MS}")
    shift = max(0, ms.bit_length() - _EXACT.bit_length() + 1)
    return shift * _PER_DOUBLING + (ms >> shift)


def middle_of(bucket: int) -> int:
    """Return the time (ms) that stands for all times of a bucket. Raises ValueError where there is no such bucket."""
    if not 0 <= bucket <= _LAST_BUCKET:
        raise ValueError(f"bucket {bucket}: expected 0 to {_LAST_BUCKET}")
    shift = max(0, bucket // _PER_DOUBLING - 1)
    return ((bucket - shift * _PER_DOUBLING) << shift) + (1 << shift >> 1)


_LAST_BUCKET = bucket_of(MOST_MS)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many times fell into each bucket; empty buckets are left out. Never changed once made."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, times_ms: Iterable[int]) -> "Histogram":
        """Return the histogram of some times. Raises ValueError for one that is no time."""
        return cls(dict(Counter(map(bucket_of, times_ms))))

    @classmethod
    def from_json(cls, data: object) -> "Histogram":
        """Return what `as_json` gave. Raises ValueError for anything else."""
        if not isinstance(data, dict):
            raise ValueError("a histogram is an object of buckets and counts")
        counts = {}
        for name, count in data.items():
            if not (isinstance(name, str) and name.isascii() and name.isdigit() and str(int(name)) == name):
                raise ValueError(f"bucket {name!r:.40}: expected a whole number")
            if type(count) is not int or not 0 < count < 1 << 53:
                raise ValueError(f"bucket {name}: {count!r:.40} is no count")
            middle_of(int(name))
            counts[int(name)] = count
        return cls(counts)

    def as_json(self) -> dict[str, int]:
        """Return it as JSON-able data."""
        return {str(bucket): self.counts[bucket] for bucket in sorted(self.counts)}

    @property
    def n(self) -> int:
        """How many times it holds."""
        return sum(self.counts.values())

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(dict(Counter(self.counts) + Counter(other.counts)))

    def at_or_above(self, percent: int) -> int:
        """How many times stand at the nearest rank of a percentile or after it."""
        return self.n - self._rank(percent) + 1 if self.n else 0

    def _rank(self, percent: int) -> int:
        return -(-percent * self.n // 100)

    def percentile(self, percent: int) -> int | None:
        """Return the nearest-rank percentile, 1 to 100, in milliseconds within `RELATIVE_ERROR`; None of no times."""
        rank, below = self._rank(percent), 0
        for bucket in sorted(self.counts):
            below += self.counts[bucket]
            if below >= rank:
                return middle_of(bucket)
        return None
