"""The ready files for the service manager."""

import configparser
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from edge.release.layout import DEFAULT_PREFIX, UPGRADER, Releases
from edge.release.upgrade import RESTART
from edge.runtime.lane_service import DRAIN_TIMEOUT_S
from tests.support.needs import program

CONFIG = Path(__file__).parents[2] / "config"


UNIT = CONFIG / "systemd" / "kakou.service"
# systemd-analyze's exposure level, 0 to 10; below 5 it says OK.
MOST_EXPOSURE = 2.5
SANDBOX = {
    "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes", "ProtectKernelLogs": "yes", "ProtectControlGroups": "yes", "ProtectClock": "yes",
    "ProtectHostname": "yes", "ProtectProc": "invisible", "RestrictNamespaces": "yes", "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes", "LockPersonality": "yes", "CapabilityBoundingSet": "", "DevicePolicy": "closed",
    "SystemCallArchitectures": "native", "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6", "UMask": "0077",
}  # fmt: skip


def test_the_sandbox_is_closed_and_leaves_what_a_lane_needs() -> None:
    lines = [line for line in UNIT.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    assert {f"{name}={value}" for name, value in SANDBOX.items()} <= set(lines)
    assert "SystemCallFilter=~@privileged" in lines
    # Serial readers, the state directory, the network: without them it would be safe and of no use.
    assert {f"DeviceAllow=char-{name} rw" for name in ("ttyS", "ttyUSB", "ttyACM")} <= set(lines)
    assert {"SupplementaryGroups=dialout", "StateDirectory=kakou"} <= set(lines)
    assert not [line for line in lines if re.match("(PrivateDevices|PrivateNetwork|ProcSubset)=", line)]


@pytest.mark.systemd
@pytest.mark.parametrize("name", ["kakou.service", "kakou-bridge.service"])
def test_the_sandbox_scores_well(name: str) -> None:
    tool = program("systemd-analyze")
    assert tool is not None
    unit = UNIT.parent / name
    said = subprocess.run([tool, "security", "--offline=true", "--no-pager", str(unit)], capture_output=True)
    level = re.search(rb"exposure level for " + name.encode() + rb": ([0-9.]+)", said.stdout)
    assert level is not None, said.stderr
    assert float(level[1]) <= MOST_EXPOSURE


def test_the_service_is_what_operators_were_promised() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT, encoding="utf-8")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert service["DynamicUser"] == "yes"
    assert service["StateDirectory"] == "kakou"
    assert int(service["WatchdogSec"]) >= 10
    assert int(service["TimeoutStopSec"]) > DRAIN_TIMEOUT_S, "a lane may finish what is in motion"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_an_upgrade_that_was_cut_off_is_finished_by_the_release_that_began_it() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(CONFIG / "systemd" / "kakou-upgrade.service", encoding="utf-8")
    assert unit["Unit"]["ConditionPathExists"] == str(Releases(DEFAULT_PREFIX).state_file)
    assert unit["Service"]["ExecStart"].startswith(f"{DEFAULT_PREFIX}/{UPGRADER}/kakou upgrade --resume")


def test_an_upgrade_restarts_every_service_that_runs_its_release() -> None:
    patterns = [one for one in RESTART if one.endswith(".service")]
    units = {path.name for path in UNIT.parent.glob("*.service")} - {"kakou-upgrade.service"}
    assert {name for name in units if any(fnmatch(name, one) for one in patterns)} == units
    assert [one for one in patterns if "*" not in one] == ["kakou.service"], "what may be missing is named by a pattern"


def test_the_customs_bridge_is_closed_like_the_controller_and_needs_no_device() -> None:
    path = CONFIG / "systemd" / "kakou-bridge.service"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    assert {f"{name}={value}" for name, value in SANDBOX.items()} <= set(lines)
    assert {"PrivateDevices=yes", "Restart=always", "DynamicUser=yes"} <= set(lines)
    assert f"ExecStart={DEFAULT_PREFIX}/kakou bridge customs /etc/kakou/bridge.yaml" in lines
