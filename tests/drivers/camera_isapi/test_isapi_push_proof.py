"""A camera that pushes with user and password: who does not prove itself gives the lane nothing, and is told of."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPDigestAuth

from config.devices import Camera as ConfiguredCamera
from drivers.camera_isapi.wire import encode_heartbeat
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.pipe import AliveMessage
from edge.ports import DeviceError
from edge.registry import CAMERA, build
from simulators.ports import free_ports
from tests.drivers.camera_isapi.test_isapi_push import CLOCK, beat, reception, settings_for

USER, PASSWORD = "kakou", "of the camera"


def beat_as(port: int, user: str, password: str) -> int:
    """The answer to a heartbeat of a client that is not ours."""
    words = {"Content-Type": "application/xml"}
    answered = requests.post(
        f"http://127.0.0.1:{port}/",
        data=encode_heartbeat(datetime.now(UTC)),
        headers=words,
        auth=HTTPDigestAuth(user, password),
        timeout=20,
    )
    return answered.status_code


async def test_only_who_proves_itself_is_taken_and_the_others_are_counted(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = settings_for(tmp_path, port, user=USER, password=PASSWORD, silence_s=0.3)
    async with reception(settings) as it:
        assert [await beat(port), await asyncio.to_thread(beat_as, port, USER, "other")] == [401, 401]
        with pytest.raises(SourceError) as lost:
            await it.given()
        assert (lost.value.message.code, "401" in lost.value.message.got) == ("camera_stalled", True)
        assert "user and password of the configuration" in lost.value.message.next_step
        assert await asyncio.to_thread(beat_as, port, USER, PASSWORD) == 200
        assert await it.given() == AliveMessage("heartbeat")


async def test_the_password_comes_from_its_file(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    secret = tmp_path / "password"
    configured = ConfiguredCamera(
        driver="isapi_push", id="cam-1", url=f"http://127.0.0.1:{port}/", user=USER, password_file=secret,
        spool=tmp_path / "spool", place="front", reads=("plate",),
    )  # fmt: skip
    camera = build(CAMERA, configured, CLOCK, None)
    with pytest.raises(DeviceError) as unreadable:
        await camera.connect()
    assert unreadable.value.code == "camera_password_unreadable"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    connecting = asyncio.create_task(camera.connect())
    try:
        async with asyncio.timeout(60):
            while not connecting.done():
                try:
                    await asyncio.to_thread(beat_as, port, USER, PASSWORD)
                except requests.ConnectionError:
                    await CLOCK.sleep(0.05)
        await connecting
    finally:
        await camera.close()
