"""What the lanes of one box tell each other about tags: one that two of them see belongs to neither for sure (D10)."""

from collections.abc import Callable

from edge.core.events import Event, TagElsewhere
from edge.core.profile import LaneProfile
from edge.core.readings import TagSighting
from edge.core.tags import MOST_TAGS, TOGETHER_MS, counts
from edge.ports import Clock


class LaneTags:
    """One lane's sightings, compared with those of its neighbours. `take` hears of tags that both see, once each.

    A sighting that does not count in its own lane (`edge.core.tags.counts`) is none for the others.
    """

    def __init__(
        self, profile: LaneProfile, take: Callable[[Event], None], clock: Clock, lanes: "list[LaneTags]"
    ) -> None:
        self._profile = profile
        self._take = take
        self._clock = clock
        self._lanes = lanes
        # When each tag of the present vehicle was last seen; which of them were told, and with which lane.
        self._seen: dict[str, int] = {}
        self._told: set[tuple[str, str]] = set()
        # When the vehicle was done with: until then its tags are there, seen or not.
        self._left_ms: int | None = None

    def begin(self) -> None:
        """The lane looks for tags anew."""
        self._seen.clear()
        self._told.clear()
        self._left_ms = None

    def ended(self) -> None:
        """The vehicle of the lane is done with."""
        self._left_ms = self._clock.now_ms()

    def sighted(self, sighting: TagSighting) -> None:
        """The lane's reader saw a tag: tell both where a neighbour has it, or had it a moment ago."""
        epc = sighting.tag.epc
        if not counts(self._profile, sighting) or (epc not in self._seen and len(self._seen) >= MOST_TAGS):
            return
        self._seen[epc] = sighting.seen_at_ms
        for other in self._lanes:
            if other is not self and epc in other._seen:
                self._tell(epc, other)
                other._tell(epc, self)

    def _tell(self, epc: str, other: "LaneTags") -> None:
        now_ms, lane = self._clock.now_ms(), other._profile.lane
        seen_ms = now_ms if other._left_ms is None else max(other._left_ms, other._seen[epc])
        if (epc, lane) not in self._told and now_ms - seen_ms <= TOGETHER_MS:
            self._told.add((epc, lane))
            self._take(TagElsewhere(now_ms, epc, lane, seen_ms))


class SharedTags:
    """All lanes of one box."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: list[LaneTags] = []

    def join(self, profile: LaneProfile, take: Callable[[Event], None]) -> LaneTags:
        """Add a lane."""
        lane = LaneTags(profile, take, self._clock, self._lanes)
        self._lanes.append(lane)
        return lane
