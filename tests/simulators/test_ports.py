"""Free ports: never the same for two that start at once, and free for the server that they are meant for."""

import random
import socket
import subprocess
import sys

import pytest

from simulators import ports
from simulators.ports import free_ports

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps what it handed out")


def crowded(monkeypatch: pytest.MonkeyPatch, room: int) -> range:
    """Leave so few ports to choose from that two choices would soon be the same one."""
    (least,) = free_ports(1)
    monkeypatch.setattr(ports, "_LEAST_PORT", least)
    monkeypatch.setattr(ports, "_first_port_of_connections", lambda: least + room)
    return range(least, least + room)


@only_linux
def test_what_was_handed_out_is_not_handed_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    room = crowded(monkeypatch, 8)
    found = []
    for _ in range(6):
        # As tests and simulations do.
        random.seed(1)
        found += free_ports(1)
    assert len(set(found)) == 6
    assert room.start not in found


@only_linux
def test_another_process_is_not_told_the_same() -> None:
    (port,) = free_ports(1)
    text = (
        f"from simulators import ports\nports._LEAST_PORT = {port}\n"
        f"ports._first_port_of_connections = lambda: {port + 1}\nprint(*ports.free_ports(1))"
    )
    told = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout
    assert int(told) != port


def test_a_server_listens_on_it_again_and_again() -> None:
    (port,) = free_ports(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)
    for _ in range(2):
        with (
            socket.create_server(("127.0.0.1", port)) as server,
            socket.create_connection(("127.0.0.1", port), timeout=2),
        ):
            server.accept()[0].close()


@only_linux
def test_no_more_is_kept_than_it_says() -> None:
    for _ in range(3):
        free_ports(100)
    assert len(ports._kept) == 128
