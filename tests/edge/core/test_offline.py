"""Passing while no authority can be asked: only within every bound of hazards.md 4.5 (I21, C1)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.core.effects import ConsumeAuthority, EndPassage, RaiseBoom, Report
from edge.core.events import OfflineListAccepted, Started, TimeJudged
from edge.core.offline import CLEARANCE, TIME_GOOD_FOR_MS, entry_of
from edge.core.offline_list import MOST_USES_KEPT, OfflineUse, hash_identifier
from edge.core.profile import Identifier, OfflineRules
from edge.core.state import Phase
from edge.core.step import initial, step
from tests.edge.core.test_empty_weights import LIMITS, stands_empty
from tests.support.lane_bench import CODE, PROFILE, LaneBench
from tests.support.offline import KEY, LIFE_MS, OFFLINE, TID, OfflineBench, entry, offline_list

OTHER = hash_identifier(KEY, "plate", "京A12345")


@pytest.mark.hazard("I21", "C1")
@pytest.mark.threat("deletion", "list")
def test_without_a_list_nobody_passes_unasked() -> None:
    """It was withheld, or never came: the lane fails closed as if there were no lists."""
    lane = LaneBench(OFFLINE)
    lane.take(TimeJudged(lane.at_ms, good=True))
    lane.lose_device(CLEARANCE)
    lane.at_ms += 60_000
    lane.scan()
    lane.identify()
    while lane.phase is Phase.WAITING:
        lane.tick()
    assert lane.phase is Phase.HELD
    assert not lane.all(ConsumeAuthority)


@pytest.mark.hazard("I21", "C1")
def test_a_listed_truck_passes_unasked_and_is_told_for_reconciliation() -> None:
    lane = OfflineBench()
    lane.wait_in_vain()
    consumed = lane.last(ConsumeAuthority)
    assert (consumed.source, consumed.nonces, lane.phase) == ("offline", ("entry-1|1",), Phase.CONSUMING)
    assert not lane.all(RaiseBoom), "nothing opens before the use is durable"
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 1
    lane.scan(boom_up=True, boom_down=False)
    lane.close()
    lane.fall()
    end = lane.last(EndPassage)
    assert (end.terminal, end.decision, end.reasons) == ("OFFLINE_PASSED", "release", ("no_answer:customs", "offline"))
    told = [
        (one.name, dict(one.fields)["entry"])
        for one in lane.all(Report)
        if one.name in ("offline_released", "offline_passed")
    ]
    assert told == [("offline_released", "entry-1"), ("offline_passed", "entry-1")]
    assert entry_of(consumed.nonces[0]) == "entry-1"


def test_without_the_rule_a_lane_fails_closed_and_says_nothing_of_lists() -> None:
    lane = OfflineBench(PROFILE)
    lane.wait_in_vain()
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("no_answer:customs",))


CASES: dict[str, Callable[[], OfflineBench]] = {
    "entry_not_now": lambda: OfflineBench(found=offline_list(entry(until_ms=1))),
    "risk_class": lambda: OfflineBench(found=offline_list(entry(risk="high"))),
    "entry_denied": lambda: OfflineBench(found=offline_list(denied=("entry-1",))),
    "no_entry": lambda: OfflineBench(found=offline_list(entry(plate=OTHER))),
    "several_entries": lambda: OfflineBench(found=offline_list(entry(), entry(id="entry-2"))),
    "list_expired": lambda: OfflineBench(found=offline_list(until_ms=1)),
    "no_list": lambda: OfflineBench(found=offline_list(authority="port")),
    "time_quality": lambda: OfflineBench(good=False),
    "cap_reached": lambda: OfflineBench(replace(OFFLINE, offline=OfflineRules("customs", most_passes=0))),
}


@pytest.mark.hazard("I21")
@pytest.mark.parametrize("reason", CASES)
def test_any_doubt_holds(reason: str) -> None:
    lane = CASES[reason]()
    lane.wait_in_vain()
    assert lane.why == reason
    assert not lane.all(ConsumeAuthority)


def test_an_entry_that_begins_later_is_not_yet_one() -> None:
    lane = OfflineBench(found=offline_list(entry(from_ms=LIFE_MS - 1)))
    lane.wait_in_vain()
    assert lane.why == "entry_not_now"


@pytest.mark.hazard("I21")
@pytest.mark.parametrize(("for_ms", "passes"), [(54_000, False), (60_000, True)])
def test_one_lost_connection_is_no_outage(for_ms: int, passes: bool) -> None:
    lane = OfflineBench()
    lane.device_back(CLEARANCE)
    lane.cut_off(for_ms)
    lane.wait_in_vain()
    assert (lane.phase is Phase.CONSUMING) is passes
    assert passes or lane.why == "outage_not_proved"


def test_a_connection_that_stands_is_no_outage_however_silent_the_authorities_are() -> None:
    lane = OfflineBench()
    lane.device_back(CLEARANCE)
    lane.wait_in_vain()
    assert lane.why == "outage_not_proved"


@pytest.mark.parametrize("verdict", ["hold", "refer"])
def test_an_answer_is_never_outvoted(verdict: str) -> None:
    two = replace(OFFLINE, authorities=(*PROFILE.authorities, replace(PROFILE.authorities[0], id="port")))
    lane = OfflineBench(two)
    lane.arrive()
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    lane.prepare()
    lane.answer(verdict, authority="port", target="nii" if verdict == "refer" else None)
    lane.give_up()
    assert lane.phase is Phase.HELD
    assert not lane.all(ConsumeAuthority)
    assert verdict == "refer" or lane.why == "answered"


def test_a_late_denial_wins_until_the_boom_is_asked_to_rise() -> None:
    lane = OfflineBench()
    lane.wait_in_vain()
    lane.answer("deny")
    assert (lane.phase, lane.passage.authority) == (Phase.TURNING_BACK, None)
    lane.durable()
    assert not lane.all(RaiseBoom)
    assert lane.state.offline.uses_of("entry-1") == 1, "spent is spent"


def test_a_mode_may_forbid_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.offline.mode_allows", lambda _state: False)
    lane = OfflineBench()
    lane.wait_in_vain()
    assert lane.why == "mode"


def test_a_lane_that_asks_nobody_has_no_outage() -> None:
    lane = OfflineBench(replace(OFFLINE, authorities=()))
    lane.arrive()
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    lane.tick()
    assert lane.why == "answered"


def without(*names: str) -> Any:
    return replace(OFFLINE, must_match=tuple(name for name in OFFLINE.must_match if name not in names))


def waited(lane: OfflineBench, *, plates: int, boxes: int, tid: str | None = None) -> OfflineBench:
    """A truck of which only so much is read."""
    lane.arrive()
    lane.read_plate(times=plates)
    lane.read_container(times=boxes)
    if tid is not None:
        lane.read_tag(tid=tid)
    if lane.phase is Phase.IDENTIFYING:
        lane.tick()
        lane.scan()
    lane.prepare()
    lane.give_up()
    return lane


def test_what_an_authority_would_want_read_must_be_read_here() -> None:
    lane = waited(OfflineBench(found=offline_list(entry(tag=None))), plates=2, boxes=0)
    assert lane.why == "unread"


def test_one_identifier_is_not_enough() -> None:
    lane = waited(OfflineBench(without("containers", "tag")), plates=2, boxes=0)
    assert lane.why == "too_few_identifiers"


def test_a_tag_without_its_tid_is_no_identifier() -> None:
    lane = OfflineBench()
    lane.wait_in_vain(tid=None)
    assert lane.why == "no_entry", "the entry names a tag, and what was read is only its number"


def test_without_a_plate_the_box_and_the_tag_agree() -> None:
    lane = waited(OfflineBench(without("front_plate", "tag")), plates=0, boxes=2, tid=TID)
    assert lane.phase is Phase.CONSUMING


def test_a_box_that_the_entry_does_not_name_is_a_doubt() -> None:
    lane = OfflineBench(found=offline_list(entry(container=None)))
    lane.wait_in_vain()
    assert lane.why == "no_entry"


def test_a_conflict_is_a_doubt() -> None:
    lane = OfflineBench()
    lane.arrive()
    lane.read_plate()
    lane.read_plate("京A12345")
    lane.read_container()
    lane.read_tag()
    if lane.phase is Phase.IDENTIFYING:
        lane.tick()
    lane.scan()
    lane.prepare()
    lane.give_up()
    assert lane.why == "conflict"


@pytest.mark.parametrize("must_match", [OFFLINE.must_match, ("front_plate",)])
def test_a_vehicle_that_is_seen_empty_and_weighs_is_a_doubt(must_match: tuple[Identifier, ...]) -> None:
    lane = OfflineBench(replace(OFFLINE, weighbridge="scale-1", empty_weights=LIMITS, must_match=must_match))
    stands_empty(lane, 36_000, tid=TID)
    lane.give_up()
    assert (lane.why, lane.ended) == ("conflict", [])


@pytest.mark.hazard("I21")
def test_a_used_entry_is_never_given_back() -> None:
    lane = OfflineBench()
    lane.pass_unasked()
    lane.forget()
    lane.wait_in_vain()
    assert lane.why == "entry_used"
    assert lane.ended == []


def test_a_use_without_a_passage_is_spent_too() -> None:
    lane = OfflineBench()
    lane.wait_in_vain()
    lane.scan(arrival_loop=False)
    assert lane.ended == ["ABANDONED"]
    lane.forget()
    lane.wait_in_vain()
    assert lane.why == "entry_used"


@pytest.mark.hazard("I21")
def test_the_cap_counts_one_outage() -> None:
    lane = OfflineBench(
        replace(OFFLINE, offline=OfflineRules("customs", most_passes=2)), found=offline_list(entry(max_uses=9))
    )
    for _ in range(2):
        lane.pass_unasked()
        lane.forget()
    lane.wait_in_vain()
    assert lane.why == "cap_reached"
    lane.scan(arrival_loop=False)
    lane.device_back(CLEARANCE)
    lane.cut_off()
    lane.forget()
    for number in (3, 4):
        lane.pass_unasked()
        assert lane.last(ConsumeAuthority).nonces == (f"entry-1|{number}",)
    lane.forget()
    lane.wait_in_vain()
    assert lane.why == "cap_reached"


@pytest.mark.hazard("X19", "O3")
def test_time_that_jumped_or_is_a_day_old_is_not_good() -> None:
    lane = OfflineBench()
    lane.take(TimeJudged(lane.at_ms, good=False))
    lane.wait_in_vain()
    assert lane.why == "time_quality"
    old = OfflineBench(found=offline_list(until_ms=10**12))
    old.at_ms += TIME_GOOD_FOR_MS
    old.scan()
    old.wait_in_vain()
    assert old.why == "time_quality"


def test_only_a_newer_list_replaces_the_one_in_force_and_as_a_whole() -> None:
    lane = OfflineBench(found=offline_list(version=2))
    lane.accept(offline_list(entry(id="other"), version=2))
    assert lane.state.offline.list is not None
    assert [one.id for one in lane.state.offline.list.entries] == ["entry-1"]
    lane.accept(offline_list(entry(id="other"), version=1))
    assert lane.state.offline.list.version == 2
    lane.accept(offline_list(entry(id="other"), version=3))
    assert [one.id for one in lane.state.offline.list.entries] == ["other"]


@pytest.mark.hazard("X19", "O3", "I21")
def test_a_list_told_anew_after_a_step_of_the_clock_takes_and_gives_nothing() -> None:
    lane = OfflineBench(found=offline_list(entry(from_ms=5, until_ms=900), entry(id="other"), until_ms=1_000))
    lane.accept(offline_list(entry(from_ms=0, until_ms=950), until_ms=2_000))
    assert lane.state.offline.list is not None
    assert lane.state.offline.list.until_ms == 1_000
    times = [(one.id, one.from_ms, one.until_ms) for one in lane.state.offline.list.entries]
    assert times == [("entry-1", 5, 900), ("other", 0, LIFE_MS)]
    lane.accept(offline_list(entry(from_ms=7, until_ms=80), until_ms=100))
    assert lane.state.offline.list.until_ms == 100
    assert next((one.from_ms, one.until_ms) for one in lane.state.offline.list.entries) == (7, 80)


def test_a_denial_after_the_fact_is_told_to_a_person() -> None:
    lane = OfflineBench()
    lane.accept(offline_list(version=2, denied=("entry-1",)))
    assert lane.alarms_raised == ["device_lost_clearance"], "nothing passed yet"
    lane = OfflineBench()
    lane.pass_unasked()
    lane.device_back(CLEARANCE)
    lane.accept(offline_list(version=2, denied=("entry-1", "other")))
    assert lane.alarms_raised[-1] == "offline_pass_denied"
    (told,) = [dict(one.fields) for one in lane.all(Report) if one.name == "offline_pass_denied"]
    assert told == {"entry": "entry-1", "version": 2}


def test_uses_come_back_with_a_restart() -> None:
    uses = (OfflineUse("entry-1", 1),)
    state, _ = step(initial(OFFLINE), Started(0, "boot-2", "seed-2", offline_uses=uses, offline_passes=7))
    assert (state.offline.uses, state.offline.passes) == (uses, 7)
    again, _ = step(state, Started(1, "boot-3", "seed-3"))
    assert again.offline.uses == uses, "a second start is unexpected and forgets nothing"


def test_remembered_uses_are_bounded_and_those_in_the_list_stay() -> None:
    uses = tuple(OfflineUse(f"old-{number}", 1) for number in range(MOST_USES_KEPT + 2))
    state, _ = step(initial(OFFLINE), Started(0, "boot-2", "seed-2", offline_uses=uses))
    lane = LaneBench(OFFLINE)
    lane.state = state
    lane.take(OfflineListAccepted(1, offline_list(entry(id="old-0"), version=5)))
    kept = [one.entry for one in lane.state.offline.uses]
    assert (len(kept), kept[:2]) == (MOST_USES_KEPT + 1, ["old-0", "old-2"])


def test_several_boxes_are_one_identifier_in_any_order() -> None:
    both = hash_identifier(KEY, "container", ",".join(sorted((CODE, "HLXU4074106"))))
    lane = OfflineBench(found=offline_list(entry(container=both, tag=None)))
    lane.arrive()
    lane.read_plate()
    lane.read_container("HLXU4074106", CODE)
    lane.read_tag()
    lane.prepare()
    lane.give_up()
    assert lane.phase is Phase.CONSUMING


@pytest.mark.hazard("I21", "D9")
@pytest.mark.parametrize(("listed", "passes"), [(entry(), False), (entry(container=None), True)])
def test_a_vehicle_seen_without_a_box_is_none_that_is_listed_with_one(listed: Any, passes: bool) -> None:
    lane = OfflineBench(found=offline_list(listed))
    lane.arrive()
    lane.read_plate()
    lane.read_empty(times=6)
    lane.read_tag(tid=TID)
    lane.prepare()
    lane.give_up()
    assert (lane.phase is Phase.CONSUMING) is passes
    assert passes or lane.why == "no_entry"
