"""The default broker: rumqttd from the iotcore wheel in a process of its own, on loopback.

rumqttd serves one protocol per port: MQTT 3.1.1, MQTT 5 and WebSocket each have their own. It keeps nothing
on disk, so a killed and restarted broker comes back empty.
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from simulators.ports import free_ports

_LOOPBACK = "127.0.0.1"
_POLL_S = 0.02
_REACH_TIMEOUT_S = 3.0

# The child ends when its standard input closes, which the kernel does for a parent that was killed too.
_CHILD = """
import os, sys, threading
from iotcore import IotCoreBroker
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
IotCoreBroker(config_path=sys.argv[1]).run_forever()
"""

_CONFIG = """
id = 0
[router]
id = 0
max_connections = 512
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 4
{listeners}
"""

_LISTENER = """
[{protocol}.1]
name = "{protocol}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[{protocol}.1.connections]
connection_timeout_ms = 5000
max_payload_size = {max_payload_bytes}
max_inflight_count = 100
dynamic_filters = true
"""


class BrokerError(Exception):
    """The broker did not start. Says which ports, what was seen and what to do next."""


def reach(host: str, port: int) -> None:
    """See whether a broker that others started listens. Blocks; raises BrokerError."""
    try:
        socket.create_connection((host, port), _REACH_TIMEOUT_S).close()
    except OSError as error:
        raise BrokerError(
            f"broker_unreachable: {host}:{port}: expected a broker that listens, got {error}; "
            "next: start it, or leave --broker out"
        ) from error


class DefaultBroker:
    """The default broker as a child process; it never outlives its parent.

    `port` speaks MQTT 3.1.1, `port_v5` MQTT 5, `port_ws` MQTT 3.1.1 over WebSocket. The ports stay the same
    over `kill` and `start`.
    """

    def __init__(
        self,
        port: int | None = None,
        port_v5: int | None = None,
        port_ws: int | None = None,
        *,
        max_payload_bytes: int = 65536,
        start_timeout_s: float = 10.0,
    ) -> None:
        spare = free_ports(3)
        self.host = _LOOPBACK
        self.port = port if port is not None else spare[0]
        self.port_v5 = port_v5 if port_v5 is not None else spare[1]
        self.port_ws = port_ws if port_ws is not None else spare[2]
        self._max_payload_bytes = max_payload_bytes
        self._start_timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running broker, else None."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start and wait until every listener accepts. Blocks; raises BrokerError."""
        if self._process is not None:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="kakou-broker-")
        config = Path(self._folder.name) / "broker.toml"
        config.write_text(self._config_text(), encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-P", "-c", _CHILD, str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + self._start_timeout_s
        try:
            for port in (self.port, self.port_v5, self.port_ws):
                self._await_listener(port, deadline_s)
        except BrokerError:
            self.kill()
            raise

    def kill(self) -> None:
        """End the broker at once, as a power cut would: it keeps nothing. May be called repeatedly."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _config_text(self) -> str:
        listeners = "".join(
            _LISTENER.format(protocol=protocol, port=port, max_payload_bytes=self._max_payload_bytes)
            for protocol, port in (("v4", self.port), ("v5", self.port_v5), ("ws", self.port_ws))
        )
        return _CONFIG.format(listeners=listeners)

    def _await_listener(self, port: int, deadline_s: float) -> None:
        assert self._process is not None
        while time.monotonic() < deadline_s:
            if (code := self._process.poll()) is not None:
                raise BrokerError(
                    f"broker_exited: default broker at {_LOOPBACK}:{port}: expected a listener, got exit status "
                    f"{code}; next: see whether another program uses the port"
                )
            with contextlib.suppress(OSError), socket.create_connection((_LOOPBACK, port), timeout=0.5):
                return
            time.sleep(_POLL_S)
        raise BrokerError(
            f"broker_silent: default broker at {_LOOPBACK}:{port}: expected a listener within "
            f"{self._start_timeout_s} s, got none; next: see whether the machine is overloaded"
        )
