"""sd_notify(3) over a real datagram socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.runtime.notify import ServiceManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(5)
        yield channel


def test_assignments_are_one_datagram(manager: socket.socket):
    ServiceManager(manager.getsockname()).say("READY=1", "STATUS=lane-1 idle")
    assert manager.recv(1000) == b"READY=1\nSTATUS=lane-1 idle"


def test_the_environment_names_the_manager(manager: socket.socket, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "6000000")
    service = ServiceManager()
    assert service.watchdog_s == 3.0
    service.say("WATCHDOG=1")
    assert manager.recv(1000) == b"WATCHDOG=1"


@pytest.mark.parametrize("value", ["", "soon"])
def test_no_watchdog_is_asked_for(manager: socket.socket, monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("WATCHDOG_USEC", value)
    assert ServiceManager(manager.getsockname()).watchdog_s is None


def test_abstract_sockets_are_written_with_an_at_sign():
    name = f"@kakou-test-{id(object())}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind("\0" + name[1:])
        channel.settimeout(5)
        ServiceManager(name).say("READY=1")
        assert channel.recv(1000) == b"READY=1"


def test_without_a_manager_nothing_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "6000000")
    service = ServiceManager()
    service.say("READY=1")
    assert service.watchdog_s is None


def test_a_manager_that_went_away_or_does_not_read_is_not_our_fault(tmp_path: Path, manager: socket.socket):
    ServiceManager(str(tmp_path / "gone")).say("READY=1")
    service = ServiceManager(manager.getsockname())
    # More than the kernel keeps for a reader that never reads: saying it must not wait for one.
    for _ in range(600):
        service.say("WATCHDOG=1")
