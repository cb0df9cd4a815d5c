"""Lanes with a reader of seals in the proof: what is sealed as noted passes, and every way round a seal is found."""

from dataclasses import replace
from typing import Any

import pytest

from drivers.kit.seals import SealWatch
from edge.clearance import lane_clearance
from edge.core import actions, fusion, guards, observe, policy, sealing
from edge.core.draft import Draft
from edge.core.readings import Reading, Seal
from edge.core.seal import SealsInField, fuse_seals
from simulators.prove import campaign
from simulators.prove.faults import ROWS
from simulators.prove.history import Outcome
from simulators.prove.seal_field import SEAL_CASES
from simulators.prove.world import Plan

SEAL_FAULTS = sorted(fault for fault in ROWS if fault.startswith("seal_"))
# Enough that some lanes demand seals and some only tell of them.
SEEDS = range(6)


@pytest.fixture(autouse=True)
def _without_the_lanes_log(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.prepare_process()
    for name in ("_SHARE_OF_LANES", "_SHARE_OF_FAILING"):
        monkeypatch.setattr(f"simulators.prove.seal_field.{name}", 1.0)


def histories(*faults: str, trucks: int = 12, seeds: range = SEEDS) -> list[Outcome]:
    return [campaign.run(Plan(f"sealed-{seed}", trucks, frozenset(faults))) for seed in seeds]


def blamed(found: list[Outcome]) -> set[str]:
    return {name for one in found for name, _ in one.violations}


def reached(found: list[Outcome]) -> set[str]:
    return {case.removeprefix("seals ") for one in found for case in one.cases if case.startswith("seals ")}


def test_every_vehicle_that_is_sealed_as_noted_passes_where_nothing_is_wrong() -> None:
    found = histories(trucks=20)
    assert blamed(found) == set()
    assert [one.passed for one in found] == [one.entitled for one in found]
    assert {"read", "no_seal", "opened", "opened_noted", "held_not_noted_seals"} <= reached(found)


@pytest.mark.hazard("D2", "D10", "D11", "D35", "I1", "I16")
def test_whatever_fails_at_a_seal_opens_nothing_and_is_told_by_its_name() -> None:
    found = [one for fault in SEAL_FAULTS for one in histories(fault)]
    assert blamed(found) == set()
    assert set().union(*(one.rows for one in found)) == {ROWS[fault] for fault in SEAL_FAULTS}
    assert reached(found) == set(SEAL_CASES) - {"no_reader"}


def test_a_note_that_names_seals_opens_no_lane_that_cannot_check_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_SHARE_OF_LANES", 0.0), ("_UNCHECKED", 2)):
        monkeypatch.setattr(f"simulators.prove.seal_field.{name}", value)
    found = histories()
    assert (blamed(found), reached(found)) == (set(), {"no_reader", "held_unread_seals"})
    assert [one.passed for one in found] == [one.entitled for one in found]


@pytest.mark.hazard("X1", "X2", "D11")
def test_a_controller_that_is_killed_gives_nobody_the_seals_of_before() -> None:
    found = histories("seal_stuck", "seal_lost", "killed", "power_cut", seeds=range(12))
    assert blamed(found) == set()
    assert "no_seal" in reached(found)


@pytest.mark.hazard("X1", "D35", "I1")
def test_an_open_seal_that_was_told_before_the_reader_was_lost_opens_nothing() -> None:
    found = histories("seal_open", "seal_lost", "killed", trucks=40, seeds=range(29, 33))
    assert blamed(found) == set()
    assert "held_seal_open" in reached(found)


def test_the_same_seed_gives_the_same_seals() -> None:
    first, again = (histories(*SEAL_FAULTS, trucks=6) for _ in range(2))
    assert [one.trace for one in first] == [one.trace for one in again]


@pytest.mark.hazard("I16", "D11")
def test_a_lane_that_keeps_the_seals_of_the_vehicle_before_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    change = Draft.change

    def forgetting(self: Draft, **changes: Any) -> None:
        change(self, **{name: value for name, value in changes.items() if name != "sealed_ms"})

    monkeypatch.setattr(Draft, "change", forgetting)
    assert "I16" in blamed(histories("seal_stuck", "seal_late"))


def _whatever_is_seen(draft: Draft) -> None:
    field = draft.state.seals
    draft.change_passage(seals=field)
    sealing._tell_open(draft, () if field is None else field.seals)


@pytest.mark.hazard("I16", "D11")
def test_a_lane_that_believes_what_a_reader_shows_that_was_lost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "take_seals", _whatever_is_seen)
    assert "I16" in blamed(histories("seal_stuck", "seal_lost", trucks=30, seeds=range(10)))


@pytest.mark.hazard("I16", "X1")
@pytest.mark.parametrize("faults", [("seal_stuck", "killed"), ("seal_stuck", "seal_lost")])
def test_a_lane_that_believes_what_a_reader_shows_first_is_found(
    faults: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.prove.seal_field.SealWatch", _Trusting)
    found = (histories(*faults, trucks=30, seeds=range(seed, seed + 1)) for seed in range(30))
    assert any("I16" in blamed(one) for one in found)


class _Trusting(SealWatch):
    """Takes what it sees first for just come."""

    def feed(self, seals: Any, at_ms: int) -> SealsInField | None:
        self._unasked_since_ms = None
        return super().feed(seals, at_ms)


@pytest.mark.hazard("I1")
def test_a_lane_that_opens_with_an_open_seal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (policy, sealing):
        monkeypatch.setattr(module, "unlocked", lambda _seals: 0)
    assert "I1" in blamed(histories("seal_open"))


@pytest.mark.hazard("I1")
def test_a_lane_that_opens_although_a_seal_was_opened_after_it_was_read_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (actions, guards):
        monkeypatch.setattr(module, "doubts", lambda _state: ())
    # Four authorities, of which some stay silent: until all time is over a seal may be opened.
    monkeypatch.setattr("simulators.prove.joins._LANES_ASKING", (0, 0, 0, 1))
    monkeypatch.setattr("simulators.prove.joins._APART", 1.0)
    found = (histories("seal_open", trucks=30, seeds=range(seed, seed + 1)) for seed in range(30))
    assert any("open for" in what for one in found for each in one for _, what in each.violations)


@pytest.mark.hazard("I1")
def test_a_lane_that_opens_without_the_seals_that_it_demands_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = vars(policy)["_missing"]
    monkeypatch.setattr(policy, "_missing", lambda *asked: None if "seals" in asked else missing(*asked))
    assert "I1" in blamed(histories("seal_missing", "seal_lost"))


@pytest.mark.hazard("I1")
@pytest.mark.parametrize("fault", ["seal_other", "seal_opened"])
def test_a_lane_that_compares_no_seal_with_the_note_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_seal_contradictions", lambda *_: [])
    monkeypatch.setattr(actions, "opened_unexpectedly", lambda *_: False)
    assert "I1" in blamed(histories(fault, trucks=20, seeds=range(12)))


@pytest.mark.hazard("I1", "D35")
def test_a_lane_that_takes_a_silent_reader_for_consent_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def agreeing(profile: Any, field: Any, lost: Any) -> Reading[tuple[Seal, ...]]:
        found = fuse_seals(profile, field, lost)
        return Reading("read", (), 1.0) if found.reason == "device_lost" else found

    monkeypatch.setattr(fusion, "fuse_seals", agreeing)
    found = (histories("seal_lost", trucks=30, seeds=range(seed, seed + 1)) for seed in range(20))
    assert any("I1" in blamed(one) for one in found)


@pytest.mark.hazard("I19")
def test_an_alarm_that_names_a_seal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_tell_open", lambda draft, seals: draft.alarm("seal_open", str(seals)))
    assert "I19" in blamed(histories("seal_open"))


@pytest.mark.hazard("I16")
def test_a_request_that_tells_of_another_count_than_the_reader_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    build = vars(lane_clearance)["build_request"]

    def counting(head: Any, identity: Any, **named: Any) -> Any:
        return build(head, _counted_on(identity), **named)

    monkeypatch.setattr(lane_clearance, "build_request", counting)
    assert "I16" in blamed(histories())


def _counted_on(identity: Any) -> Any:
    seals = tuple(replace(one, openings=9) for one in identity.seals.value or ())
    return replace(identity, seals=replace(identity.seals, value=seals)) if seals else identity
