"""The barrier's physics on injected time."""

import pytest

from simulators.devices.barrier_plant import FAULT_COMMS_LOST, Plant


class Time:
    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def plant(time: Time) -> Plant:
    return Plant(time, stroke_s=1.0)


def run(plant: Plant, time: Time, ms: int) -> None:
    time.ms += ms
    plant.advance()


def pulse(plant: Plant, name: str) -> None:
    plant.write_output(name, True)
    plant.write_output(name, False)


def limits(plant: Plant) -> tuple[bool, bool]:
    signals = plant.signals()
    return signals["boom_up"], signals["boom_down"]


def test_a_pulse_raises_over_the_whole_stroke(plant: Plant, time: Time) -> None:
    assert limits(plant) == (False, True)
    pulse(plant, "raise")
    run(plant, time, 500)
    assert plant.position == pytest.approx(0.5)
    assert limits(plant) == (False, False)
    run(plant, time, 500)
    assert limits(plant) == (True, False)
    assert plant.boom_is_up
    run(plant, time, 60_000)
    assert plant.position == 1.0


def test_the_step_length_does_not_matter(time: Time) -> None:
    coarse, fine = Plant(time, stroke_s=1.0), Plant(time, stroke_s=1.0)
    for plant in (coarse, fine):
        plant.pulse("raise")
    for _ in range(600):
        time.ms += 1
        fine.advance()
    coarse.advance()
    assert coarse.position == pytest.approx(fine.position)


def test_stop_leaves_the_boom_where_it_is(plant: Plant, time: Time) -> None:
    plant.pulse("raise")
    run(plant, time, 300)
    plant.pulse("stop")
    run(plant, time, 1_000)
    assert plant.position == pytest.approx(0.3)
    assert plant.stop_count == 1


@pytest.mark.parametrize("at_ms", range(50, 1000, 50))
def test_an_occupied_safety_loop_reverses_a_lowering_boom(plant: Plant, time: Time, at_ms: int) -> None:
    plant.position = 1.0
    plant.pulse("lower")
    run(plant, time, at_ms)
    plant.set_signals({"safety_loop": True})
    run(plant, time, 1_000)
    assert plant.position == 1.0
    assert plant.reversals == 1


def test_a_barrier_without_that_protection_closes_on_the_vehicle(plant: Plant, time: Time) -> None:
    plant.faults.ignore_safety_loop = True
    plant.position = 1.0
    plant.set_signals({"safety_loop": True})
    plant.pulse("lower")
    run(plant, time, 1_000)
    assert plant.position == 0.0


def test_emergency_stop_holds_the_boom(plant: Plant, time: Time) -> None:
    plant.pulse("raise")
    run(plant, time, 200)
    plant.set_signals({"emergency_stop": True})
    run(plant, time, 1_000)
    assert plant.position == pytest.approx(0.2)


def test_a_raise_output_left_on_raises_again_after_a_lower(plant: Plant, time: Time) -> None:
    plant.write_output("raise", True)
    run(plant, time, 1_000)
    plant.pulse("lower")
    run(plant, time, 2_000)
    assert plant.position == 1.0
    assert plant.raise_count == 1


def test_every_raise_that_arrives_is_counted(plant: Plant) -> None:
    for _ in range(4):
        plant.write_output("raise", True)
    plant.pulse("raise")
    plant.write_output("raise", False)
    assert plant.raise_count == 5


def test_watchdog_releases_outputs_after_three_seconds(plant: Plant, time: Time) -> None:
    plant.write_heartbeat(1)
    plant.write_output("green", True)
    plant.write_output("red", False)
    plant.write_output("raise", True)
    assert plant.green
    run(plant, time, 3_000)
    assert plant.outputs["raise"] is True
    run(plant, time, 5)
    assert plant.outputs["raise"] is False
    assert not plant.green
    assert plant.fault_bits == FAULT_COMMS_LOST
    plant.write_heartbeat(2)
    assert plant.fault_bits == 0


def test_without_a_first_heartbeat_there_is_no_watchdog(plant: Plant, time: Time) -> None:
    plant.write_output("green", True)
    run(plant, time, 10_000)
    assert plant.outputs["green"] is True


def test_restart_drops_outputs_and_keeps_the_boom(plant: Plant, time: Time) -> None:
    plant.write_heartbeat(9)
    plant.write_output("raise", True)
    run(plant, time, 400)
    plant.restart()
    run(plant, time, 5_000)
    assert plant.position == pytest.approx(0.4)
    assert (plant.boot_counter, plant.heartbeat, plant.fault_bits) == (2, 0, 0)
    assert plant.outputs["red"] is True


def test_faults(plant: Plant, time: Time) -> None:
    plant.faults.boom_stuck = True
    plant.pulse("raise")
    run(plant, time, 2_000)
    assert limits(plant) == (False, True)
    plant.faults.both_limits = True
    assert limits(plant) == (True, True)
    plant.faults.forced["safety_loop"] = True
    plant.faults.forced["boom_down"] = False
    assert plant.signals()["safety_loop"] is True
    assert limits(plant) == (True, False)


def test_a_welded_relay_raises_against_a_lowering_and_what_the_module_reads(plant: Plant, time: Time) -> None:
    plant.faults.raise_welded = True
    run(plant, time, 1_000)
    assert (limits(plant), plant.outputs["raise"], plant.raise_count) == ((True, False), False, 0)
    plant.pulse("lower")
    run(plant, time, 1_000)
    assert plant.boom_is_up


def test_a_detector_that_retunes_misses_what_stands_there_until_it_has_left(plant: Plant) -> None:
    plant.set_signals({"safety_loop": True, "safety_beam": True})
    plant.restart()
    assert plant.signals()["safety_loop"] is True
    plant.faults.loops_retune = True
    plant.restart()
    seen = plant.signals()
    assert (seen["safety_loop"], seen["safety_beam"]) == (False, True)
    plant.set_signals({"safety_loop": True})
    assert plant.signals()["safety_loop"] is False
    plant.set_signals({"safety_loop": False})
    plant.set_signals({"safety_loop": True})
    assert plant.signals()["safety_loop"] is True


def test_movement_by_hand_needs_no_output(plant: Plant, time: Time) -> None:
    plant.move_by_hand(1)
    run(plant, time, 1_000)
    assert plant.boom_is_up
    assert plant.raise_count == 0


def test_time_that_has_passed_is_ignored(plant: Plant, time: Time) -> None:
    plant.pulse("raise")
    run(plant, time, 500)
    plant.advance(0)
    assert plant.position == pytest.approx(0.5)


def test_nonsense_is_refused(plant: Plant, time: Time) -> None:
    with pytest.raises(KeyError):
        plant.set_signals({"boom_up": True})
    with pytest.raises(ValueError):
        Plant(time, stroke_s=0)
