from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.broker import DefaultBroker
from tests.support.bridge_bench import BridgeBench, open_bench
from tests.support.brokers import BrokerCase
from tests.support.clearance import World


@pytest.fixture
async def bench(default_broker: DefaultBroker, world: World, tmp_path: Path) -> AsyncIterator[BridgeBench]:
    async with open_bench(BrokerCase(default_broker, "5"), world, tmp_path) as bench:
        yield bench
