"""How often the lane of a simulation looks: where the age of a sample counts, and at once when something changed."""

from bisect import bisect_left
from itertools import pairwise

import pytest

from simulators.prove import campaign
from simulators.prove.judge import Judge
from simulators.prove.world import Plan, World

_READ_INPUTS = 2
# A change is seen at a moment that the seed chooses, once the request before it and its reply have passed.
_SOON_MS = 60
_IDLE_MS = 900
# Who stops stays for five seconds at least; the boom comes up and others pass while it is looked at more often.
_STOP_MS, _BESIDE = 5_000, 4


def test_a_vehicle_that_stops_below_the_boom_is_looked_at_with_the_heartbeat_and_seen_to_leave_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_ms: list[int] = []
    changed: list[tuple[int, bool]] = []
    requested, signal = Judge.requested, World.signal

    def note_request(judge: Judge, frame: bytes) -> None:
        if frame[7] == _READ_INPUTS:
            looked_ms.append(judge.world.time.now_ms)
        requested(judge, frame)

    def note_signal(world: World, **signals: bool) -> None:
        if "safety_loop" in signals:
            changed.append((world.time.now_ms, signals["safety_loop"]))
        signal(world, **signals)

    monkeypatch.setattr(Judge, "requested", note_request)
    monkeypatch.setattr(World, "signal", note_signal)
    found = campaign.checked(Plan("stops", 20, frozenset({"stops"})))
    assert found.violations == []
    assert max(looked_ms[bisect_left(looked_ms, at_ms)] - at_ms for at_ms, _ in changed) <= _SOON_MS
    stops = [
        (came_ms, left_ms)
        for (came_ms, occupied), (left_ms, _) in pairwise(changed)
        if occupied and left_ms - came_ms >= _STOP_MS
    ]
    assert stops
    for came_ms, left_ms in stops:
        looks = bisect_left(looked_ms, left_ms) - bisect_left(looked_ms, came_ms)
        assert looks <= (left_ms - came_ms) / _IDLE_MS + _BESIDE
