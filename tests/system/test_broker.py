"""The broker fails: hazards.md C1, C3. Nothing opens for want of an answer, and no event is ever lost."""

import pytest

from simulators.clearance_faults import Behaviour
from tests.support.brokers import BrokerCase
from tests.support.controller import kakou
from tests.support.system_lane import AUTHORITY, LANE, SystemLane


async def nothing_was_lost(lane: SystemLane, database: object) -> None:
    stored = await lane.stored(database)  # type: ignore[arg-type]
    assert [seq for seq, _ in stored] == list(range(1, len(stored) + 1))
    # The lane lives on meanwhile: what it journaled after the look may be more.
    assert [kind for _, kind in stored] == lane.facts().events[: len(stored)]


@pytest.mark.hazard("C1", "C3")
async def test_killed_and_emptied_while_waiting(lane: SystemLane, any_broker: BrokerCase):
    lane.write_config(deadline_ms=1000)
    lane.service.behave(Behaviour("silent"))
    async with lane.central() as database:
        await lane.start_controller()
        lane.arrive()
        await lane.phase("waiting")
        any_broker.broker.kill()
        shown = await lane.told(phase="held")
        assert shown["reasons"] == [f"no_answer:{AUTHORITY}"]
        assert "clearance" in shown["lost_devices"]
        assert lane.plant.raise_count == 0
        any_broker.broker.start()
        await lane.phase("held")
        await lane.settle()
        await nothing_was_lost(lane, database)
    assert lane.facts().terminals == [["TURNED_BACK"]]


@pytest.mark.hazard("C1", "C3")
async def test_killed_and_emptied_after_the_release(lane: SystemLane, any_broker: BrokerCase):
    async with lane.central() as database:
        await lane.start_controller()
        lane.arrive()
        await lane.until(lambda: lane.plant.raise_count == 1)
        any_broker.broker.kill()
        await lane.until(lambda: lane.world.empty)
        await lane.told(phase="idle", passage=None)
        any_broker.broker.start()
        await nothing_was_lost(lane, database)
    assert lane.facts().terminals == [["PASSED"]]


@pytest.mark.hazard("C1")
async def test_no_broker_from_the_start_and_a_person_opens(lane: SystemLane, any_broker: BrokerCase):
    lane.write_config(deadline_ms=500)
    any_broker.broker.kill()
    await lane.start_controller(ready=False)
    await lane.told(phase="idle")
    lane.arrive()
    shown = await lane.told(phase="held")
    assert shown["reasons"] == [f"no_answer:{AUTHORITY}"]
    order = ("open", "--config", str(lane.config), "--lane", LANE)
    assert (await kakou(*order, "--operator", "chen"))[0] == 64
    assert (await kakou(*order, "--operator", " ", "--reason", "network is down"))[0] == 1
    assert lane.plant.raise_count == 0
    status, printed = await kakou(*order, "--operator", "chen", "--reason", "network is down")
    assert (status, printed.split(":")[0]) == (0, "accepted")
    await lane.until(lambda: lane.world.empty)
    await lane.told(phase="idle", passage=None)
    facts = lane.facts()
    assert facts.terminals == [["MANUAL_PASSED"]]
    assert facts.named("opened_by_person") == [{"operator": "chen", "reason": "network is down"}]
    assert lane.plant.raise_count == len(facts.consumed) == 1

    any_broker.broker.start()
    async with lane.central() as database:
        await nothing_was_lost(lane, database)
