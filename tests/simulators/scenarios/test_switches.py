"""Each fault of each driver's list can be switched on and off in a scenario, on a device that runs."""

from pathlib import Path
from typing import Any

import pytest

from simulators.devices.barrier_plant import Plant
from simulators.scenario.device import Kind, Site
from simulators.scenario.kinds import KINDS
from simulators.scenario.schema import FaultSpec
from simulators.world import World

# What a switch needs that is not just on, and the faults of a certificate: no camera of a scenario has one.
VALUES: dict[str, Any] = {
    "forced": {"arrival_loop": True}, "lamps_dead": ["red"], "lamps_stuck": ["green"], "delay_reply_s": 0.1,
    "exception_code": 4, "exception_after": 6, "leading_garbage": "00ff", "trailing_garbage": "00ff", "length_lie": 2,
    "byte_gap_s": 0.01,
}  # fmt: skip
NOT_IN_SCENARIOS = {"expired_certificate", "wrong_host"}


def site(folder: Path, kind: Kind, **more: Any) -> Site:
    plant = Plant(lambda: 0)
    configured = {"driver": kind.protocol, "place": "front", "reads": ["plate"], **more}
    if kind.key in ("barrier", "driver_identity"):
        configured = {"driver": kind.protocol}
    return Site("it", configured, folder, World(plant, lambda: 0), plant, lambda: 0, {}, 1)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.protocol)
async def test_each_fault_can_be_switched_on_and_off(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n", encoding="utf-8")
    locked = {"user": "gate", "password_file": str(tmp_path / "password")} if kind.key == "cameras" else {}
    device = kind.build(site(tmp_path, kind, **locked))
    await device.start()
    try:
        for switch in kind.switches:
            if switch in NOT_IN_SCENARIOS:
                with pytest.raises(ValueError, match="certificate"):
                    await device.turn_on(FaultSpec(device="it", switch=switch))
                continue
            await device.turn_on(FaultSpec(device="it", switch=switch, value=VALUES.get(switch)))
            await device.turn_off(switch)
    finally:
        await device.stop()


@pytest.mark.parametrize("protocol", ["http_camera", "rtsp_camera"])
async def test_a_camera_that_admits_everybody_refuses_nobody(protocol: str, tmp_path: Path) -> None:
    (kind,) = [one for one in KINDS if one.protocol == protocol]
    device = kind.build(site(tmp_path, kind))
    with pytest.raises(ValueError, match="with a user and a password"):
        await device.turn_on(FaultSpec(device="it", switch="wrong_realm"))
