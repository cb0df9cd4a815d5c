"""Boxes of every kind in the proof: the terminal record says what stood on the vehicle, or that it is not known."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core import draft
from edge.core.cargo import CargoClass
from edge.core.readings import Identity
from simulators.prove import campaign
from simulators.prove.cameras import Cameras
from simulators.prove.history import Outcome
from simulators.prove.loads import CLASSES, NOTHING, ONE, TWO, Loads, load_of
from simulators.prove.world import Plan

_OF = vars(Cameras)["_of"]
FAULTS = ("late_box", "two_boxes", "unread", "leaves_early", "earlier_picture")


@pytest.fixture(autouse=True)
def _without_the_lanes_log() -> None:
    campaign.prepare_process()


def histories(*faults: str, count: int = 8, trucks: int = 10) -> list[Outcome]:
    return [campaign.run(Plan(f"loaded-{seed}", trucks, frozenset(faults))) for seed in range(count)]


def blamed(found: list[Outcome]) -> list[str]:
    return [what for one in found for name, what in one.violations if name == "I16"]


def test_every_load_comes() -> None:
    assert {load_of(number) for number in range(200)} == {NOTHING, *ONE, *TWO}


def test_the_record_names_what_is_there_whatever_the_cameras_miss() -> None:
    found = histories() + histories(*FAULTS, count=14)
    assert blamed(found) == []
    # What a scale tells apart: test_empty_weights.py.
    told = CLASSES - {"empty_truck", "empty_chassis"}
    assert {f"cargo {one}" for one in told} <= set().union(*(one.cases for one in found))


def _always_one(traffic: Any, identity: Identity, empty_weights: Any) -> CargoClass:
    return "container_one"


def test_a_lane_that_records_another_load_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "cargo_class", _always_one)
    assert blamed(histories(count=4))


def test_a_lane_that_believes_too_early_that_nothing_is_carried_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vehicle leaves before its cameras had their looks."""
    monkeypatch.setattr(draft, "seen_so_far", lambda profile, passage, lost, identity: identity)
    assert blamed([campaign.run(Plan("k-37", 20, frozenset({*FAULTS, "killed"})))])


@pytest.mark.parametrize("drops", [0, 1])
def test_a_box_too_few_or_one_of_nobody_is_found(drops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if drops:
        monkeypatch.setattr(Cameras, "_of", _without_the_last_box)
    else:
        monkeypatch.setattr(Loads, "shows", lambda *_: None)
    assert blamed(histories(count=4))


def _without_the_last_box(self: Any, one: Any, camera: Any) -> Any:
    return _OF(self, replace(one, containers=one.containers[:1]), camera)
