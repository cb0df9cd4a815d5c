"""The ready files for the service manager."""

import configparser
from pathlib import Path

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
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
