"""The TCP connection of a front end to the customs platform: kept up until cancelled, bounded both ways.

A question is sent once, on the connection that stands: when that is lost, what was not sent yet is thrown away with it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from edge.clearance.bridge.link import PlatformCounters, PlatformDown, Reconnecting
from edge.clearance.bridge.wire import Frame, FrameDecoder, encode

_READ_BYTES = 4096
# The questions of 64 lanes; a platform that takes no more than this is as good as gone.
MAX_UNSENT_BYTES = 256 * 1024
# The rest of a frame comes at once, or its length was wrong.
HALF_FRAME_S = 5.0


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """Where the platform listens. A heartbeat is sent each `heartbeat_s`.

    Where nothing at all comes for `silence_s`, the connection is given up; None for a platform that sends none.
    """

    host: str
    port: int
    heartbeat_s: float = 10.0
    silence_s: float | None = 30.0
    connect_timeout_s: float = 3.0
    backoff_min_s: float = 0.2
    backoff_max_s: float = 15.0

    @property
    def address(self) -> str:
        """Return host:port, for messages."""
        return f"{self.host}:{self.port}"


class PlatformLink:
    """One connection. `on_frame` gets each frame, `on_down` each loss once; neither may raise or block."""

    def __init__(
        self,
        settings: PlatformSettings,
        *,
        heartbeats: Callable[[], list[Frame]],
        on_frame: Callable[[Frame], None],
        on_up: Callable[[], None] = lambda: None,
        on_down: Callable[[PlatformDown], None] = lambda _down: None,
    ) -> None:
        self.settings = settings
        self.counters = PlatformCounters()
        self._heartbeats = heartbeats
        self._on_frame = on_frame
        self._on_up = on_up
        self._kept = Reconnecting(settings, self.counters, on_down)
        self._writer: asyncio.StreamWriter | None = None

    @property
    def is_up(self) -> bool:
        """Say whether a frame would be sent now."""
        return self._writer is not None and not self._writer.is_closing()

    def send(self, frame: Frame) -> bool:
        """Send now; False where there is no connection or it takes no more, which ends it."""
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(encode(frame))
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._writer.transport.abort()
            return False
        return True

    async def send_when_idle(self, frame: Frame) -> bool:
        """Send once nothing else waits to be sent, so that a question is behind one such frame at most.

        False where the connection is lost, or takes nothing any more.
        """
        writer = self._writer
        if writer is None:
            return False
        try:
            await writer.drain()
        except OSError:
            return False
        return self._writer is writer and self.send(frame)

    async def run(self) -> None:
        """Connect, serve and reconnect until cancelled."""
        await self._kept.run(self._serve_once)

    async def _serve_once(self) -> PlatformDown:
        try:
            async with asyncio.timeout(self.settings.connect_timeout_s):
                reader, writer = await asyncio.open_connection(self.settings.host, self.settings.port)
        except TimeoutError:
            return self._down("connect_timeout")
        except ConnectionRefusedError:
            return self._down("connect_refused")
        except OSError:
            return self._down("connect_failed")
        # Whoever waits for it to drain waits until nothing is left.
        writer.transport.set_write_buffer_limits(high=0)
        self._writer = writer
        self._kept.up()
        beating = asyncio.ensure_future(self._beat())
        try:
            self._on_up()
            return await self._receive(reader)
        finally:
            self._writer = None
            beating.cancel()
            # Not closed in order: what still waits to be sent would be asked of whoever reads on.
            writer.transport.abort()

    async def _receive(self, reader: asyncio.StreamReader) -> PlatformDown:
        decoder = FrameDecoder()
        while True:
            try:
                async with asyncio.timeout(HALF_FRAME_S if decoder.pending else self.settings.silence_s):
                    data = await reader.read(_READ_BYTES)
            except TimeoutError:
                return self._down("half_frame" if decoder.pending else "silent")
            except OSError:
                return self._down("connection_lost")
            if not data:
                return self._down("closed_by_platform")
            bad, dropped = decoder.bad_frames, decoder.dropped_bytes
            for frame in decoder.feed(data):
                self.counters.frames += 1
                self._kept.heard()
                self._on_frame(frame)
            self.counters.bad_frames += decoder.bad_frames - bad
            self.counters.dropped_bytes += decoder.dropped_bytes - dropped
            # A flood must leave the loop to deadlines and to other lanes.
            await asyncio.sleep(0)

    async def _beat(self) -> None:
        while True:
            for frame in self._heartbeats():
                self.send(frame)
            await asyncio.sleep(self.settings.heartbeat_s)

    def _down(self, code: str) -> PlatformDown:
        return PlatformDown(code, self.settings.address)
