"""The box that devices are brought up on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from tests.support.bringup_box import Box, now_ms


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
