"""How readings of labelled pictures are counted; the rules are those of the picture folder's README."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.core.events import FrameRead
from edge.core.fusion import fuse
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import Box, PictureReading
from edge.core.state import Passage

Outcome = Literal["exact", "wrong", "unread"]
# What two boxes share of what they cover together (intersection over union) where they are of one thing.
SAME_BOX = 0.5
# Boxes below this share of the picture are left out.
SMALLEST_BOX = 0.05


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


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """A label (truck, container...) and where in the picture it stands."""

    label: str
    box: Box


def share_of_both(one: Box, other: Box) -> float:
    """Return the area that two boxes share, as a share of what they cover together."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (one[2] * one[3] + other[2] * other[3] - width * height)


class BoxTally:
    """Counts of boxes by label. A true box is found by one answer; another answer for it is false."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def add(self, truths: Sequence[LabelledBox], answers: Sequence[LabelledBox], picture: tuple[int, int]) -> None:
        """Count one picture of `picture` (width, height); `answers` are in order, the surest first.

        True boxes and answers below SMALLEST_BOX are left out, and so is an answer that is right about a small one.
        """
        least = SMALLEST_BOX * picture[0] * picture[1]
        for truth in truths:
            self._of(truth.label)["truth"] += _area(truth.box) >= least
        taken: set[int] = set()
        for answer in answers:
            places = [
                place
                for place, truth in enumerate(truths)
                if truth.label == answer.label
                and place not in taken
                and share_of_both(truth.box, answer.box) >= SAME_BOX
            ]
            best = max(places, key=lambda place: share_of_both(truths[place].box, answer.box), default=None)
            if best is not None:
                taken.add(best)
                self._of(answer.label)["found"] += _area(truths[best].box) >= least
            elif _area(answer.box) >= least:
                self._of(answer.label)["false"] += 1

    def _of(self, label: str) -> Counter[str]:
        return self._counts.setdefault(label, Counter())

    def summary(self) -> dict[str, dict[str, int]]:
        """Return the published counts of each label: truth, found, false."""
        return {
            label: {what: counts[what] for what in ("truth", "found", "false")}
            for label, counts in sorted(self._counts.items())
        }


def _area(box: Box) -> int:
    return box[2] * box[3]


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
