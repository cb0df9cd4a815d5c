"""An independent judge of what passes unasked: list, outage, uses and identifiers, told from the events alone."""

from edge.core.effects import ConsumeAuthority
from edge.core.events import DeviceBack, DeviceLost, Event, OfflineListAccepted, Started, TimeJudged
from edge.core.offline import CLEARANCE, TIME_GOOD_FOR_MS
from edge.core.offline_list import OfflineEntry, OfflineList, hash_identifier
from edge.core.readings import Identity
from edge.core.state import LaneState

_NEEDED = 2


class OfflineOracle:
    """Keeps its own memory of list, outage, clock and uses, and never asks the lane's own judgement."""

    def __init__(self) -> None:
        self._list: OfflineList | None = None
        self._out_since_ms: int | None = None
        self._good_at_ms: int | None = None
        self._uses: dict[str, int] = {}
        self._passes = 0

    def heard(self, event: Event) -> None:
        """Remember what an event says."""
        match event:
            case Started(offline_uses=uses, offline_passes=passes):
                self._uses, self._passes = {one.entry: one.uses for one in uses}, passes
            case DeviceLost(device=device) if device == CLEARANCE and self._out_since_ms is None:
                self._out_since_ms = event.at_ms
            case DeviceBack(device=device) if device == CLEARANCE:
                self._out_since_ms, self._passes = None, 0
            case TimeJudged(good=good):
                self._good_at_ms = event.at_ms if good else None
            case OfflineListAccepted(list=found) if self._list is None or found.version > self._list.version:
                self._list = found
            case OfflineListAccepted(list=found) if self._list is not None and found.version == self._list.version:
                # After a step of the wall clock: by whichever time it ends sooner.
                self._list = min(self._list, found, key=lambda one: one.until_ms)
            case _:
                pass

    def consumes(self, before: LaneState, event: Event, after: LaneState, effect: ConsumeAuthority) -> None:
        """Assert everything that a passage unasked needs, and remember its use."""
        rules, found, passage = before.profile.offline, self._list, after.passage
        assert rules is not None, "I21: configured"
        assert found is not None, "I21: under a list"
        assert passage is not None
        assert found.authority == rules.authority, "I21: of the authority that speaks for all"
        assert self._out_since_ms is not None, "I21: in an outage"
        assert event.at_ms - self._out_since_ms >= rules.outage_ms, "I21: that was long enough"
        assert self._good_at_ms is not None, "I21: by a clock that was vouched for"
        assert event.at_ms - self._good_at_ms <= TIME_GOOD_FOR_MS, "I21: within a day"
        assert (before.mode, before.hours) == ("NORMAL", "open"), "I21: in the hours, and in no other mode"
        assert passage.requests, "I21: somebody was asked"
        assert all(one.silent and one.answer is None for one in passage.requests), "I21: and nobody answered"
        entry = next((one for one in found.entries if one.id == effect.nonces[0].partition("|")[0]), None)
        assert entry is not None, "I21: an entry of the list in force"
        assert entry.from_ms <= event.at_ms, "I21: expected by now"
        assert effect.deadline_ms < min(entry.until_ms, found.until_ms), "I21: and still"
        assert entry.risk == "low", "I21: without a risk"
        assert entry.id not in found.denied, "I21: not denied"
        self._uses[entry.id] = self._uses.get(entry.id, 0) + 1
        self._passes += 1
        assert self._uses[entry.id] <= entry.max_uses, "I21: within its uses"
        assert self._passes <= rules.most_passes, "I21: within the passes of one outage"
        assert effect.nonces == (f"{entry.id}|{self._uses[entry.id]}",), "I14: each use has its nonce"
        _agrees(entry, found.hash_key, passage.identity or Identity())


def _agrees(entry: OfflineEntry, key: str, identity: Identity) -> None:
    """Two identifiers that were read are those that are listed, and none is another's."""
    plate, boxes, tag = dict(identity.plates).get("front"), identity.containers.value, identity.tag.value
    read = {
        "plate": None if plate is None or plate.value is None else plate.value.text,
        "container": ",".join(sorted(one.code for one in boxes)) if boxes else None,
        "tag": None if tag is None else tag.tid,
    }
    named = {"plate": entry.plate, "container": entry.container, "tag": entry.tag}
    same = 0
    for kind, text in read.items():
        if text is None or (listed := named[kind]) is None:
            continue
        assert hash_identifier(key, kind, text) == listed, f"I21: another {kind} than the one that is listed"  # type: ignore[arg-type]
        same += 1
    assert same >= _NEEDED, "I21: two identifiers agree"
    assert not boxes or entry.container is not None, "I21: no box that is not listed"
    assert boxes != () or entry.container is None, "I21: and none is missing"
