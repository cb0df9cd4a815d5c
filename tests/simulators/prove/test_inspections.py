"""Referred vehicles in the proof: who was looked at and cleared passes, and every way around an inspection is found."""

from collections.abc import Sequence
from typing import Any

import pytest

from edge.core import observe, referral, referring
from edge.core.readings import Identity
from edge.core.referral import Referral, ReferralReport
from simulators.prove import campaign, traffic
from simulators.prove.history import Outcome
from simulators.prove.inspections import REFERRALS
from simulators.prove.world import Plan

SEEDS = range(12)
FAULTS = ("report_lost", "report_late", "report_replayed", "report_altered")
_TRUCK, _SWAPPED = traffic.truck, vars(referral)["_swapped"]


@pytest.fixture(autouse=True)
def _authorities_that_look_at_many(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.prepare_process()

    def truck(number: int, verdict: str, kind: Any) -> traffic.Truck:
        return _TRUCK(number, "refer" if number % 5 < 3 else verdict, kind)

    monkeypatch.setattr("simulators.prove.traffic.truck", truck)


def histories(*faults: str, trucks: int = 14) -> list[Outcome]:
    return [campaign.run(Plan(f"looked-{seed}", trucks, frozenset(faults))) for seed in SEEDS]


def blamed(found: list[Outcome]) -> set[str]:
    return {name for one in found for name, _ in one.violations}


def reached(found: list[Outcome]) -> set[str]:
    return set().union(*(one.cases for one in found))


def test_whoever_was_cleared_passes_and_nobody_else_by_himself() -> None:
    found = histories()
    assert blamed(found) == set()
    assert {"referral clear", "referral rechecked", "referral findings"} <= reached(found)
    assert [one.passed for one in found] == [one.entitled for one in found]


def test_words_that_are_late_lost_replayed_or_anothers_change_nothing() -> None:
    found = histories(*FAULTS) + histories(*FAULTS, "killed", "power_cut", "unread")
    assert blamed(found) == set()
    # That a person asks anew before the vehicle drives off is rare.
    assert {f"referral {one}" for one in REFERRALS} - {"referral withdrawn"} <= reached(found)


def _clear(one: Referral) -> str:
    return "clear"


def _only_unknown(site: str, lane: str, referrals: Sequence[Referral], report: ReferralReport) -> str | None:
    return None if report.referral in {one.id for one in referrals} else "unknown_referral"


def _never_swapped(one: Referral, identity: Identity) -> tuple[str, ...] | None:
    return None if _SWAPPED(one, identity) is None else ()


@pytest.mark.parametrize(
    ("where", "name", "broken", "invariant"),
    [
        (referring, "recheck", lambda *_: None, "I1"),
        (Referral, "status", property(_clear), "I1"),
        (referring, "report_refusal", _only_unknown, "I1"),
        (observe, "watch", lambda draft: None, "I11"),
        (referring, "_longest_ms", lambda timing, targets: 3_000, "I11"),
    ],
    ids=["no recheck", "all are clear", "every word counts", "nobody is missed", "missed too early"],
)
def test_a_lane_that_follows_referrals_carelessly_is_found(
    where: Any, name: str, broken: Any, invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, broken)
    assert invariant in blamed(histories("report_altered", "report_lost", "report_late"))


def test_another_box_behind_a_cleared_plate_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.prove.inspections._SWAPPED", 1.0)
    monkeypatch.setattr(referral, "_swapped", _never_swapped)
    found = [what for one in histories() for _, what in one.violations]
    assert any("another box" in what for what in found)
