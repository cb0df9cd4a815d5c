"""Stories named after the rows of hazards.md: grants that are late, repeated, reordered, for somebody else."""

from dataclasses import replace

import pytest

from edge.core.effects import (
    ConsumeAuthority,
    PrepareRequest,
    RaiseBoom,
    SendRequest,
)
from edge.core.events import GrantReceived, GrantRefused, RequestPrepared
from edge.core.state import Phase
from edge.core.step import next_deadline_ms
from tests.support.lane_bench import MOVING, UP, LaneBench


def waiting() -> LaneBench:
    lane = LaneBench()
    lane.identify()
    return lane


@pytest.mark.threat("repetition", "grant")
def test_c4_c10_a_repeated_grant_is_no_second_authority() -> None:
    lane = waiting()
    grant = lane.grant()
    for _ in range(3):
        lane.take(GrantReceived(lane.at_ms, grant))
    lane.durable()
    lane.durable()
    lane.take(GrantReceived(lane.at_ms, grant))
    assert (len(lane.all(ConsumeAuthority)), len(lane.all(RaiseBoom))) == (1, 1)
    assert lane.ignored == ["sequence_not_newer", "sequence_not_newer", "not_waiting"]


def test_c5_a_denial_overtakes_the_release_before_the_boom_is_asked() -> None:
    lane = waiting()
    lane.answer("release")
    lane.answer("deny", reason="stop_order")
    assert (lane.phase, lane.passage.decision) == (Phase.TURNING_BACK, "deny")
    lane.durable()
    assert lane.all(RaiseBoom) == []


def test_c5_a_denial_with_a_short_life_is_still_a_denial() -> None:
    lane = waiting()
    lane.answer("release")
    lane.answer("deny", at_ms=lane.at_ms + 10, ttl_ms=1)
    assert lane.phase is Phase.TURNING_BACK


@pytest.mark.threat("resequencing", "grant")
def test_c5_an_older_denial_does_not_undo_a_newer_release() -> None:
    lane = waiting()
    older = lane.grant("deny")
    lane.answer("release")
    lane.take(GrantReceived(lane.at_ms, older))
    assert (lane.phase, lane.ignored) == (Phase.CONSUMING, ["sequence_not_newer"])


@pytest.mark.threat("resequencing", "request")
@pytest.mark.parametrize("newest_first", [True, False])
def test_c5_requests_that_an_authority_hears_in_another_order_open_by_the_newest_alone(newest_first: bool) -> None:
    lane = waiting()
    older = lane.grant()
    lane.wait()
    lane.order("retry")
    lane.forget()
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    lane.prepare()
    newer = lane.grant()
    for grant in (newer, older) if newest_first else (older, newer):
        lane.take(GrantReceived(lane.at_ms, replace(grant, sequence=lane.sequence + 1)))
        lane.sequence += 1
    lane.scan()
    lane.durable()
    assert lane.last(ConsumeAuthority).nonces == (newer.nonce,)
    assert (len(lane.all(ConsumeAuthority)), len(lane.all(RaiseBoom))) == (1, 1)
    assert lane.ignored == ["wrong_nonce"]


def test_c5_only_a_denial_still_counts_while_the_authority_is_made_durable() -> None:
    lane = waiting()
    lane.answer("release")
    for verdict in ("hold", "refer", "release"):
        lane.answer(verdict)
    assert (lane.phase, lane.ignored) == (Phase.CONSUMING, ["already_answered"] * 3)


def test_c5_a_denial_after_the_boom_was_asked_comes_too_late_and_is_recorded() -> None:
    lane = waiting()
    lane.answer("release")
    lane.durable()
    lane.answer("deny")
    assert (lane.phase, lane.ignored) == (Phase.OPENING, ["not_waiting"])


def test_a_person_opens_while_the_durable_record_of_a_revoked_grant_is_on_its_way() -> None:
    lane = waiting()
    lane.answer("release")
    revoked = lane.last(ConsumeAuthority)
    lane.answer("deny")
    lane.order("open")
    lane.durable(revoked)
    assert (lane.phase, lane.all(RaiseBoom)) == (Phase.CONSUMING, [])
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 1


def test_i14_two_orders_in_the_same_millisecond_are_two_authorities() -> None:
    lane = LaneBench().go(Phase.HELD)
    lane.order("open")
    first = lane.last(ConsumeAuthority)
    lane.lose_inputs()
    assert lane.phase is Phase.HELD
    lane.order("open")
    lane.durable(first)
    assert lane.phase is Phase.CONSUMING, "the second is not on the disk yet"
    assert lane.last(ConsumeAuthority).nonces != first.nonces


@pytest.mark.parametrize(
    ("delay_ms", "phase"), [(4_999, Phase.CONSUMING), (5_000, Phase.CONSUMING), (5_001, Phase.WAITING)]
)
@pytest.mark.threat("delay", "grant", "request")
def test_c7_a_late_release_is_ignored(delay_ms: int, phase: Phase) -> None:
    lane = waiting()
    lane.answer("release", at_ms=lane.at_ms + delay_ms)
    assert (lane.phase, lane.ignored) == (phase, ["late"] if phase is Phase.WAITING else [])


@pytest.mark.parametrize(
    ("ttl_ms", "delay_ms", "counts"), [(700, 700, True), (700, 701, False), (0, 0, True), (-1, 0, False)]
)
def test_c7_a_grant_may_shorten_its_own_life(ttl_ms: int, delay_ms: int, counts: bool) -> None:
    lane = waiting()
    lane.answer("release", at_ms=lane.at_ms + delay_ms, ttl_ms=ttl_ms)
    assert (lane.phase is Phase.CONSUMING) is counts


@pytest.mark.parametrize(("delay_ms", "raised"), [(10_000, 1), (10_001, 0)])
def test_i1_the_authority_is_alive_when_the_boom_is_asked(delay_ms: int, raised: int) -> None:
    lane = waiting()
    sent_ms = lane.at_ms
    lane.answer("release")
    lane.watch_until(sent_ms + 9_990)
    lane.durable(at_ms=sent_ms + delay_ms)
    assert len(lane.all(RaiseBoom)) == raised
    assert lane.phase is (Phase.OPENING if raised else Phase.HELD)


@pytest.mark.threat("deletion", "grant", "request")
def test_silence_is_no_release() -> None:
    lane = waiting()
    due_ms = next_deadline_ms(lane.state)
    assert due_ms == lane.at_ms + 5_001
    lane.tick(due_ms - 1)
    assert lane.phase is Phase.WAITING
    lane.tick(due_ms)
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("no_answer:customs",))
    lane.answer("release")
    assert (lane.phase, lane.ignored) == (Phase.HELD, ["not_waiting"])


def test_a_request_that_could_not_be_prepared_runs_out_too() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.tick()
    assert (lane.phase, lane.all(SendRequest)) == (Phase.WAITING, [])
    lane.answer("release")
    assert lane.ignored == ["wrong_passage"]
    lane.tick()
    assert lane.phase is Phase.HELD


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lane": "lane-2"}, "wrong_lane"),
        ({"site": "elsewhere"}, "wrong_lane"),
        ({"boot": "boot-0"}, "wrong_boot"),
        ({"passage": "older"}, "wrong_passage"),
        ({"authority": "quarantine"}, "unknown_authority"),
        ({"nonce": "older"}, "wrong_nonce"),
        ({"request_hash": "other"}, "wrong_request_hash"),
        ({"sequence": -1}, "sequence_not_newer"),
    ],
)
@pytest.mark.parametrize("verdict", ["release", "deny", "hold"])
@pytest.mark.threat("insertion", "grant")
def test_c8_c9_c10_s2_a_grant_for_anything_else_is_ignored(
    changes: dict[str, object], reason: str, verdict: str
) -> None:
    lane = waiting()
    lane.take(GrantReceived(lane.at_ms, replace(lane.grant(verdict), **changes)))  # type: ignore[arg-type]
    assert (lane.phase, lane.ignored) == (Phase.WAITING, [reason])


def test_c10_every_recorded_grant_is_worthless_for_the_next_vehicle_and_the_next_boot() -> None:
    lane = waiting()
    grant = lane.grant()
    lane.take(GrantReceived(lane.at_ms, grant))
    lane.durable()
    lane.scan(**MOVING)
    lane.scan(**UP)
    lane.close()
    lane.fall()
    lane.scan()
    lane.identify()
    lane.take(GrantReceived(lane.at_ms, grant))
    assert lane.ignored == ["wrong_passage"]
    rebooted = LaneBench()
    rebooted.state = replace(rebooted.state, boot="boot-2")
    rebooted.identify()
    rebooted.take(GrantReceived(rebooted.at_ms, grant))
    assert rebooted.ignored == ["wrong_boot"]


@pytest.mark.hazard("C19")
def test_s1_what_failed_its_signature_is_recorded_and_nothing_else() -> None:
    lane = waiting()
    before = lane.state
    lane.take(GrantRefused(lane.at_ms, "customs", "bad_signature"))
    assert (lane.state, lane.ignored) == (before, ["bad_signature"])


def test_an_answer_before_its_request_was_sent_is_ignored() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.tick()
    (asked,) = lane.all(PrepareRequest)
    lane.answer("release", passage=asked.passage, nonce=asked.nonce, request_hash="guessed")
    assert lane.ignored == ["wrong_request_hash"]


@pytest.mark.parametrize("event", [{"passage": "other"}, {"authority": "other"}])
def test_a_prepared_request_of_another_passage_is_not_sent(event: dict[str, str]) -> None:
    lane = LaneBench()
    lane.arrive()
    lane.tick()
    values = {"passage": lane.passage.id, "authority": "customs"} | event
    lane.take(RequestPrepared(lane.at_ms, request_hash="hash", **values))
    assert lane.all(SendRequest) == []
    lane.prepare()
    lane.prepare()
    assert len(lane.all(SendRequest)) == 1
