"""The register map: what may stand in it, NO and NC wiring, bits to signals."""

from dataclasses import replace
from typing import Any

import pytest

from drivers.barrier_modbus.wire import (
    BarrierMap,
    Coils,
    InputPoint,
    PulseCoils,
    Registers,
    lane_inputs,
)
from edge.core.inputs import LaneInputs

FEWEST = (
    InputPoint("arrival_loop", 0),
    InputPoint("safety_loop", 2),
    InputPoint("boom_up", 7),
    InputPoint("boom_down", 8),
)


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


@pytest.mark.hazard("P6")
def test_normally_closed_inputs_read_tripped_when_the_wire_is_cut() -> None:
    map_ = BarrierMap(inputs=(*FEWEST, InputPoint("emergency_stop", 10, normally_closed=True)))
    bits = [False] * 11
    assert lane_inputs(map_, bits).emergency_stop is True
    bits[10] = True
    assert lane_inputs(map_, bits).emergency_stop is False


def test_absent_trips_read_false_and_absent_proofs_unknown() -> None:
    inputs = lane_inputs(BarrierMap(inputs=FEWEST), [False] * 9)
    assert inputs.safety_beam is inputs.fire_alarm is inputs.emergency_stop is inputs.boom_broken is False
    assert inputs.exit_loop is None


def test_the_block_starts_at_the_first_input() -> None:
    map_ = BarrierMap(inputs=tuple(InputPoint(one.signal, 100 + index) for index, one in enumerate(FEWEST)))
    assert map_.input_block == (100, 4)
    assert lane_inputs(map_, [True, False, False, False]).arrival_loop is True


def test_missing_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="11 bits where the map needs 12"):
        lane_inputs(BarrierMap(), [False] * 11)


def test_what_a_site_does_not_have_is_not_used() -> None:
    map_ = BarrierMap(
        coils=Coils(8, 9, None, 10, 11, None, None),
        registers=Registers(None, None, None, None),
        hardware_pulse=True,
        pulse_coils=PulseCoils(32, 33, None),
    )
    assert map_.command_coil("stop") is None
    assert map_.timed_coils() == [32, 33]
    assert map_.register_block is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"inputs": (*FEWEST, InputPoint("door", 9))}, "unknown signal 'door'"),
        ({"inputs": FEWEST[:1]}, "signal 'safety_loop' has no input"),
        ({"inputs": (*FEWEST, InputPoint("exit_loop", 0))}, "discrete input 0 is used twice"),
        ({"inputs": (*FEWEST, InputPoint("exit_loop", 2007))}, "span more than 2000"),
        ({"hardware_pulse": True, "pulse_coils": PulseCoils(0, 17)}, "coil 0 is used twice"),
        ({"registers": Registers(boot_counter=0, heartbeat=200)}, "more than 125"),
        ({"pulse_ms": 10}, "pulse_ms 10 is outside"),
        ({"version": 70000}, "version 70000"),
    ],
)
def test_contradictions_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        BarrierMap(**settings)
    assert reason in str(caught.value)


def test_a_map_built_by_hand_is_checked_too() -> None:
    with pytest.raises(ValueError, match="signal 'arrival_loop' is used twice"):
        replace(BarrierMap(), inputs=(*BarrierMap().inputs, InputPoint("arrival_loop", 20)))
    with pytest.raises(ValueError, match="coil 70000 is outside"):
        BarrierMap(coils=Coils(siren=70000))
