"""The lane under test, and its broker: Mosquitto where it is installed, else the default one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.brokers import BrokerCase, mosquitto_binary
from tests.support.system_lane import SystemLane, open_system


@pytest.fixture
def any_broker(request: pytest.FixtureRequest) -> BrokerCase:
    if mosquitto_binary() is not None:
        return BrokerCase(request.getfixturevalue("mosquitto"), "5")
    return BrokerCase(request.getfixturevalue("default_broker"), "5")


@pytest.fixture
async def lane(tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[SystemLane]:
    async with open_system(tmp_path, any_broker) as opened:
        yield opened
