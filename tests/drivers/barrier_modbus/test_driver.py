"""The driver against a well-behaved module: connecting, scanning, commands, pulses, heartbeat."""

import asyncio
from dataclasses import replace

import pytest

from drivers.barrier_modbus.wire import BarrierMap, Coils, Registers
from edge.core.inputs import UNKNOWN_INPUTS, LaneInputs
from edge.ports import DeviceError
from tests.support.barrier_lane import eventually, lane, now_ms

SOFTWARE = BarrierMap(pulse_ms=50)
HARDWARE = BarrierMap(hardware_pulse=True, pulse_ms=50)
PLAIN_MODULE = BarrierMap(
    pulse_ms=50,
    registers=Registers(None, None, None, None),
    coils=Coils(stop_boom=None, siren=None, watchdog=None),
)


async def test_scans_deliver_inputs_with_the_time_their_request_left() -> None:
    async with lane() as it:
        before_ms = now_ms()
        it.start()
        await it.until(lambda: bool(it.scans))
        inputs, sent_at_ms = it.scans[0]
        not_wired = dict.fromkeys(("red_lamp_on", "green_lamp_on", "scale_front_beam", "scale_rear_beam"))
        known = dict.fromkeys(_signals(), False) | {"boom_down": True} | not_wired
        assert inputs == replace(UNKNOWN_INPUTS, **known)
        assert before_ms <= sent_at_ms <= now_ms()
        it.plant.set_signals({"safety_loop": True, "arrival_loop": True})
        await it.until(lambda: it.scans[-1][0].safety_loop is True)
        assert it.scans[-1][0].arrival_loop is True
        assert it.scans[-1][0].exit_loop is False


async def test_more_patterns_of_inputs_than_are_kept_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.barrier_modbus.driver.MOST_PATTERNS", 1)
    async with lane() as it:
        it.start()
        for occupied in (True, False, True):
            it.plant.set_signals({"arrival_loop": occupied})
            await it.until(lambda occupied=occupied: bool(it.scans) and it.scans[-1][0].arrival_loop is occupied)


def _signals() -> tuple[str, ...]:
    return LaneInputs.__slots__


@pytest.mark.parametrize("map_", [SOFTWARE, HARDWARE, PLAIN_MODULE], ids=["software", "hardware", "plain_module"])
async def test_raise_and_lower_move_the_boom_once_each(map_: BarrierMap) -> None:
    async with lane(map_=map_) as it:
        it.start()
        await it.driver.raise_boom()
        await it.until(lambda: bool(it.scans) and it.scans[-1][0].boom == "up")
        await it.driver.lower_boom()
        await it.until(lambda: it.scans[-1][0].boom == "down")
        assert (it.plant.raise_count, it.plant.lower_count) == (1, 1)


async def test_software_pulse_switches_off_by_itself() -> None:
    async with lane(map_=BarrierMap(pulse_ms=300)) as it:
        await it.driver.raise_boom()
        assert it.plant.outputs["raise"] is True
        await eventually(lambda: not it.plant.outputs["raise"])


async def test_hardware_pulse_writes_the_pulse_coil_alone() -> None:
    async with lane(map_=HARDWARE) as it:
        it.simulator.server.frames.clear()
        await it.driver.raise_boom()
        assert [frame[7:] for frame in it.simulator.server.frames] == [bytes.fromhex("05 0010 FF00")]
        assert it.plant.outputs["raise"] is False


async def test_lower_withdraws_a_raise_that_is_still_pulsed() -> None:
    async with lane(map_=BarrierMap(pulse_ms=2000)) as it:
        await it.driver.raise_boom()
        await it.driver.lower_boom()
        assert it.plant.outputs["raise"] is False
        assert it.plant.outputs["lower"] is True
        await it.driver.raise_boom()
        assert it.plant.outputs["lower"] is False


@pytest.mark.parametrize("map_", [SOFTWARE, HARDWARE, PLAIN_MODULE], ids=["software", "hardware", "plain_module"])
async def test_stop_releases_the_lower_output(map_: BarrierMap) -> None:
    async with lane(map_=map_, stroke_s=60) as it:
        it.plant.position = 1.0
        await it.driver.lower_boom()
        await it.driver.stop_boom()
        assert it.plant.outputs["lower"] is False
        assert it.plant.stop_count == (0 if map_ is PLAIN_MODULE else 1)


@pytest.mark.parametrize("light", ["red", "green"])
@pytest.mark.hazard("P22")
async def test_one_light_at_a_time(light: str) -> None:
    async with lane() as it:
        other = "green" if light == "red" else "red"
        await it.driver.set_light(other)  # type: ignore[arg-type]
        await it.driver.set_light(light)  # type: ignore[arg-type]
        assert (it.plant.outputs[light], it.plant.outputs[other]) == (True, False)


async def test_concurrent_lights_never_both_stay_on() -> None:
    async with lane() as it:
        await asyncio.gather(it.driver.set_light("green"), it.driver.set_light("red"))
        assert (it.plant.outputs["red"], it.plant.outputs["green"]) == (True, False)


@pytest.mark.hazard("D31")
async def test_close_in_the_middle_of_a_pulse_switches_it_off() -> None:
    async with lane(map_=BarrierMap(pulse_ms=2000)) as it:
        await it.driver.raise_boom()
        await it.driver.close()
        assert it.plant.outputs["raise"] is False
        await it.driver.close()


@pytest.mark.parametrize("started", [False, True])
async def test_cancelled_pulse_switches_its_output_off(started: bool) -> None:
    async with lane(map_=BarrierMap(pulse_ms=2000)) as it:
        await it.driver.raise_boom()
        (pulse,) = (task for task in asyncio.all_tasks() if task.get_name() == "barrier-1-pulse-0")
        if started:
            await it.driver.set_light("red")
        pulse.cancel()
        await eventually(lambda: not it.plant.outputs["raise"])


async def test_close_waits_for_a_release_under_way() -> None:
    async with lane(map_=BarrierMap(pulse_ms=2000)) as it:
        await it.driver.raise_boom()
        (pulse,) = (task for task in asyncio.all_tasks() if task.get_name() == "barrier-1-pulse-0")
        pulse.cancel()
        await asyncio.wait({pulse})
        await it.driver.close()
        assert it.plant.outputs["raise"] is False


@pytest.mark.hazard("D31")
async def test_connect_releases_what_a_killed_controller_left_on() -> None:
    async with lane(connect=False) as it:
        it.plant.write_output("raise", True)
        it.plant.write_output("green", True)
        await it.driver.connect()
        assert it.plant.outputs["raise"] is False
        assert it.plant.outputs["green"] is True


async def test_heartbeat_keeps_the_watchdog_quiet() -> None:
    async with lane() as it:
        it.start()
        await it.until(lambda: it.plant.heartbeat == 1 and it.plant.outputs["watchdog"])
        await it.until(lambda: it.plant.heartbeat == 2 and not it.plant.outputs["watchdog"])
        assert it.driver.fault_bits == 0


async def test_fault_register_is_shown() -> None:
    async with lane() as it:
        it.plant.fault_bits = 5
        await it.driver.connect()
        assert it.driver.fault_bits == 5


async def test_command_overtakes_the_poll() -> None:
    async with lane(poll_ms=50) as it:
        it.start()
        await it.until(lambda: len(it.scans) > 1)
        commands = [asyncio.create_task(it.driver.set_light("green")) for _ in range(5)]
        await asyncio.gather(*commands)
        functions = [frame[7] for frame in it.simulator.server.frames[-12:]]
        assert functions[-10:] == [5] * 10


async def test_not_connected_refuses_without_acting() -> None:
    async with lane(connect=False) as it:
        for command in (it.driver.raise_boom(), it.driver.lower_boom(), it.driver.set_light("green")):
            with pytest.raises(DeviceError) as caught:
                await command
            assert (caught.value.code, caught.value.outcome) == ("barrier_not_connected", "not_done")
        assert it.simulator.server.frames == []


async def test_withdrawals_reconnect_by_themselves() -> None:
    async with lane() as it:
        it.start()
        await it.until(lambda: bool(it.scans))
        it.plant.write_output("lower", True)
        it.simulator.server.drop_connections()
        await it.lost()
        await it.driver.stop_boom()
        await it.driver.set_light("red")
        assert (it.plant.outputs["lower"], it.plant.outputs["red"]) == (False, True)


async def test_nobody_listens() -> None:
    async with lane() as it:
        await it.simulator.stop()
        with pytest.raises(DeviceError, match=r"barrier_connect_failed: device barrier-1 at 127\.0\.0\.1:"):
            await it.driver.connect()
