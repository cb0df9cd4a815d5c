"""The engine can fail, and then says which expectation, when, and what was seen instead."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000Simulator
from simulators.ports import free_ports
from simulators.scenario import controller
from simulators.scenario.conditions import LOOKS, contains
from simulators.scenario.junit import junit
from simulators.scenario.loading import Loaded, load
from simulators.scenario.running import Failure, Result
from simulators.scenario.schema import ACTIONS, CONDITIONS, Step
from simulators.scenario.verb import EXIT_CANNOT_START, EXIT_CONFIG, EXIT_FAILED, EXIT_INTERRUPTED, _tell, main, told
from tests.support.sources import ROOT

HEAD = """\
title: one truck
shows: [I3]
seed: 42
lane:
  barrier: {}
  tag_reader: {}
  must_match: [tag]
trucks:
  - {id: first, tag: E200301666130121155074EF}
"""


def written(folder: Path, text: str, head: str = HEAD) -> Path:
    path = folder / "one.yaml"
    path.write_text(head + text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAKOU_LANG", "en")


def test_a_wrong_expectation_fails_and_says_what_was_seen_instead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = """\
steps:
  - arrive: {truck: first}
  - expect: {passages: [PASSED], coils: {raised: 2}, within_s: 9}
"""
    path = written(tmp_path, steps)
    report = tmp_path / "report.xml"
    assert main([str(path), "--speed", "10", "--junit", str(report)]) == EXIT_FAILED
    said = capsys.readouterr().out
    assert "FAILED  one: one truck" in said
    assert "line 12, after 9." in said
    assert '"raised": 2' in said
    assert 'seen instead: coils = {"raised": 1, "lowered": 1, "stopped": 0}' in said
    assert "seen instead: passages" not in said, "what holds is not in the way"
    assert "kakou sim one --seed 42 --speed 10" in said
    assert "last words" in said
    assert "passage_ended" in said
    suite = ElementTree.fromstring(report.read_bytes())
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text is not None
    assert "seen instead: coils" in failure.text


def test_what_must_never_be_is_seen_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = """\
steps:
  - arrive: {truck: first}
  - expect: {passages: [PASSED]}
never:
  - lamps: [green]
"""
    assert main([str(written(tmp_path, steps)), "--speed", "10", "--json", "--seed", "7"]) == EXIT_FAILED
    result = json.loads(capsys.readouterr().out)
    assert "this must never be" in result["told"]
    assert (result["seed"], result["failure"]["kind"], result["failure"]["line"]) == (7, "never", 14)
    assert result["failure"]["seen"]["state"]["phase"] in ("opening", "open")


def test_what_does_not_last_is_no_fulfilment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = """\
steps:
  - arrive: {truck: first}
  - expect: {boom_is: up, for_s: 8}
"""
    assert main([str(written(tmp_path, steps)), "--speed", "10"]) == EXIT_FAILED
    assert "seen instead: boom_is = " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("turn_back: first", "no truck first in the lane"),
        ("fault: {device: tag-reader, switch: stuck, value: 3}", "cannot become 3"),
    ],
)
def test_a_step_that_cannot_be_done_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str, says: str
) -> None:
    assert main([str(written(tmp_path, f"steps:\n  - {step}\n")), "--speed", "10"]) == EXIT_FAILED
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps:\n  - arive: {truck: first}\n", "11:5: steps[0].arive: got 'arive', expected a known key"),
        ("steps:\n  - expect: {phse: open}\n", "11:14: steps[0].expect.phse: got 'phse'"),
        ("steps:\n  - {}\n", "expected exactly one of arrive"),
        ("steps:\n  - expect: {within_s: 1}\n", "expected at least one of phase"),
        (
            "steps:\n  - arrive: {truck: frist}\n",
            "11:21: steps[0].arrive.truck: got 'frist', expected one of first; did",
        ),
        ("steps:\n  - fault: {device: tag-reader, switch: stuk}\n", "got 'stuk', expected one of off, stuck"),
        ("steps:\n  - fault: {device: camera, switch: stuck}\n", "got 'camera', expected one of barrier, tag-reader"),
        ("steps:\n  - expect: {lost: [scale]}\n", "got 'scale'"),
        ("steps:\n  - authority: {id: police}\n", "got 'police', expected one of customs"),
        ("steps:\n  - platform: late\n", "11:15: steps[0].platform: got 'customs', expected one of -"),
        ("steps:\n  - note: second\n", "got 'second'"),
        ("steps:\n  - expect: {truck: {id: x, does: gone}}\n", "got 'x'"),
        ("steps: [\n", "yaml_syntax"),
        (
            "  - {id: x, weight_kg: 9, axles: [{behind_front_m: 1, kg: 9}]}\nsteps: []\n",
            "one of weight_kg and axles",
        ),
        (
            "  - {id: x, length_m: 6, axles: [{behind_front_m: 7, kg: 9}]}\nsteps: []\n",
            "within the length of 6.0",
        ),
    ],
)
def test_a_file_that_says_what_nobody_knows_is_refused_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    assert main([str(written(tmp_path, text))]) == EXIT_CONFIG
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lane", "says"),
    [
        ("{barrier: {}, tag_reader: {min_reads: 0}}", "lane.tag_reader.min_reads: got 0, expected at least 1"),
        ("{barrier: {}, tag_reder: {}}", "lane.tag_reder: got 'tag_reder'"),
        ("{tag_reader: {}}", "expected key 'barrier'"),
        ("{barrier: {}, sign: {driver: neon}}", "expected a device that has a simulator: led_serial"),
    ],
)
def test_a_lane_is_judged_as_a_configuration_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lane: str, says: str
) -> None:
    head = f"title: a lane\nshows: [O8]\nlane: {lane}\nsteps:\n  - expect: {{phase: idle}}\n"
    assert main([str(written(tmp_path, "", head))]) == EXIT_CONFIG
    said = capsys.readouterr().err
    assert says in said
    assert ":3:" in said, "the line of the lane"


def test_no_file_no_mapping_and_no_broker_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.yaml")]) == EXIT_CONFIG
    assert "file_unreadable" in capsys.readouterr().err
    assert main([str(written(tmp_path, "", "- a\n"))]) == EXIT_CONFIG
    assert "not_a_mapping" in capsys.readouterr().err
    for bad in (["--speed", "11"], ["--speed", "x"], ["--seed", "-1"], ["--broker", "nowhere"]):
        with pytest.raises(SystemExit):
            main(["released", *bad])
    assert "expected a number from 1 to 10" in capsys.readouterr().err


def test_those_that_come_along_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "released: " in capsys.readouterr().out


def test_every_word_of_a_condition_has_its_look_and_every_action_is_a_field() -> None:
    assert tuple(LOOKS) == CONDITIONS
    assert set(ACTIONS) < set(Step.model_fields)


@pytest.mark.parametrize(
    ("seen", "wanted", "holds"),
    [
        ({"a": 1, "b": {"c": [1, 2]}}, {"b": {"c": (1, 2)}}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, {"x": 1, "y": 2}], ({}, {"x": 1}), False),
        ([{"z": 3}, {"x": 1, "y": 2}], ({}, {"x": 1}), True),
        ([1], (1, 2), False),
        ("a", ("a",), False),
        (None, {"a": 1}, False),
    ],
)
def test_a_part_is_looked_for_in_mappings_alone(seen: object, wanted: object, holds: bool) -> None:
    assert contains(seen, wanted) is holds


def test_names_are_those_of_the_files(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, "steps:\n  - expect: {phase: idle}\n"))
    assert isinstance(loaded, Loaded)
    assert loaded.name == "one"
    assert Result("one", "t", (), 1, 1.0, 0, 0).failure is None


async def refuses(*_: object, **__: object) -> bool:
    raise OSError("journal_locked: another controller has it")


def test_a_controller_that_cannot_start_is_the_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "serve", refuses)
    assert main([str(written(tmp_path, "steps:\n  - expect: {phase: idle}\n"))]) == EXIT_FAILED
    assert "the controller ended: journal_locked" in capsys.readouterr().out


def test_a_broker_that_does_not_listen_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (port,) = free_ports(1)
    path = written(tmp_path, "steps:\n  - expect: {phase: idle}\n")
    assert main([str(path), "--broker", f"127.0.0.1:{port}"]) == EXIT_CANNOT_START
    assert "broker_unreachable" in capsys.readouterr().err


@contextlib.contextmanager
def real_reader(port: Path) -> Iterator[None]:
    """A reader on somebody's bench, with a tag on it: it knows nothing of the scenario."""
    loop = asyncio.new_event_loop()
    reader = R2000Simulator(lambda: [SimulatedTag("E200301666130121155074EF")], symlink=port)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(reader.start(), loop).result(10)
        yield
        asyncio.run_coroutine_threadsafe(reader.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_real_device_takes_the_place_of_its_simulator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = tmp_path / "reader"
    head = HEAD.replace("tag_reader: {}", f'tag_reader: {{id: mine, use: real, port: "{port}"}}')
    steps = (
        "steps:\n  - arrive: {truck: first}\n  - expect: {passages: [PASSED], lost: [], phase: idle, within_s: 40}\n"
    )
    path = written(tmp_path, steps, head)
    with real_reader(port):
        assert main([str(path), "--speed", "10", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["speed"] == 1.0, "nobody hurries a real device"
    fault = written(tmp_path, "steps:\n  - fault: {device: mine, switch: stuck}\n", head)
    assert main([str(fault)]) == EXIT_CONFIG
    assert "got 'mine', expected one of barrier" in capsys.readouterr().err


CAMERA = "{id: mine, use: real, url: 'http://127.0.0.1:9/', place: front, reads: [plate], user: u, password_file: %s}"
STEPS = "steps:\n  - expect: {phase: idle}\n"


@pytest.mark.parametrize("given", ["/etc/passwd", "../secret", "link", "''", "[a]", '"a\\0b"', "circle"])
@pytest.mark.parametrize("key", ["cameras: [%s]", "shadow: {cameras: [%s]}"])
def test_a_scenario_of_a_stranger_sends_nobodys_files_to_his_camera(tmp_path: Path, given: str, key: str) -> None:
    folder = tmp_path / "his"
    folder.mkdir()
    (tmp_path / "secret").write_text("key")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "circle").symlink_to(folder / "circle")
    found = load(written(folder, STEPS, HEAD.replace("tag_reader: {}", key % (CAMERA % given))))
    assert isinstance(found, list)
    assert [one.code for one in found] == ["file_outside"]
    assert found[0].key_path.endswith("cameras[0].password_file")


def test_a_password_lies_beside_its_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, STEPS, HEAD.replace("tag_reader: {}", f"cameras: [{CAMERA % 'camera.txt'}]\n  tag_reader: {{}}"))
    monkeypatch.chdir(tmp_path)
    found = load(Path("one.yaml"))
    assert isinstance(found, Loaded)
    assert found.scenario.lane["cameras"][0]["password_file"] == str(tmp_path / "camera.txt")


@pytest.mark.parametrize(
    ("said", "code"),
    [("barrier: {use: real}", "barrier_not_simulated"), ("barrier: {}\n  simulated: false", "simulation_denied")],
)
def test_no_scenario_is_a_lane_of_production(tmp_path: Path, said: str, code: str) -> None:
    found = load(written(tmp_path, STEPS, HEAD.replace("barrier: {}", said)))
    assert isinstance(found, list)
    assert [one.code for one in found] == [code]


def test_a_strangers_words_turn_no_terminal_and_spoil_no_report(capsys: pytest.CaptureFixture[str]) -> None:
    seen = {"lamps": "\x9b2J"}
    failure = Failure("expected", 3, 1.0, "phase \x1b[2J", seen, seen, "last\nwords \x1b]0;x\x07")
    result = Result("one\x1b", "title \x1b[2J", ("I3\x00",), 1, 1.0, 1.0, 1.0, failure)
    _tell(result)
    said = capsys.readouterr().out
    assert all(line.isprintable() for line in said.split("\n"))
    assert "words" in said.split("last\n")[1], "a log keeps its lines"
    case = ElementTree.fromstring(junit([result], told)).find("testcase")
    assert case is not None
    assert case.get("name") == "one\N{REPLACEMENT CHARACTER}"


def test_an_interrupt_ends_it(tmp_path: Path) -> None:
    path = written(tmp_path, "steps:\n  - expect: {phase: idle, for_s: 3000}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "sim", "released", str(path), "--speed", "10", "--json"],
        cwd=ROOT, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["name"] == "released"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == EXIT_INTERRUPTED
