"""O8: no lane works with production keys unless each of its devices was tried as it is configured now."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable

import pytest

from config.loader import load
from config.schema import Configuration
from edge.bringup.barrier import BarrierTrial
from edge.bringup.kept import kept_file, read_kept
from edge.bringup.standing import BringupError, address_of, check_bringup, devices_of, standings
from edge.bringup.target import targets_of
from edge.verbs.doctor import main as doctor
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from tests.edge.bringup.conftest import TAG
from tests.support.bringup_box import Box, asked_of, now_ms, until
from tests.support.bringup_site import Site
from tests.support.controller import spawn

SWAPPED = "{arrival_loop: discrete:2, safety_loop: discrete:0, boom_up: discrete:7, boom_down: discrete:8}"
pytestmark = pytest.mark.hazard("O8")


async def test_a_lane_is_whole_once_each_device_was_tried_and_a_bring_up_says_what_lacks(
    site: Site, typed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.codes() == [("FAIL", "missing"), ("FAIL", "missing")]
    with pytest.raises(BringupError) as refused:
        check_bringup(site.loaded())
    assert refused.value.code == "bringup_missing"
    assert f"bringup_missing: lane-1/barrier: 127.0.0.1:{site.barrier.port}: expected" in str(refused.value)
    assert "got none" in str(refused.value)
    assert "next: kakou bringup barrier CONFIG --move; bringup_missing: lane-1/reader: " in str(refused.value)
    # Inputs alone prove no output.
    assert await site.try_boom() == 0
    said = capsys.readouterr().err
    assert "[bringup_unmoved]" in said
    assert "FAIL lane-1/reader" in said
    assert await site.try_boom("--move", "--seconds", "30") == 0
    assert site.codes() == [("OK", "passed"), ("FAIL", "missing")]
    assert "bringup_unmoved" not in capsys.readouterr().err
    assert await site.try_reader() == 0
    assert "nothing is missing" in capsys.readouterr().err
    assert site.codes() == [("OK", "passed")] * 2
    assert [one.status for one in check_bringup(site.loaded())["lane-1"]] == ["OK", "OK"]
    # What was read stands in no file that the box keeps.
    kept = kept_file(site.state, "reader")
    assert TAG not in kept.read_text()
    assert (kept.stat().st_mode & 0o777, site.state.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_replaced_device_is_named_with_what_was_tried_and_what_is_there(
    proved: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    other = BarrierSimulator(Plant(now_ms))
    await other.start()
    old, proved.barrier = proved.barrier, other
    try:
        proved.write()
        (boom, reader) = proved.found().values()
        assert (boom.code, reader.code) == ("bringup_outdated", "bringup_passed")
        assert f"127.0.0.1:{other.port}: expected" in boom.message("en")
        assert boom.message("en").endswith(f"then at 127.0.0.1:{old.port}")
        assert "kakou bringup barrier CONFIG --move" in boom.next_step("zh")
        assert await asyncio.to_thread(doctor, [str(proved.box.config), "--json"]) == 1
        told = json.loads(capsys.readouterr().out)["findings"]
        assert [(one["status"], one["code"]) for one in told if one["code"].startswith("bringup_")] == [
            ("FAIL", "bringup_outdated"), ("OK", "bringup_passed"),
        ]  # fmt: skip
    finally:
        await other.stop()


@pytest.mark.parametrize(
    ("of_barrier", "of_reader", "wanted"),
    [
        (", timeout_ms: 400", ", min_reads: 3", ["passed", "passed"]),
        (f", map: {{signals: {SWAPPED}}}", "", ["outdated", "passed"]),
        (", map: {pulse_ms: 500}", ", antennas: [1]", ["outdated", "outdated"]),
        (", device_id: 2", ", profile: session", ["outdated", "outdated"]),
        (", port: 5021", ", baud: 57600", ["outdated", "outdated"]),
    ],
)  # fmt: skip
async def test_what_says_which_device_it_is_counts_and_how_often_it_is_asked_does_not(
    site: Site, of_barrier: str, of_reader: str, wanted: list[str]
) -> None:
    site.record()
    site.write(barrier=of_barrier, reader=of_reader)
    text = site.box.config.read_text()
    if "5021" in of_barrier:
        text = text.replace(f"port: {site.barrier.port}, ", "")
    site.box.config.write_text(text)
    assert [code for _, code in site.codes()] == wanted


async def test_a_report_of_another_lane_counts_for_none(site: Site) -> None:
    site.record()
    site.write(lane="lane-2")
    assert [code for _, code in site.codes()] == ["elsewhere", "elsewhere"]
    site.write()
    kept_file(site.state, "barrier").write_bytes(kept_file(site.state, "reader").read_bytes())
    assert [code for _, code in site.codes()] == ["elsewhere", "passed"]


async def test_a_report_of_another_site_counts_for_none(site: Site) -> None:
    """`kakou init` gives every box the same ids, and the same address of its barrier."""
    site.record()
    site.box.config.write_text(site.box.config.read_text().replace("site: yard", "site: quay"))
    assert [code for _, code in site.codes()] == ["elsewhere", "elsewhere"]
    assert "yard lane-1 barrier barrier" in next(iter(site.found().values())).message("en")


async def test_a_look_at_which_time_ran_out_takes_nothing_away_and_a_fault_does(
    proved: Site, typed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_kept(proved.state, "barrier")
    # Nobody presses; then nobody moves the boom; then nobody answers.
    assert await proved.try_boom("--seconds", "1", press=False) == 1
    assert "bringup_stays" in capsys.readouterr().err
    assert await proved.try_boom() == 0
    assert "bringup_stays" in capsys.readouterr().err
    await proved.reader.stop()
    assert await proved.try_reader() == 1
    assert read_kept(proved.state, "barrier") == before
    assert proved.codes() == [("OK", "passed")] * 2
    capsys.readouterr()
    # Both limit switches at once were seen, and are wrong.
    proved.barrier.plant.faults.both_limits = True
    assert await proved.try_boom("--seconds", "1", press=False) == 1
    assert "[bringup_failed]" in capsys.readouterr().err
    (boom, _) = proved.found().values()
    assert boom.code == "bringup_failed"
    assert "limits" in str(boom.fields["got"])
    # What did not pass before is replaced by anything newer.
    proved.barrier.plant.faults.both_limits = False
    assert await proved.try_boom("--seconds", "1", press=False) == 1
    assert "bringup_stays" not in capsys.readouterr().err


async def _occupied(site: Site) -> int:
    site.barrier.plant.set_signals({"exit_loop": True})
    return await site.try_boom()


async def _inverted(site: Site) -> int:
    # As whoever swapped two wires leaves it: seen at once, with nobody there to press.
    site.barrier.plant.set_signals({"arrival_loop": True})
    return await site.try_boom("--seconds", "1", press=False)


async def _fault_bits(site: Site) -> int:
    site.barrier.plant.fault_bits = 4
    return await site.try_boom()


async def _weak(site: Site) -> int:
    # How strong a tag has to be is no part of which device it is.
    site.write(reader=", min_rssi_dbm: 0")
    return await site.try_reader()


@pytest.mark.parametrize("tried", [_occupied, _inverted, _fault_bits, _weak])
async def test_a_fault_that_was_seen_takes_the_pass_away(
    proved: Site, capsys: pytest.CaptureFixture[str], tried: Callable[[Site], Awaitable[int]]
) -> None:
    assert await tried(proved) == 1
    said = capsys.readouterr().err
    assert "bringup_kept" not in said
    assert "kept for the start of its lane" in said
    assert "nothing is missing" not in said
    assert sorted(proved.codes()) == [("FAIL", "failed"), ("OK", "passed")]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
@pytest.mark.parametrize(("occupied", "code"), [(True, "failed"), (False, "passed")])
async def test_whoever_ends_a_trial_ends_nothing_that_was_seen(
    site: Site, number: signal.Signals, occupied: bool, code: str
) -> None:
    site.record()
    site.barrier.plant.set_signals({"exit_loop": occupied})
    process = await spawn("bringup", "barrier", str(site.box.config), output=asyncio.subprocess.DEVNULL)
    asked = asked_of(site.barrier)
    try:
        await until(lambda: asked_of(site.barrier) > asked + 20)
    finally:
        process.send_signal(number)
    assert await process.wait() == 143
    assert [code for _, code in site.codes()] == [code, "passed"]


async def test_a_defect_of_a_driver_hides_nothing_that_was_seen(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def break_down(trial: BarrierTrial) -> None:
        await until(lambda: any(step.status == "FAIL" for step in trial.steps))
        raise RuntimeError("a defect")

    monkeypatch.setattr(BarrierTrial, "act", break_down)
    site.record()
    site.barrier.plant.set_signals({"exit_loop": True})
    with pytest.raises(RuntimeError, match="a defect"):
        await site.try_boom(press=False)
    (boom, _) = site.found().values()
    assert (boom.code, boom.fields["got"]) == ("bringup_failed", "toggles exit_loop")


async def test_after_a_step_that_failed_nobody_hears_that_nothing_is_missing(
    proved: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await proved.try_boom("--seconds", "1", press=False) == 1
    said = capsys.readouterr().err
    assert "bringup_stays: not everything was tried or seen" in said
    assert "nothing is missing" not in said


async def test_an_input_that_is_wired_the_other_way_round_does_not_pass(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.barrier.plant.set_signals({"exit_loop": True})
    assert await site.try_boom() == 1
    told = {one["subject"]: one for one in json.loads(capsys.readouterr().out)["steps"] if one["code"] == "toggles"}
    assert [name for name, one in told.items() if one["status"] != "PASS"] == ["exit_loop"]
    assert "check inverted of exit loop" in told["exit_loop"]["next"]


async def test_a_report_that_cannot_be_kept_is_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    # Also root cannot make a folder where a file is.
    site.box.config.write_text(site.box.config.read_text().replace("state_dir: state", "state_dir: kakou.yaml/state"))
    assert await site.try_reader() == 1
    assert "bringup_not_kept" in capsys.readouterr().err


EVERY = """\
    cameras: [{id: eye, url: 'http://10.0.0.2/', place: front, reads: [plate]}]
    tag_reader: {id: reader, port: 'socket://10.0.0.3:4001'}
    weighbridge: {id: scale, port: /dev/ttyUSB1}
    driver_identity: {id: cards, port: /dev/ttyUSB2}
    seal_reader: {id: seals, driver: seal_http, url: 'http://10.0.0.4/'}
    container_engine: {id: engine, port: 'socket://10.0.0.5:9000'}
    sign: {id: sign, port: /dev/ttyUSB3}
    voice: {id: voice, port: /dev/ttyUSB4}
    shadow: {tag_reader: {id: trial, port: /dev/ttyUSB5}}
"""


def test_each_kind_of_device_is_asked_for_and_none_of_the_shadow(box: Box) -> None:
    box.write(devices=EVERY)
    box.config.write_text(box.config.read_text().replace("    simulated: true\n", ""))
    loaded = load(box.config)
    assert isinstance(loaded, Configuration), loaded
    lane = loaded.lanes[0]
    asked = {(kind, one.id): address_of(one) for kind, one in devices_of(lane)}
    tried = {(one.kind, one.configured.id) for one in targets_of(loaded)}
    assert tried - asked.keys() == {("tag_reader", "trial")}
    assert asked.keys() <= tried
    assert asked["camera", "eye"] == "http://10.0.0.2/"
    assert asked["seal_reader", "seals"] == "http://10.0.0.4/"
    assert asked["voice", "voice"] == "/dev/ttyUSB4"
    assert {(one.status, one.code) for one in standings(loaded, lane)} == {("WARN", "bringup_missing")}
