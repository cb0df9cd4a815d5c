"""Container codes that an engine of somebody else read: checked as our own, never in place of our own."""

from collections.abc import Sequence
from dataclasses import replace

from edge.core.boxes import MOST_CONTAINERS, ORDER_NOT_SEEN, Boxes, contradiction, fuse_containers, seen_at_all
from edge.core.container import Container
from edge.core.profile import LaneProfile
from edge.core.readings import EngineResult, Reading
from edge.core.state import Passage

# Results of one passage that are kept: an engine has its word once, or corrects itself.
MOST_RESULTS = 8


def fuse_boxes(profile: LaneProfile, passage: Passage, lost_devices: Sequence[str]) -> Boxes:
    """Return the boxes as cameras and engine have them together; where they differ, none is preferred."""
    seen = fuse_containers(profile, passage, lost_devices)
    if profile.container_engine is None:
        return seen
    told = fuse_told(profile, passage.results, lost_devices)
    if seen.reason == "not_looked_for" or "conflict" in (seen.status, told.status):
        return seen if seen.status == "conflict" else replace(told, evidence=seen.evidence)
    if told.value is None:
        return seen
    if seen.value is not None:
        return _agreed(seen, told)
    # One frame of ours makes no reading; that it verified another code is a contradiction, as among our own frames.
    codes = {one.code for one in told.value}
    others = tuple(one for code, one in seen_at_all(profile, passage).items() if code not in codes)
    return Reading("conflict", candidates=(told.value, others), reason="code_seen_once") if others else told


def engine_may_tell(profile: LaneProfile, passage: Passage, lost_devices: Sequence[str]) -> bool:
    """Say whether a result is still to be waited for."""
    if profile.container_engine is None or profile.container_engine in lost_devices:
        return False
    return fuse_told(profile, passage.results, lost_devices).status == "unread"


def fuse_told(profile: LaneProfile, results: Sequence[EngineResult], lost_devices: Sequence[str]) -> Boxes:
    """Return what the engine told of this vehicle. No code is never an empty vehicle: an engine cannot know that."""
    if not results:
        lost = profile.container_engine in lost_devices
        return Reading("unread", reason="device_lost" if lost else "no_result")
    reasons = [_objection(profile, one) for one in results]
    clear = [one for one, reason in zip(results, reasons, strict=True) if reason is None]
    if not clear:
        return Reading("unread", reason=reasons[-1])
    told = {frozenset(box.container.code for box in one.boxes): one for one in clear}
    if len(told) > 1:
        candidates = tuple(_containers(one) for one in told.values())
        return Reading("conflict", candidates=candidates, reason="results_disagree")
    codes = _containers(clear[-1])
    against = contradiction(codes)
    if against is not None:
        return Reading("conflict", candidates=(codes,), reason=against)
    orders = {tuple(one.code for one in order): order for one in clear if (order := _front_to_rear(one)) is not None}
    if len(orders) > 1:
        return Reading("conflict", candidates=tuple(orders.values()), reason="order_disagrees")
    confidence = min(box.confidence for one in clear for box in one.boxes)
    if orders:
        return Reading("read", next(iter(orders.values())), confidence)
    return Reading("read", codes, confidence, None if len(codes) < MOST_CONTAINERS else ORDER_NOT_SEEN)


def _objection(profile: LaneProfile, result: EngineResult) -> str | None:
    """Return why a result is no reading: only what our own check verified counts, whatever the engine thinks of it."""
    if not result.boxes:
        return "no_code"
    if any(box.container.check != "verified" for box in result.boxes):
        return "check_digit"
    return "low_confidence" if any(box.confidence < profile.engine_min_confidence for box in result.boxes) else None


def _front_to_rear(result: EngineResult) -> tuple[Container, ...] | None:
    """Return two boxes in their order; None where the engine did not tell it, or there is one."""
    by_place = {box.place: box.container for box in result.boxes}
    return (by_place["front"], by_place["rear"]) if by_place.keys() == {"front", "rear"} else None


def _containers(result: EngineResult) -> tuple[Container, ...]:
    return tuple(box.container for box in result.boxes)


def _agreed(seen: Boxes, told: Boxes) -> Boxes:
    assert seen.value is not None
    assert told.value is not None
    ours, theirs = [one.code for one in seen.value], [one.code for one in told.value]
    both = (seen.value, told.value)
    if sorted(ours) != sorted(theirs):
        return Reading("conflict", candidates=both, reason="engine_disagrees", evidence=seen.evidence)
    confidence = min(seen.confidence, told.confidence)
    if seen.reason == ORDER_NOT_SEEN:
        by_code = {one.code: one for one in seen.value}
        return replace(
            told, value=tuple(by_code[code] for code in theirs), confidence=confidence, evidence=seen.evidence
        )
    if told.reason != ORDER_NOT_SEEN and ours != theirs:
        return Reading("conflict", candidates=both, reason="order_disagrees", evidence=seen.evidence)
    return replace(seen, confidence=confidence)
