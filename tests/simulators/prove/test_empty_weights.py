"""Lanes that know what empty vehicles weigh in the proof: an empty chassis is told apart, and a hidden box is held."""

from typing import Any

import pytest

from edge.core import draft, fusion
from edge.core.cargo import cargo_class
from simulators.prove import campaign
from simulators.prove.history import Outcome
from simulators.prove.loads import EMPTY_WEIGHTS, HEAVIER, empty_kg
from simulators.prove.world import Plan


@pytest.fixture(autouse=True)
def _without_the_lanes_log(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.prepare_process()
    for name in ("_SHARE_OF_LANES", "_TOLD_WHAT_EMPTY_ONES_WEIGH"):
        monkeypatch.setattr(f"simulators.prove.scale.{name}", 1.0)


def histories(*faults: str, trucks: int = 12, seeds: range = range(14)) -> list[Outcome]:
    return [campaign.run(Plan(f"empty-{seed}", trucks, frozenset(faults))) for seed in seeds]


def blamed(found: list[Outcome]) -> set[str]:
    return {name for one in found for name, _ in one.violations}


def test_vehicles_without_a_box_weigh_what_a_site_says_of_them() -> None:
    weights = {empty_kg(number) for number in range(0, 4_000, 4)}
    assert min(weights) < EMPTY_WEIGHTS.truck_most_kg
    assert EMPTY_WEIGHTS.chassis_least_kg < max(weights) <= EMPTY_WEIGHTS.chassis_most_kg
    assert any(EMPTY_WEIGHTS.truck_most_kg < one < EMPTY_WEIGHTS.chassis_least_kg for one in weights)


def test_a_truck_alone_and_an_empty_chassis_pass_and_are_told_apart() -> None:
    found = histories()
    assert blamed(found) == set()
    assert [one.passed for one in found] == [one.entitled for one in found]
    assert {"cargo empty", "cargo empty_truck", "cargo empty_chassis"} <= set().union(*(one.cases for one in found))


@pytest.mark.hazard("D9", "I1")
def test_a_box_that_nobody_sees_is_held_by_what_it_weighs() -> None:
    found = histories("box_covered") + histories("box_covered", "scale_unsteady", "scale_silent", "unread")
    assert blamed(found) == set()
    assert HEAVIER in set().union(*(one.cases for one in found))


@pytest.mark.hazard("I1", "D9")
def test_a_lane_that_takes_whatever_shows_no_box_for_empty_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion, "unless_heavier", lambda boxes, *_: boxes)
    found = histories("box_covered")
    assert {"told as a vehicle without a box", "whose weight tells of them", "too heavy for it"} <= {
        part
        for one in found
        for _, what in one.violations
        for part in ("told as a vehicle without a box", "whose weight tells of them", "too heavy for it")
        if part in what
    }


@pytest.mark.parametrize("wrong", ["empty", "empty_truck", "empty_chassis"])
def test_a_record_that_takes_one_for_the_other_is_found(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def confusing(traffic: Any, identity: Any, limits: Any) -> Any:
        said = cargo_class(traffic, identity, limits)
        return wrong if said.startswith("empty") else said

    monkeypatch.setattr(draft, "cargo_class", confusing)
    assert "I16" in blamed(histories())
