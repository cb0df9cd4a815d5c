"""What only a reader that speaks LLRP does, against our simulator: being let in, keepalives, what it left running."""

import asyncio
import socket
import sys
import tomllib
from dataclasses import replace

import pytest

from drivers.kit.line import LineError
from drivers.uhf_llrp import wire
from drivers.uhf_llrp.driver import LlrpReader
from edge.extras import EXTRAS, Extra
from edge.ports import DeviceError
from simulators.devices.serial_wire import TcpWire
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_llrp import LlrpDevice
from tests.drivers.conformance.rigs import QUICK
from tests.drivers.conformance.test_tag_readers import EPC, MODELS, running
from tests.support.r2000 import Delivered, RealClock, until
from tests.support.sources import ROOT

MODEL = MODELS["llrp"]


def reader(port: str) -> LlrpReader:
    return LlrpReader("rfid-1", port, clock=RealClock(), on_tag=Delivered(), round_s=0.002, pace=QUICK)


@pytest.fixture
async def wired():
    """A plugged-in reader with nothing in its field."""
    plugged = TcpWire(LlrpDevice(list))
    await plugged.start()
    yield plugged
    await plugged.stop()


async def test_without_llrpkit_the_reader_is_lost_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "llrpkit.protocol", None)
    with pytest.raises(DeviceError) as lost:
        await reader("socket://127.0.0.1:1").connect()
    assert (lost.value.code, lost.value.expected) == ("reader_extra_missing", "llrpkit 0.3, the extra llrp")
    assert f"{sys.executable} -m pip install --no-deps 'llrpkit==0.3.*'" in lost.value.next_step


async def test_a_reader_that_admits_nobody_is_refused_with_the_reason(wired: TcpWire[LlrpDevice]) -> None:
    wired.device.held_by_another = True
    with pytest.raises(DeviceError) as refused:
        await reader(wired.path).connect()
    assert refused.value.code == "reader_refused"
    assert refused.value.got == "connection attempt: Failed_A_Client_Initiated_Connection_Already_Exists"


async def test_a_refusal_has_llrps_status(wired: TcpWire[LlrpDevice]) -> None:
    wired.device.faults.error_code = 401
    driver = reader(wired.path)
    await driver.connect()
    await driver.start_inventory()
    with pytest.raises(DeviceError) as refused:
        await driver.run()
    await driver.close()
    assert refused.value.code == "reader_refused"
    assert refused.value.got == "LLRP status 401 (R_DeviceError): as it was told to"
    assert "the status" in refused.value.next_step


async def test_keepalives_are_answered_while_idle_and_while_reading(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.uhf_llrp.driver.KEEPALIVE_MS", 5)
    async with running(MODEL, tmp_path) as it:
        assert isinstance(it.device, LlrpDevice)
        device = it.device
        await until(lambda: device.acks > 3)
        it.in_field.append(SimulatedTag(EPC))
        await it.reader.start_inventory()
        await it.delivered.until(lambda tags: len(tags) > 3)
        acks = device.acks
        await until(lambda: device.acks > acks + 3)
        assert device.acks <= device.keepalives


async def test_what_an_earlier_connection_left_in_the_reader_is_replaced(wired: TcpWire[LlrpDevice]) -> None:
    driver = reader(wired.path)
    for _ in range(2):
        # The second time our ROSpec is there, as after a kill of the controller.
        await driver.connect()
        await driver.close()
    added = [one for one in wired.device.commands if one.type == wire.ADD_ROSPEC]
    assert len(added) == 2
    assert len(wired.device._rospecs) == 1


async def test_a_round_that_nobody_stopped_has_ended_by_itself(wired: TcpWire[LlrpDevice]) -> None:
    driver = reader(wired.path)
    await driver.connect()
    spec = wired.device._rospecs[wire.OUR_ROSPEC]
    spec.started_at_s = asyncio.get_running_loop().time() - spec.limit_s
    running_to = asyncio.create_task(driver.run())
    await driver.start_inventory()
    await until(lambda: driver.counters.rounds > 1)
    assert driver.counters.refused_rounds == 0
    running_to.cancel()
    await asyncio.wait({running_to})
    await driver.close()


async def test_a_reader_that_says_first_what_is_no_greeting_is_silent(wired: TcpWire[LlrpDevice]) -> None:
    # An answer to nobody, before the greeting that never comes.
    wired._on_client = lambda: wired.write(wire.encode_answer(wire.START_ROSPEC, 77))
    with pytest.raises(DeviceError) as silent:
        await reader(wired.path).connect()
    assert silent.value.code == "reader_silent"


async def test_a_keepalive_that_cannot_be_answered_is_a_loss(tmp_path) -> None:
    async with running(MODEL, tmp_path) as it:
        assert it.reader._line is not None

        def fails(_: bytes) -> None:
            raise LineError("lost", "broken pipe")

        it.reader._line.write = fails  # type: ignore[method-assign]
        it.wire.write(wire.encode_keepalive(9))
        await until(lambda: it.reader._loss is not None)
        with pytest.raises(DeviceError) as lost:
            await it.reader.stop_inventory()
        assert (lost.value.code, lost.value.got) == ("reader_lost", "broken pipe")


def test_a_recorded_keepalive_is_heard_again_and_nobody_answers() -> None:
    driver = reader("socket://127.0.0.1:1")
    driver.hear_again(False, wire.encode_keepalive(1), wanted=True)
    driver.hear_again(False, wire.encode_report([(bytes.fromhex(EPC), 1, -50)]), wanted=True)
    assert driver.counters.tags_delivered == 1


def test_the_series_of_llrpkit_is_the_same_wherever_it_is_said() -> None:
    assert EXTRAS["uhf_llrp"] == Extra("llrpkit", wire.SERIES)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (wanted,) = project["project"]["optional-dependencies"]["llrp"]
    assert wanted in project["dependency-groups"]["dev"]
    assert wanted.startswith(f"llrpkit>={wire.SERIES},")


@pytest.mark.parametrize("antennas", [(), (4,), (0, -1)])
def test_antennas_that_it_does_not_have_are_refused(antennas: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="antennas"):
        LlrpReader("rfid-1", "socket://h:1", clock=RealClock(), on_tag=Delivered(), antennas=antennas)


@pytest.mark.hazard("S24")
async def test_a_reader_that_asks_without_end_and_reads_nothing_is_let_go_and_comes_back(
    wired: TcpWire[LlrpDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As fast as it comes, and no limit but the one of what waits: megabytes would take a minute at the pace of a line.
    monkeypatch.setattr("drivers.kit.line._MOST_BYTES_PER_S", 1 << 30)
    monkeypatch.setattr("drivers.kit.line._MOST_BYTES_AT_ONCE", 1 << 30)
    patient = replace(QUICK, round_limit_s=300.0, answer_timeout_s=60.0)
    driver = LlrpReader("rfid-1", wired.path, clock=RealClock(), on_tag=Delivered(), pace=patient)
    await driver.connect()
    ours = driver._line._transport  # type: ignore[union-attr]
    for end, held in ((next(iter(wired._writers)), socket.SO_RCVBUF), (ours, socket.SO_SNDBUF)):
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, held, 4096)
    living = asyncio.create_task(driver.run())
    (client,) = wired._writers
    client.transport.pause_reading()  # type: ignore[attr-defined]

    def lost() -> bool:
        if client.transport.get_write_buffer_size() < 1 << 20:
            client.write(wire.encode_keepalive(7) * 10_000)
        return living.done()

    await until(lost)
    with pytest.raises(DeviceError) as let_go:
        await living
    assert let_go.value.code == "reader_write_stalled"
    assert "wait to be read" in let_go.value.got
    await driver.connect()
    await driver.close()
