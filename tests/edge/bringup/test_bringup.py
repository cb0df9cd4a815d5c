"""`kakou bringup`: each kind of device over its real wire, with what is well and what is not."""

import asyncio
import contextlib
import io
import itertools
import json
import signal
import sys
from pathlib import Path

import pytest

from drivers.identity_lines.wire import Layout
from edge.cli import ROOT
from edge.core.readings import Seal
from edge.device_lock import DevicesHeldError, devices_held
from edge.recording import Recording
from edge.verbs.bringup import main
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.container_engine import EngineDevice, Vehicle
from simulators.devices.identity import CardReader
from simulators.devices.led_sign import LedSign
from simulators.devices.seal_http import HttpSealServer
from simulators.devices.seal_reader import SealReaderDevice
from simulators.devices.serial_wire import PtyWire, TcpWire
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000TcpSimulator
from simulators.devices.voice import VoiceModule
from simulators.devices.weighbridge import Display, Indicator
from tests.support.bringup_box import Box, asked_of, beside, now_ms, statuses, until

TAG = "E200301666130121155074EF"


@pytest.mark.hazard("O8")
async def test_each_signal_is_pressed_and_the_boom_stays(box: Box, barrier: BarrierSimulator) -> None:
    box.write(barrier.port)
    pressed = ("arrival_loop", "safety_loop", "exit_loop", "safety_beam", "emergency_stop", "fire_alarm")

    async def press() -> None:
        await until(lambda: asked_of(barrier) > 10)
        for name in pressed:
            for value in (True, False):
                asked = asked_of(barrier)
                barrier.plant.set_signals({name: value})
                # Every scan reads the inputs and the registers.
                await until(lambda asked=asked: asked_of(barrier) > asked + 4)  # type: ignore[misc]

    async with beside(press):
        report = await box.bringup("barrier", "--record", str(box.folder / "wire.jsonl"))
    wanted = {"connected", "kept", "limits", "boom_whole", "module_faults", *(f"toggles{name}" for name in pressed)}
    assert statuses(report) == dict.fromkeys(wanted, "PASS")
    assert (report["kind"], report["simulated"], report["personal_data"]) == ("barrier", True, True)
    assert (barrier.plant.raise_count, barrier.plant.lower_count) == (0, 0)
    lines = [json.loads(line) for line in (box.folder / "wire.jsonl").read_text().splitlines()]
    assert lines[0]["kakou_recording"] == 1
    sent = b"".join(bytes.fromhex(one["hex"]) for one in lines[1:] if one["sent"])
    heard = b"".join(bytes.fromhex(one["hex"]) for one in lines[1:] if not one["sent"])
    assert (len(sent), len(heard)) == (report["bytes"]["sent"], report["bytes"]["heard"])
    assert (box.folder / "wire.jsonl").stat().st_mode & 0o777 == 0o600


async def test_what_never_changes_and_what_disagrees_is_told(
    box: Box, barrier: BarrierSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    box.write(barrier.port)
    barrier.plant.faults.both_limits = True
    barrier.plant.fault_bits = 4
    barrier.plant.set_signals({"boom_broken": True})
    folder = box.folder / "reports"
    report = await box.bringup("barrier", "--seconds", "1", "--report", str(folder), status=1)
    assert statuses(report) == {
        "connected": "PASS", "limits": "FAIL", "boom_whole": "FAIL", "module_faults": "FAIL", "kept": "PASS",
        **{f"toggles{name}": "FAIL" for name in (
            "arrival_loop", "safety_loop", "exit_loop", "safety_beam", "emergency_stop", "fire_alarm")},
    }  # fmt: skip
    told = {one["code"] + one["subject"]: one for one in report["steps"]}
    assert told["togglesarrival_loop"]["seen"] == "arrival loop: values seen: 0"
    assert told["limits"]["fields"]["boom"] == "both"
    assert "map.signals" in told["limits"]["next"]
    page = (folder / "bringup-barrier.html").read_text()
    assert json.loads((folder / "bringup-barrier.json").read_text()) == report
    assert page.count("FAIL") == 9
    assert "SIMULATED" in page


@pytest.mark.hazard("O8")
async def test_the_boom_moves_where_its_name_was_typed_and_only_there(
    box: Box, barrier: BarrierSimulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    box.write(barrier.port)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert await asyncio.to_thread(main, ["barrier", str(box.config), "--move"]) == 64
    assert "BOOM WILL MOVE" in (said := capsys.readouterr().err)
    assert "not confirmed" in said
    assert await asyncio.to_thread(main, ["reader", str(box.config), "--move"]) == 64
    assert "no boom" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("barrier\n"))
    report = await box.bringup("barrier", "--move", "--seconds", "4", status=1)
    found = statuses(report)
    assert (found["raises"], found["lowers"], found["limits"]) == ("PASS", "PASS", "PASS")
    assert (barrier.plant.raise_count, barrier.plant.lower_count, barrier.plant.stop_count) == (1, 1, 0)
    assert barrier.plant.position == 0.0


@pytest.mark.parametrize("when", ["before", "while"])
async def test_nothing_is_lowered_onto_what_stands_there(
    box: Box, barrier: BarrierSimulator, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    box.write(barrier.port)
    barrier.plant.stroke_s = 1.0
    monkeypatch.setattr("sys.stdin", io.StringIO("barrier\n"))
    if when == "before":
        barrier.plant.set_signals({"safety_beam": True})

    async def step_in() -> None:
        await until(lambda: barrier.plant.lower_count > 0 or when == "before")
        if when == "while":
            barrier.plant.set_signals({"safety_beam": True})

    async with beside(step_in):
        report = await box.bringup("barrier", "--move", "--seconds", "6", status=1)
    lowers = next(one for one in report["steps"] if one["code"] == "lowers")
    assert (lowers["status"], lowers["fields"]["why"]) == ("FAIL", "not_clear")
    assert barrier.plant.lower_count == (0 if when == "before" else 1)
    assert barrier.plant.stop_count == (0 if when == "before" else 1)
    assert barrier.plant.position > 0.0


def _heed_interrupts() -> None:
    """A shell that runs the tests in the background lets them, and what they start, ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
async def test_what_comes_down_is_stopped_however_the_program_is_ended(
    box: Box, barrier: BarrierSimulator, number: signal.Signals, status: int
) -> None:
    box.write(barrier.port)
    barrier.plant.stroke_s = 1.5
    words = [sys.executable, "-m", "edge.cli", "bringup", "barrier", str(box.config), "--move"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *words, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, preexec_fn=_heed_interrupts
    )
    ending = asyncio.create_task(process.communicate(b"barrier\n"))
    try:
        await until(lambda: barrier.plant.lower_count > 0 or ending.done())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
    _, said = await ending
    assert process.returncode == status
    assert b"bringup_boom_left" in said
    assert barrier.plant.stop_count == 1
    assert barrier.plant.position > 0.0


async def test_patience_that_ends_does_not_end_a_movement(
    box: Box, barrier: BarrierSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write(barrier.port)
    barrier.plant.stroke_s = 1.0
    monkeypatch.setattr("sys.stdin", io.StringIO("barrier\n"))
    found = statuses(await box.bringup("barrier", "--move", "--seconds", "1", status=1))
    assert (found["raises"], found["lowers"], barrier.plant.stop_count) == ("PASS", "PASS", 0)


async def test_a_recording_that_is_not_whole_is_told(
    box: Box, barrier: BarrierSimulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    box.write(barrier.port)

    close = Recording.close

    def full(recording: Recording) -> None:
        close(recording)
        raise OSError(28, "no space")

    monkeypatch.setattr(Recording, "close", full)
    wire = str(box.folder / "wire.jsonl")
    assert await asyncio.to_thread(main, ["barrier", str(box.config), "--record", wire, "--seconds", "1"]) == 1
    assert "bringup_not_recorded" in capsys.readouterr().err


async def test_a_boom_that_does_not_rise_is_not_lowered(
    box: Box, barrier: BarrierSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write(barrier.port)
    barrier.plant.faults.boom_stuck = True
    monkeypatch.setattr("sys.stdin", io.StringIO("barrier\n"))
    report = await box.bringup("barrier", "--move", "--seconds", "5", status=1)
    assert statuses(report)["raises"] == "FAIL"
    assert barrier.plant.lower_count == 0


async def test_a_module_that_does_not_answer_and_one_that_goes_away(
    box: Box, barrier: BarrierSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    box.write(barrier.port)

    async def unplug() -> None:
        await until(lambda: asked_of(barrier) > 5)
        await barrier.stop()

    async with beside(unplug):
        report = await box.bringup("barrier", status=1)
    kept = report["steps"][-1]
    assert (kept["code"], kept["status"]) == ("kept", "FAIL")
    assert "barrier_" in kept["seen"]
    assert kept["next"]
    report = await box.bringup("barrier", status=1)
    assert set(statuses(report).values()) == {"FAIL", "SKIP"}
    assert statuses(report)["connected"] == "FAIL"
    # For people: what to do, then what was seen, with the step below it.
    assert await asyncio.to_thread(main, ["barrier", str(box.config)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "WAIT arrival loop: make it change and change back" in lines
    at = next(number for number, line in enumerate(lines) if line.startswith("FAIL 127.0.0.1:"))
    assert lines[at + 1].startswith("     -> ")


async def test_frames_are_shown_once_each_in_hex_and_in_words(
    box: Box, barrier: BarrierSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    box.write(barrier.port)
    await asyncio.to_thread(main, ["barrier", str(box.config), "--seconds", "1"])
    out = capsys.readouterr().out
    asked = [line for line in out.splitlines() if line.endswith("unit 1: read 12 discrete inputs from 0")]
    assert len(asked) == 1
    assert "00 00 00 06 01 02 00 00 00 0c" in out
    assert "unit 1: discrete inputs 00000000 1000" in out
    assert out.count("unit 1: write holding register 0 = 1") == 1


async def test_a_reader_needs_a_tag_before_each_antenna_and_of_that_strength(box: Box) -> None:
    tags = [SimulatedTag(TAG, rssi_dbm=-80), SimulatedTag(TAG, antenna=1)]
    reader = R2000TcpSimulator(lambda: tags)
    await reader.start()
    box.write(devices=f"    tag_reader: {{id: reader, port: '{reader.path}', antennas: [0, 1], min_rssi_dbm: -65}}\n")
    try:
        report = await box.bringup("reader", "--seconds", "1", status=1)
        assert statuses(report) == {"connected": "PASS", "tag0": "FAIL", "tag1": "PASS", "kept": "PASS"}
        told = {one["code"] + one["subject"]: one["seen"] for one in report["steps"]}
        assert told["tag0"] == f"antenna 0: {TAG} at -80 dBm"
        tags[0] = SimulatedTag(TAG, rssi_dbm=-50)
        assert statuses(await box.bringup("reader"))["tag0"] == "PASS"
    finally:
        await reader.stop()


async def test_a_scale_is_empty_and_then_bears_a_vehicle(box: Box, tmp_path: Path) -> None:
    shown = [Display(20)]
    scale = PtyWire(Indicator(lambda: shown[0]), symlink=tmp_path / "scale")
    await scale.start()
    box.write(devices="    weighbridge: {id: scale, port: ./scale}\n")

    async def drive_on() -> None:
        await until(lambda: scale.device.sent_frames > 20)
        shown[0] = Display(32_480)

    try:
        async with beside(drive_on):
            report = await box.bringup("scale")
    finally:
        await scale.stop()
    assert statuses(report) == dict.fromkeys(("connected", "scale_empty", "scale_steady", "kept"), "PASS")
    assert report["steps"][2]["fields"]["kg"] == 32_480


async def test_sign_and_voice_take_words(box: Box) -> None:
    sign, voice = TcpWire(LedSign(now_ms)), TcpWire(VoiceModule(now_ms))
    await sign.start()
    await voice.start()
    box.write(
        devices=f"    sign: {{id: sign, port: '{sign.path}'}}\n"
        f"    voice: {{id: voice, port: '{voice.path}', volume: 60}}\n"
    )
    try:
        assert statuses(await box.bringup("sign")) == {"connected": "PASS", "sign": "PASS", "kept": "PASS"}
        assert sign.device.screen.lines == ("STOP", "Lane not ready")
        report = await box.bringup("voice")
        assert report["steps"][1]["fields"] == {"words": "STOP / Lane not ready", "volume": 60}
        assert [key for _, key in voice.device.heard] == ["not_ready"]
    finally:
        await sign.stop()
        await voice.stop()


async def test_a_card_is_read_and_stands_in_no_report(box: Box) -> None:
    reader = TcpWire(CardReader(lambda: "440106199001011234", Layout()))
    await reader.start()
    box.write(devices=f"    driver_identity: {{id: cards, port: '{reader.path}'}}\n")
    try:
        report = await box.bringup("cards")
    finally:
        await reader.stop()
    assert statuses(report) == dict.fromkeys(("connected", "card", "kept"), "PASS")
    assert report["steps"][1]["fields"] == {"characters": 18, "medium": "ic"}
    assert "19900101" not in json.dumps(report)


@pytest.mark.parametrize("over_http", [False, True], ids=["line", "http"])
async def test_a_locked_seal_is_seen_and_stands_in_no_report(box: Box, over_http: bool) -> None:
    shown = [Seal("CNSEAL0001", False, 3)]
    server, line = HttpSealServer(lambda: shown), TcpWire(SealReaderDevice(lambda: shown))
    await server.start()
    await line.start()
    where = f"driver: seal_http, url: '{server.url}'" if over_http else f"port: '{line.path}'"
    box.write(devices=f"    seal_reader: {{id: seals, poll_ms: 200, {where}}}\n")

    async def lock() -> None:
        await until(lambda: server.asked > 3 or len(line.device.commands) > 3)
        shown[0] = Seal("CNSEAL0001", True, 3)

    try:
        async with beside(lock):
            report = await box.bringup("seals")
    finally:
        await line.stop()
        await server.stop()
    assert statuses(report) == dict.fromkeys(("connected", "seal", "kept"), "PASS")
    assert report["steps"][1]["fields"] == {"count": 1, "locked": 1}
    assert "CNSEAL0001" not in json.dumps(report["steps"])


async def test_a_code_of_an_engine_is_checked_as_our_own(box: Box) -> None:
    numbers = itertools.count(1)
    engine = TcpWire(EngineDevice(lambda: Vehicle(next(numbers), ["CSQU3054383"]), every_s=0.2))
    await engine.start()
    engine.device.faults.misread = True
    box.write(devices=f"    container_engine: {{id: engine, port: '{engine.path}'}}\n")

    async def read_well() -> None:
        await until(lambda: engine.device.sent_frames > 4)
        engine.device.faults.misread = False

    try:
        async with beside(read_well):
            report = await box.bringup("engine")
    finally:
        await engine.stop()
    assert statuses(report) == dict.fromkeys(("connected", "engine_code", "kept"), "PASS")
    assert report["steps"][1]["fields"] == {"checks": "verified", "confidence": 0.97, "needed": 0.8}


async def test_nobody_speaks_to_devices_that_a_controller_holds(
    box: Box, barrier: BarrierSimulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write(barrier.port)
    state = box.folder / "state"
    state.mkdir()
    with devices_held(state):
        assert await asyncio.to_thread(main, ["barrier", str(box.config)]) == 75
        with pytest.raises(DevicesHeldError) as held, devices_held(state):
            pass
        assert held.value.code == "devices_held"
    assert "devices_held" in capsys.readouterr().err
    assert asked_of(barrier) == 0

    # Who may not even look has no business with the devices.
    def denied(path: object, flags: int) -> int:
        raise PermissionError(13, "denied", str(path))

    monkeypatch.setattr("edge.device_lock.os.open", denied)
    assert await asyncio.to_thread(main, ["barrier", str(box.config)]) == 75
    assert "bringup_not_allowed" in capsys.readouterr().err


def test_unknown_devices_and_bad_configurations(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boom", str(box.config)]) == 64
    assert "barrier, reader" in capsys.readouterr().err
    box.config.write_text("site: yard\n")
    assert main(["barrier", str(box.config)]) == 78
    with pytest.raises(SystemExit) as usage:
        main(["barrier", str(box.config), "--seconds", "0"])
    assert usage.value.code == 64


@pytest.mark.parametrize("device", ["reader", "board"])
def test_a_drivers_package_that_is_not_the_named_one_is_told(
    box: Box, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    kind = {"reader": "tag_reader", "board": "sign"}[device]
    package = "driver: package, package: {distribution: pytest, version: 0.0.1, entry_point: acme}"
    box.write(devices=f"    {kind}: {{id: {device}, {package}, port: 'socket://127.0.0.1:2'}}\n")
    assert main([device, str(box.config)]) == 78
    assert "driver_package_version: driver acme of pytest 0.0.1" in capsys.readouterr().err
