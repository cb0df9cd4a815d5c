"""A scenario with real devices keeps out of the way of whoever speaks to the devices of this box."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.device_lock import DevicesHeldError, devices_held
from simulators.ports import free_ports
from simulators.scenario import verb
from simulators.scenario.loading import Loaded, load
from simulators.scenario.running import Result
from simulators.scenario.verb import EXIT_CANNOT_START, EXIT_CONFIG, main
from tests.support.sources import ROOT

SCENARIO = """\
title: a reader of ours
shows: [I3]
lane:
  barrier: {}
  %s
  must_match: [tag]
steps:
  - expect: {phase: idle}
"""
REAL = "tag_reader: {id: reader, use: real, port: ./reader}"
SIMULATED = "tag_reader: {}"
CAMERA = "{id: his, url: 'http://127.0.0.1:9/', place: front, reads: [plate]}"
HOLDS = """\
import sys
from pathlib import Path
from edge.device_lock import devices_held
with devices_held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _in_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAKOU_LANG", "en")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state").mkdir()
    example = (ROOT / "config" / "examples" / "demo.yaml").read_text(encoding="utf-8")
    (tmp_path / "kakou.yaml").write_text(example, encoding="utf-8")


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that speaks to the devices of this box."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "state")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def scenario(folder: Path, reader: str = REAL) -> Path:
    path = folder / "mine.yaml"
    path.write_text(SCENARIO % reader, encoding="utf-8")
    return path


def played(path: Path, *more: str) -> int:
    """Run it; where nothing is in its way it fails at a broker that does not listen, having opened nothing."""
    (port,) = free_ports(1)
    return main([str(path), "--broker", f"127.0.0.1:{port}", *more])


@pytest.mark.parametrize("device", [REAL, f"{SIMULATED}\n  shadow: {{cameras: [{CAMERA}]}}"], ids=["reader", "shadow"])
def test_real_devices_that_another_process_holds_are_not_opened_and_it_is_named(
    device: str, tmp_path: Path, holder: "subprocess.Popen[str]", capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(tmp_path, device)
    assert played(path) == EXIT_CANNOT_START
    said = capsys.readouterr().err
    assert "devices_held" in said
    assert f"process {holder.pid}" in said
    holder.kill()
    holder.wait()
    assert played(path) == EXIT_CANNOT_START
    assert "broker_unreachable" in capsys.readouterr().err, "the lock ended with its process"


def test_simulated_devices_are_nobodys(
    tmp_path: Path, holder: "subprocess.Popen[str]", capsys: pytest.CaptureFixture[str]
) -> None:
    played(scenario(tmp_path, SIMULATED))
    assert "broker_unreachable" in capsys.readouterr().err


def test_while_it_runs_nobody_else_speaks_to_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[subprocess.CompletedProcess[str]] = []

    def beside(loaded: Loaded, *_: Any, **__: Any) -> Result:
        command = [sys.executable, "-m", "edge.cli", "bringup", "barrier-1", str(tmp_path / "kakou.yaml")]
        refused.append(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False))
        return Result(loaded.name, "", (), 1, 1.0, 0, 0)

    monkeypatch.setattr(verb, "run", beside)
    assert main([str(scenario(tmp_path))]) == 0
    assert [one.returncode for one in refused] == [75]
    assert f"process {os.getpid()}" in refused[0].stderr
    with devices_held(tmp_path / "state"):
        pass


def test_without_a_configuration_it_says_what_it_cannot_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kakou.yaml").unlink()
    played(scenario(tmp_path))
    said = capsys.readouterr().err
    assert "--config" in said
    assert "broker_unreachable" in said
    played(scenario(tmp_path, SIMULATED))
    assert "--config" not in capsys.readouterr().err


def test_a_configuration_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = scenario(tmp_path)
    assert played(path, "--config", str(tmp_path / "missing.yaml")) == EXIT_CONFIG
    assert "file_missing" in capsys.readouterr().err
    (tmp_path / "kakou.yaml").write_text("site: yard\n", encoding="utf-8")
    assert played(path) == EXIT_CONFIG


def test_who_holds_them_is_not_told_where_it_cannot_be_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.device_lock.LOCKS", tmp_path / "nothing")
    with (
        devices_held(tmp_path / "state"),
        pytest.raises(DevicesHeldError, match="got another process") as held,
        devices_held(tmp_path / "state"),
    ):
        pass
    assert held.value.holder is None


def test_a_shadow_is_real_without_a_word(tmp_path: Path) -> None:
    loaded = load(scenario(tmp_path, f"{SIMULATED}\n  shadow: {{cameras: [{CAMERA}]}}"))
    assert isinstance(loaded, Loaded)
    assert loaded.real
