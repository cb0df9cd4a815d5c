"""Every kind of traffic in the simulated lane, and the judge's eye on vehicles that are said to be empty."""

from random import Random

import pytest

from edge.core import boxes
from edge.core.cargo import cargo_class
from edge.core.readings import Identity, Reading
from simulators.prove import campaign
from simulators.prove.traffic import truck
from simulators.prove.world import Plan, drawn_profile


def plans(*faults: str, count: int) -> list[Plan]:
    return [Plan(f"cargo-{number}", 6, frozenset(faults)) for number in range(count)]


def test_every_kind_of_traffic_comes_and_passes_where_nothing_is_wrong() -> None:
    kinds = set()
    for plan in plans(count=30):
        kinds.add(drawn_profile(Random(plan.seed)).traffic)
        found = campaign.run(plan)
        assert (found.violations, found.passed) == ([], found.entitled)
    assert kinds == {"container", "general", "bulk", "car", "bus"}


def test_trucks_of_a_container_lane_carry_two_boxes_one_or_none() -> None:
    classes = {
        cargo_class("container", Identity(containers=Reading("read", truck(number, "release").containers, 0.9)))
        for number in range(4)
    }
    assert classes == {"empty", "container_one", "container_two"}
    assert truck(1, "release", "bulk").containers == ()


@pytest.mark.hazard("D9")
def test_a_lane_that_takes_unread_boxes_for_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_seen_empty", lambda *_: Reading("read", (), 0.5))
    found = [name for plan in plans("unread", count=60) for name, _ in campaign.run(plan).violations]
    assert "I1" in found


@pytest.mark.hazard("D9")
def test_a_lane_that_believes_in_no_box_at_the_first_look_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_shows_box", lambda _: False)
    monkeypatch.setattr(boxes, "_code_votes", lambda *_: {})
    monkeypatch.setattr(boxes, "_by_characters", lambda *_: ())
    found = [text for plan in plans("late_box", count=25) for _, text in campaign.run(plan).violations]
    assert any("a box was seen" in text for text in found)
