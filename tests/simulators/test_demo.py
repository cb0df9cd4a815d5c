"""Real demo runs: real processes, ports, brokers and pictures."""

import asyncio
import contextlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace

import cv2
import pytest

from edge.cli import main as kakou
from simulators import demo, demo_children, demo_journey
from simulators.demo_box import BrokerChoice, open_box
from simulators.demo_journey import Journey, Pictures, StuckError
from simulators.demo_score import score
from simulators.demo_view import View
from simulators.scene import render_empty_lane
from simulators.trucks import CONTAINER_CAMERA, rendered_trucks
from tests.support.demo_process import all_ended
from tests.support.demo_process import demo as running_demo
from tests.support.needs import PHOTOS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ptys, and processes followed through /proc")


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("KAKOU_LANG", "en")


def check_all_passed(result, count, seed):
    trucks = list(rendered_trucks(count, seed))
    assert [one["truth"]["plates"] for one in result["passages"]] == [[truck.plates[0][1]] for truck in trucks]
    for one in result["passages"]:
        assert one["identity"] == one["truth"]
        assert (one["decision"], one["terminal"]) == ("release", "PASSED")
        times = list(one["stages_ms"].values())
        assert times == sorted(times)
    assert [result[name] for name in ("wrongly_opened", "held_unread", "held_wrong")] == [0, 0, 0]


def test_json_is_all_that_a_program_hears(capfd):
    assert kakou(["demo", "--headless", "--passages", "2", "--seed", "5", "--json", "--mqtt-version", "3.1.1"]) == 0
    out, err = capfd.readouterr()
    assert out.count("\n") == 1
    check_all_passed(json.loads(out), 2, 5)
    assert "first truck released" in err
    assert "without a gap" in err
    assert "Traceback" not in err


def test_a_person_sees_lines_table_and_what_to_try(capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    folder = tmp_path / "lane"
    assert kakou(["demo", "--passages", "1", "--seed", "5", "--folder", str(folder)]) == 0
    out, err = capfd.readouterr()
    for stage in ("lane ready", "mosquitto_sub", "arrived", "identified", "requested", "granted", "opened", "PASSED"):
        assert stage in err
    assert max(map(len, out.splitlines())) <= max(80, len(str(folder)) + 80)
    report = next(line for line in out.splitlines() if "ops report" in line)
    assert kakou([*shlex.split(report)[1:], "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["outcomes"] == {"PASSED": 1}
    assert told["gaps"] == []
    # The same folder serves again: keys, journal and stored events stay.
    assert kakou(["demo", "--passages", "1", "--seed", "6", "--folder", str(folder), "--json"]) == 0
    check_all_passed(json.loads(capfd.readouterr().out), 1, 6)


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_another_broker_is_left_as_it_was(mosquitto, version, tmp_path):
    arguments = ["--passages", "1", "--seed", "5", "--json", "--mqtt-version", version]
    with running_demo([*arguments, "--broker", f"127.0.0.1:{mosquitto.port}"]) as running:
        out, err = running.process.communicate(timeout=60)
    assert running.process.returncode == 0, err
    check_all_passed(json.loads(out), 1, 5)
    found = subprocess.run(
        ["mosquitto_sub", "-p", str(mosquitto.port), "-t", "#", "-W", "1", "--retained-only"],
        stdout=subprocess.PIPE,
        check=False,
    )
    assert found.stdout == b""


@contextlib.asynccontextmanager
async def journey_in(folder):
    folder.mkdir(exist_ok=True)
    async with open_box(folder, BrokerChoice(), seed=1) as box:
        yield box, Journey(box, View(live=False), Pictures(), lambda: 0.0)


async def test_a_held_truck_is_refused_and_backs_out(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_journey, "CLERK_S", 0.1)
    nothing = tmp_path / "nothing.png"
    assert cv2.imwrite(str(nothing), render_empty_lane(3))
    truck = replace(next(rendered_trucks(1, 5)), pictures=((CONTAINER_CAMERA, str(nothing)),))
    async with journey_in(tmp_path / "lane") as (box, journey):
        await journey.drive_all([truck])
        assert await journey.stored()
        result = score(journey.passages, box.lane.plant.raise_count)
    (one,) = result["passages"]
    assert (one["decision"], one["terminal"]) == ("hold", "TURNED_BACK")
    assert one["identity"]["containers"] == []
    assert (result["wrongly_opened"], result["held_unread"], result["held_wrong"]) == (0, 1, 0)
    assert journey.strays == []


async def test_a_process_that_ends_is_named(tmp_path):
    async with journey_in(tmp_path) as (box, journey):
        for name, expected in (("operations", "operations ended"), ("controller", "ended")):
            os.kill(box.children.pids[name], signal.SIGKILL)
            with pytest.raises(StuckError, match=expected):
                await journey._until(lambda: False, 30)
        assert not await journey.stored() or journey._newest == (0, 0)


async def test_events_that_no_truck_explains_are_kept(tmp_path):
    async with journey_in(tmp_path) as (box, journey):
        event = {"id": "1-9", "epoch": 1, "seq": 9, "type": "passage_opened", "data": {"passage": "p9"}}
        box.on_message("event/passage_opened", event)
        box.on_message("event/passage_opened", event)
        box.on_message("event/note", {**event, "id": "1-10", "seq": 10, "type": "note", "data": {"passage": "p9"}})
        box.on_message("state", {})
    assert journey.strays == ["p9"]


def test_a_stuck_lane_is_told_with_the_counts_so_far(capfd, monkeypatch):
    monkeypatch.setattr(demo_journey, "TRUCK_TIMEOUT_S", 0.05)
    assert demo.main(["--passages", "2", "--seed", "5", "--json"]) == 1
    out, err = capfd.readouterr()
    (one,) = json.loads(out)["passages"]
    assert one["terminal"] is None
    assert "got stuck" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--passages", "0"],
        ["--passages", "-3"],
        ["--passages", "many"],
        ["--seed", "-1"],
        ["--seed", "x"],
        ["--seed", "2147483648"],
        ["--photos", "no-such-folder"],
        ["--broker", "nowhere"],
        ["--broker", ":1883"],
        ["--broker", "127.0.0.1:99999"],
        ["--mqtt-version", "4"],
        ["--bogus"],
    ],
)
def test_bad_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as refused:
        demo.main(arguments)
    assert refused.value.code == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert "kakou demo: " in err


def test_what_cannot_start_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for arguments, cause in (
        (["--broker", "[::1]:1"], "broker_unreachable"),
        (["--folder", str(tmp_path / "file")], "File exists"),
    ):
        assert demo.main(arguments) == 75
        out, err = capsys.readouterr()
        assert out == ""
        assert cause in err


def test_photographs_without_labels_cannot_start(tmp_path, capsys):
    for name in ("plates", "containers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text("image,plate,kind,group,code,legible,size_type\n")
    assert demo.main(["--photos", str(tmp_path)]) == 75
    assert "no plate scene" in capsys.readouterr().err


def test_an_interrupt_before_the_loop_runs(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_trucks", interrupted)
    assert demo.main([]) == 130


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 128 + 15), (signal.SIGKILL, -9)],
    ids=["terminated", "killed"],
)
def test_nothing_outlives_the_demo(number, status):
    with running_demo(["--passages", "1", "--seed", "5"]) as running:
        running.wait_for("arrived")
        children = running.descendants()
        # Broker, controller, central operations, two model workers; the capture workers may be on their way.
        assert len(children) >= 5
        assert running.end(number) == status
        assert all_ended(children)


def test_who_stays_may_open_by_hand(tmp_path):
    with running_demo(["--passages", "1", "--seed", "5", "--stay", "--folder", str(tmp_path)]) as running:
        running.wait_for("without a release note")
        line = running.wait_for("open --socket")
        running.wait_for("no release note for this plate")
        # What is pasted names the bootstrap: the same arguments reach the same program.
        assert kakou(shlex.split(line)[1:]) == 0
        running.wait_for("MANUAL_PASSED")
        children = running.descendants()
        assert running.end(signal.SIGINT) == 130
        assert len(children) == 7
        assert all_ended(children)


@pytest.mark.mbpoll
@pytest.mark.mosquitto
def test_the_lines_to_paste_work():
    with running_demo(["--passages", "1", "--seed", "5"]) as running:
        subscribe = shlex.split(running.wait_for("mosquitto_sub"))
        poll = shlex.split(running.wait_for("mbpoll -m"))
        inputs = subprocess.run([poll[0], "-1", *poll[1:]], capture_output=True, text=True, check=False)
        assert inputs.returncode == 0, inputs.stderr
        assert "[11]:" in inputs.stdout
        heard = subprocess.run([*subscribe, "-C", "1", "-W", "10"], capture_output=True, text=True, check=False)
        assert heard.stdout.startswith("gate/v1/demo/lane-1/"), heard.stderr


@pytest.mark.photos
def test_photographs_are_read_and_nothing_is_opened_wrongly(capfd):
    assert demo.main(["--photos", str(PHOTOS), "--passages", "1", "--seed", "3", "--json"]) == 0
    result = json.loads(capfd.readouterr().out)
    assert len(result["passages"]) == 1
    assert result["wrongly_opened"] == 0


async def test_a_child_that_does_not_stop_is_killed(monkeypatch):
    monkeypatch.setattr(demo_children, "_STOP_TIMEOUT_S", 0.05)
    deaf = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); sys.stdin.read()"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", deaf, stdin=PIPE, stdout=PIPE)
    assert await process.stdout.readline() == b"deaf\n"
    await demo_children._stop(process)
    assert process.returncode == -signal.SIGKILL
    await demo_children._stop(process)


def test_a_system_without_proc_counts_from_here(monkeypatch):
    monkeypatch.setattr(demo, "Path", lambda _: io)
    monkeypatch.setattr(io, "read_text", lambda **_: (_ for _ in ()).throw(OSError), raising=False)
    assert demo._started_s() > 0
