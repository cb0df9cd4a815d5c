"""What of an event camera the conformance suite does not ask."""

from pathlib import Path

import pytest

from config.devices import Camera as ConfiguredCamera
from drivers.camera_isapi.driver import IsapiCamera
from drivers.camera_isapi.wire import ALERT_PATH
from drivers.kit.camera.event_camera import EventCameraSettings
from edge.registry import CAMERA, build
from tests.support.camera_http import MonotonicClock

CLOCK = MonotonicClock()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://10.0.0.7", f"http://10.0.0.7{ALERT_PATH}"),
        ("http://10.0.0.7:81/", f"http://10.0.0.7:81{ALERT_PATH}"),
        ("http://10.0.0.7/ISAPI/Event/other", "http://10.0.0.7/ISAPI/Event/other"),
        # A query may hold a password.
        ("http://10.0.0.7/?token=s3cret", "http://10.0.0.7/"),
    ],
)
def test_the_path_of_the_stream_is_added_where_there_is_none(url: str, address: str) -> None:
    assert IsapiCamera(EventCameraSettings("p", url), CLOCK).address == address


def test_an_address_that_is_none_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="rtsp"):
        IsapiCamera(EventCameraSettings("p", "rtsp://10.0.0.7/1"), CLOCK)
    with pytest.raises(ValueError, match="https"):
        IsapiCamera(EventCameraSettings("p", "https://10.0.0.7"), CLOCK)
    assert IsapiCamera(EventCameraSettings("p", "https://10.0.0.7", ca_file=Path("ca.pem")), CLOCK).worker_pid is None


def test_the_registry_builds_it_from_the_configuration() -> None:
    given = {"driver": "isapi_camera", "id": "p-1", "url": "http://10.0.0.7", "place": "front", "reads": ("plate",)}
    camera = build(CAMERA, ConfiguredCamera.model_validate(given), CLOCK, None)
    assert isinstance(camera, IsapiCamera)
    assert (camera.name, camera.address) == ("p-1", f"http://10.0.0.7{ALERT_PATH}")
