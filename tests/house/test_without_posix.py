"""A technician's Windows laptop: nothing that only POSIX has is imported until it is needed."""

import subprocess
import sys

import pytest

from tests.support.sources import ROOT

# pyserial chooses its own form for the platform; of Windows' form nothing can be loaded here.
WITHOUT_POSIX = """\
import importlib, os, pkgutil, signal, sys, time, types

HIDDEN = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}


class Hides:
    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN:
            raise ModuleNotFoundError(f"{name} is not here", name=name)


stand_in = types.ModuleType("serial.serialposix")
stand_in.Serial = stand_in.PosixPollSerial = stand_in.VTIMESerial = type("Serial", (), {})
sys.modules["serial.serialposix"] = stand_in
import asyncio, ctypes, multiprocessing, ssl, subprocess, tempfile
for name in HIDDEN:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hides())
for module, names in {
    os: "O_DIRECTORY O_NOFOLLOW SCHED_BATCH fork geteuid getuid openpty sched_setscheduler sysconf",
    signal: "SIGHUP SIGKILL SIGUSR1 SIGUSR2",
    time: "CLOCK_BOOTTIME clock_gettime",
    asyncio: "open_unix_connection start_unix_server",
}.items():
    for name in names.split():
        delattr(module, name)
"""
IMPORTS = """
seen = 0
for room in ("config", "drivers", "edge", "simulators"):
    package = importlib.import_module(room)
    for found in pkgutil.walk_packages(package.__path__, room + "."):
        importlib.import_module(found.name)
        seen += 1
print(seen)
"""
DEVICE = """
from pathlib import Path
from edge.doctor.box import group_of, user_name
from simulators.devices.serial_wire import TcpWire
from simulators.scenario.kinds import kind_of
from simulators.scenario.device import Site

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


def _without_posix(script: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT_POSIX + script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_every_module_is_imported_where_there_is_no_posix() -> None:
    assert int(_without_posix(IMPORTS)) > 300


def test_where_there_are_no_ptys_serial_simulators_listen_on_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "technician")
    assert _without_posix(DEVICE) == "socket://127.0.0.1 technician True"
