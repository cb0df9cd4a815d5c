"""A technician's Windows laptop: what runs there, in Pythons that were made as bare of POSIX as Windows is.

`tests/support/bare` takes away what Windows lacks and does what Windows does otherwise, in these processes and their
children. What only Windows itself can show, it cannot: docs/decisions/0064 says what was seen where.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.portable.endpoint import PROFILE
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000TcpSimulator
from tests.support.bringup_box import CONFIG, now_ms
from tests.support.sources import ROOT

BARE = ROOT / "tests" / "support" / "bare"
LIMIT_S = 120.0
IMPORTS = """
import importlib, pkgutil
seen = 0
for room in ("config", "drivers", "edge", "simulators"):
    package = importlib.import_module(room)
    for found in pkgutil.walk_packages(package.__path__, room + "."):
        importlib.import_module(found.name)
        seen += 1
print(seen)
"""
DEVICE = """
import asyncio
from pathlib import Path
from edge.doctor.box import group_of, user_name
from edge.portable.loop import use_portable_loop
from simulators.devices.serial_wire import TcpWire
from simulators.scenario.kinds import kind_of
from simulators.scenario.device import Site

use_portable_loop()
site = Site("reader", {}, Path("."), None, None, lambda: 0, {}, 1)


async def plugged():
    reader = kind_of("tag_reader", {}).build(site)
    await reader.start()
    try:
        return reader.address["port"]
    finally:
        await reader.stop()


print(asyncio.run(plugged()).rpartition(":")[0], user_name(), group_of(Path(".")).isdigit())
"""
HOLD = """
import sys
from pathlib import Path
from edge.device_lock import DevicesHeldError, devices_held
try:
    with devices_held(Path(sys.argv[1])):
        print("alone", flush=True)
        sys.stdin.read()
except DevicesHeldError as error:
    print(error.code, error.holder)
"""


def environment(profile: Path) -> dict[str, str]:
    search_path = os.pathsep.join((str(BARE), str(ROOT)))
    more = {PROFILE: str(profile), "LOGNAME": "technician", "KAKOU_LANG": "en", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, "PYTHONPATH": search_path, **more}


def bare(folder: Path, *arguments: str, status: int = 0) -> str:
    """What a bare Python prints that is called so in `folder`."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        env=environment(folder / "profile"),
    )  # fmt: skip
    assert done.returncode == status, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout.strip()


def kakou(folder: Path, *arguments: str, status: int = 0) -> str:
    return bare(folder, "-m", "edge.cli", *arguments, status=status)


def test_every_module_is_imported_where_there_is_no_posix(tmp_path: Path) -> None:
    assert int(bare(tmp_path, "-c", IMPORTS)) > 300


def test_where_there_are_no_ptys_serial_simulators_listen_on_tcp(tmp_path: Path) -> None:
    assert bare(tmp_path, "-c", DEVICE) == "socket://127.0.0.1 technician True"


def test_a_configuration_is_written_and_checked_there(tmp_path: Path) -> None:
    kakou(tmp_path, "init", "site")
    assert "no errors" in kakou(tmp_path, "check", "--elsewhere", "site/kakou.yaml")
    assert "file_not_readable" in kakou(tmp_path, "check", "site/kakou.yaml", status=78)


def test_scenarios_run_there_with_the_controller_in_their_loop_and_apart(tmp_path: Path) -> None:
    scenarios = ("reader_unplugged", "plate_pushed_by_the_camera", "killed_while_open", "stopped_while_open")
    told = kakou(tmp_path, "sim", *scenarios, "--speed", "10", "--json")
    assert [json.loads(line)["failure"] for line in told.splitlines()] == [None] * 4


def test_pictures_are_read_there(tmp_path: Path) -> None:
    picture = "from simulators.scene import render_front; import cv2;" \
        " cv2.imwrite('truck.png', render_front('沪A12345', 'blue', 'ordinary', 1, 1))"  # fmt: skip
    bare(tmp_path, "-c", picture)
    assert "沪A12345" in kakou(tmp_path, "identify", "truck.png", "--json")


def test_one_process_alone_speaks_to_the_devices_there(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, env=environment(tmp_path), stdin=-1, stdout=-1) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == b"alone\n"
        assert bare(tmp_path, "-c", HOLD, str(tmp_path)) == "devices_held None"
        first.stdin.close()
    assert bare(tmp_path, "-c", HOLD, str(tmp_path)) == "alone"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder with a configuration of a barrier and a reader that are simulated here."""
    async with asyncio.timeout(LIMIT_S):
        barrier = BarrierSimulator(Plant(now_ms))
        reader = R2000TcpSimulator(lambda: [SimulatedTag("E200301666130121155074EF")])
        await barrier.start()
        await reader.start()
        devices = f"    tag_reader: {{id: reader, port: '{reader.path}'}}\n"
        (tmp_path / "kakou.yaml").write_text(CONFIG.format(barrier=barrier.port, devices=devices), encoding="utf-8")
        yield tmp_path
        await reader.stop()
        await barrier.stop()


async def test_one_device_is_brought_up_there(box: Path) -> None:
    told = await asyncio.to_thread(kakou, box, "bringup", "reader", "--json", "--report", "report")
    report: dict[str, Any] = json.loads(told)
    assert report["ok"]
    assert (box / "report").is_dir()


async def test_the_doctor_looks_at_it_there(box: Path) -> None:
    told = json.loads(await asyncio.to_thread(kakou, box, "doctor", "--json", status=1))
    found = {(one["code"], one["subject"]) for one in told["findings"]}
    assert {("device_reached", "lane-1/reader"), ("clock_unknown", "clock")} <= found


def test_a_person_gives_orders_to_the_demo_there_and_an_interrupt_ends_all_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", "demo", "--headless", "--stay", "--passages", "1", "--folder", "lane"]
    demo = subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path / "profile"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    with demo:
        try:
            assert demo.stderr is not None
            said = ""
            # It tells what to type, as one types it there.
            while "--reason" not in said:
                said = demo.stderr.readline()
                assert said, "the demo ended"
            assert said.strip().startswith("py -3 ")
            there = ("--socket", "lane/state/control.sock", "--json")
            lane = json.loads(kakou(tmp_path, "status", *there))["lanes"][0]
            assert lane["simulated"]
            who = ("--operator", "chen", "--reason", "practice")
            assert json.loads(kakou(tmp_path, "mode", "lane-1", "DRILL", *who, *there))["accepted"]
            opened = json.loads(kakou(tmp_path, "open", "--lane", "lane-1", *who, *there))
            assert (opened["accepted"], opened["lane"]["boom"]) == (True, "up")
            stranger = {**environment(tmp_path / "elsewhere")}
            asked = [sys.executable, "-m", "edge.cli", "open", "--lane", "lane-1", *who, *there]
            assert subprocess.run(asked, cwd=tmp_path, env=stranger, capture_output=True, check=False).returncode == 69
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 128 + signal.SIGINT
    assert "stopping" in (tmp_path / "lane" / "controller.log").read_text(encoding="utf-8")
    assert not list((tmp_path / "profile").rglob("control-*.json"))
