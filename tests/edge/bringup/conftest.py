"""The box that devices are brought up on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000TcpSimulator
from tests.support.bringup_box import Box, now_ms
from tests.support.bringup_site import Site

TAG = "E200301666130121155074EF"


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Box:
    monkeypatch.setenv("KAKOU_LANG", "en")
    return Box(tmp_path, capsys)


@pytest.fixture
async def barrier() -> AsyncIterator[BarrierSimulator]:
    simulator = BarrierSimulator(Plant(now_ms, stroke_s=0.2))
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def site(box: Box, barrier: BarrierSimulator) -> AsyncIterator[Site]:
    reader = R2000TcpSimulator(lambda: [SimulatedTag(TAG)])
    await reader.start()
    yield Site(box, barrier, reader)
    await reader.stop()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the boom, as often as it is asked for."""
    monkeypatch.setattr("sys.stdin", type("Typed", (), {"readline": lambda _: "barrier\n"})())


@pytest.fixture
async def proved(site: Site, typed: None, capsys: pytest.CaptureFixture[str]) -> Site:
    """Both devices were tried, and passed."""
    assert await site.try_boom("--move", "--seconds", "30") == 0
    assert await site.try_reader() == 0
    capsys.readouterr()
    return site
