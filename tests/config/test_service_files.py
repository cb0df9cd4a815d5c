"""The ready files for the service manager and the broker."""

import configparser
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

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


@pytest.mark.mosquitto
@pytest.mark.skipif(not shutil.which("mosquitto"), reason="needs the Debian package mosquitto")
def test_mosquitto_accepts_its_example(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = (CONFIG / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
    shutil.copy(CONFIG / "mosquitto" / "acl", tmp_path / "acl")
    (tmp_path / "passwords").write_text("")
    (tmp_path / "acl").chmod(0o600)
    (tmp_path / "passwords").chmod(0o600)
    text = text.replace("/etc/mosquitto/", f"{tmp_path}/").replace("/var/lib/mosquitto/", f"{tmp_path}/")
    # Debian's Mosquitto refuses to run as root unless told so.
    text = re.sub(r"^listener 1883", f"listener {port}", text, flags=re.MULTILINE) + "\nuser root\n"
    (tmp_path / "mosquitto.conf").write_text(text)
    mosquitto = shutil.which("mosquitto")
    assert mosquitto is not None
    with subprocess.Popen(
        [mosquitto, "-c", str(tmp_path / "mosquitto.conf"), "-v"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as broker:
        try:
            assert broker.stderr is not None
            lines: list[str] = []
            for raw in broker.stderr:
                lines.append(raw.decode())
                if " running" in lines[-1]:
                    break
            assert " running" in lines[-1], lines
            assert not [line for line in lines if "Error" in line or ("Warning" in line and "as root" not in line)]
        finally:
            broker.kill()
