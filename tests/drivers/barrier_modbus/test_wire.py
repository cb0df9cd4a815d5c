"""The register map: addresses as a technician writes them, NO and NC wiring, bits to signals."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.barrier_modbus.wire import (
    BarrierMap,
    Coils,
    InputPoint,
    Point,
    PulseCoils,
    Registers,
    build_map,
    lane_inputs,
    parse_point,
)
from edge.core.inputs import LaneInputs

INPUTS = {"arrival_loop": "discrete:0", "safety_loop": "discrete:2", "boom_up": "discrete:7", "boom_down": "discrete:8"}


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("discrete:0", Point("discrete", 0)),
        ("coil:16", Point("coil", 16)),
        ("holding:65535", Point("holding", 65535)),
    ],
)
def test_addresses_are_counted_from_zero(text: str, point: Point) -> None:
    assert parse_point(text) == point
    assert str(point) == text


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("40001", "write holding:0"),
        ("10008", "write discrete:7"),
        ("00017", "write coil:16"),
        ("400002", "write holding:1"),
        ("30001", "input register (not used here)"),
        ("40000", "write holding:0 for the first one"),
    ],
)
def test_a_manuals_number_is_refused_with_its_translation(text: str, advice: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_point(text)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "coil", "coil:", "coil:01", "coil:-1", "coil: 1", "COIL:1", "coil:１", "coil:65536", "x:1"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_point(text)


@given(st.text(max_size=12))
def test_any_text_parses_or_is_a_value_error(text: str) -> None:
    try:
        point = parse_point(text)
    except ValueError:
        return
    assert str(point) == text


def test_default_map_is_the_documented_one() -> None:
    map_ = BarrierMap()
    assert map_.input_block == (0, 12)
    assert map_.register_block == (0, 4)
    assert sorted(map_.output_addresses()) == [0, 1, 2, 3, 4, 5, 7]
    assert [map_.command_coil(output) for output in ("raise", "lower", "stop")] == [0, 1, 2]


def test_hardware_pulse_selects_the_pulse_coils() -> None:
    map_ = BarrierMap(hardware_pulse=True)
    assert [map_.command_coil(output) for output in ("raise", "lower", "stop")] == [0x10, 0x11, 0x12]
    assert map_.timed_coils() == [0x10, 0x11, 0x12]
    assert BarrierMap().timed_coils() == []


def test_bits_become_signals() -> None:
    bits = [False] * 12
    bits[0] = bits[8] = True
    assert lane_inputs(BarrierMap(), bits) == LaneInputs(
        arrival_loop=True,
        safety_loop=False,
        exit_loop=False,
        safety_beam=False,
        boom_up=False,
        boom_down=True,
        boom_broken=False,
        emergency_stop=False,
        fire_alarm=False,
    )


def test_normally_closed_inputs_read_tripped_when_the_wire_is_cut() -> None:
    map_ = build_map(inputs={**INPUTS, "emergency_stop": "discrete:10"}, normally_closed=["emergency_stop"])
    bits = [False] * 11
    assert lane_inputs(map_, bits).emergency_stop is True
    bits[10] = True
    assert lane_inputs(map_, bits).emergency_stop is False


def test_absent_trips_read_false_and_absent_proofs_unknown() -> None:
    inputs = lane_inputs(build_map(inputs=INPUTS), [False] * 9)
    assert inputs.safety_beam is inputs.fire_alarm is inputs.emergency_stop is inputs.boom_broken is False
    assert inputs.exit_loop is None


def test_the_block_starts_at_the_first_input() -> None:
    map_ = build_map(inputs={name: f"discrete:{100 + index}" for index, name in enumerate(INPUTS)})
    assert map_.input_block == (100, 4)
    assert lane_inputs(map_, [True, False, False, False]).arrival_loop is True


def test_missing_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="11 bits where the map needs 12"):
        lane_inputs(BarrierMap(), [False] * 11)


def test_built_maps() -> None:
    map_ = build_map(
        inputs=INPUTS,
        coils={"raise": "coil:8", "lower": "coil:9", "red": "coil:10", "green": "coil:11"},
        registers={"boot_counter": "holding:5"},
        pulse_coils={"raise": "coil:32", "lower": "coil:33"},
        version=3,
    )
    assert map_.coils == Coils(8, 9, None, 10, 11, None, None)
    assert map_.registers == Registers(None, 5, None, None)
    assert map_.pulse_coils == PulseCoils(32, 33, None)
    assert map_.hardware_pulse
    assert map_.command_coil("stop") is None
    assert build_map(inputs=INPUTS, registers={}).register_block is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"inputs": {**INPUTS, "door": "discrete:9"}}, "unknown signal 'door'"),
        ({"inputs": {"arrival_loop": "discrete:0"}}, "signal 'safety_loop' has no input"),
        ({"inputs": {**INPUTS, "exit_loop": "discrete:0"}}, "discrete input 0 is used twice"),
        ({"inputs": {**INPUTS, "exit_loop": "discrete:2007"}}, "span more than 2000"),
        ({"inputs": {**INPUTS, "exit_loop": "coil:3"}}, "exit_loop: 'coil:3' is in table coil, expected discrete:3"),
        ({"inputs": {**INPUTS, "exit_loop": "10004"}}, "exit_loop: '10004' is a manual's"),
        ({"inputs": INPUTS, "normally_closed": ["fire_alarm"]}, "normally_closed names 'fire_alarm'"),
        ({"inputs": INPUTS, "coils": {"raise": "coil:0"}}, "coil 'lower' is missing"),
        ({"inputs": INPUTS, "coils": {"open": "coil:0"}}, "unknown coil 'open'"),
        ({"inputs": INPUTS, "pulse_coils": {"raise": "coil:0", "lower": "coil:17"}}, "coil 0 is used twice"),
        ({"inputs": INPUTS, "registers": {"boot_counter": "holding:0", "heartbeat": "holding:200"}}, "more than 125"),
        ({"inputs": INPUTS, "pulse_ms": 10}, "pulse_ms 10 is outside"),
        ({"inputs": INPUTS, "version": 70000}, "version 70000"),
    ],
)
def test_contradictions_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        build_map(**settings)  # type: ignore[arg-type]
    assert reason in str(caught.value)


def test_a_map_built_by_hand_is_checked_too() -> None:
    with pytest.raises(ValueError, match="signal 'arrival_loop' is used twice"):
        replace(BarrierMap(), inputs=(*BarrierMap().inputs, InputPoint("arrival_loop", 20)))
    with pytest.raises(ValueError, match="coil 70000 is outside"):
        BarrierMap(coils=Coils(siren=70000))
