"""What the bridge wants of its way to the platform, whatever carries it, and how such a way is kept up."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from edge.clearance.bridge.wire import Frame

_log = logging.getLogger(__name__)
_system_random = secrets.SystemRandom()


class PlatformDown(Exception):  # noqa: N818 - a state of the connection, not a mistake
    """There is no connection to the platform. `code` is stable, `said` what the other side gave as its reason.

    Codes: connect_refused, connect_timeout, connect_failed, closed_by_platform, connection_lost, silent, half_frame;
    of Redis also refused_by_server, not_resp.
    """

    def __init__(self, code: str, address: str, said: str = "") -> None:
        super().__init__(f"{code}: customs platform {address}{said and f' ({said})'}")
        self.code = code
        self.said = said


@dataclass(slots=True)
class PlatformCounters:
    """What happened since the link was made; never reset."""

    connects: int = 0
    losses: int = 0
    frames: int = 0
    bad_frames: int = 0
    dropped_bytes: int = 0


class PlatformSide(Protocol):
    """A way to the platform. A question is sent once, on what stands now, and never again when that is lost."""

    counters: PlatformCounters

    @property
    def is_up(self) -> bool:
        """Say whether a frame would be sent now."""
        ...

    def send(self, frame: Frame) -> bool:
        """Send now; False where it cannot be."""
        ...

    async def send_when_idle(self, frame: Frame) -> bool:
        """Send once nothing else waits to be sent; False where it cannot be."""
        ...

    async def run(self) -> None:
        """Connect, serve and reconnect until cancelled."""
        ...


class Waits(Protocol):
    """How long to wait before the next attempt, and the name under which it is logged."""

    @property
    def address(self) -> str: ...  # noqa: D102
    @property
    def backoff_min_s(self) -> float: ...  # noqa: D102
    @property
    def backoff_max_s(self) -> float: ...  # noqa: D102


class Reconnecting:
    """Serves again and again, with growing waits; a loss is told once until the next `up`."""

    def __init__(
        self,
        settings: Waits,
        counters: PlatformCounters,
        on_down: Callable[[PlatformDown], None],
        random_fraction: Callable[[], float] = _system_random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._on_down = on_down
        self._random_fraction = random_fraction
        self._sleep = sleep
        self._told_down = False
        self._attempt = 0

    def up(self) -> None:
        """Note and tell that a connection stands."""
        self._counters.connects += 1
        self._told_down = False
        _log.info("platform_up", extra={"platform": self._settings.address})

    def heard(self) -> None:
        """Note that the other side lives: who accepts and closes at once, without a word, is not there."""
        self._attempt = -1

    async def run(self, serve_once: Callable[[], Awaitable[PlatformDown]]) -> None:
        """Serve until cancelled."""
        while True:
            self._report(await serve_once())
            self._attempt += 1
            doubled_s = self._settings.backoff_min_s * 2.0 ** min(self._attempt, 16)
            ceiling_s = min(self._settings.backoff_max_s, doubled_s)
            await self._sleep(ceiling_s * (0.5 + 0.5 * self._random_fraction()))

    def _report(self, down: PlatformDown) -> None:
        self._counters.losses += 1
        if self._told_down:
            return
        self._told_down = True
        extra = {"platform": self._settings.address, "reason": down.code}
        _log.warning("platform_down", extra=extra | ({"said": down.said} if down.said else {}))
        self._on_down(down)
