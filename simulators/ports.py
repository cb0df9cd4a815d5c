"""Loopback ports for servers that are about to start, without two of them getting the same."""

import contextlib
import os
import random
import socket
from collections import deque
from pathlib import Path

_LOOPBACK = "127.0.0.1"
# Few services have a fixed port above this.
_LEAST_PORT = 20_000
_TRIES = 50
_CONNECTION_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
# So many handed-out ports this process keeps from being handed out again, here and by its neighbours.
_KEPT = 128
_kept: deque[int] = deque()


def free_ports(count: int) -> list[int]:
    """Return loopback TCP ports that nobody has bound, all different.

    On Linux they lie below those that the system gives to connections, where there is room: one of these could take
    such a port before its server does. And they stay bound here, so that no other process is told the same; a server
    that sets SO_REUSEADDR, as all but a few do, can bind and listen on them. The last 128 are kept like that.
    """
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            _bind_free(sock)
        ports = [int(sock.getsockname()[1]) for sock in sockets]
        # Elsewhere the option lets a stranger take the port of a server that already listens.
        if _CONNECTION_PORTS.exists():
            for sock in sockets:
                _keep(sock)
        return ports


def _bind_free(sock: socket.socket) -> None:
    own = range(_LEAST_PORT, _first_port_of_connections())
    # Not from the seed of a simulation or of a test: all that start with the same would try the same ports.
    for port in random.SystemRandom().sample(own, min(len(own), _TRIES)):
        with contextlib.suppress(OSError):
            sock.bind((_LOOPBACK, port))
            return
    sock.bind((_LOOPBACK, 0))


def _keep(sock: socket.socket) -> None:
    # After its own bind, which had to fail on a port that another keeps.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _kept.append(sock.detach())
    while len(_kept) > _KEPT:
        os.close(_kept.popleft())


def _first_port_of_connections() -> int:
    try:
        return int(_CONNECTION_PORTS.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _LEAST_PORT
