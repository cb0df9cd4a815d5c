"""Silver: every driver of a stream on its real wire, a pty and a TCP serial server, kept by the real supervisor."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from edge.ports import DeviceError
from simulators.devices.serial_wire import OFF, switches
from tests.drivers.conformance.bench import WIRES, Bench, bench
from tests.drivers.conformance.rigs import RIGS, Rig
from tests.drivers.test_quality import QUALITIES

# What the supervisor may wait at most before its next attempt is part of it.
BACK_WITHIN_S = 5.0
every_rig = pytest.mark.parametrize("rig", RIGS, ids=str)
every_wire = pytest.mark.parametrize(
    ("rig", "wire"), [pytest.param(rig, wire, id=f"{rig}-{wire}") for rig in RIGS for wire in rig.wires]
)
every_fault = pytest.mark.parametrize(
    ("rig", "fault"),
    [pytest.param(rig, fault, id=f"{rig}-{fault}") for rig in RIGS for fault in switches(rig.faults)],
)


@every_wire
@pytest.mark.hazard("D18")
async def test_lost_and_back_within_five_seconds_and_told_once_each(rig: Rig, wire: str, tmp_path: Path) -> None:
    with capture_logs() as logged:
        async with bench(rig, wire, tmp_path) as b, b.supervised():
            await b.read_more()
            await b.unplug()
            await b.until(lambda: bool(b.lost))
            # Away for many attempts, told once.
            await _until(b, lambda: b.pauses.slept_s, 30)
            before_s, read = b.pauses.slept_s, len(b.readings)
            await b.plug()
            await b.until(lambda: len(b.readings) > read)
            assert b.pauses.slept_s - before_s < BACK_WITHIN_S
            assert (len(b.lost), b.backs) == (1, 2)
    events = [one["event"] for one in logged]
    assert (events.count("device_lost"), events.count("device_back")) == (1, 2)


async def _until(b: Bench, count: Callable[[], float], more: float) -> None:
    enough = count() + more
    while count() < enough:
        await b.pauses.sleep(0.001)


@every_wire
async def test_connecting_proves_the_device(rig: Rig, wire: str, tmp_path: Path) -> None:
    async with bench(rig, wire, tmp_path) as b:
        b.device._faults.stuck = True
        with pytest.raises(DeviceError) as refused:
            await b.driver.connect()
        assert refused.value.code in rig.codes
        assert refused.value.device == b.driver.name
        assert refused.value.address == b.wire.path == b.driver.address
        assert refused.value.next_step
        b.device._faults.stuck = False
        await b.driver.connect()
        await b.driver.close()
        await b.driver.close()


@every_fault
@pytest.mark.hazard("D14", "D16", "D17", "D18", "D19")
async def test_each_fault_is_what_the_driver_says_of_it_and_passes(rig: Rig, fault: str, tmp_path: Path) -> None:
    outcome = QUALITIES[rig.folder]["faults"][fault]
    async with bench(rig, rig.wires[0], tmp_path) as b, b.supervised():
        await b.read_more()
        await b.turn_on(fault)
        if outcome == "survived":
            await b.read_more(20)
            assert b.lost == []
            await b.turn_off(fault)
        elif outcome == "unread":
            await _until(b, lambda: b.device.sent_frames, 20)
            read = len(b.readings)
            await _until(b, lambda: b.device.sent_frames, 20)
            assert (len(b.readings), b.lost) == (read, [])
            await b.turn_off(fault)
        else:
            await b.until(lambda: bool(b.lost))
            assert b.lost[0].code == outcome
            await b.turn_off(fault)
        await b.read_more()


@every_rig
@pytest.mark.hazard("D14", "I18")
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.binary(min_size=1, max_size=600), max_size=5))
async def test_no_bytes_raise_anything_but_a_named_error(rig: Rig, tmp_path: Path, noise: list[bytes]) -> None:
    async with bench(rig, rig.wires[0], tmp_path) as b, b.supervised():
        for chunk in noise:
            b.wire.write(chunk)
        await b.unplug()
        await b.until(lambda: bool(b.lost))
        assert {error.code for error in b.lost} <= set(rig.codes)


def test_each_rig_is_plugged_into_wires_that_there_are() -> None:
    assert {wire for rig in RIGS for wire in rig.wires} == set(WIRES)
    assert [rig for rig in RIGS if not rig.wires] == []


def test_off_is_the_first_switch_of_all() -> None:
    assert {switches(rig.faults)[0] for rig in RIGS} == {OFF}
