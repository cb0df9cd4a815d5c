"""Keeps one device connected: back-off with jitter, lost and back said once each. Keeps every other part going."""

import asyncio
from collections.abc import Awaitable, Callable

from edge.log import logger
from edge.ports import Clock, Device, DeviceError

# A device that was not reached by then is named as lost, so that every device shows a state within 10 s ...
NAMED_AFTER_S = 8.0
# ... while the attempt goes on: a camera's worker process takes its time on a small box under load.
CONNECT_TIMEOUT_S = 20.0
SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 3.0
# A device that served this long was well: the next loss starts with the shortest pause again.
STEADY_S = 10.0


async def keep_going(part: str, run: Callable[[], Awaitable[None]], clock: Clock, **context: str) -> None:
    """Run a part that is meant to run for ever, until cancelled; one that fails or ends begins again after a pause.

    For what is no device: a defect there, or a disk that cannot be read, must not end the lanes (I17).
    """
    log = logger(**context)
    while True:
        try:
            await run()
        except Exception:
            # The supervisor: a part's defect costs that part, not the box.
            log.exception("part_crashed", part=part)
        else:
            log.error("part_ended", part=part)
        await clock.sleep(LONGEST_PAUSE_S)


class Supervisor:
    """Runs one device for ever. `jitter` draws from 0.0 to 1.0: lanes that lost one switch must not return as one."""

    def __init__(
        self,
        device: Device,
        *,
        clock: Clock,
        jitter: Callable[[], float],
        on_lost: Callable[[str, DeviceError], None],
        on_back: Callable[[str], None],
    ) -> None:
        self.device = device
        self._clock = clock
        self._jitter = jitter
        self._on_lost = on_lost
        self._on_back = on_back
        self._log = logger(device=device.name, address=device.address)
        self._well: bool | None = None
        self._pause_s = SHORTEST_PAUSE_S

    async def run(self) -> None:
        """Connect, serve, reconnect, until cancelled."""
        task = asyncio.current_task()
        assert task is not None, "coroutines run in tasks"
        while True:
            error = await self._serve_once()
            if task.cancelling():
                # Before Python 3.12 `asyncio.wait_for`, also in a driver's library, forgets a cancellation that meets
                # its result, and a controller that was told to stop would serve on.
                raise asyncio.CancelledError
            self._say_lost(error)
            await self._clock.sleep(self._pause_s * (0.5 + self._jitter()))
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    def _say_lost(self, error: DeviceError) -> None:
        if self._well is not False:
            self._well = False
            self._log.warning("device_lost", code=error.code, cause=str(error))
            self._on_lost(self.device.name, error)

    def _say_slow(self) -> None:
        self._say_lost(self._named("device_slow_to_connect", f"an answer within {NAMED_AFTER_S:.0f} s", "none yet"))

    async def _connect(self) -> None:
        slow = asyncio.get_running_loop().call_later(NAMED_AFTER_S, self._say_slow)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self.device.connect()
        finally:
            slow.cancel()

    async def _serve_once(self) -> DeviceError:
        connected_at_ms: int | None = None
        try:
            await self._connect()
            connected_at_ms = self._clock.now_ms()
            self._well = True
            self._log.info("device_back")
            self._on_back(self.device.name)
            await self.device.run()
        except DeviceError as error:
            return error
        except TimeoutError:
            return self._named("device_connect_timeout", f"an answer within {CONNECT_TIMEOUT_S:.0f} s", "none")
        except Exception as error:  # noqa: BLE001 - the supervisor: a driver's defect costs its device, not the lane
            self._log.exception("driver_crashed")
            return self._named("driver_crashed", "a named device error", repr(error))
        finally:
            if connected_at_ms is not None and self._clock.now_ms() - connected_at_ms > STEADY_S * 1000:
                self._pause_s = SHORTEST_PAUSE_S
            await self.device.close()
        return self._named("driver_ended", "a driver that serves until it fails", "its end")

    def _named(self, code: str, expected: str, got: str) -> DeviceError:
        return DeviceError(
            code,
            device=self.device.name,
            address=self.device.address,
            expected=expected,
            got=got,
            next_step="check cable, power and address; the controller keeps trying",
        )
