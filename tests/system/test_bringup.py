"""`kakou bringup` and the controller keep out of each other's way."""

import asyncio

import pytest

from edge.device_lock import devices_held
from edge.verbs.bringup import main
from tests.support.system_lane import SystemLane


async def test_beside_a_running_controller_it_refuses_and_after_it_it_does_not(
    lane: SystemLane, capsys: pytest.CaptureFixture[str]
) -> None:
    controller = await lane.start_controller()
    assert await asyncio.to_thread(main, ["barrier", str(lane.config)]) == 75
    assert "devices_held" in capsys.readouterr().err
    assert not lane.state["lost_devices"]
    # However it ends, the lock ends with it.
    await controller.kill()
    assert await asyncio.to_thread(main, ["tag-reader", str(lane.config), "--seconds", "1", "--json"]) == 1
    assert '"connected"' in capsys.readouterr().out


async def test_a_controller_waits_for_a_bring_up(lane: SystemLane) -> None:
    (lane.folder / "state").mkdir()
    with devices_held(lane.folder / "state"):
        controller = await lane.start_controller(ready=False)
        assert await controller.ended() == 75
    assert "devices_held" in await controller.last_words()
