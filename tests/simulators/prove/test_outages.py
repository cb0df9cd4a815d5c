"""Who passes while the centre is out of reach, in single histories; and what the judge says of lanes that are wrong."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from edge import log
from edge.clearance import feeds, offline_list
from edge.clearance import issued as issuing
from edge.clearance.feeds import IssuedFeed
from edge.core import offline
from edge.core.offline_list import OfflineMemory
from edge.core.profile import OfflineRules
from simulators.prove import campaign
from simulators.prove.faults import ROWS
from simulators.prove.history import Outcome
from simulators.prove.outages import drawn_offline
from simulators.prove.world import Plan
from tests.support.offline import PROFILE

CUT = frozenset({"centre_cut"})
# Among so many histories of lanes that are cut off one shows each bug; the search ends with the first.
WITHIN = 40


@pytest.fixture(autouse=True)
def _without_the_lanes_log() -> Iterator[None]:
    """What the lane says about faults that were asked for is nothing to read."""
    log.configure("critical")
    yield
    structlog.reset_defaults()


def history(number: int, *faults: str) -> Outcome:
    return campaign.run(Plan(f"outage-{number}", 20, CUT | set(faults)))


def found(what: str, *faults: str) -> bool:
    """Say whether the judge finds it in one of a few histories."""
    return any(
        what in f"{name} {said}" for number in range(WITHIN) for name, said in history(number, *faults).violations
    )


def test_listed_vehicles_pass_in_an_outage_and_are_reported_after_it() -> None:
    ended = [history(number) for number in range(6)]
    assert [one.violations for one in ended] == [[]] * len(ended)
    cases = set[str]().union(*(one.cases for one in ended))
    assert {"unasked", "reported", "no_entry", "outage_not_proved"} <= cases
    assert sum(one.terminals.get("OFFLINE_PASSED", 0) for one in ended) > 0


@pytest.mark.parametrize("fault", ["list_forged", "list_alien", "list_old", "list_lapsed", "list_withheld"])
def test_what_is_wrong_with_a_list_lets_nobody_pass(fault: str) -> None:
    ended = [history(number, fault) for number in range(2)]
    assert [one.violations for one in ended] == [[]] * len(ended)
    assert any(ROWS[fault] in one.rows for one in ended)


@pytest.mark.hazard("X19", "O3")
@pytest.mark.parametrize("fault", ["time_unvouched", "clock_unset"])
def test_a_clock_that_is_not_known_to_be_right_lets_nobody_pass(fault: str) -> None:
    ended = [history(number, fault) for number in range(4)]
    assert [one.violations for one in ended] == [[]] * len(ended)
    assert sum(one.terminals.get("OFFLINE_PASSED", 0) for one in ended) == 0


def test_what_runs_again_under_another_clock_has_no_list() -> None:
    assert drawn_offline(PROFILE, "any", CUT, asks_clock=False).offline is None
    drawn = [drawn_offline(PROFILE, str(seed), CUT, asks_clock=True).offline for seed in range(40)]
    assert None in drawn, "some fail closed"
    assert any(one is not None for one in drawn)


JUDGE = vars(offline)["judge"]


def _whatever(state: Any, at_ms: int) -> Any:
    """Anybody passes who is listed, whatever else is wrong."""
    found = JUDGE(state, at_ms)
    entries = state.offline.list.entries if state.offline.list is not None else ()
    return entries[0] if isinstance(found, str) and entries else found


def _without(reason: str) -> Callable[[Any, Any, Any, int], str | None]:
    sound = vars(offline)["_objection"]

    def objection(state: Any, found: Any, entry: Any, at_ms: int) -> str | None:
        objected: str | None = sound(state, found, entry, at_ms)
        return None if objected == reason else objected

    return objection


def _unbounded(state: Any, rules: OfflineRules, at_ms: int) -> str | None:
    return None if state.offline.list is not None else "no_list"


BUGS: dict[str, tuple[Any, str, Any, tuple[str, ...]]] = {
    "whoever comes passes": (offline, "judge", _whatever, ()),
    "an entry may be used again": (offline, "_objection", _without("entry_used"), ()),
    "an entry that was denied counts": (offline, "_objection", _without("entry_denied"), ()),
    "an entry of high risk counts": (offline, "_objection", _without("risk_class"), ()),
    "an entry counts before its time": (offline, "_objection", _without("entry_not_now"), ()),
    "no outage has to be proved, no list be alive": (offline, "_bounds", _unbounded, ("list_lapsed",)),
    "any clock will do": (offline, "_bounds", _unbounded, ("time_unvouched",)),
    "uses are forgotten": (OfflineMemory, "uses_of", lambda self, entry: 0, ()),
}  # fmt: skip


@pytest.mark.hazard("I21")
@pytest.mark.parametrize("bug", BUGS)
def test_a_lane_that_lets_too_many_pass_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, broken, faults = BUGS[bug]
    monkeypatch.setattr(owner, name, broken)
    assert found("I21", *faults), bug


def _trusting(raw: bytes, context: Any) -> Any:
    """Whatever has the form of a list is one of this lane's, whoever signed it for whomever."""
    return _CHECK_LIST(raw, replace(context, lane="lane-2"))


_CHECK_LIST = offline_list.check_list


@pytest.mark.hazard("I21", "C8")
def test_a_lane_that_takes_another_lanes_list_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.prove.outages.OFFLINE_LISTS", replace(feeds.OFFLINE_LISTS, check=_trusting))
    assert found("a list was taken that nobody may send", "list_alien")


@pytest.mark.hazard("I21", "S12")
def test_a_lane_that_goes_back_to_an_older_list_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = vars(issuing)["_objection"]

    def forgetful(claims: Any, context: Any, longest: Any) -> Any:
        return sound(claims, replace(context, highest_seen=0), longest)

    monkeypatch.setattr(issuing, "_objection", forgetful)
    assert found("was taken after list", "list_old")


@pytest.mark.hazard("I21", "X19")
def test_a_list_that_outlives_its_time_by_a_wrong_clock_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box that starts in the past took what was over; its times were told once, by whatever clock."""
    monkeypatch.setattr(IssuedFeed, "tell_again", lambda self: None)
    assert found("is over", "clock_unset")


@pytest.mark.hazard("I21")
def test_a_passage_that_is_never_reported_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.prove.central.Central.read", lambda self, after=0: None)
    assert found("were never reported")


@pytest.mark.hazard("I21")
def test_more_than_an_outage_allows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = vars(offline)["_bounds"]

    def without_cap(state: Any, rules: OfflineRules, at_ms: int) -> str | None:
        return sound(state, replace(rules, most_passes=99), at_ms)

    monkeypatch.setattr(offline, "_bounds", without_cap)
    assert found("in one outage")
