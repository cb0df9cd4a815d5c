"""A whole lane whose customs platform is on the topics of a Redis server: each process, each wire, and the record."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clearance.bridge.pass_record import DxpWords, read_record
from simulators.customs_pubsub import CustomsPubSub
from tests.support.bridge_bench import until
from tests.support.bridged_lane import BridgedLane, open_bridged
from tests.support.brokers import BrokerCase
from tests.support.redis import RunningRedis
from tests.support.system_lane import AUTHORITY

MORE = """\
  dialect: json_redis
  pass_records: {sender_id: SITE1, receiver_id: CUST1}
"""


@pytest.fixture
async def lane(tmp_path: Path, any_broker: BrokerCase, redis: RunningRedis) -> AsyncIterator[BridgedLane]:
    async with open_bridged(tmp_path, any_broker, platform=CustomsPubSub(redis.port), more=MORE) as opened:
        yield opened


def records(lane: BridgedLane) -> list[Path]:
    return sorted(lane.folder.glob(f"**/bridge-{AUTHORITY}/dxp/*.xml"))


async def test_a_released_truck_is_told_once_and_a_lost_server_holds_the_next(
    lane: BridgedLane, redis: RunningRedis
) -> None:
    lane.document("HF2026030001")
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["PASSED"]
    await until(lambda: len(records(lane)) == 1)
    record = read_record(records(lane)[0].read_bytes(), DxpWords())
    assert (record.bill, record.sender, record.receiver, record.inward) == ("HF2026030001", "SITE1", "CUST1", True)
    lane.platform.fault = "silent"
    lane.arrive()
    await lane.asked(2)
    await redis.stop()
    await lane.phase("held")
    assert f"platform_lost:{AUTHORITY}" in lane.state["reasons"]
    assert lane.plant.raise_count == 1
    await redis.start()
    await until(lambda: lane.bridge.said("platform_up"))
    assert len(records(lane)) == 1
