"""Starting, refusing to start, stopping; a disk that takes nothing more."""

import os
import resource
import signal

import pytest

from tests.support.brokers import BrokerCase
from tests.support.controller import kakou, spawn
from tests.support.system_lane import LANE, SystemLane

CONFIG_ERROR, TEMPORARY = 78, 75


@pytest.mark.hazard("X6")
async def test_a_bad_configuration_starts_nothing(lane: SystemLane):
    lane.write_config(deadline_ms=-1)
    await lane.start_controller(ready=False)
    assert await lane.controller.ended() == CONFIG_ERROR
    assert lane.controller.said("deadline_ms")
    assert lane.controller.said("kakou.yaml:")
    assert not (lane.folder / "state").exists()
    assert lane.barrier.server.connections == 0


async def test_a_missing_key_starts_nothing(lane: SystemLane):
    (lane.folder / "keys" / f"lane-{LANE}.key.pem").unlink()
    await lane.start_controller(ready=False)
    assert await lane.controller.ended() == TEMPORARY
    assert lane.controller.said("start_refused")
    assert lane.barrier.server.connections == 0


async def test_a_state_directory_that_cannot_be_written_starts_nothing(lane: SystemLane):
    lane.write_config(state_dir="/proc/kakou")
    await lane.start_controller(ready=False)
    assert await lane.controller.ended() == TEMPORARY
    assert lane.controller.said("start_refused")
    assert lane.barrier.server.connections == 0


@pytest.mark.hazard("X15")
async def test_a_second_controller_is_refused(lane: SystemLane):
    first = await lane.start_controller()
    second = await lane.start_controller(ready=False)
    assert await second.ended() == TEMPORARY
    assert second.said("journal_locked")
    # The first one serves on, its control socket included.
    await lane.told(phase="idle")
    assert (await lane.order("retry"))["accepted"] is False
    assert first.process.returncode is None
    assert await first.stop() == 0


@pytest.mark.hazard("X3")
async def test_a_full_disk_opens_nothing(lane: SystemLane):
    controller = await lane.start_controller()
    log = lane.journal.with_name("journal.sqlite-wal")
    # The kernel refuses every byte beyond: a disk quota that is used up.
    limit = log.stat().st_size
    resource.prlimit(controller.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    lane.arrive()
    await lane.phase("fault")
    assert "journal_lost" in lane.state["alarms"]
    assert (await lane.order("open"))["accepted"] is False
    assert (await lane.order("reset"))["accepted"] is False
    assert lane.plant.raise_count == 0
    assert lane.facts().consumed == []
    await lane.controller.kill()

    # Space again, and a restart: the lane works as before.
    await lane.start_controller(ready=False)
    await lane.settle()
    assert lane.facts().first_broken is None


async def test_a_log_that_cannot_be_written_stops_no_truck(lane: SystemLane):
    full = os.open("/dev/full", os.O_WRONLY)
    process = await spawn("run", str(lane.config), output=full)
    os.close(full)
    try:
        await lane.phase("idle")
        await lane.pass_one()
        assert lane.ended[-1]["terminal"] == "PASSED"
    finally:
        process.terminate()
        status = await process.wait()
    assert status == 0


@pytest.mark.hazard("O1")
async def test_stopping_in_the_middle_of_a_passage_lets_it_end(lane: SystemLane):
    await lane.start_controller()
    lane.arrive()
    await lane.phase("open")
    assert await lane.controller.stop() == 0
    facts = lane.facts()
    assert facts.terminals == [["PASSED"]]
    assert lane.plant.position == 0.0
    assert not lane.socket.exists()


async def test_stopping_twice_is_stopping(lane: SystemLane):
    await lane.start_controller()
    lane.controller.process.send_signal(signal.SIGINT)
    lane.controller.process.send_signal(signal.SIGTERM)
    assert await lane.controller.ended() == 0
    assert lane.availability["status"] == "offline"


async def test_status_and_orders_of_a_controller_that_is_not_there(lane: SystemLane, any_broker: BrokerCase):
    status, printed = await kakou("status", "--config", str(lane.config))
    assert status == 69
    assert "control_socket_unreachable" in printed
