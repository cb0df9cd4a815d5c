"""The devices of scenarios: one line for each protocol, with the switches of its driver's fault list."""

import re
import tomllib
from typing import Any

import pytest

from config.schema import Lane
from edge import registry
from simulators.scenario.device import Kind
from simulators.scenario.kinds import KINDS, kind_of
from simulators.scenario.loading import FOLDER, Loaded, load
from tests.drivers.test_quality import QUALITIES
from tests.support.sources import ROOT

# The first column of domain.md 4.3, as far as scenarios show it.
CASES = (
    "tailgating", "reversing out", "wrong direction", "two 20'", "empty truck / empty chassis",
    "no plate read / front vs rear mismatch", "RFID plate ≠ OCR plate", "neighbour-lane tag read",
    "weight not stable / partly on scale / two vehicles",
    "scale fraud (remote control device, plate swap, water, partial axle)",
    "decision late, duplicate, for older SEQ_NO", "platform down", "boom hit/broken",
    "driver error: out of stop zone, dark, wrong card",
)  # fmt: skip
SCENARIOS = sorted(FOLDER.glob("*.yaml"))


def faults_of(protocol: str) -> tuple[str, ...]:
    """The fault list of the driver that speaks this protocol, whatever form its quality.yaml has."""
    (quality,) = [one for one in QUALITIES.values() if protocol in one["protocols"]]
    faults: Any = quality.get("faults_of", {}).get(protocol, quality["faults"])
    if isinstance(faults, dict) and all(isinstance(one, list) for one in faults.values()):
        return tuple(name for group in faults.values() for name in group)
    return tuple(faults)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.protocol)
def test_the_switches_of_a_kind_are_the_fault_list_of_its_driver(kind: Kind) -> None:
    assert kind.switches == faults_of(kind.protocol)
    assert kind.key in Lane.model_fields


def test_each_driver_has_a_simulator_that_scenarios_can_have() -> None:
    drivers = {one.protocol for one in registry.DRIVERS} - {registry.PACKAGE}
    assert drivers == {kind.protocol for kind in KINDS}, "simulators/scenario/kinds.py wants a line for each"


def test_a_kind_is_found_by_its_key_and_its_protocol() -> None:
    assert [kind_of("tag_reader", said) for said in ({}, {"driver": "uhf_m100"}, {"driver": "crystal_ball"})] == [
        next(one for one in KINDS if one.protocol == "uhf_r2000"),
        next(one for one in KINDS if one.protocol == "uhf_m100"),
        None,
    ]
    assert kind_of("timing", {}) is None


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_shows_rows_that_there_are(path: Any) -> None:
    loaded = load(path)
    assert isinstance(loaded, Loaded)
    rows = tomllib.loads((ROOT / "docs" / "hazards.toml").read_text(encoding="utf-8"))
    for shown in loaded.scenario.shows:
        if re.fullmatch(r"[A-Z]\d+", shown):
            assert shown in rows
        else:
            assert shown.removeprefix("4.3: ") in CASES


def test_each_protocol_is_in_a_scenario() -> None:
    played = set()
    for path in SCENARIOS:
        loaded = load(path)
        assert isinstance(loaded, Loaded)
        played |= {placed.kind.protocol for placed in loaded.devices}
    assert {kind.protocol for kind in KINDS} == played


def test_enough_scenarios_come_along() -> None:
    assert len(SCENARIOS) >= 40
