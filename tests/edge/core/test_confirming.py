"""Handheld terminals: a challenge for each state of a held passage, and one signed answer to each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.core.effects import (
    ADDS_AUTHORITY,
    ConsumeAuthority,
    EndPassage,
    PrepareChallenge,
    RaiseBoom,
    Report,
    SendChallenge,
)
from edge.core.events import ChallengePrepared, InputsSampled
from edge.core.profile import HandheldRules
from edge.core.state import Phase
from edge.core.step import next_deadline_ms
from tests.support.handheld_bench import ANSWER_MS, HANDHELD, HandheldBench
from tests.support.lane_bench import MOVING, PROFILE, UP, LaneBench

TWO = replace(HANDHELD, two_persons=("open",), second_person_ms=60_000)


# The challenge


def test_a_held_passage_is_shown_with_its_reasons_and_all_its_pictures() -> None:
    lane = HandheldBench().held()
    (asked,) = lane.asked
    assert asked.pictures == ("picture-1", "picture-2", "picture-3", "picture-4")
    assert (asked.passage, asked.authority, asked.ttl_ms) == (lane.passage.id, "customs", ANSWER_MS)
    assert asked.reasons == lane.passage.reasons
    assert asked.reasons
    (sent,) = lane.all(SendChallenge)
    assert (sent.nonce, sent.challenge_hash) == (asked.nonce, f"hash-{asked.nonce}")
    assert SendChallenge in ADDS_AUTHORITY, "its nonce is on the disk before it leaves"


def test_nothing_else_is_shown_and_no_lane_that_names_no_terminals() -> None:
    patient = replace(PROFILE, handheld=HandheldRules("customs", 10 * PROFILE.timing.hold_ms))
    for phase in Phase:
        passage = HandheldBench(patient).go(phase).state.passage
        assert (passage is not None and passage.challenge is not None) == (phase is Phase.HELD), phase
    lane = LaneBench(PROFILE)
    lane.hold()
    assert not lane.all(PrepareChallenge)
    lane.scan()
    assert lane.passage.challenge is None


@pytest.mark.parametrize(
    "hold",
    [
        lambda lane: (lane.order_mode("MAINTENANCE"), lane.arrive()),
        lambda lane: (lane.identify(), lane.order_mode("MAINTENANCE")),
        lambda lane: (lane.identify(), lane.lose_inputs()),
        lambda lane: (lane.consume(), lane.tick()),
        lambda lane: (lane.consume(), lane.durable(), lane.barrier("raise", "not_done")),
    ],
    ids=["mode", "mode_turns", "blind", "not_proved", "barrier"],
)
def test_however_a_passage_came_to_be_held_it_is_shown(hold: Callable[[HandheldBench], object]) -> None:
    lane = HandheldBench()
    hold(lane)
    assert lane.phase is Phase.HELD
    assert lane.challenge.reasons == lane.passage.reasons
    assert lane.asked[-1].nonce == lane.challenge.nonce


def test_each_new_picture_makes_the_challenge_anew_and_the_older_one_void() -> None:
    lane = HandheldBench()
    lane.order_mode("MAINTENANCE")
    lane.arrive()
    lane.show()
    before = lane.answer_of()
    lane.read_plate(times=1)
    assert [one.pictures for one in lane.asked] == [(), ("picture-1",)]
    lane.hand_in(before)
    assert lane.confirm_ignored == ["challenge_void"]
    lane.show()
    lane.confirm()
    assert lane.phase is Phase.CONSUMING


def test_a_retry_voids_the_challenge() -> None:
    lane = HandheldBench().held()
    before = lane.answer_of()
    lane.order("retry")
    lane.hand_in(before)
    assert lane.passage.challenge is None
    assert (lane.phase, lane.confirm_ignored) == (Phase.IDENTIFYING, ["challenge_void"])


def test_a_challenge_is_made_anew_when_its_time_is_over() -> None:
    lane = HandheldBench().held()
    first = lane.answer_of(officer="li")
    due_ms = next_deadline_ms(lane.state)
    assert due_ms == lane.challenge.issued_at_ms + ANSWER_MS + 1
    lane.tick(due_ms - 1)
    assert len(lane.asked) == 1
    lane.tick(due_ms)
    assert len(lane.asked) == len({one.nonce for one in lane.asked}) == 2
    assert lane.phase is Phase.HELD
    lane.hand_in(first)
    assert lane.confirm_ignored == ["challenge_void"]


def test_a_scan_changes_nothing_about_it() -> None:
    lane = HandheldBench().held()
    lane.scan(5)
    assert len(lane.asked) == 1


def test_a_challenge_is_let_out_once_and_no_other() -> None:
    lane = HandheldBench().held()
    lane.show()
    lane.take(ChallengePrepared(lane.at_ms, "other", "hash-other"))
    assert len(lane.all(SendChallenge)) == 1
    lane.order("retry")
    lane.show()
    assert len(lane.all(SendChallenge)) == 1


def test_without_a_journal_nothing_is_shown() -> None:
    lane = HandheldBench()
    lane.consume()
    lane.durable()
    lane.lose_journal()
    lane.barrier("raise", "not_done")
    assert (lane.phase, lane.asked) == (Phase.HELD, [])


# The answer


def test_an_officer_opens() -> None:
    lane = HandheldBench().held()
    nonce = lane.challenge.nonce
    lane.confirm("chen", reason="seal_checked")
    assert lane.phase is Phase.CONSUMING
    assert not lane.all(RaiseBoom)
    spent = lane.last(ConsumeAuthority)
    assert (spent.source, spent.nonces, spent.operator, spent.reason) == ("person", (nonce,), "chen", "seal_checked")
    assert (spent.key_id, spent.first_operator) == ("key-chen", None)
    said = next(dict(one.fields) for one in lane.all(Report) if one.name == "opened_by_person")
    assert said == {"operator": "chen", "reason": "seal_checked", "key_id": "key-chen"}
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 1
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    lane.close()
    lane.fall()
    assert lane.last(EndPassage).terminal == "MANUAL_PASSED"


def test_an_officer_refuses() -> None:
    lane = HandheldBench().held()
    lane.confirm(decision="refuse")
    assert lane.phase is Phase.TURNING_BACK
    assert lane.passage.challenge is None
    assert not lane.all(ConsumeAuthority)
    assert lane.reports[-1] == "refused_by_person"


WRONG: dict[str, dict[str, Any]] = {
    "wrong_lane": {"lane": "lane-2"},
    "wrong_boot": {"boot": "boot-0"},
    "wrong_passage": {"passage": "other"},
    "drill_for_real": {"drill": True},
    "wrong_nonce": {"nonce": "other"},
    "wrong_challenge_hash": {"challenge_hash": "other"},
    "sequence_not_newer": {"sequence": -1},
    "late": {"ttl_ms": 0},
    "nobody_named": {"reason": " "},
}


@pytest.mark.parametrize("decision", ["open", "refuse"])
@pytest.mark.parametrize("reason", WRONG)
@pytest.mark.hazard("C7", "C8", "C9", "C10", "I1", "I14", "I16", "I17")
@pytest.mark.threat("repetition", "insertion", "resequencing", "delay", "masquerade", "handheld")
def test_an_answer_that_does_not_fit_is_ignored_with_its_own_reason(reason: str, decision: str) -> None:
    lane = HandheldBench().held()
    lane.scan()
    lane.confirm(**({"decision": decision} | WRONG[reason]))
    assert (lane.phase, lane.confirm_ignored) == (Phase.HELD, [reason])
    assert not lane.all(ConsumeAuthority)
    lane.confirm()
    assert lane.phase is Phase.CONSUMING, "and the right one still counts"


def test_an_answer_of_another_site_or_without_a_name_is_ignored() -> None:
    lane = HandheldBench().held()
    lane.confirm(site="elsewhere")
    lane.confirm(officer=" ")
    assert lane.confirm_ignored == ["wrong_lane", "nobody_named"]


def test_the_answer_s_own_life_counts_to_its_last_millisecond() -> None:
    lane = HandheldBench().held()
    issued_ms = lane.challenge.issued_at_ms
    lane.at_ms = issued_ms + 3_001
    lane.confirm(ttl_ms=3_000)
    assert lane.confirm_ignored == ["late"]
    lane.at_ms = issued_ms + 3_001
    lane.confirm(ttl_ms=3_001)
    assert lane.phase is Phase.CONSUMING
    assert lane.last(ConsumeAuthority).deadline_ms == issued_ms + 3_001


def test_the_opening_lives_no_longer_than_any_other() -> None:
    lane = HandheldBench(replace(HANDHELD, timing=replace(HANDHELD.timing, grant_max_ms=1_000))).held()
    lane.confirm()
    assert lane.last(ConsumeAuthority).deadline_ms == lane.at_ms + 1_000


def test_late_for_a_challenge_that_nothing_renewed_yet() -> None:
    lane = HandheldBench().held()
    late = lane.answer_of(ttl_ms=10 * ANSWER_MS)
    lane.at_ms = lane.challenge.issued_at_ms + ANSWER_MS + 1
    lane.hand_in(late)
    assert lane.confirm_ignored == ["late"]
    assert len(lane.asked) == 2, "and a new one is made at once"


def test_an_answer_before_its_challenge_left_is_a_guess() -> None:
    lane = HandheldBench()
    lane.hold()
    lane.confirm()
    assert lane.confirm_ignored == ["wrong_challenge_hash"]


@pytest.mark.hazard("C10", "I3")
@pytest.mark.threat("repetition", "handheld")
def test_an_answer_opens_once_wherever_the_lane_stands_by_then() -> None:
    lane = HandheldBench().held()
    answer = lane.answer_of()
    lane.hand_in(answer)
    lane.hand_in(answer)
    lane.durable()
    lane.hand_in(answer)
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    lane.hand_in(answer)
    lane.close()
    lane.hand_in(answer)
    lane.fall()
    lane.scan()
    lane.hand_in(answer)
    lane.hold()
    lane.show()
    lane.hand_in(answer)
    assert len(lane.all(ConsumeAuthority)) == len(lane.all(RaiseBoom)) == 1
    assert lane.confirm_ignored == ["challenge_void"] * 4 + ["wrong_passage"] * 2
    assert lane.phase is Phase.HELD


def test_an_opening_that_could_not_be_proved_needs_another_answer() -> None:
    lane = HandheldBench().held()
    answer = lane.answer_of()
    lane.hand_in(answer)
    lane.tick()
    assert lane.phase is Phase.HELD
    lane.hand_in(answer)
    assert lane.confirm_ignored == ["challenge_void"]
    lane.show()
    lane.hand_in(replace(answer, nonce=lane.challenge.nonce, challenge_hash=f"hash-{lane.challenge.nonce}"))
    assert lane.confirm_ignored[1:] == ["sequence_not_newer"]
    lane.scan()
    lane.confirm()
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 1


def test_no_answer_where_the_lane_names_no_terminals() -> None:
    lane = HandheldBench().held()
    answer = lane.answer_of()
    other = HandheldBench(PROFILE)
    other.hold()
    other.hand_in(replace(answer, passage=other.passage.id))
    assert other.confirm_ignored == ["not_held"]


def test_an_answer_while_nothing_is_held() -> None:
    lane = HandheldBench().held()
    answer = lane.answer_of()
    lane.take(InputsSampled(lane.at_ms + 50, replace(lane.inputs, arrival_loop=False)))
    lane.hand_in(answer)
    assert lane.confirm_ignored == ["wrong_passage"]


@pytest.mark.hazard("I11", "I21")
@pytest.mark.threat("deletion", "handheld")
def test_where_challenges_or_answers_are_lost_nobody_opens_and_the_hold_ends() -> None:
    lane = HandheldBench().held()
    while lane.phase is Phase.HELD:
        lane.tick()
    assert lane.ended == ["TIMEOUT"]
    assert len(lane.asked) == PROFILE.timing.hold_ms // (ANSWER_MS + 1) + 1
    assert not lane.all(ConsumeAuthority)


# Modes and drills


def test_a_mode_that_decides_nothing_leaves_it_to_persons_and_so_to_officers() -> None:
    lane = HandheldBench()
    lane.order_mode("EMERGENCY_HOLD")
    lane.arrive()
    lane.show()
    lane.confirm()
    assert lane.phase is Phase.CONSUMING


@pytest.mark.hazard("I20")
def test_what_was_signed_in_a_drill_confirms_nothing_real() -> None:
    lane = HandheldBench().held()
    lane.confirm(drill=True)
    assert (lane.phase, lane.confirm_ignored) == (Phase.HELD, ["drill_for_real"])


@pytest.mark.hazard("I20")
def test_a_drill_stays_closed_and_its_answers_open_nothing_real() -> None:
    lane = HandheldBench()
    lane.order_mode("DRILL")
    lane.hold_in_drill()
    lane.confirm()
    lane.confirm(drill=False)
    assert lane.confirm_ignored == ["drill_stays_closed", "real_for_drill"]
    lane.confirm(decision="refuse")
    assert lane.phase is Phase.TURNING_BACK


def test_a_drill_whose_boom_moves_is_confirmed_like_any_passage() -> None:
    lane = HandheldBench(replace(HANDHELD, drill_moves_boom=True))
    lane.order_mode("DRILL")
    lane.hold_in_drill()
    lane.confirm()
    assert lane.phase is Phase.CONSUMING


# Two persons


@pytest.mark.hazard("S23")
def test_two_officers_open_each_with_a_challenge_of_their_own() -> None:
    lane = HandheldBench(TWO).held()
    lane.confirm("chen")
    assert (lane.phase, lane.reports.count("second_person_awaited")) == (Phase.HELD, 1)
    assert len(lane.asked) == 2
    lane.show()
    lane.confirm("wang")
    spent = lane.last(ConsumeAuthority)
    assert (spent.operator, spent.first_operator, spent.key_id) == ("wang", "chen", "key-wang")
    assert lane.state.first_order is None


@pytest.mark.parametrize("second", ["chen", "CHEN"])
def test_one_officer_is_not_two(second: str) -> None:
    lane = HandheldBench(TWO).held()
    lane.confirm("chen")
    lane.show()
    lane.confirm(second)
    lane.order("open", "chen")
    assert (lane.phase, lane.all(ConsumeAuthority)) == (Phase.HELD, [])


def test_an_officer_and_a_person_at_the_lane_are_two_in_either_order() -> None:
    lane = HandheldBench(TWO).held()
    lane.confirm("chen")
    lane.order("open", "wang")
    assert (lane.last(ConsumeAuthority).operator, lane.last(ConsumeAuthority).first_operator) == ("wang", "chen")
    lane = HandheldBench(TWO).held()
    lane.order("open", "wang")
    lane.confirm("chen")
    assert (lane.last(ConsumeAuthority).operator, lane.last(ConsumeAuthority).first_operator) == ("chen", "wang")


def test_the_second_officer_may_not_answer_the_first_one_s_challenge() -> None:
    lane = HandheldBench(TWO).held()
    second = lane.answer_of("wang")
    lane.confirm("chen")
    lane.hand_in(second)
    assert lane.confirm_ignored == ["challenge_void"]


def test_one_refusal_is_enough() -> None:
    lane = HandheldBench(TWO).held()
    lane.confirm("chen")
    lane.show()
    lane.confirm("wang", decision="refuse")
    assert lane.phase is Phase.TURNING_BACK
