"""Stories named after the rows of hazards.md: time that passes unseen, and inputs that come faster than vehicles."""

from edge.core.effects import EndPassage, LowerBoom, PrepareRequest, RaiseBoom, Report
from edge.core.state import Phase
from tests.support.lane_bench import DOWN, MOVING, UP, LaneBench

PAUSES_MS = (1_000, 30_001, 600_000)


def test_c15_a_grant_that_a_pause_made_old_opens_nothing() -> None:
    for pause_ms in PAUSES_MS[1:]:
        lane = LaneBench()
        lane.identify()
        lane.prepare()
        lane.at_ms += pause_ms
        lane.answer("release")
        lane.scan(3)
        assert "late" in [dict(one.fields).get("reason") for one in lane.all(Report) if one.name == "grant_ignored"]
        assert not lane.all(RaiseBoom)


def test_c15_a_pause_while_the_authority_was_made_durable_asks_for_new_proofs() -> None:
    for pause_ms in PAUSES_MS:
        lane = LaneBench()
        lane.consume()
        lane.at_ms += pause_ms
        lane.durable()
        assert not lane.all(RaiseBoom), f"no scan since {pause_ms} ms"
        assert lane.phase is Phase.HELD


def test_c15_a_pause_below_an_open_boom_starts_the_proof_of_clear_anew() -> None:
    for pause_ms in PAUSES_MS[:2]:
        lane = LaneBench()
        lane.open()
        lane.drive_through()
        lane.scan(10)
        lane.at_ms += pause_ms
        lane.scan()
        assert not lane.all(LowerBoom), f"nothing is known of {pause_ms} ms"
        lane.scan(20)
        assert lane.last(LowerBoom).clear_for_ms >= 1_000


def test_p23_a_slow_boom_is_not_stuck() -> None:
    lane = LaneBench()
    lane.consume()
    lane.durable()
    lane.scan(110, **MOVING)
    assert lane.phase is Phase.OPENING
    lane.scan(**UP)
    assert lane.phase is Phase.OPEN
    lane.drive_through()
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.scan(150, **MOVING)
    lane.scan(**DOWN)
    assert lane.ended == ["PASSED"]
    assert not lane.alarms_raised


def test_s24_a_loop_that_toggles_a_thousand_times_a_second_is_one_fault() -> None:
    lane = LaneBench()
    for number in range(10_000):
        lane.at_ms += 1 - 50
        lane.scan(arrival_loop=number % 2 == 0)
    assert lane.phase is Phase.FAULT
    assert lane.alarms_raised == ["arrival_loop_chatters"]
    assert len(lane.all(EndPassage)) <= 8


def test_c15_p19_a_release_counts_for_nobody_who_may_have_come_while_the_controller_was_suspended() -> None:
    lane = LaneBench()
    lane.identify()
    lane.at_ms += 3_000
    lane.scan()
    lane.answer("release")
    lane.durable()
    assert (lane.phase, lane.passage.decision) == (Phase.HELD, "hold")
    assert not lane.all(RaiseBoom)
    lane.order("retry")
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    lane.effects[:] = lane.all(PrepareRequest)[-1:]
    lane.prepare()
    lane.answer("release")
    lane.durable()
    assert lane.phase is Phase.OPENING, "who was looked at anew is who stands there"
