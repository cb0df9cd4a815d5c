"""Devices that are simulated or in the shadow: what a lane says of itself then, and what is refused."""

import pytest

from config.loader import load_text
from config.schema import Configuration
from edge.app import environment_of
from edge.profiles import lane_profile, shadow_profile

CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
authorities: [{{id: customs}}]
lanes:
  - id: lane-1
    direction: in
    barrier: {{id: barrier, host: 127.0.0.1{barrier}}}
    tag_reader: {{id: reader, port: /dev/a{reader}}}
    must_match: [tag]
{more}"""
SHADOW = """\
    shadow:
      cameras: [{id: trial-camera, url: 'http://127.0.0.1/a', place: front, reads: [plate]}]
      tag_reader: {id: trial-reader, port: /dev/b, min_reads: 3}
      weighbridge: {id: trial-scale, port: /dev/c, use: sim}
"""


def loaded(barrier: str = "", reader: str = "", more: str = "") -> Configuration:
    found = load_text(CONFIG.format(barrier=barrier, reader=reader, more=more))
    assert isinstance(found, Configuration), found
    return found


def codes(**changes: str) -> list[tuple[str, str]]:
    found = load_text(CONFIG.format(**({"barrier": "", "reader": "", "more": ""} | changes)))
    assert isinstance(found, list)
    return [(one.code, one.key_path) for one in found]


def test_a_lane_of_real_devices_is_real() -> None:
    (lane,) = loaded().lanes
    assert (lane.simulated, environment_of(lane), lane.not_real) == (False, "production", ())


@pytest.mark.hazard("I20")
@pytest.mark.parametrize("where", ["barrier", "reader", "shadow"])
def test_i20_one_simulated_device_makes_a_simulated_lane(where: str) -> None:
    changes = {"more": SHADOW} if where == "shadow" else {where: ", use: sim"}
    (lane,) = loaded(**changes).lanes
    assert lane.simulated
    assert environment_of(lane) == "simulated"
    assert lane_profile(loaded(**changes), lane).simulated


@pytest.mark.hazard("I20")
def test_i20_such_a_lane_cannot_be_called_real() -> None:
    assert codes(barrier=", use: sim", more="    simulated: false\n") == [("simulation_denied", "lanes[0].simulated")]
    assert codes(reader=", use: fake")[0][1] == "lanes[0].tag_reader.use"


def test_what_is_in_the_shadow_decides_nothing() -> None:
    configuration = loaded(more=SHADOW)
    (lane,) = configuration.lanes
    profile = lane_profile(configuration, lane)
    assert (profile.cameras, profile.tag_reader, profile.weighbridge) == ((), "reader", None)
    assert lane.shadow is not None
    shadow = shadow_profile(configuration, lane, lane.shadow)
    assert [one.id for one in shadow.cameras] == ["trial-camera"]
    assert (shadow.tag_reader, shadow.tag_min_reads, shadow.weighbridge) == ("trial-reader", 3, "trial-scale")
    assert lane.not_real == (
        ("trial-camera", "shadow"),
        ("trial-reader", "shadow"),
        ("trial-scale", "shadow sim"),
    )
    # What must match has to be read by a device that decides.
    plates = SHADOW.replace("must_match", "x")
    found = load_text(CONFIG.format(barrier="", reader="", more=plates).replace("[tag]", "[front_plate]"))
    assert isinstance(found, list)
    assert [one.code for one in found] == ["no_device_for"]


def test_ids_ports_and_settings_of_the_shadow_are_checked_too() -> None:
    assert codes(more="    shadow: {tag_reader: {id: reader, port: /dev/a, antennas: [0, 0]}}\n") == [
        ("duplicate_id", "lanes[0].shadow.tag_reader.id"),
        ("duplicate_port", "lanes[0].shadow.tag_reader.port"),
        ("duplicate_value", "lanes[0].shadow.tag_reader.antennas[1]"),
    ]
    camera = "{id: c, url: 'https://h/a', place: front, reads: [plate]}"
    assert codes(more=f"    shadow: {{cameras: [{camera}]}}\n") == [
        ("https_without_trust", "lanes[0].shadow.cameras[0].url")
    ]
    scale = "{id: s, port: /dev/s, data_bits: 7}"
    assert codes(more=f"    shadow: {{weighbridge: {scale}}}\n") == [
        ("no_parity", "lanes[0].shadow.weighbridge.parity")
    ]
