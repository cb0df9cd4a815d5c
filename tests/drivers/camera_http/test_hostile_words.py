"""What a camera says, and what its address holds, on the way to logs and terminals."""

from pathlib import Path

import pytest

from drivers.camera_http.driver import HttpCamera, HttpCameraSettings
from edge.ports import DeviceError
from tests.support.camera_http import MonotonicClock


@pytest.mark.hazard("S15")
async def test_no_error_shows_the_query_of_an_address(tmp_path: Path):
    settings = HttpCameraSettings(
        "front", "http://127.0.0.1:9/snap?user=a&password=CANARY", password_file=tmp_path / "nothing"
    )
    camera = HttpCamera(settings, MonotonicClock())
    assert camera.address == "http://127.0.0.1:9/snap"
    with pytest.raises(DeviceError) as raised:
        await camera.connect()
    assert "CANARY" not in str(raised.value)
