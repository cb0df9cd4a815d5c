"""The ready files for the service manager."""

import configparser
from pathlib import Path

from edge.release.layout import DEFAULT_PREFIX, UPGRADER, Releases
from edge.runtime.lane_service import DRAIN_TIMEOUT_S

CONFIG = Path(__file__).parents[2] / "config"


def test_the_service_is_what_operators_were_promised() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(CONFIG / "systemd" / "kakou.service", encoding="utf-8")
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
