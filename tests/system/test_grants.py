"""Answers that must not open, over a real broker: hazards.md C4, C6 to C10, C19 and 4.1."""

from typing import Any

import pytest

from edge.clearance.authority_link import grant_topic
from edge.mqtt import Message
from simulators.clearance_faults import Behaviour, BehaviourKind
from tests.support.system_lane import AUTHORITY, LANE, SITE, SystemLane

GRANTS = grant_topic(SITE, LANE, AUTHORITY)
# How the lane names each refusal.
ATTACKS: dict[BehaviourKind, str] = {
    "forged": "signature_invalid",
    "wrong_lane": "wrong_lane",
    "replayed": "wrong_passage",
    "malformed": "not_compact",
}


@pytest.fixture
async def quick(lane: SystemLane) -> SystemLane:
    """A lane that waits half a second for answers."""
    lane.write_config(deadline_ms=500)
    await lane.start_controller()
    return lane


async def held(lane: SystemLane, behaviour: Behaviour) -> dict[str, Any]:
    """Let a truck come whose request is answered so; returns the terminal record after it was sent back."""
    ended = len(lane.ended)
    lane.service.behave(behaviour)
    lane.arrive()
    await lane.phase("held")
    await lane.settle()
    await lane.until(lambda: len(lane.ended) > ended)
    return lane.ended[-1]


@pytest.mark.hazard("S1", "S2", "C8", "C9")
async def test_attacks_are_named_and_never_open(quick: SystemLane):
    for number, (kind, reason) in enumerate(ATTACKS.items(), start=1):
        end = await held(quick, Behaviour(kind))
        assert end["terminal"] == "TURNED_BACK"
        assert end["reasons"] == [f"no_answer:{AUTHORITY}", "refused_by_person"]
        await quick.until(lambda count=number: len(quick.ignored) == count)
        assert (kind, quick.ignored[-1]) == (kind, reason)
    assert quick.plant.raise_count == 0
    assert quick.facts().consumed == []


async def test_no_answer_and_refusals_hold(quick: SystemLane):
    assert (await held(quick, Behaviour("silent")))["reasons"][0] == f"no_answer:{AUTHORITY}"
    end = await held(quick, Behaviour("hold"))
    assert (end["decision"], end["reasons"][0]) == ("hold", f"held:{AUTHORITY}")
    end = await held(quick, Behaviour("refer"))
    assert (end["decision"], end["target"]) == ("refer", "nii")
    assert quick.plant.raise_count == 0


async def test_a_denied_truck_is_sent_back(quick: SystemLane):
    quick.service.behave(Behaviour("deny"))
    quick.arrive()
    await quick.phase("turning_back")
    await quick.settle()
    assert (await quick.event("passage_ended"))["terminal"] == "DENIED"
    assert quick.plant.raise_count == 0


@pytest.mark.hazard("C7")
async def test_a_late_grant_opens_nothing(quick: SystemLane):
    quick.service.behave(Behaviour("late", delay_ms=700))
    quick.arrive()
    await quick.phase("held")
    await quick.event("grant_ignored", reason="not_waiting")
    assert quick.plant.raise_count == 0
    assert quick.state["phase"] == "held"


@pytest.mark.hazard("C4")
async def test_a_repeated_grant_opens_once(quick: SystemLane):
    quick.service.behave(Behaviour("duplicate"))
    await quick.pass_one()
    await quick.event("grant_ignored", 2)
    assert quick.plant.raise_count == len(quick.facts().consumed) == 1


@pytest.mark.hazard("C10")
async def test_recorded_grants_open_nothing_later(quick: SystemLane):
    """Every grant of earlier passages, again: in the next passage, and in the one after a restart."""
    recorded: list[bytes] = []

    def record(message: Message) -> None:
        recorded.append(message.payload)

    quick.service.link.subscribe(GRANTS, record)
    await quick.pass_one()
    await quick.until(lambda: len(recorded) == 1)
    quick.service.behave(Behaviour("silent"))
    reasons = {"wrong_passage", "wrong_boot"}
    for _ in range(2):
        quick.arrive()
        await quick.phase("waiting")
        quick.service.link.publish(GRANTS, recorded[0])
        await quick.phase("held")
        await quick.settle()
        await quick.controller.kill()
        await quick.start_controller()
    assert set(quick.ignored) == reasons
    assert quick.plant.raise_count == 1


@pytest.mark.mosquitto
@pytest.mark.hazard("C6")
async def test_a_retained_grant_opens_nothing(quick: SystemLane):
    """Neither when it comes, nor from the broker's store after a restart."""
    quick.service.behave(Behaviour("retained"))
    quick.arrive()
    await quick.phase("held")
    await quick.event("grant_ignored", reason="retained")
    assert await quick.controller.stop() == 0
    await quick.start_controller(ready=False)
    await quick.event("grant_ignored", 2, reason="retained")
    assert quick.plant.raise_count == 0


@pytest.mark.hazard("C20")
async def test_a_storm_is_cut_and_the_lane_goes_on(quick: SystemLane):
    for _ in range(300):
        quick.service.link.publish(GRANTS, b"{}")
    await quick.event("grant_ignored", reason="flood")
    quick.service.behave(Behaviour("release"))
    # The limit lets answers through again within two seconds; a held truck is asked for again by the person.
    quick.arrive()
    await quick.settle()
    assert quick.plant.raise_count <= 1
