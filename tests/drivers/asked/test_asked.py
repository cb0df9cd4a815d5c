"""What every driver that asks its device must do, on the real wire: prove, lose, come back, refuse, survive."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from drivers.kit.asker import AskerPace
from drivers.kit.frames import ANSWER, HELLO, Frame, FrameDecoder, encode
from edge.ports import DeviceError
from simulators.devices.serial_wire import OFF
from tests.support.asked import DRIVERS, KINDS, QUICK, driver_of, plugged, supervised
from tests.support.r2000 import PATIENCE_S, until

BACK_WITHIN_S = 5.0
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
FAULTS = {name: YAML(typ="safe").load(DRIVERS / kind.folder / "quality.yaml")["faults"] for name, kind in KINDS.items()}
every_fault = pytest.mark.parametrize(
    ("kind", "fault", "outcome"),
    [
        pytest.param(KINDS[name], fault, outcome, id=f"{name}-{fault}")
        for name, faults in FAULTS.items()
        for fault, outcome in faults.items()
        if fault != OFF
    ],
)


@pytest.mark.parametrize("name", KINDS)
def test_the_switches_are_the_fault_list_and_the_readme_names_every_error(name: str) -> None:
    kind = KINDS[name]
    assert tuple(FAULTS[name]) == kind.faults
    codes = {f"{kind.prefix}_{code}" for code in kind.codes}
    text = (DRIVERS / kind.folder / "README.md").read_text(encoding="utf-8")
    assert {code for code in codes if f"`{code}`" not in text} == set()
    assert set(FAULTS[name].values()) - {"survived"} <= codes


@every_kind
@pytest.mark.parametrize("tcp", [False, True], ids=["pty", "tcp"])
async def test_it_connects_asks_and_goes_on(kind, tcp: bool, tmp_path: Path) -> None:
    async with plugged(kind, tmp_path, tcp=tcp) as wire, supervised(driver := driver_of(kind, wire)) as watched:
        await watched.until_back()
        await kind.act(driver)
        count = len(wire.device.commands)
        await until(lambda: len(wire.device.commands) > count)
        assert wire.device.commands[-1].command == kind.probe, "probed while nothing else is asked"
        assert watched.lost == []


@every_kind
@pytest.mark.hazard("D18")
@pytest.mark.parametrize("tcp", [False, True], ids=["pty", "tcp"])
async def test_it_is_lost_once_and_back_once_within_five_seconds(kind, tcp: bool, tmp_path: Path) -> None:
    async with plugged(kind, tmp_path, tcp=tcp) as wire, supervised(driver := driver_of(kind, wire)) as watched:
        await watched.until_back()
        await wire.stop()
        await watched.until_lost()
        with pytest.raises(DeviceError):
            await kind.act(driver)
        await wire.start()
        async with asyncio.timeout(BACK_WITHIN_S):
            await watched.until_back(2)
        await kind.act(driver)
        assert (len(watched.lost), len(watched.back)) == (1, 2)


@every_fault
@pytest.mark.hazard("D14", "D19")
async def test_each_fault_is_what_the_driver_says_of_it_and_passes(
    kind, fault: str, outcome: str, tmp_path: Path
) -> None:
    async with plugged(kind, tmp_path) as wire, supervised(driver := driver_of(kind, wire)) as watched:
        await watched.until_back()
        wire.device.faults.turn_on(fault)
        if outcome == "survived":
            for _ in range(3):
                await kind.act(driver)
            assert watched.lost == []
            wire.device.faults.turn_off(fault)
        else:
            await watched.until_lost()
            assert watched.lost == [outcome]
            wire.device.faults.turn_off(fault)
            await watched.until_back(2)
        await kind.act(driver)


@every_kind
async def test_a_question_whose_answer_was_lost_is_not_done_twice(kind, tmp_path: Path) -> None:
    async with plugged(kind, tmp_path) as wire:
        driver = driver_of(kind, wire, pace=AskerPace(answer_timeout_s=0.2, probe_interval_s=60.0))
        await driver.connect()
        done: list[int] = []
        obey = wire.device.obey
        wire.device.obey = lambda command, data: (done.append(command), obey(command, data))[1]
        wire.device.sent_frames, wire.device.faults.intermittent = 1, 2
        await kind.act(driver)
        asked = [one for one in wire.device.commands if one.command == done[0]]
        assert (len(done), len(asked)) == (1, 2)
        await driver.close()


@every_kind
async def test_who_answers_for_another_address_or_refuses_is_named(kind, tmp_path: Path) -> None:
    async with plugged(kind, tmp_path, address=9) as wire:
        driver = driver_of(kind, wire, pace=AskerPace(answer_timeout_s=0.05))
        with pytest.raises(DeviceError, match="silent"):
            await driver.connect()
        wire.device._address = kind.address
        wire.device._done = lambda question: question.answered(1)
        with pytest.raises(DeviceError, match="unknown command"):
            await driver.connect()
        wire.device._done = lambda question: Frame(question.address, question.sequence, question.command | ANSWER)
        with pytest.raises(DeviceError, match="no status"):
            await driver.connect()
        wire.device._done = lambda question: question.answered(0, b"\x63")
        with pytest.raises(DeviceError, match=f"{kind.prefix}_not_a_"):
            await driver.connect()
        wire.device._done = lambda question: question.answered(0)
        with pytest.raises(DeviceError, match="nothing in it"):
            await driver.connect()
        await driver.close()


@every_kind
async def test_what_is_not_open_is_named_and_closing_twice_is_nothing(kind, tmp_path: Path) -> None:
    driver = kind.drive("one", str(tmp_path / "nowhere"), pace=QUICK)
    with pytest.raises(DeviceError, match="not_connected"):
        await kind.act(driver)
    with pytest.raises(DeviceError, match="port_missing"):
        await driver.connect()
    await driver.close()
    await driver.close()


@every_kind
async def test_a_close_while_it_is_asked_ends_the_question(kind, tmp_path: Path) -> None:
    async with plugged(kind, tmp_path) as wire:
        driver = driver_of(kind, wire, pace=AskerPace(answer_timeout_s=PATIENCE_S))
        await driver.connect()
        wire.device.faults.stuck = True
        asking = asyncio.create_task(kind.act(driver))
        count = len(wire.device.commands)
        await until(lambda: len(wire.device.commands) > count)
        await driver.close()
        with pytest.raises(DeviceError, match="closed"):
            await asking


@every_kind
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.binary(max_size=60), max_size=6))
def test_no_bytes_raise_anything_but_a_device_error(kind, noise: list[bytes], tmp_path: Path) -> None:
    async def told() -> None:
        driver = kind.drive("one", str(tmp_path / "nowhere"), pace=QUICK)
        for data in noise:
            driver._asker._receive(data)
            driver._asker._handle(driver._asker._decoder.give_up())
        assert driver._asker.pending <= 260

    asyncio.run(told())


@every_kind
def test_a_simulated_device_refuses_what_it_does_not_know(kind) -> None:
    device = kind.simulate(lambda: 0)
    assert device._done(Frame(1, 1, 0x7F)).data == b"\x01"
    assert device._done(Frame(1, 1, kind.known, b"\xff")).data == b"\x02"
    foreign = encode(Frame(77, 1, HELLO)) + encode(Frame(1, 1, HELLO | ANSWER))
    assert device.understand(foreign) == []
    assert FrameDecoder().feed(foreign)[0].address == 77
    assert OFF in kind.faults
