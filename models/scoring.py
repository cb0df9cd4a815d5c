"""How readings of labelled pictures are counted; the rules are those of the picture folder's README."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

Outcome = Literal["exact", "wrong", "unread"]
# Two codes that differ in so few places are two readings of one code, not two containers.
SAME_CODE_DISTANCE = 3


def score_plate(main: str, others: Iterable[str], answers: Iterable[str]) -> Outcome:
    """Return the outcome for a scene: other true plates neither count for nor against."""
    given = set(answers)
    if main in given:
        return "exact"
    return "wrong" if given - set(others) - {main} else "unread"


def score_codes(truth: Sequence[str], verified: Iterable[str]) -> Outcome:
    """Return the outcome for a picture or passage: exact when every true code and no other was answered."""
    given = set(verified)
    if given - set(truth):
        return "wrong"
    return "exact" if given == set(truth) else "unread"


def join_views(views: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Join the verified codes of all views of one truck: each container once, by number of views.

    A code that differs in at most `SAME_CODE_DISTANCE` places from another is a misreading of one of the two;
    the one that more views saw stands, and neither does where as many saw both.
    """
    seen = Counter(code for view in views for code in set(view))
    kept = []
    for code, views_of_code in seen.items():
        rivals = [n for other, n in seen.items() if other != code and _distance(code, other) <= SAME_CODE_DISTANCE]
        if all(views_of_code > n for n in rivals):
            kept.append(code)
    return tuple(sorted(kept))


def _distance(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))


class Tally:
    """Counts of one group: n, exact, wrong, unread, and times where pictures were read."""

    def __init__(self) -> None:
        self._outcomes: Counter[Outcome] = Counter()
        self._times_ms: list[float] = []

    def add(self, outcome: Outcome, elapsed_ms: float | None = None) -> None:
        """Count one picture (or passage)."""
        self._outcomes[outcome] += 1
        if elapsed_ms is not None:
            self._times_ms.append(elapsed_ms)

    def summary(self) -> dict[str, float]:
        """Return the published counts; exact + wrong + unread = n."""
        counts: dict[str, float] = {"n": self._outcomes.total()}
        counts |= {name: self._outcomes[name] for name in ("exact", "wrong", "unread")}
        if self._times_ms:
            counts |= {"ms_p50": percentile(self._times_ms, 0.50), "ms_p95": percentile(self._times_ms, 0.95)}
        return counts


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed (nearest rank). Raises ValueError where empty."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
