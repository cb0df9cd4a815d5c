"""A flood of what is no answer is counted, not journaled; an answer to the open request always passes."""

from collections import Counter
from dataclasses import replace

import pytest

from edge.clearance.door import ANSWERS_TOLD, REPEATS_TOLD, STORMS_BURST, TOLD_BURST, GrantDoor
from edge.clearance.grant import GrantRefusal
from edge.core.grant import Grant
from tests.support.clocks import StoodClock


class Lane:
    def __init__(self) -> None:
        self.taken: list[Grant] = []
        self.refused: list[str] = []
        self.nonce: str | None = "n1"

    def newest_nonce(self, _authority: str) -> str | None:
        return self.nonce

    def on_grant(self, grant: Grant) -> None:
        self.taken.append(grant)

    def on_refused(self, _authority: str, refusal: GrantRefusal) -> None:
        self.refused.append(refusal.reason)


GRANT = Grant(
    authority="customs", key_id="k", site="yard", lane="in-1", boot="b", passage="p", nonce="n1", request_hash="0" * 64,
    verdict="release", ttl_ms=5_000, issued_at="2026-03-01T12:00:00Z", sequence=1,
)  # fmt: skip


@pytest.fixture
def door() -> tuple[GrantDoor, Lane, StoodClock, Counter[str]]:
    lane, clock, failures = Lane(), StoodClock(), Counter[str]()
    made = GrantDoor(lane, clock)
    made.on_failure = lambda authority, reason: failures.update([f"{authority} {reason}"])
    return made, lane, clock, failures


@pytest.mark.hazard("C20")
def test_an_hour_of_refusals_at_ten_a_second_is_a_few_records(door):
    made, lane, clock, failures = door
    for _ in range(36_000):
        clock.ms += 100
        made.on_refused("customs", GrantRefusal("bad_signature"))
    assert TOLD_BURST < len(lane.refused) <= TOLD_BURST + 361
    assert made.untold == 36_000 - len(lane.refused)
    assert failures == {"customs bad_signature": 36_000}


@pytest.mark.hazard("C20")
def test_a_storm_is_told_also_where_it_began_too_slowly_to_be_one(door):
    made, lane, _, _ = door
    for _ in range(TOLD_BURST + 5):
        made.on_refused("customs", GrantRefusal("bad_signature"))
    made.on_refused("customs", GrantRefusal("flood"))
    assert lane.refused == ["bad_signature"] * TOLD_BURST + ["flood"]
    for _ in range(1_000):
        made.on_refused("customs", GrantRefusal("flood"))
    assert lane.refused.count("flood") == STORMS_BURST


@pytest.mark.hazard("C20", "C10")
def test_a_flood_of_old_authentic_answers_never_hides_the_one_that_is_waited_for(door):
    made, lane, _, failures = door
    for number in range(1_000):
        made.on_grant(replace(GRANT, nonce="old", sequence=number))
    assert len(lane.taken) == TOLD_BURST
    assert failures["customs not_asked_for"] == 1_000
    made.on_grant(GRANT)
    made.on_grant(replace(GRANT, verdict="deny", sequence=2))
    assert [one.verdict for one in lane.taken[-2:]] == ["release", "deny"]


@pytest.mark.hazard("C4")
def test_the_same_answer_over_and_over_is_told_a_few_times(door):
    made, lane, _, _ = door
    for _ in range(1_000):
        made.on_grant(GRANT)
    assert REPEATS_TOLD < len(lane.taken) <= REPEATS_TOLD + 1 + TOLD_BURST


@pytest.mark.hazard("C20")
def test_ever_different_answers_to_the_open_request_are_a_few_records_and_one_of_the_storm(door):
    made, lane, clock, failures = door
    for number in range(36_000):
        clock.ms += 100
        made.on_grant(replace(GRANT, sequence=number))
    assert ANSWERS_TOLD < len(lane.taken) <= ANSWERS_TOLD + TOLD_BURST + 361
    assert lane.refused == ["flood"]
    assert failures == {"customs too_many_answers": 36_000 - ANSWERS_TOLD}
    assert made.untold == 36_000 - len(lane.taken)


@pytest.mark.hazard("C5", "C20")
def test_in_such_a_storm_a_stricter_answer_still_counts_at_once_and_only_as_often_as_a_milder_one(door):
    made, lane, _, _ = door
    for number in range(1_000):
        made.on_grant(replace(GRANT, sequence=number))
    taken = len(lane.taken)
    for number, verdict in enumerate(["refer", "hold", "deny", "deny", "hold", "refer", "release"] * 100, 1_000):
        made.on_grant(replace(GRANT, sequence=number, verdict=verdict))
    assert [one.verdict for one in lane.taken[taken:]] == ["refer", "hold", "deny"]
    lane.nonce = "n2"
    made.on_grant(replace(GRANT, sequence=2_000, nonce="n2"))
    assert lane.taken[-1].nonce == "n2"


def test_the_clerk_of_a_drill_uses_up_none_of_the_authority_s_answers(door):
    made, lane, _, _ = door
    for number in range(1_000):
        made.on_grant(replace(GRANT, sequence=number, drill=True))
    made.on_grant(replace(GRANT, sequence=1_000))
    assert not lane.taken[-1].drill


def test_one_authority_s_flood_leaves_the_other_s_refusals_told(door):
    made, lane, _, _ = door
    for _ in range(100):
        made.on_refused("customs", GrantRefusal("oversize"))
    made.on_refused("port", GrantRefusal("bad_signature"))
    assert lane.refused[-1] == "bad_signature"


def test_before_the_first_request_nothing_is_an_answer(door):
    made, lane, _, failures = door
    lane.nonce = None
    made.on_grant(GRANT)
    assert lane.taken == [GRANT]
    assert failures.total() == 1
