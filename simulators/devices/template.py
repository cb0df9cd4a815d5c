"""The device of `drivers/template` without its plug: it sends its count by itself."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.template.wire import MOST_COUNT, Count, encode
from simulators.devices.serial_wire import StreamDevice, StreamFaults, switch


@dataclass(slots=True)
class TemplateFaults(StreamFaults):
    """`jumping` is a device that shows anything but the truth."""

    jumping: bool = switch(False, True)


class TemplateDevice(StreamDevice[bytes]):
    """Sends `count()` each `interval_s`."""

    def __init__(self, count: Callable[[], int], *, interval_s: float = 0.1, seed: int = 0) -> None:
        self.faults = TemplateFaults()
        super().__init__(self.faults, seed=seed)
        self._count = count
        self._interval_s = interval_s

    async def live(self) -> None:
        """Send until cancelled."""
        while True:
            pieces = self.random.randint(0, MOST_COUNT) if self.faults.jumping else self._count()
            await self.send(encode(Count(pieces)))
            await asyncio.sleep(self._interval_s)

    def understand(self, _: bytes) -> list[bytes]:
        """It listens to nobody."""
        return []

    async def answer(self, command: bytes) -> None:
        """Never asked."""
