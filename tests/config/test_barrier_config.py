"""What a technician is told about a barrier's transport and module, and what each module's own map is."""

import re
from pathlib import Path
from typing import Any

import pytest

from config.barrier_modules import MODULES
from config.effective import effective
from config.loader import load_text
from config.problems import ConfigProblem
from config.schema import Configuration
from edge.barrier_wiring import barrier_map, barrier_target
from tests.support.barrier_lane import lane
from tests.support.needs import REPOSITORY

FILE = """\
site: north
state_dir: /s
keys_dir: /k
authorities: [{{id: customs}}]
lanes:
  - id: in-1
    direction: in
    traffic: general
    must_match: [front_plate]
    cameras: [{{id: c1, url: "http://10.0.0.2/a", place: front, reads: [plate]}}]
    barrier: {{id: b1, {barrier}}}
"""
RTU = "transport: rtu, serial_port: /dev/ttyS0"


def checked(barrier: str, more: str = "") -> Configuration | list[ConfigProblem]:
    return load_text(FILE.format(barrier=barrier) + more, "lane.yaml", Path("/etc/kakou"))


def loaded(barrier: str) -> Configuration:
    config = checked(barrier)
    assert isinstance(config, Configuration), [str(problem) for problem in config]
    return config


def told(barrier: str, more: str = "") -> list[tuple[str, str]]:
    problems = checked(barrier, more)
    assert isinstance(problems, list)
    return [(problem.key_path.removeprefix("lanes[0].barrier."), problem.code) for problem in problems]


MISTAKES = [
    ("port: 502", [("host", "missing_key")]),
    ("transport: rtu_over_tcp", [("host", "missing_key")]),
    ("transport: rtu", [("serial_port", "missing_key")]),
    ("transport: rtu, host: h", [("serial_port", "missing_key"), ("host", "not_in_transport")]),
    ("host: h, serial_port: /dev/ttyS0", [("serial_port", "not_in_transport")]),
    ("transport: rtu, serial_port: 'socket://h:4001'", [("serial_port", "not_in_transport")]),
    ("host: h, baud: 9600", [("baud", "not_in_transport")]),
    ("host: h, parity: even, stop_bits: 2", [("parity", "not_in_transport"), ("stop_bits", "not_in_transport")]),
    (f"{RTU}, device_id: 0", [("device_id", "out_of_range")]),
    (f"{RTU}, device_id: 248", [("device_id", "out_of_range")]),
    (f"{RTU}, baud: 4800", [("baud", "scan_too_slow")]),
    (f"{RTU}, baud: 4_801", [("baud", "not_allowed")]),
    ("host: h, module: moxa", [("module", "not_allowed")]),
    ("module: moxa_iologik_e1214, " + RTU, [("transport", "not_on_module")]),
    ("host: h, module: moxa_iologik_e1214, map: {registers: {heartbeat: 'holding:0'}}",
     [("map.registers.heartbeat", "not_on_module")]),
    ("host: h, module: moxa_iologik_e1214, map: {pulse_coils: {raise_boom: 'coil:32'}}",
     [("map.pulse_coils.raise_boom", "not_on_module")]),
    ("host: h, module: moxa_iologik_e1214, map: {hardware_pulse: false}", [("comm_loss_ms", "outputs_stay_on")]),
    ("host: h, module: advantech_adam_6050", [("comm_loss_ms", "outputs_stay_on")]),
    ("host: h, module: advantech_adam_6050, map: {hardware_pulse: true}",
     [("map.hardware_pulse", "not_on_module"),
      *((f"map.pulse_coils.{name}_boom", "duplicate_address") for name in ("raise", "lower", "stop"))]),
    ("host: h, module: advantech_adam_6060, comm_loss_ms: 2000, map: {coils: {raise_boom: 'coil:0', "
     "lower_boom: 'coil:17', red: 'coil:18', green: 'coil:19'}}", [("map.coils.raise_boom", "not_on_module")]),
    ("host: h, module: advantech_adam_6060, comm_loss_ms: 2000, map: {signals: {arrival_loop: 'discrete:0', "
     "safety_loop: 'discrete:1', boom_up: 'discrete:2', boom_down: 'discrete:6'}}",
     [("map.signals.boom_down", "not_on_module")]),
    ("host: h, module: s7_200_smart, map: {coils: {raise_boom: 'coil:256', lower_boom: 'coil:1', red: 'coil:2', "
     "green: 'coil:3'}}", [("map.coils.raise_boom", "not_on_module")]),
    ("host: h, map: {signals: {arrival_loop: 'discrete:0', safety_loop: 'discrete:2', boom_up: 'discrete:7', "
     "boom_down: 'discrete:8', scale_rear_beam: 'discrete:6'}}",
     [("map.signals.scale_front_beam", "missing_key")]),
    ("host: h, comm_loss_ms: 4000", [("comm_loss_ms", "out_of_range")]),
    ("host: h, map: {registers: {}, coils: {raise_boom: 'coil:0', lower_boom: 'coil:1', red: 'coil:2', "
     "green: 'coil:3'}}", [("comm_loss_ms", "outputs_stay_on")]),
    ("host: h, map: 5", [("map", "wrong_type")]),
    ("host: h, module: 5, map: {}", [("module", "not_allowed")]),
]  # fmt: skip


@pytest.mark.parametrize(("barrier", "expected"), MISTAKES)
def test_mistakes_are_named_at_their_key(barrier: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(told(barrier)) == sorted(expected)


def test_messages_show_what_to_write() -> None:
    def line(barrier: str) -> str:
        problems = checked(barrier)
        assert isinstance(problems, list)
        return problems[0].render("en")

    assert "for example host: 192.168.10.20" in line("port: 502")
    assert "for example serial_port: /dev/serial/by-path/" in line("transport: rtu")
    assert "transport: rtu_over_tcp with host and port" in line("transport: rtu, serial_port: 'socket://h:4001'")
    assert "set 19200 or more at the module and here" in line(f"{RTU}, baud: 2400")
    assert "e.g. comm_loss_ms: 2000" in line("host: h, module: advantech_adam_6050")
    absent = line("module: moxa_iologik_e1214, host: h, map: {registers: {heartbeat: 'holding:0'}}")
    assert "got 'holding:0', expected what Moxa ioLogik E1214 has: registers: {} [not_on_module]" in absent


@pytest.mark.hazard("D19")
def test_two_masters_on_one_line_are_refused() -> None:
    second = """\
  - id: in-2
    direction: in
    traffic: general
    must_match: [tag]
    tag_reader: {{id: r2, port: {reader}}}
    barrier: {{id: b2, {barrier}}}
"""
    same = second.format(reader="/dev/ttyS1", barrier=RTU)
    assert ("lanes[1].barrier.serial_port", "duplicate_port") in told(RTU, same)
    reader = second.format(reader="/dev/ttyS0", barrier="host: h")
    assert told(RTU, reader) == [("lanes[1].tag_reader.port", "duplicate_port")]
    server = second.format(reader="/dev/ttyS1", barrier="transport: rtu_over_tcp, host: h, device_id: 2")
    assert told("transport: rtu_over_tcp, host: h", server) == [("lanes[1].barrier.host", "duplicate_port")]
    passed_on = second.format(reader="'socket://h:502'", barrier="host: other")
    assert told("transport: rtu_over_tcp, host: h", passed_on) == [("lanes[1].tag_reader.port", "duplicate_port")]


def test_a_serial_barrier_is_built_as_configured() -> None:
    barrier = loaded(f"{RTU}, baud: 19200, parity: even, stop_bits: 2, device_id: 7").lanes[0].barrier
    target = barrier_target(barrier)
    assert (target.transport, target.address, target.device_id) == ("rtu", "/dev/ttyS0", 7)
    assert (target.baud, target.parity, target.stop_bits) == (19200, "even", 2)
    beside = loaded("transport: rtu, serial_port: ./barrier").lanes[0].barrier
    assert beside.serial_port == "/etc/kakou/barrier"


NEEDS = {"advantech_adam_6050": ", comm_loss_ms: 2000", "advantech_adam_6060": ", comm_loss_ms: 2000"}


@pytest.mark.parametrize("name", MODULES)
async def test_each_modules_own_map_drives_a_module_that_has_just_that(name: Any) -> None:
    module = MODULES[name]
    assert module.source
    config = loaded(f"host: h, module: {name}{NEEDS.get(name, '')}")
    map_ = barrier_map(config.lanes[0].barrier.map)
    has = {"input_count": min(module.inputs, 64), "coils": module.coils[:64], "register_count": module.registers and 16}
    async with lane(map_=map_, timeout_s=1.0, module=has) as it:
        it.start()
        await it.driver.set_light("green")
        await it.driver.raise_boom()
        await it.until(lambda: bool(it.scans) and it.scans[-1][0].boom == "up")
        await it.driver.lower_boom()
        await it.until(lambda: it.scans[-1][0].boom == "down")
        assert (it.plant.raise_count, it.plant.lower_count) == (1, 1)
        assert it.driver.counters.bad_replies == 0


def test_values_of_a_module_are_shown_as_defaults_and_can_be_replaced() -> None:
    config = loaded("host: h, module: moxa_iologik_e1214, map: {pulse_ms: 300}")
    rows = {path: (value, origin) for path, value, origin in effective(config)}
    assert rows["lanes[0].barrier.map.coils.siren"] == ("coil:5", "default")
    assert rows["lanes[0].barrier.map.pulse_coils.raise_boom"] == ("coil:16", "default")
    assert rows["lanes[0].barrier.map.pulse_ms"] == (300, "lane.yaml:11")


def test_a_siren_needs_an_output_and_each_class_once() -> None:
    coils = "host: h, map: {coils: {raise_boom: 'coil:0', lower_boom: 'coil:1', red: 'coil:2', green: 'coil:3'}}"
    assert told(coils, "    siren: {}\n") == [("lanes[0].siren", "no_device_for")]
    twice = told("host: h", "    siren: {sounds_for: [fault, fault]}\n")
    assert twice == [("lanes[0].siren.sounds_for[1]", "duplicate_value")]
    assert told("host: h", "    siren: {sounds_for: [tailgate]}\n") == [("lanes[0].siren.sounds_for[0]", "not_allowed")]
    config = checked("host: h", "    siren: {}\n")
    assert isinstance(config, Configuration)
    assert config.lanes[0].siren is not None
    assert config.lanes[0].siren.sounds_for == ("intrusion",)


def test_what_the_readme_shows_is_a_configuration() -> None:
    readme = (REPOSITORY / "drivers/barrier_modbus/README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^barrier: \{(.+?)\}", readme, re.MULTILINE)
    assert len(shown) == len(MODULES)
    for one in shown:
        assert isinstance(load_text(FILE.format(barrier=one.replace("id: barrier-1, ", ""))), Configuration), one
    for name in MODULES:
        assert f"`{name}`" in readme or "`..._6060`" in readme
