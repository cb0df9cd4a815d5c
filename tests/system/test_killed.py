"""kill -9 at every named point, then a restart: hazards.md X1, invariants I2, I3, I8, I9."""

import pytest

from edge.runtime.failpoints import COMMIT_NAMES, NAMES
from tests.support.journal_facts import JournalFacts
from tests.support.killing import IN_START, ORDERED_MODE, die_at
from tests.support.replayed import replayed
from tests.support.system_lane import SystemLane

IN_PASSAGE = tuple(name for name in NAMES if name not in (*IN_START, *COMMIT_NAMES))
# At these points the passage's end is on the disk, or may be; at all others the restart has to end it.
ENDED_BEFORE = ("terminal_record_durable", "terminal_record_appended", "stop_before", "stop_after")


def proved(lane: SystemLane) -> JournalFacts:
    """Assert what must hold of every journal, however often its controller was killed."""
    facts = lane.facts()
    assert facts.first_broken is None
    assert all(len(terminals) == 1 for terminals in facts.terminals), facts.terminals
    assert set(facts.ended) == set(facts.opened)
    assert len(set(facts.consumed)) == len(facts.consumed)
    assert all(boot.raises <= len(boot.consumed) for boot in facts.boots)
    assert lane.plant.raise_count <= len(facts.consumed)
    status, shown = replayed(lane.journal)
    assert (status, shown["same"]) == (0, True), shown
    return facts


@pytest.mark.parametrize("failpoint", IN_PASSAGE)
@pytest.mark.hazard("X1", "I3", "I8", "I9", "P16")
async def test_killed_in_a_passage(lane: SystemLane, failpoint: str):
    await die_at(lane, failpoint)
    raised = lane.plant.raise_count
    assert raised <= 1

    await lane.start_controller(ready=False)
    await lane.event("started", 2)
    await lane.settle()
    assert await lane.controller.stop() == 0

    facts = proved(lane)
    assert len(facts.boots) == 2
    # No opening without a new authority.
    assert lane.plant.raise_count - raised == facts.boots[1].raises == len(facts.boots[1].consumed)
    # Killed before its first record was synced, a passage may not have begun: nothing was promised of it.
    never_began = failpoint == "request_record_before" and len(facts.terminals) == 1
    if failpoint not in ENDED_BEFORE and not never_began:
        # A machine that read its tag too late had a person send a truck back before.
        killed = next(name for name in facts.opened if facts.ended[name][0]["terminal"] == "ABORTED_RESTART")
        consumed = "authority_was_consumed" if facts.boots[0].consumed else "authority_was_not_consumed"
        assert consumed in facts.ended[killed][0]["reasons"]
    # The truck that still stood there got a passage, a request and an authority of its own, or a person sent it back.
    sent_back = failpoint.partition("_")[0] in ("challenge", "referral", "mode")
    assert facts.terminals[-1] in ([["TURNED_BACK"]] if sent_back else [["PASSED"], ["ABORTED_RESTART"], ["FAULT"]])
    if failpoint == "mode_record_durable":
        assert lane.state["mode"] == ORDERED_MODE


@pytest.mark.parametrize("failpoint", [*IN_START, *COMMIT_NAMES])
@pytest.mark.hazard("X1", "I8", "I9", "I13")
async def test_killed_in_a_start_and_around_a_commit(lane: SystemLane, failpoint: str):
    await die_at(lane, failpoint, number=2)
    raised = lane.plant.raise_count
    await lane.start_controller(ready=False)
    await lane.settle()
    assert await lane.controller.stop() == 0
    assert lane.plant.raise_count - raised == proved(lane).boots[-1].raises


@pytest.mark.hazard("X1", "I9")
async def test_killed_in_the_recovery_too(lane: SystemLane):
    await lane.start_controller(failpoint="raise_after")
    lane.arrive()
    await lane.dies()
    raised = lane.plant.raise_count
    assert raised == 1
    points = ("recovery_read", "terminal_record_before", "recovery_appended", "terminal_record_durable")
    for failpoint in points:
        await lane.start_controller(failpoint=failpoint, ready=False)
        await lane.dies()
    assert lane.plant.raise_count == raised
    await lane.start_controller(ready=False)
    await lane.settle()
    assert await lane.controller.stop() == 0
    facts = proved(lane)
    assert facts.terminals == [["ABORTED_RESTART"], ["PASSED"]]
    assert lane.plant.raise_count == len(facts.consumed) == 2


async def test_killed_on_request_at_the_second_hit(lane: SystemLane):
    await lane.start_controller(failpoint="terminal_record_durable:2")
    await lane.pass_one()
    lane.arrive()
    await lane.dies()
    await lane.start_controller(ready=False)
    await lane.settle()
    assert proved(lane).terminals == [["PASSED"], ["PASSED"]]


@pytest.mark.hazard("S19")
async def test_no_failpoint_beside_real_devices(lane: SystemLane):
    lane.write_config(simulated="false")
    await lane.start_controller(failpoint="raise_before", ready=False)
    assert await lane.controller.ended() == 78
    assert lane.controller.said("failpoint_refused")
    assert not lane.journal.exists()
