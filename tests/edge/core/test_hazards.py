"""Stories named after the rows of hazards.md: what goes wrong at the boom, with devices, grants and storage."""

from dataclasses import replace

import pytest

from edge.core.effects import (
    ADDS_AUTHORITY,
    ConsumeAuthority,
    EndPassage,
    LowerBoom,
    PrepareRequest,
    RaiseBoom,
    Report,
    SendRequest,
    SetLight,
    StartCapture,
    StopBoom,
    StopCapture,
)
from edge.core.events import GrantReceived, GrantRefused, InputsSampled, RequestPrepared, Started
from edge.core.state import Phase
from edge.core.step import next_deadline_ms
from tests.support.lane_bench import DOWN, MOVING, PLATE, PROFILE, UP, LaneBench, plate_seen

BARRED = (Phase.IDLE, Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.CONSUMING, Phase.TURNING_BACK, Phase.LEAVING)
MOVED = (Phase.OPENING, Phase.OPEN, Phase.CLOSING)


# Physical hazards


@pytest.mark.parametrize("delay_ms", range(0, 1_500, 50))
def test_p1_no_lowering_before_a_second_of_clear(delay_ms: int) -> None:
    """The loop is occupied again at every scan around the decision: the proof starts anew each time."""
    lane = LaneBench()
    lane.open()
    lane.drive_through()
    cleared_ms = lane.at_ms - 2 * 50
    lane.scan((delay_ms + 50) // 50)
    lane.scan(safety_beam=True)
    lane.scan_until(lambda: len(lane.all(LowerBoom)) > (delay_ms > 900), safety_beam=False)
    for lowered in lane.all(LowerBoom):
        assert lowered.clear_for_ms >= 1_000
        assert lowered.sample_age_ms <= 200
    assert lane.at_ms >= cleared_ms + 1_000


def test_p1_old_samples_prove_nothing() -> None:
    lane = LaneBench()
    lane.open()
    lane.drive_through()
    lane.scan(17)
    lane.at_ms += 201 - 50
    lane.scan()
    assert lane.phase is Phase.OPEN
    lane.scan(19)
    assert not lane.all(LowerBoom)
    lane.scan()
    assert lane.phase is Phase.CLOSING


def test_p1_an_unused_opening_is_not_lowered_on_an_old_sample() -> None:
    lane = LaneBench()
    lane.open()
    lane.tick(lane.at_ms + 120_000)
    assert (lane.phase, lane.last(SetLight).light, lane.alarms_raised) == (Phase.OPEN, "red", ["vehicle_stopped"])


@pytest.mark.parametrize("signal", ["safety_loop", "safety_beam"])
@pytest.mark.parametrize("value", [True, None])
def test_p2_i5_lowering_is_withdrawn_within_the_scan(signal: str, value: bool | None) -> None:
    lane = LaneBench()
    lane.open()
    lane.close()
    lane.scan(**MOVING)
    assert StopBoom("under_boom") in lane.scan(**{signal: value})
    assert lane.phase is Phase.OPEN
    lane.forget()
    lane.scan(20, **{signal: False}, **UP)
    assert not lane.all(LowerBoom), "a new proof takes a whole second again"
    lane.scan()
    assert lane.all(LowerBoom)


def test_p2_blind_while_closing_withdraws() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    assert StopBoom("inputs_not_known") in lane.lose_inputs()
    assert lane.phase is Phase.OPEN


def test_p2_scans_that_stop_while_closing_withdraw_without_waiting_for_the_device_to_be_lost() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    assert next_deadline_ms(lane.state) == lane.at_ms + 201
    assert lane.tick(lane.at_ms + 200) == ()
    assert lane.tick() == (StopBoom("inputs_not_known"),)


def test_p2_a_lowering_that_was_not_confirmed_is_withdrawn_and_said() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    assert StopBoom("lowering_not_confirmed") in lane.barrier("lower", "unknown")
    assert "barrier_refused" in lane.alarms_raised
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.fall()
    lane.scan()
    assert (lane.ended, lane.state.alarms) == (["PASSED"], ())


def test_p3_a_second_vehicle_below_the_closing_boom_blocks_the_lane() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    lane.scan(arrival_loop=True, **MOVING)
    lane.scan(5, safety_loop=True)
    lane.scan(safety_loop=False, arrival_loop=False, exit_loop=True, **UP)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, exit_loop=False)
    lane.fall()
    end = lane.last(EndPassage)
    assert (lane.phase, end.terminal, end.reasons, lane.alarms_raised) == (
        Phase.FAULT, "PASSED", ("tailgated",), ["tailgate"],
    )  # fmt: skip
    lane.arrive()
    assert lane.phase is Phase.FAULT, "the next is not served before a person looked"


@pytest.mark.parametrize("gap_scans", [1, 4, 10, 19])
def test_p3_a_second_vehicle_close_behind_the_first_is_seen_before_the_boom_moves(gap_scans: int) -> None:
    lane = LaneBench()
    lane.open()
    lane.drive_through()
    lane.scan(gap_scans)
    lane.scan(safety_loop=True)
    assert lane.alarms_raised == ["tailgate"]
    assert lane.phase is Phase.OPEN


@pytest.mark.parametrize("gaps", [1, 3])
def test_p4_a_trailer_gap_neither_closes_nor_counts_as_a_second_vehicle(gaps: int) -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(4, safety_loop=True)
    for _ in range(gaps):
        lane.scan(10, safety_loop=False, exit_loop=True)
        lane.scan(4, safety_loop=True)
    lane.scan(4, arrival_loop=False, exit_loop=True, safety_loop=False)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, exit_loop=False)
    assert lane.alarms_raised == []


def test_p5_a_loop_stuck_on_never_closes_and_says_so() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(4, safety_loop=True, exit_loop=True)
    lane.scan(200, arrival_loop=False, exit_loop=False)
    lane.tick(lane.at_ms + 120_000)
    assert (lane.all(LowerBoom), lane.alarms_raised) == ([], ["vehicle_stopped"])


def test_p6_an_exit_that_was_never_seen_is_no_passage() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(4, safety_loop=True)
    lane.scan(60, safety_loop=False, arrival_loop=False)
    assert lane.phase is Phase.OPEN
    lane.order("lower")
    assert lane.phase is Phase.CLOSING
    lane.fall()
    end = lane.last(EndPassage)
    assert (end.terminal, end.reasons) == ("FAULT", ("exit_not_seen",))


def test_p8_a_detector_that_was_powered_anew_proves_nothing_until_it_saw_a_vehicle() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(4, safety_loop=True)
    lane.lose_inputs(restarted=True)
    lane.scan(safety_loop=False, exit_loop=True, arrival_loop=False)
    lane.scan(60)
    assert lane.phase is Phase.OPEN
    lane.scan(safety_loop=True)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, safety_loop=False)


def test_p8_a_person_at_the_lane_may_confirm_instead() -> None:
    lane = LaneBench(proved=False)
    lane.open()
    lane.scan(arrival_loop=False)
    lane.scan(60)
    assert lane.phase is Phase.OPEN
    lane.order("lower")
    assert lane.phase is Phase.CLOSING
    assert [one.fields[0] for one in lane.all(Report) if one.name == "lowered_by_person"] == [("operator", "chen")]


def test_p8_a_person_cannot_lower_onto_something() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(safety_loop=True)
    lane.order("lower")
    assert (lane.phase, lane.all(LowerBoom)) == (Phase.OPEN, [])


def test_p9_a_boom_that_does_not_rise_stops_the_lane_and_spends_the_grant() -> None:
    lane = LaneBench().go(Phase.OPENING)
    lane.tick()
    assert (lane.phase, lane.ended, lane.last(EndPassage).reasons) == (Phase.FAULT, ["FAULT"], ("boom_stuck_down",))
    assert len(lane.all(RaiseBoom)) == 1
    assert lane.last(StopBoom).reason == "boom_stuck_down"


def test_p9_a_raise_that_was_refused_is_held_for_a_person_and_not_repeated() -> None:
    lane = LaneBench().go(Phase.OPENING)
    lane.barrier("lower", "not_done")
    assert lane.phase is Phase.OPENING
    lane.barrier("raise", "not_done")
    assert (lane.phase, lane.passage.authority, lane.alarms_raised) == (Phase.HELD, None, ["barrier_refused"])
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 1
    lane.order("open")
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 2


def test_p10_a_boom_that_does_not_fall_stops_the_lane() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    lane.scan_until(lambda: lane.at_ms >= lane.state.phase_since_ms + 8_000)
    lane.tick(lane.at_ms)
    assert (lane.phase, lane.alarms_raised) == (Phase.FAULT, ["boom_stuck_up"])


@pytest.mark.parametrize("phase", [*BARRED, *MOVED, Phase.STARTING])
@pytest.mark.parametrize(
    ("signals", "alarm"),
    [
        ({"boom_up": True, "boom_down": True}, "limits_disagree"),
        ({"boom_broken": True}, "boom_broken"),
        ({"emergency_stop": True}, "emergency"),
        ({"fire_alarm": True}, "emergency"),
    ],
)
def test_p11_p12_p20_p21_stop_the_lane_in_every_phase(phase: Phase, signals: dict[str, bool], alarm: str) -> None:
    lane = LaneBench().go(phase)
    had_passage = lane.state.passage is not None
    lane.forget()
    effects = lane.scan(**signals)
    assert effects[0] == StopBoom(alarm)
    assert (lane.phase, lane.state.light, lane.alarms_raised) == (Phase.FAULT, "red", [alarm])
    assert lane.ended == (["FAULT"] if had_passage else [])


@pytest.mark.parametrize("phase", BARRED)
@pytest.mark.parametrize("position", [UP, MOVING])
def test_p14_a_boom_that_moves_unasked_stops_the_lane(phase: Phase, position: dict[str, bool]) -> None:
    lane = LaneBench().go(phase)
    lane.forget()
    lane.scan(**position)
    assert (lane.phase, lane.alarms_raised) == (Phase.FAULT, ["uncommanded_open"])


def test_p13_an_open_boom_that_somebody_closes_ends_the_passage() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(**DOWN)
    assert (lane.phase, lane.ended, lane.state.light) == (Phase.STARTING, ["ABANDONED"], "red")
    assert lane.alarms_raised == ["boom_down_unasked"]
    lane.scan(arrival_loop=False)
    assert (lane.phase, lane.state.alarms) == (Phase.IDLE, ())


def test_p13_a_boom_that_came_down_although_its_lowering_was_withdrawn_ends_the_passage() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    lane.scan(2, **MOVING)
    lane.lose_inputs()
    lane.scan(**DOWN)
    assert (lane.phase, lane.ended) == (Phase.STARTING, ["PASSED"])


def test_p17_a_vehicle_that_backs_out_after_its_release_leaves_an_abandoned_passage() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(arrival_loop=False)
    assert (lane.phase, lane.state.light) == (Phase.OPEN, "red")
    lane.scan(19)
    assert lane.phase is Phase.OPEN, "it may be between the loops"
    lane.scan()
    assert lane.phase is Phase.CLOSING
    lane.fall()
    assert (lane.ended, lane.last(EndPassage).reasons) == (["ABANDONED"], ("backed_out",))


def test_p17_a_vehicle_that_backs_out_while_the_boom_rises_gets_no_green() -> None:
    lane = LaneBench().go(Phase.OPENING)
    lane.scan(arrival_loop=False, **MOVING)
    lane.scan(**UP)
    assert lane.phase is Phase.OPEN
    assert lane.all(SetLight) == []


def test_p18_a_vehicle_that_stops_half_way_keeps_the_boom_up() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(safety_loop=True)
    for _ in range(5):
        lane.scan(100)
        lane.tick(lane.at_ms + 600_000)
    assert (lane.phase, lane.all(LowerBoom), lane.alarms_raised) == (Phase.OPEN, [], ["vehicle_stopped"])


def test_p19_another_vehicle_in_place_of_the_released_one_is_no_passage() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(arrival_loop=False)
    lane.scan(arrival_loop=True)
    assert lane.state.light == "red"
    lane.drive_through()
    assert lane.alarms_raised == ["vehicle_swapped"]
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.fall()
    assert (lane.phase, lane.ended) == (Phase.FAULT, ["FAULT"])
    assert lane.last(EndPassage).reasons == ("vehicle_swapped",)


def test_p19_a_swap_while_the_authority_is_made_durable_opens_nothing() -> None:
    lane = LaneBench()
    lane.consume()
    lane.scan(arrival_loop=False)
    lane.scan(arrival_loop=True)
    lane.durable()
    assert (lane.all(RaiseBoom), lane.ended, lane.phase) == ([], ["ABANDONED"], Phase.IDENTIFYING)


def test_p24_a_vehicle_from_the_exit_is_told_and_opens_nothing() -> None:
    lane = LaneBench()
    lane.scan(exit_loop=True)
    assert (lane.phase, lane.alarms_raised) == (Phase.IDLE, ["wrong_way"])


# Clearance


def waiting() -> LaneBench:
    lane = LaneBench()
    lane.identify()
    return lane


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


def test_c5_an_older_denial_does_not_undo_a_newer_release() -> None:
    lane = waiting()
    older = lane.grant("deny")
    lane.answer("release")
    lane.take(GrantReceived(lane.at_ms, older))
    assert (lane.phase, lane.ignored) == (Phase.CONSUMING, ["sequence_not_newer"])


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


@pytest.mark.parametrize(("delay_ms", "raised"), [(5_000, 1), (5_001, 0)])
def test_i1_the_authority_is_alive_when_the_boom_is_asked(delay_ms: int, raised: int) -> None:
    lane = waiting()
    sent_ms = lane.at_ms
    lane.answer("release")
    lane.take(InputsSampled(sent_ms + 4_990, lane.inputs))
    lane.durable(at_ms=sent_ms + delay_ms)
    assert len(lane.all(RaiseBoom)) == raised
    assert lane.phase is (Phase.OPENING if raised else Phase.HELD)


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


# Storage, inputs, restarts


@pytest.mark.parametrize("phase", [*BARRED, Phase.STARTING])
def test_x3_without_a_journal_a_barred_lane_stops_and_no_order_opens_it(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    had_passage = lane.state.passage is not None
    lane.forget()
    lane.lose_journal()
    assert (lane.phase, lane.ended) == (Phase.FAULT, ["FAULT"] if had_passage else [])
    for action in ("open", "reset", "retry", "refuse", "lower"):
        lane.order(action)
    lane.scan(5)
    assert lane.phase is Phase.FAULT
    assert [one for one in lane.effects if isinstance(one, (*ADDS_AUTHORITY, RaiseBoom))] == []


@pytest.mark.parametrize("phase", MOVED)
def test_x3_without_a_journal_a_moving_boom_is_brought_down_and_the_lane_stops(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.lose_journal()
    assert lane.phase is phase
    if phase is Phase.OPENING:
        lane.scan(**UP)
    if phase is not Phase.CLOSING:
        lane.close()
    lane.fall()
    assert (lane.phase, lane.ended) == (Phase.FAULT, ["PASSED"])


@pytest.mark.parametrize(
    ("phase", "after"),
    [
        (Phase.IDLE, Phase.STARTING),
        (Phase.IDENTIFYING, Phase.HELD),
        (Phase.WAITING, Phase.HELD),
        (Phase.CONSUMING, Phase.HELD),
        (Phase.HELD, Phase.HELD),
        (Phase.TURNING_BACK, Phase.TURNING_BACK),
        (Phase.OPENING, Phase.OPENING),
        (Phase.OPEN, Phase.OPEN),
        (Phase.CLOSING, Phase.OPEN),
        (Phase.LEAVING, Phase.STARTING),
        (Phase.STARTING, Phase.STARTING),
        (Phase.FAULT, Phase.FAULT),
    ],
)
def test_p15_a_blind_lane_asks_for_no_motion_and_shows_red(phase: Phase, after: Phase) -> None:
    lane = LaneBench().go(phase)
    durable = lane.all(ConsumeAuthority)
    raised = len(lane.all(RaiseBoom))
    lane.lose_inputs()
    assert (lane.phase, lane.state.light) == (after, "red")
    if durable:
        lane.durable()
    assert len(lane.all(RaiseBoom)) == raised


def test_p15_a_lane_that_was_blind_while_open_does_not_become_green_again() -> None:
    lane = LaneBench()
    lane.open()
    lane.lose_inputs()
    lane.scan(5)
    assert [one.light for one in lane.all(SetLight)] == ["green", "red"]


def test_i7_green_ends_with_the_last_scan_that_can_be_trusted_and_returns_with_the_next() -> None:
    lane = LaneBench()
    lane.open()
    assert next_deadline_ms(lane.state) == lane.at_ms + 201
    assert lane.tick() == (SetLight("red"),)
    assert lane.scan() == (SetLight("green"),)


def test_i7_a_boom_that_leaves_its_upper_limit_is_not_green() -> None:
    lane = LaneBench()
    lane.open()
    assert lane.scan(**MOVING) == (SetLight("red"),)


def test_i9_i10_a_second_start_stops_the_lane_in_every_phase() -> None:
    for phase in Phase:
        lane = LaneBench().go(phase)
        lane.take(Started(lane.at_ms, "boot-2", "seed-2"))
        assert (lane.phase, lane.state.light) == (Phase.FAULT, "red"), phase


def test_i11_a_journal_that_never_answers_does_not_wedge_the_lane() -> None:
    lane = LaneBench()
    lane.consume()
    due_ms = next_deadline_ms(lane.state)
    assert due_ms == lane.last(ConsumeAuthority).deadline_ms + 1
    lane.tick(due_ms - 1)
    assert lane.phase is Phase.CONSUMING
    lane.tick(due_ms)
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("not_proved_before_raise",))


def test_i11_a_lane_that_asks_nobody_holds_every_vehicle_for_a_person() -> None:
    lane = LaneBench(replace(PROFILE, authorities=()))
    lane.arrive()
    lane.tick()
    assert lane.phase is Phase.WAITING
    lane.tick()
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("nobody_released",))


@pytest.mark.parametrize(
    "signals",
    [{"boom_down": None}, {"emergency_stop": None}, {"fire_alarm": None}, {"arrival_loop": None}],
)
def test_i1_inputs_are_proved_again_before_the_raise(signals: dict[str, None]) -> None:
    lane = LaneBench()
    lane.consume()
    lane.scan(**signals)
    lane.durable()
    assert (lane.phase, lane.all(RaiseBoom), lane.passage.authority) == (Phase.HELD, [], None)


def test_i1_an_old_scan_is_no_proof() -> None:
    lane = LaneBench()
    lane.consume()
    lane.durable(at_ms=lane.at_ms + 201)
    assert (lane.phase, lane.all(RaiseBoom)) == (Phase.HELD, [])


# People


@pytest.mark.parametrize(
    "phase", [Phase.IDLE, Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.TURNING_BACK, Phase.LEAVING]
)
def test_a_named_person_opens_and_the_passage_is_theirs(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.order("open", "li", "release note on paper")
    consumed = lane.last(ConsumeAuthority)
    assert (consumed.source, consumed.operator, consumed.reason) == ("person", "li", "release note on paper")
    lane.durable()
    lane.scan(**MOVING)
    lane.scan(**UP)
    assert lane.phase is Phase.OPEN
    lane.close()
    lane.fall()
    assert lane.ended[-1] == "MANUAL_PASSED"


@pytest.mark.parametrize(("operator", "reason"), [("", "why"), ("  ", "why"), ("li", ""), ("li", " ")])
def test_s23_nobody_opens_without_name_and_reason(operator: str, reason: str) -> None:
    lane = LaneBench().go(Phase.HELD)
    lane.order("open", operator, reason)
    assert (lane.phase, lane.last(Report).name) == (Phase.HELD, "order_refused")


def test_an_opening_without_a_vehicle_waits_for_one() -> None:
    lane = LaneBench()
    lane.order("open")
    assert [one.passage for one in lane.all(StartCapture)] == [lane.passage.id]
    lane.durable()
    lane.scan(**MOVING)
    lane.scan(40, **UP)
    assert (lane.phase, lane.state.light) == (Phase.OPEN, "green")
    lane.scan(arrival_loop=True)
    lane.close()
    lane.fall()
    assert (lane.ended, lane.alarms_raised) == (["MANUAL_PASSED"], [])


@pytest.mark.parametrize(
    "phase", [Phase.OPENING, Phase.OPEN, Phase.CLOSING, Phase.STARTING, Phase.FAULT, Phase.CONSUMING]
)
def test_an_order_to_open_that_the_phase_does_not_allow_is_refused(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.forget()
    lane.order("open")
    assert (lane.phase, [one.name for one in lane.all(Report)]) == (phase, ["order_refused"])


@pytest.mark.parametrize("phase", [Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.CONSUMING])
def test_a_person_turns_a_vehicle_back(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.order("refuse")
    assert (lane.phase, lane.passage.authority) == (Phase.TURNING_BACK, None)
    assert lane.all(StopCapture)
    if phase is Phase.CONSUMING:
        lane.durable()
    lane.scan(arrival_loop=False)
    assert (lane.ended, lane.all(RaiseBoom)) == (["TURNED_BACK"], [])


def test_a_person_retries_twice_and_old_answers_and_pictures_do_not_count() -> None:
    lane = LaneBench()
    lane.hold()
    old = lane.grant("release")
    lane.at_ms += 500
    for attempt in (1, 2):
        lane.order("retry")
        assert (lane.phase, lane.passage.attempt) == (Phase.IDENTIFYING, attempt)
        lane.frame("cam-front", plate_seen(PLATE), age_ms=100)
        lane.read_tag(age_ms=100)
        assert (lane.passage.frames, lane.passage.tags) == ((), ())
        lane.tick()
        lane.prepare()
        lane.take(GrantReceived(lane.at_ms, old))
        lane.tick()
        assert lane.phase is Phase.HELD
    assert lane.ignored == ["wrong_nonce", "wrong_nonce"]
    lane.order("retry")
    assert lane.phase is Phase.HELD
    assert len({one.nonce for one in lane.all(PrepareRequest)}) == 3


def test_a_person_resets_a_fault_and_everything_is_proved_anew() -> None:
    lane = LaneBench()
    lane.lose_device("reader")
    lane.fault()
    lane.order("reset")
    assert (lane.phase, lane.state.alarms) == (Phase.STARTING, ("device_lost_reader",))
    lane.scan()
    assert lane.phase is Phase.IDLE


def test_a_reset_does_not_talk_an_emergency_away() -> None:
    lane = LaneBench().go(Phase.FAULT)
    lane.scan(emergency_stop=True)
    lane.order("reset")
    lane.scan()
    assert lane.phase is Phase.FAULT
