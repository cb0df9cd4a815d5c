"""The registry and the configuration know the same protocols, and each driver's folder says which it speaks."""

from typing import get_args

import pytest

from config import devices
from edge.registry import CAMERA, DRIVERS, PACKAGE, TAG_READER, Driver, build
from tests.drivers.test_quality import QUALITIES, folders
from tests.support.r2000 import RealClock

# The template is a driver like any other, but for its device.
TO_COPY = "template"


def written(settings: type[devices.Configured]) -> tuple[str, ...]:
    """What the configuration of a kind admits as `driver`."""
    return get_args(settings.model_fields["driver"].annotation)


def test_the_configuration_admits_the_protocols_that_have_a_line() -> None:
    lines: dict[type[devices.Configured], list[str]] = {}
    for driver in DRIVERS:
        lines.setdefault(driver.settings, []).append(driver.protocol)
    assert {settings: list(written(settings)) for settings in lines} == lines


def test_each_folder_is_registered_with_what_it_speaks_and_nothing_else_is() -> None:
    drivers = [quality for folder, quality in QUALITIES.items() if folder != TO_COPY]
    spoken = [(quality["kind"], protocol) for quality in drivers for protocol in quality["protocols"]]
    lines = [(driver.kind.name, driver.protocol) for driver in DRIVERS if driver.protocol != PACKAGE]
    assert sorted(spoken) == sorted(lines)
    assert set(QUALITIES) == folders()


def test_a_protocol_is_built_by_its_own_line() -> None:
    configured = devices.TagReader.model_validate({"id": "rfid-1", "port": "socket://127.0.0.1:1"})
    reader = build(TAG_READER, configured, RealClock(), lambda _: None)
    assert (reader.name, reader.address) == ("rfid-1", "socket://127.0.0.1:1")


@pytest.mark.parametrize("driver", ["rtsp_camera", "onvif_camera"])
def test_a_camera_over_rtsp_is_built_with_its_settings(driver: str) -> None:
    written_down = {"driver": driver, "id": "front", "url": "rtsp://10.0.0.7/1?x=y", "place": "front"}
    configured = devices.Camera.model_validate({**written_down, "reads": ("plate",), "frame_stale_ms": 2_000})
    camera = build(CAMERA, configured, RealClock(), None)
    assert (camera.name, camera.address) == ("front", "rtsp://10.0.0.7/1")


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.protocol)
def test_lines_are_of_one_kind_each(driver: Driver) -> None:  # type: ignore[type-arg]
    assert issubclass(driver.settings, devices.Configured)
    assert driver.settings.model_fields["driver"].default in written(driver.settings)


@pytest.mark.parametrize(
    ("protocol", "profile"),
    [
        (protocol, profile)
        for protocol, facts in devices.READERS.items()
        if protocol != PACKAGE
        for profile in facts.antennas
    ],
)
def test_each_profile_of_a_reader_is_built_with_the_antennas_that_the_configuration_admits(
    protocol: devices.ReaderProtocol, profile: devices.ReaderProfile
) -> None:
    most = devices.READERS[protocol].antennas[profile]
    settings = {"driver": protocol, "profile": profile, "id": "rfid-1", "port": "socket://127.0.0.1:1"}
    configured = devices.TagReader.model_validate(settings | {"antennas": tuple(range(most))})
    assert build(TAG_READER, configured, RealClock(), lambda _: None).name == "rfid-1"
    if most < 4:
        one_more = devices.TagReader.model_validate(settings | {"antennas": (most,)})
        with pytest.raises(ValueError, match="antennas"):
            build(TAG_READER, one_more, RealClock(), lambda _: None)
