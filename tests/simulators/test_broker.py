"""The default broker as a process: its ports, its death, and its parent's."""

import os
import select
import socket
import subprocess
import sys

import pytest

from simulators.broker import BrokerError, DefaultBroker


def test_all_listeners_accept_and_survive_a_restart() -> None:
    broker = DefaultBroker()
    ports = (broker.port, broker.port_v5, broker.port_ws)
    assert len(set(ports)) == 3
    with broker:
        broker.start()  # already running: nothing happens
        first = broker.pid
        broker.kill()
        assert broker.pid is None
        broker.start()
        assert broker.pid != first
        for port in ports:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
    broker.kill()  # may be called again
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", broker.port), timeout=2)


def test_a_port_in_use_is_a_named_failure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Bound and not listening: the broker cannot have it, and nobody answers on it.
        broker = DefaultBroker(port=taken.getsockname()[1], start_timeout_s=1.5)
        with pytest.raises(BrokerError, match=r"broker_(exited|silent)"):
            broker.start()
    assert broker.pid is None


def test_the_broker_does_not_outlive_a_killed_parent() -> None:
    text = (
        "import sys\nfrom simulators.broker import DefaultBroker\n"
        "b = DefaultBroker(); b.start(); print(b.pid, b.port, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid, port = (int(number) for number in parent.stdout.readline().split())
        broker = os.pidfd_open(pid)
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            parent.kill()
            # A closed connection would not prove it: a dying process closes its sockets one after the other.
            ended, _, _ = select.select([broker], [], [], 30)
            assert ended, "the broker lives on"
        finally:
            os.close(broker)
