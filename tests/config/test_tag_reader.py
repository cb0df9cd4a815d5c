"""A tag reader's settings follow its protocol: baud rate and profile as delivered, antennas as it has them."""

import pytest

from config.devices import READERS, ReaderProtocol
from tests.config.test_loader import changed, loaded, problems

ACME = "{distribution: acme-readers, version: 1.2.0, entry_point: acme}"


def reader(settings: str) -> str:
    return changed("port: /dev/ttyUSB0", f"port: /dev/t, {settings}")


@pytest.mark.parametrize("protocol", [protocol for protocol in READERS if protocol != "package"])
def test_what_is_left_out_is_as_delivered(protocol: ReaderProtocol) -> None:
    port = "'socket://10.0.0.9:5084'" if protocol == "uhf_llrp" else "/dev/t"
    configured = loaded(changed("port: /dev/ttyUSB0", f"port: {port}, driver: {protocol}")).lanes[0].tag_reader
    assert configured is not None
    assert (configured.baud, configured.profile) == (READERS[protocol].baud, READERS[protocol].usual)


def test_a_profile_is_taken_with_its_antennas() -> None:
    configured = loaded(reader("driver: uhf_reader18, profile: ur, antennas: [0, 3], baud: 115200")).lanes[0].tag_reader
    assert configured is not None
    assert (configured.baud, configured.profile, configured.antennas) == (115_200, "ur", (0, 3))


@pytest.mark.parametrize(
    ("settings", "code", "expected"),
    [
        ("driver: uhf_m100, profile: ur", "profile_of_another_driver", "a profile of uhf_m100: standard"),
        (
            "driver: uhf_reader18, profile: session",
            "profile_of_another_driver",
            "a profile of uhf_reader18: reader18, ur",
        ),
        ("driver: uhf_m100, antennas: [1]", "antenna_not_there", "less than 1, the antennas of this reader"),
        ("driver: uhf_reader18, antennas: [0, 1]", "antenna_not_there", "less than 1, the antennas of this reader"),
        ("driver: package", "package_incomplete", "driver: package and package together"),
        (f"package: {ACME}", "package_incomplete", "driver: package and package together"),
        ("driver: uhf_llrp", "port_not_in_network", "socket://host:5084: LLRP is spoken in a network alone"),
        (
            "driver: uhf_r2001",
            "not_allowed",
            "one of uhf_r2000, uhf_m100, uhf_reader18, uhf_thingmagic, uhf_llrp, package",
        ),
        ("profile: fast", "not_allowed", "one of standard, realtime, session, reader18, ur"),
    ],
)
def test_what_a_reader_does_not_have_is_told(settings: str, code: str, expected: str) -> None:
    (problem,) = problems(reader(settings))
    assert (problem.code, problem.expected.en, problem.line) == (code, expected, 13)


def test_a_driver_of_a_package_is_named_with_its_version() -> None:
    configured = loaded(reader(f"driver: package, package: {ACME}")).lanes[0].tag_reader
    assert configured is not None
    assert configured.package is not None
    assert (configured.package.distribution, configured.package.version) == ("acme-readers", "1.2.0")
