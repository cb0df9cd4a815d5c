"""The broker that is measured through: Debian's Mosquitto where it is installed, else the default one."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simulators.broker import BrokerError, DefaultBroker
from simulators.ports import free_ports

_LOOPBACK = "127.0.0.1"
_START_TIMEOUT_S = 10.0
_POLL_S = 0.02
_CONFIG = """\
listener {port} {host}
allow_anonymous true
persistence false
set_tcp_nodelay true
log_dest none
"""


@dataclass(frozen=True, slots=True)
class MeasuredBroker:
    """A running broker: its name for the report, and where it speaks MQTT 5."""

    name: str
    host: str
    port: int


def mosquitto_binary() -> str | None:
    """Return the path of Mosquitto, or None where it is not installed. Debian keeps it out of a user's path."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


@contextlib.contextmanager
def measured_broker(binary: str | None) -> Iterator[MeasuredBroker]:
    """Run Mosquitto from `binary`, or the default broker where that is None. Raises BrokerError."""
    if binary is None:
        with DefaultBroker() as broker:
            yield MeasuredBroker("default", broker.host, broker.port_v5)
        return
    with tempfile.TemporaryDirectory(prefix="kakou-mosquitto-") as folder:
        (port,) = free_ports(1)
        config = Path(folder) / "mosquitto.conf"
        config.write_text(_CONFIG.format(host=_LOOPBACK, port=port), encoding="utf-8")
        process = subprocess.Popen(  # noqa: S603 - an installed program and our own configuration
            [binary, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _await_listener(process, port)
            yield MeasuredBroker("mosquitto", _LOOPBACK, port)
        finally:
            process.terminate()
            process.wait()


def _await_listener(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((_LOOPBACK, port), timeout=0.5):
            return
        time.sleep(_POLL_S)
    raise BrokerError(
        f"broker_silent: Mosquitto at {_LOOPBACK}:{port}: expected a listener within {_START_TIMEOUT_S} s, "
        f"got exit status {process.poll()}; next: run mosquitto by hand and read what it says"
    )
