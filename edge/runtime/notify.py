"""Tells the service manager how the controller fares (sd_notify(3)): ready, one line of status, still alive."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping

from edge.log import logger
from edge.runtime.lane_runner import LaneRunner

# A device that is slow to answer is named as lost before this; the service manager is not kept waiting longer.
READY_AFTER_S = 10.0


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


async def tell_manager(manager: ServiceManager, runners: Mapping[str, LaneRunner]) -> None:
    """READY once every device shows a state, a line of status, and a watchdog fed by the event loop's own progress."""
    period_s = min(manager.watchdog_s or 5.0, 5.0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_AFTER_S):
            await asyncio.gather(*(runner.probed.wait() for runner in runners.values()))
    manager.say("READY=1")
    while True:
        phases = ", ".join(f"{name} {runner.state.phase}" for name, runner in runners.items())
        manager.say("WATCHDOG=1", f"STATUS={phases}")
        await asyncio.sleep(period_s)
