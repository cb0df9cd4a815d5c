"""Lanes with a reader of drivers' cards in the proof: whoever drives is told, and never who drove before."""

from dataclasses import replace
from typing import Any

import pytest

from drivers.identity_lines.driver import LineReader
from drivers.identity_lines.wire import CardDecoder, Layout
from edge.clearance import lane_clearance
from edge.core import fusion, observe, policy
from edge.core.draft import Draft
from edge.core.events import CardShown
from edge.core.readings import Reading
from simulators.prove import campaign
from simulators.prove.cards import CARD_CASES
from simulators.prove.faults import CHECKS, PARTS, ROWS
from simulators.prove.history import Outcome
from simulators.prove.world import Plan

CARD_FAULTS = sorted(fault for fault in ROWS if fault.startswith("card_"))
# Enough that some lanes demand a driver and some only tell of one.
SEEDS = range(6)


@pytest.fixture(autouse=True)
def _without_the_lanes_log(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.prepare_process()
    for name in ("_SHARE_OF_LANES", "_SHARE_OF_FAILING"):
        monkeypatch.setattr(f"simulators.prove.cards.{name}", 1.0)


def histories(*faults: str, trucks: int = 12, seeds: range = SEEDS) -> list[Outcome]:
    return [campaign.run(Plan(f"driven-{seed}", trucks, frozenset(faults))) for seed in seeds]


def blamed(found: list[Outcome]) -> set[str]:
    return {name for one in found for name, _ in one.violations}


def reached(found: list[Outcome]) -> set[str]:
    return {case.removeprefix("driver ") for one in found for case in one.cases if case.startswith("driver ")}


def test_every_driver_shows_a_card_and_passes_where_nothing_is_wrong() -> None:
    found = histories(trucks=20)
    assert blamed(found) == set()
    assert [one.passed for one in found] == [one.entitled for one in found]
    assert {"read", "no_card", "opened"} <= reached(found)


@pytest.mark.hazard("D8", "D11", "D14", "D15", "D16", "D18", "I1", "I16")
def test_whatever_fails_at_a_card_opens_nothing_and_is_told_by_its_name() -> None:
    found = [one for fault in CARD_FAULTS for one in histories(fault)]
    assert blamed(found) == set()
    assert set().union(*(one.rows for one in found)) == {*(ROWS[fault] for fault in CARD_FAULTS), CHECKS, PARTS}
    assert reached(found) == set(CARD_CASES)


@pytest.mark.hazard("X1", "X2", "D11")
def test_a_controller_that_is_killed_gives_nobody_the_card_that_lies_there() -> None:
    found = histories("card_left", "card_lost", "killed", "power_cut", seeds=range(12))
    assert blamed(found) == set()
    assert {"no_card", "read"} <= reached(found)


def test_the_same_seed_gives_the_same_cards() -> None:
    first, again = (histories(*CARD_FAULTS, trucks=6) for _ in range(2))
    assert [one.trace for one in first] == [one.trace for one in again]


def _since_the_last_identity(draft: Draft, event: CardShown) -> None:
    passage, concluded_ms = draft.state.passage, draft.state.identified_ms
    if passage is None or passage.identity is not None or (concluded_ms is not None and event.since_ms <= concluded_ms):
        return
    if event.card not in passage.cards:
        draft.change_passage(cards=(*passage.cards, event.card))


@pytest.mark.hazard("I16", "P19", "D11")
def test_a_lane_that_looks_whose_card_it_is_only_until_it_identified_a_vehicle_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observe, "_observe_card", _since_the_last_identity)
    assert "I16" in blamed(histories("card_late"))


class _Forgetful(LineReader):
    """Remembers no card but the last one."""

    def _comes(self, text: str, now_ms: int) -> Any:
        self._lying.clear()
        return super()._comes(text, now_ms)


class _Trusting(LineReader):
    """Takes what it reads first for shown just now."""

    def begin_listening(self) -> None:
        self._deaf_until_ms = 0


@pytest.mark.hazard("I16", "D11")
@pytest.mark.parametrize(
    ("reader", "faults"),
    [(_Forgetful, ("card_left",)), (_Trusting, ("card_left", "killed")), (_Trusting, ("card_late", "card_lost"))],
)
def test_a_driver_that_forgets_how_long_a_card_lies_there_is_found(
    reader: type[LineReader], faults: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.prove.cards.LineReader", reader)
    found = (histories(*faults, trucks=30, seeds=range(seed, seed + 1)) for seed in range(20))
    assert any("I16" in blamed(one) for one in found)


@pytest.mark.hazard("I16", "D16")
def test_a_driver_that_checks_no_line_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    read, plain = CardDecoder.read, CardDecoder(Layout(alphabet="any", most=80))

    def unchecked(self: CardDecoder, line: bytes) -> Any:
        body = line.rpartition(b"\x02")[2][:-2]
        return read(plain, body) if len(body) > 4 and body.isalnum() else None

    monkeypatch.setattr(CardDecoder, "read", unchecked)
    assert "I16" in blamed(histories("card_noise"))


@pytest.mark.hazard("I16", "D8")
def test_a_lane_that_prefers_one_of_two_cards_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(profile: Any, cards: Any, lost: Any) -> Any:
        return Reading("read", cards[0], 1.0) if cards else Reading("unread", reason="no_card")

    monkeypatch.setattr(fusion, "fuse_driver", first)
    assert "I16" in blamed(histories("card_two"))


@pytest.mark.hazard("I1")
def test_a_lane_that_opens_without_the_driver_that_it_demands_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = vars(policy)["_missing"]
    monkeypatch.setattr(policy, "_missing", lambda *asked: None if "driver" in asked else missing(*asked))
    assert "I1" in blamed(histories("card_none", "card_lost"))


@pytest.mark.hazard("I16", "S16")
def test_a_request_that_tells_more_of_a_driver_than_its_authority_may_see_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build = vars(lane_clearance)["build_request"]

    def telling(head: Any, identity: Any, **named: Any) -> Any:
        return build(head, identity, **{**named, "policy": replace(named["policy"], driver="allow")})

    monkeypatch.setattr(lane_clearance, "build_request", telling)
    assert "I16" in blamed(histories())
