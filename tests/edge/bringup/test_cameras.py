"""Cameras brought up over their real wire."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from config.devices import Camera
from edge.bringup.camera import CameraTrial, character_px
from edge.core.plate import Plate
from edge.core.readings import PlateSighting
from edge.ports import Recogniser
from edge.verbs.bringup import main
from simulators.devices.camera import CameraSimulator
from simulators.scene import render_front
from tests.support.bringup_box import Box, statuses
from tests.support.clocks import StoodClock


@pytest.mark.parametrize("mode", ["snapshot", "mjpeg"])
async def test_a_camera_is_judged_by_its_pictures_its_clock_and_the_size_of_a_plate(
    box: Box, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [render_front("苏A88888", "yellow", seed=3)]
    camera = CameraSimulator(lambda: pictures[0], seed=1)
    camera.utc = lambda: datetime.now(UTC)
    await camera.start()
    url = camera.snapshot_url if mode == "snapshot" else camera.stream_url
    box.write(
        devices=f"    cameras: [{{id: front, url: '{url}?key=secret', mode: {mode}, place: front, reads: [plate],"
        " poll_ms: 200}]\n"
    )
    wire = box.folder / "wire.jsonl"
    try:
        report = await box.bringup("front", "--record", str(wire))
        assert statuses(report) == dict.fromkeys(("connected", "pictures", "clock", "plate", "kept"), "PASS")
        plate = report["steps"][3]["fields"]
        assert plate["text"] == "苏A88888"
        assert plate["pixels"] >= plate["needed"]
        lines = [json.loads(line) for line in wire.read_text().splitlines()[1:]]
        heads = b"".join(bytes.fromhex(one["hex"]) for one in lines if "hex" in one)
        assert b"?*** HTTP/1.1" in heads
        assert b"secret" not in heads
        assert sum("picture" in one for one in lines) >= 3
        # Too far away, and an hour behind.
        pictures[0] = render_front("苏A88888", "yellow", seed=3, width=560, height=315)
        camera.utc = lambda: datetime.now(UTC) - timedelta(hours=1)
        report = await box.bringup("front", "--seconds", "6", status=1)
        found = {one["code"]: one for one in report["steps"]}
        assert (found["clock"]["status"], found["plate"]["status"]) == ("FAIL", "FAIL")
        assert -3610 < found["clock"]["fields"]["skew_s"] < -3590
        camera.utc = None
        await asyncio.to_thread(main, ["front", str(box.config), "--seconds", "2"])
        assert "SKIP 0.0 s" in (out := capsys.readouterr().out)
        assert "-> GET /" in out
    finally:
        await camera.stop()


async def test_a_camera_in_the_dark_and_a_container_that_nobody_parked(box: Box) -> None:
    camera = CameraSimulator(lambda: None)
    await camera.start()
    box.write(devices=f"    cameras: [{{id: side, url: '{camera.snapshot_url}', place: left, reads: [container]}}]\n")
    try:
        await camera.set_fault("dark")
        report = await box.bringup("side", "--seconds", "2", status=1)
    finally:
        await camera.stop()
    found = {one["code"]: one for one in report["steps"]}
    assert (found["pictures"]["status"], found["pictures"]["fields"]["defect"]) == ("FAIL", "dark")
    assert found["container"]["status"] == "FAIL"


@pytest.mark.parametrize(
    ("text", "width", "height", "pixels"),
    [("苏A88888", 140, 44, 20.0), ("苏AD12345", 160, 50, 20.0), ("苏A8888挂", 100, 55, 20.0)],
)
def test_pixels_of_a_character_are_counted_in_its_row(text: str, width: int, height: int, pixels: float) -> None:
    seen = PlateSighting(Plate(text, "blue", "ordinary"), 0.9, (0, 0, width, height))
    assert character_px(seen) == pixels


@pytest.mark.parametrize("date", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 +9999"])
def test_a_date_of_no_calendar_ends_no_bring_up(date: str) -> None:
    said = {"id": "front", "url": "http://127.0.0.1/", "place": "front", "reads": ("plate",)}
    trial = CameraTrial(Camera.model_validate(said), StoodClock(), cast(Recogniser, None))
    trial.heard(f"HTTP/1.1 200 OK\r\nDate: {date}\r\n".encode())
    assert trial.steps[1].status == "WAIT"
