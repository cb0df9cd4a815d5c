"""Every scenario that comes along is a test: the real controller with devices on real wires."""

from collections.abc import Iterator

import pytest

from simulators.broker import DefaultBroker
from simulators.scenario.bench import BrokerAt
from simulators.scenario.loading import FOLDER, Loaded, load
from simulators.scenario.running import run
from simulators.scenario.verb import told

SPEED = 10.0


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerAt]:
    """One for all of them: each scenario has a site of its own, and whoever kills a broker brings his own."""
    with DefaultBroker() as started:
        yield BrokerAt(started.host, started.port_v5)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_it_comes_out_as_it_says(name: str, broker: BrokerAt) -> None:
    loaded = load(FOLDER / f"{name}.yaml")
    assert isinstance(loaded, Loaded), "\n".join(one.render("en") for one in loaded)
    result = run(loaded, broker, speed=SPEED)
    assert result.failure is None, told(result)
