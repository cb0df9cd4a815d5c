"""Real brokers for tests: the default one and Debian's Mosquitto, on free loopback ports, killed and emptied at will.

Fixtures: `default_broker`, `mosquitto`, `broker` (both, each with both protocol versions).
"""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from edge.mqtt import MqttSettings, ProtocolVersion
from simulators.broker import DefaultBroker
from simulators.ports import free_ports


class RunningBroker(Protocol):
    """What tests need of a broker."""

    host: str
    port: int
    port_v5: int

    def start(self) -> None: ...
    def kill(self) -> None: ...


class Mosquitto:
    """Debian's Mosquitto without persistence: a killed one comes back empty. Both versions share the port."""

    def __init__(self, folder: Path, extra_config: str = "") -> None:
        self.host = "127.0.0.1"
        self.port = free_ports(1)[0]
        self.port_v5 = self.port
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            f"set_tcp_nodelay true\nlog_dest none\n{extra_config}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = mosquitto_binary()
        assert binary is not None
        self._process = subprocess.Popen(
            [binary, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + 10
        while time.monotonic() < deadline_s:
            assert self._process.poll() is None, "mosquitto exited"
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=0.5):
                return
        raise AssertionError("mosquitto did not listen within 10 s")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def mosquitto_binary() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def skip_without_mosquitto() -> None:
    if mosquitto_binary() is None:
        pytest.skip("install the Debian package mosquitto")


@dataclass
class BrokerCase:
    """One broker spoken to in one protocol version."""

    broker: RunningBroker
    version: ProtocolVersion

    def settings(self, client_id: str, **changes: object) -> MqttSettings:
        port = self.broker.port_v5 if self.version == "5" else self.broker.port
        fast: dict[str, object] = {"backoff_min_s": 0.05, "backoff_max_s": 0.4, "stable_s": 1.0}
        return MqttSettings(self.broker.host, port, client_id, version=self.version, **(fast | changes))  # type: ignore[arg-type]


@pytest.fixture
def default_broker() -> Iterator[DefaultBroker]:
    with DefaultBroker() as broker:
        yield broker


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    skip_without_mosquitto()
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


CASES = [
    pytest.param(("default", "3.1.1"), id="default-3.1.1"),
    pytest.param(("default", "5"), id="default-5"),
    pytest.param(("mosquitto", "3.1.1"), id="mosquitto-3.1.1", marks=pytest.mark.mosquitto),
    pytest.param(("mosquitto", "5"), id="mosquitto-5", marks=pytest.mark.mosquitto),
]


@pytest.fixture(params=CASES)
def broker(request: pytest.FixtureRequest) -> BrokerCase:
    kind, version = request.param
    name = "default_broker" if kind == "default" else "mosquitto"
    return BrokerCase(request.getfixturevalue(name), version)
