"""Lanes with a scale in the proof: what is weighed passes, and every way to open by a wrong weight is found."""

from typing import Any

import pytest

from drivers.kit.steady import Steady
from edge.core import observe, policy, scale
from edge.core.draft import Draft
from simulators.prove import campaign
from simulators.prove.faults import ROWS
from simulators.prove.history import Outcome
from simulators.prove.scale import WEIGHINGS
from simulators.prove.world import Plan

SCALE_FAULTS = sorted(fault for fault in ROWS if fault.startswith("scale_"))
# Enough that some lanes demand a weight and some only tell it.
SEEDS = range(4)


@pytest.fixture(autouse=True)
def _without_the_lanes_log() -> None:
    campaign.prepare_process()


def histories(*faults: str, trucks: int = 12, seeds: range = SEEDS) -> list[Outcome]:
    return [campaign.run(Plan(f"weighed-{seed}", trucks, frozenset(faults))) for seed in seeds]


def without_the_second_defence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shown before a vehicle came is refused as well: a display that stuck has to get past both."""
    for module in (scale, observe):
        monkeypatch.setattr(module, "since_it_came", lambda state: state.weighing)


def blamed(found: list[Outcome]) -> set[str]:
    return {name for one in found for name, _ in one.violations}


def test_every_truck_is_weighed_and_passes_where_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.prove.scale._SHARE_OF_LANES", 1.0)
    found = histories()
    assert blamed(found) == set()
    assert [one.passed for one in found] == [one.entitled for one in found]
    assert set().union(*(one.weighings for one in found)) == {"read", "opened"}


def test_whatever_fails_at_a_scale_opens_nothing_and_is_told_by_its_name() -> None:
    found = [one for fault in SCALE_FAULTS for one in histories(fault, trucks=8)]
    assert blamed(found) == set()
    assert set().union(*(one.rows for one in found)) == {ROWS[fault] for fault in SCALE_FAULTS}
    assert set().union(*(one.weighings for one in found)) == set(WEIGHINGS)


@pytest.mark.hazard("X1", "X2", "D18")
def test_a_controller_that_is_killed_knows_no_weight_of_before() -> None:
    found = histories("scale_stuck", "scale_silent", "killed", "power_cut")
    assert blamed(found) == set()
    assert "no_weight" in set().union(*(one.weighings for one in found))


def test_the_same_seed_gives_the_same_weights() -> None:
    first, again = (histories(*SCALE_FAULTS, trucks=6) for _ in range(2))
    assert [one.trace for one in first] == [one.trace for one in again]


@pytest.mark.hazard("I16")
def test_a_lane_that_takes_a_display_that_sways_for_a_weight_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.prove.scale.Steady", _Hasty)
    assert "I16" in blamed(histories("scale_unsteady", "scale_wrong"))


class _Hasty(Steady):
    """Believes the first display."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"needed": 1, "over_ms": 0})


@pytest.mark.hazard("I16")
def test_a_lane_that_gives_a_vehicle_the_weight_of_the_one_before_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    change = Draft.change

    def forgetting(self: Draft, **changes: Any) -> None:
        change(self, **{name: value for name, value in changes.items() if name != "weighed_ms"})

    monkeypatch.setattr(Draft, "change", forgetting)
    without_the_second_defence(monkeypatch)
    assert "I16" in blamed(histories("scale_stuck"))


@pytest.mark.hazard("I16")
def test_a_lane_that_looks_whose_weight_it_is_only_until_it_identified_a_vehicle_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep, note = Draft.keep_as_shown, Draft.note_gone

    def hasty(self: Draft) -> None:
        keep(self)
        note(self)

    monkeypatch.setattr(Draft, "keep_as_shown", hasty)
    monkeypatch.setattr(Draft, "note_gone", lambda _self: None)
    without_the_second_defence(monkeypatch)
    found = (histories("scale_late", trucks=30, seeds=range(seed, seed + 1)) for seed in range(20))
    assert any("I16" in blamed(one) for one in found)


@pytest.mark.hazard("I1")
def test_a_lane_that_opens_without_the_weight_that_it_demands_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = vars(policy)["_missing"]
    monkeypatch.setattr(policy, "_missing", lambda *asked: None if "weight" in asked else missing(*asked))
    assert "I1" in blamed(histories("scale_unsteady", "scale_overload", "scale_silent"))
