"""quality.yaml names exactly the fault switches that exist."""

from dataclasses import fields

from ruamel.yaml import YAML

from simulators.devices.barrier_plant import PlantFaults
from simulators.devices.modbus_pdu import ReplyFaults
from tests.support.needs import REPOSITORY

SELECTORS = {"functions", "skip", "times"}


def test_faults_are_the_simulators_switches() -> None:
    quality = YAML(typ="safe").load(REPOSITORY / "drivers/barrier_modbus/quality.yaml")
    assert set(quality["faults"]["replies"]) == {field.name for field in fields(ReplyFaults)} - SELECTORS
    assert set(quality["faults"]["plant"]) == {field.name for field in fields(PlantFaults)}
