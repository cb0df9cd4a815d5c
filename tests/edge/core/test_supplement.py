"""What a named person says where nothing was read: words, asked about anew, and never a reading."""

from dataclasses import replace

import pytest

from edge.core import policy, supplementing
from edge.core.effects import ConsumeAuthority, EndPassage, PrepareRequest, RaiseBoom, Report
from edge.core.grant import NotedPlate, ReleaseNote
from edge.core.profile import LaneProfile, OfflineRules
from edge.core.state import Phase
from edge.core.step import step
from edge.core.supplement import Supplement, known
from edge.core.supplementing import MOST_SUPPLEMENTS
from simulators.prove.oracle import LaneOracle
from tests.support.lane_bench import CODE, NOTE, PLATE, PROFILE, LaneBench
from tests.support.supplements import OPENS, OTHER_CODE, answered, held, look_in_vain, say


def test_words_are_asked_about_anew_and_are_no_reading() -> None:
    lane = held()
    before = lane.passage.requests[0]
    assert say(lane, CODE) == "asked"
    asked = lane.last(PrepareRequest)
    assert asked.nonce != before.nonce
    assert asked.identity.containers.status == "unread"
    assert lane.passage.identity == asked.identity
    assert lane.passage.supplement == Supplement("chen", "dirty box", (), (CODE,))
    assert (lane.passage.touched, lane.passage.reasons) == (True, ("supplemented_by_person",))
    (report,) = lane.all(Report)
    assert report.name == "supplemented"
    # What was said is personal: it is in the journal, and in no report.
    assert dict(report.fields) == {"operator": "chen", "reason": "dirty box", "plates": "", "containers": 1}


@pytest.mark.hazard("C9", "C10")
def test_the_grant_of_before_does_not_answer_the_words() -> None:
    lane = LaneBench(OPENS)
    lane.arrive()
    lane.read_plate()
    lane.read_tag()
    look_in_vain(lane)
    lane.prepare()
    old = lane.grant("release")
    lane.answer("hold")
    assert say(lane, CODE) == "asked"
    lane.forget()
    lane.prepare()
    lane.answer("release", nonce=old.nonce, request_hash=old.request_hash, passage=old.passage)
    assert (lane.phase, lane.ignored) == (Phase.WAITING, ["wrong_nonce"])


def test_a_site_may_let_the_grants_open_and_the_record_says_that_a_person_had_a_part() -> None:
    lane = held()
    say(lane, CODE)
    assert answered(lane) is Phase.CONSUMING
    authority = lane.last(ConsumeAuthority)
    assert (authority.source, authority.nonces) == ("grant", (lane.passage.requests[0].nonce,))
    lane.durable()
    assert lane.all(RaiseBoom)
    lane.scan(2, boom_up=False, boom_down=False)
    lane.scan(boom_up=True, boom_down=False)
    lane.close()
    lane.fall()
    ended = lane.last(EndPassage)
    assert (ended.terminal, ended.touched, ended.identity.containers.status) == ("PASSED", True, "unread")
    assert "supplemented_by_person" in ended.reasons
    stages = dict(ended.stages)
    assert stages["identified"] <= stages["requested"] <= stages["granted"]


@pytest.mark.hazard("S23")
def test_without_that_a_person_opens_even_what_the_authorities_release() -> None:
    lane = held(PROFILE)
    say(lane, CODE)
    assert answered(lane) is Phase.HELD
    assert lane.passage.reasons[-1] == "person_opens_supplemented"
    assert not lane.all(ConsumeAuthority)
    lane.order("open")
    assert lane.last(ConsumeAuthority).source == "person"


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (replace(NOTE, containers=(OTHER_CODE,)), "mismatch_containers"),
        (replace(NOTE, containers=()), "mismatch_containers"),
        (replace(NOTE, plates=(NotedPlate("front", "粤B00000", None),)), "mismatch_front_plate"),
        (replace(NOTE, tag="E2000000"), "mismatch_tag"),
        (None, "no_release_note"),
    ],
)
def test_a_release_for_something_else_than_was_said_opens_nothing(note: ReleaseNote | None, reason: str) -> None:
    lane = held(plate=False)
    assert say(lane, CODE, front=PLATE) == "asked"
    assert answered(lane, note=note) is Phase.HELD
    assert reason in lane.passage.reasons


def test_plates_that_were_said_have_to_be_noted() -> None:
    lane = held(plate=False, container=True)
    say(lane, front=PLATE)
    assert answered(lane, note=replace(NOTE, plates=())) is Phase.HELD
    assert "not_noted_front_plate" in lane.passage.reasons
    lane = held(plate=False, container=True)
    say(lane, front=PLATE)
    assert answered(lane) is Phase.CONSUMING


def test_what_nobody_said_stays_unread() -> None:
    lane = held(plate=False)
    say(lane, CODE)
    assert answered(lane) is Phase.HELD
    assert "unread_front_plate" in lane.passage.reasons


def test_a_refusal_stays_one() -> None:
    lane = held()
    say(lane, CODE)
    assert answered(lane, "deny") is Phase.TURNING_BACK
    assert say(lane, CODE) == "not_held"


def test_a_denial_before_the_boom_is_asked_up_wins() -> None:
    lane = held()
    say(lane, CODE)
    answered(lane)
    lane.answer("deny")
    assert lane.phase is Phase.TURNING_BACK


def test_in_heightened_mode_nobodys_word_is_taken() -> None:
    lane = LaneBench(OPENS)
    lane.order_mode("HEIGHTENED")
    lane.arrive()
    lane.read_plate()
    lane.read_tag()
    look_in_vain(lane)
    lane.prepare()
    lane.answer("hold")
    assert say(lane, CODE) == "asked"
    assert answered(lane) is Phase.HELD
    assert "unread_containers" in lane.passage.reasons


def test_who_guesses_may_not_go_on_and_may_still_look_again() -> None:
    lane = held()
    for _ in range(MOST_SUPPLEMENTS):
        assert say(lane, CODE) == "asked"
        assert answered(lane, "hold") is Phase.HELD
    assert say(lane, CODE) == "too_often"
    lane.order("retry")
    assert (lane.phase, lane.passage.supplement) == (Phase.IDENTIFYING, None)


@pytest.mark.parametrize("phase", [one for one in Phase if one is not Phase.HELD])
def test_only_a_held_vehicle_is_completed(phase: Phase) -> None:
    lane = LaneBench(OPENS).go(phase)
    assert say(lane, CODE) == "not_held"
    assert lane.phase is phase


TWO = replace(OPENS, two_persons=("supplement",))


@pytest.mark.parametrize("profile", [TWO, replace(OPENS, two_persons=("open",))], ids=["named", "as_for_opening"])
@pytest.mark.hazard("S23")
def test_where_two_persons_have_to_both_say_the_same(profile: LaneProfile) -> None:
    lane = held(profile)
    assert say(lane, CODE) == "second_person_awaited"
    assert say(lane, CODE, operator="CHEN ") == "second_person_awaited"
    assert say(lane, OTHER_CODE, operator="wang") == "second_person_awaited"
    assert say(lane, CODE, operator="li") == "second_person_awaited"
    assert say(lane, CODE, operator="wang") == "asked"
    assert lane.passage.supplement is not None
    assert lane.passage.supplement.first_operator == "li"
    assert ("first_operator", "li") in lane.all(Report)[-1].fields


def test_words_that_open_nothing_need_one_person_where_two_open() -> None:
    assert say(held(replace(PROFILE, two_persons=("open",))), CODE) == "asked"


def test_a_list_for_an_outage_is_not_for_words() -> None:
    lane = held(replace(OPENS, offline=OfflineRules("customs")))
    say(lane, CODE)
    lane.effects[:] = lane.all(PrepareRequest)
    lane.prepare()
    lane.tick()
    assert lane.phase is Phase.HELD
    assert "offline_supplemented" in lane.passage.reasons


def test_a_vehicle_that_was_referred_is_known_again_by_what_is_said() -> None:
    lane = LaneBench(OPENS)
    lane.identify()
    lane.answer("refer", target="nii")
    lane.scan(arrival_loop=False)
    assert lane.ended == ["REFERRED"]
    lane.scan(10)
    lane.forget()
    lane.arrive()
    look_in_vain(lane)
    lane.prepare()
    lane.answer("hold")
    assert lane.passage.recheck is None
    say(lane, CODE, front=PLATE)
    assert lane.passage.recheck is not None
    assert answered(lane, note=replace(NOTE, tag=None)) is Phase.HELD
    assert "referral_open" in lane.passage.reasons


def test_what_is_known_without_words_is_what_was_read() -> None:
    identity = held().passage.identity
    assert identity is not None
    assert known(identity, None) is identity
    # Words of another grammar than the lane's make nothing known.
    assert known(identity, Supplement("a", "b", (("front", "?"),), ("?",))) == identity


def test_the_same_events_give_the_same_lane() -> None:
    lane = held()
    say(lane, CODE)
    answered(lane)
    state = lane.history[0][0]
    for before, event, effects in lane.history:
        assert state == before
        state, again = step(state, event)
        assert again == effects
    assert state == lane.state


def judge_all(lane: LaneBench) -> None:
    oracle = LaneOracle()
    for before, event, effects in lane.history:
        oracle.judge(before, event, step(before, event)[0], effects)


def test_the_oracle_finds_words_that_open_where_they_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supplementing, "against", lambda _state: ())
    lane = held(PROFILE)
    say(lane, CODE)
    answered(lane)
    with pytest.raises(AssertionError, match="I1: a person's words opened"):
        judge_all(lane)


@pytest.mark.parametrize(
    ("note", "message"),
    [
        (replace(NOTE, containers=(OTHER_CODE,)), "other boxes than those that were said"),
        (replace(NOTE, plates=(NotedPlate("front", "粤B00000", None),)), "another plate than was said"),
    ],
)
def test_the_oracle_finds_a_release_of_something_else(
    note: ReleaseNote, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "_words_contradicted", lambda _note, _words: [])
    lane = held(plate=False)
    say(lane, CODE, front=PLATE)
    assert answered(lane, note=note) is Phase.CONSUMING
    with pytest.raises(AssertionError, match=message):
        judge_all(lane)
