"""`kakou doctor` at a lane that a site would have: before its service runs, while it runs, and with a device lost."""

import asyncio
import json
from typing import Any

import pytest

from edge.verbs.doctor import main
from tests.support.system_lane import SystemLane


async def looked_at(lane: SystemLane, capsys: pytest.CaptureFixture[str], status: int) -> dict[str, dict[str, Any]]:
    assert await asyncio.to_thread(main, [str(lane.config), "--json"]) == status
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is (status == 0)
    return {row["subject"]: row for row in answer["findings"]}


async def test_before_and_beside_the_service(lane: SystemLane, capsys: pytest.CaptureFixture[str]) -> None:
    found = await looked_at(lane, capsys, 0)
    assert found["lane-1/barrier"]["code"] == "device_reached"
    assert found["lane-1/tag-reader"]["code"] == "serial_there"
    await lane.start_controller()
    found = await looked_at(lane, capsys, 0)
    assert {found["lane-1/barrier"]["code"], found["lane-1/tag-reader"]["code"]} == {"device_up"}
    await lane.barrier.stop()
    await lane.until(lambda: "barrier" in lane.state["lost_devices"])
    lost = (await looked_at(lane, capsys, 1))["lane-1/barrier"]
    assert (lost["status"], lost["code"]) == ("FAIL", "device_down")
    assert "next:" in lost["message"]
    # For people: the step stands below what was found.
    assert await asyncio.to_thread(main, [str(lane.config)]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if "device_down" in line)
    assert lines[at].startswith("FAIL lane-1/barrier: ")
    assert lines[at + 1].startswith("     -> ")


async def test_a_configuration_that_is_wrong(lane: SystemLane, capsys: pytest.CaptureFixture[str]) -> None:
    lane.config.write_text("site: yard\nlanes: []\n")
    found = await looked_at(lane, capsys, 78)
    # The models are the same whatever it says.
    assert {row["code"] for row in found.values()} == {"config_bad", "model_good"}
    for said in (row["message"] for row in found.values() if row["code"] == "config_bad"):
        assert "expected" in said
        # In one language: nothing is left of a second line.
        assert "\N{REPLACEMENT CHARACTER}" not in said
        assert "应为" not in said
