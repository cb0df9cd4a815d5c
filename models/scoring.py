"""How readings of labelled pictures are counted; the rules are those of the picture folder's README."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from edge.core.events import FrameRead
from edge.core.fusion import fuse
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import PictureReading
from edge.core.state import Passage

Outcome = Literal["exact", "wrong", "unread"]


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


def join_views(views: Sequence[PictureReading]) -> tuple[str, ...]:
    """Return the codes that the product's own fusion reads from all views of one truck, one picture each.

    From which side each was taken is not known, so none says which box is in front.
    """
    cameras = tuple(
        CameraProfile(f"view-{number}", "top", ("container",), frames_needed=1, frames_max=1)
        for number in range(len(views))
    )
    frames = tuple(
        FrameRead(0, "views", camera.id, camera.id, 0, view) for camera, view in zip(cameras, views, strict=True)
    )
    profile = LaneProfile("evaluation", "views", "in", authorities=(), cameras=cameras)
    containers = fuse(profile, Passage("views", 0, frames=frames), ()).containers
    return tuple(container.code for container in containers.value or ())


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

    def summary(self) -> dict[str, float | None]:
        """Return the published counts; exact + wrong + unread = n. Times are None where none were measured."""
        counts: dict[str, float | None] = {"n": self._outcomes.total()}
        counts |= {name: self._outcomes[name] for name in ("exact", "wrong", "unread")}
        for name, share in (("ms_p50", 0.50), ("ms_p95", 0.95)):
            counts[name] = percentile(self._times_ms, share) if self._times_ms else None
        return counts


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed (nearest rank). Raises ValueError where empty."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
