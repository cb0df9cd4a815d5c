"""Tells the service manager how the controller fares (sd_notify(3)): ready, one line of status, still alive."""

import os
import socket

from edge.log import logger


class ServiceManager:
    """Talks to systemd where it listens (`NOTIFY_SOCKET`); elsewhere every call does nothing."""

    def __init__(self, address: str | None = None) -> None:
        self._address = address if address is not None else os.environ.get("NOTIFY_SOCKET", "")

    @property
    def watchdog_s(self) -> float | None:
        """How often it wants to hear that we are alive: half the configured time, None where it does not ask."""
        microseconds = os.environ.get("WATCHDOG_USEC", "")
        return int(microseconds) / 2_000_000 if self._address and microseconds.isdigit() else None

    def say(self, *assignments: str) -> None:
        """Send assignments such as READY=1 or STATUS=...; a manager that is gone is not our fault."""
        if not self._address:
            return
        # A leading @ is systemd's way to write an abstract socket.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                # A manager that does not read must not stop the lanes.
                channel.setblocking(False)
                channel.connect(address)
                channel.send("\n".join(assignments).encode())
        except OSError as error:
            logger().warning("service_manager_unreachable", cause=str(error))
