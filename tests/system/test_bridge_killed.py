"""The customs bridge dies by `kill -9` at each point of an answer: a request gets one release at most."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.runtime.failpoints import BRIDGE_NAMES
from tests.support.bridged_lane import BridgedLane, open_bridged
from tests.support.brokers import BrokerCase
from tests.support.controller import spawn


@pytest.fixture
async def lane(tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[BridgedLane]:
    async with open_bridged(tmp_path, any_broker) as opened:
        yield opened


@pytest.mark.parametrize("failpoint", BRIDGE_NAMES)
async def test_a_kill_at_each_point_gives_no_release_twice(lane: BridgedLane, failpoint: str) -> None:
    await lane.bridge.stop()
    await lane.start_bridge(failpoint=failpoint)
    lane.document()
    lane.arrive()
    assert await lane.bridge.ended() == -signal.SIGKILL
    await lane.start_bridge()
    # Customs says it all again, to whoever listens now.
    for asked in lane.platform.asked:
        lane.platform.answer(asked)
    await lane.phase("held", "open", "passing", "idle")
    await lane.settle()
    assert len(lane.releases()) == len(set(lane.releases()))
    if failpoint in ("bridge_entered", "bridge_asked"):
        # Never answered: held by the bridge after it.
        assert [one["reason"] for one in lane.grants] == ["bridge_restarted"]
    if failpoint == "bridge_recorded":
        # It stands in the book and was never sent: nobody sends it now.
        assert lane.grants == []
    raised = lane.plant.raise_count
    assert raised <= len(lane.releases())
    lane.document("HF2")
    await lane.pass_one()
    assert lane.plant.raise_count == raised + 1
    assert lane.ended[-1]["terminal"] == "PASSED"


async def test_a_failpoint_beside_real_lanes_is_refused(lane: BridgedLane) -> None:
    log = lane.folder / "refused.log"
    await lane.bridge.stop()
    lane.write_config(simulated="false")
    with log.open("wb") as output:
        process = await spawn("bridge", "customs", str(lane.config), output=output, failpoint=BRIDGE_NAMES[0])
    assert await process.wait() == 78
    assert "failpoint_refused" in log.read_text(encoding="utf-8")
