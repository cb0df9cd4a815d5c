"""A reader of drivers' cards or printed codes on its real wire: a line for what is shown, a heartbeat in between."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from drivers.identity_lines.wire import Layout, encode, encode_heartbeat
from simulators.devices.serial_wire import StreamDevice, StreamFaults, switch, switches

MANY = 100


@dataclass(slots=True)
class IdentityFaults(StreamFaults):
    """The switches of every wire, and a reader's own.

    `repeating` sends the card that was shown last again and again, `other_card` the number of somebody else,
    `blind` reads nothing any more and only says that it lives, `flood` sends cards without end.
    """

    repeating: bool = switch(False, True)
    other_card: bool = switch(False, True)
    blind: bool = switch(False, True)
    flood: bool = switch(False, True)


FAULTS = switches(IdentityFaults)


class CardReader(StreamDevice[bytes]):
    """The reader without its plug. `shown()` is the card at it, or None; it looks each `every_s`."""

    def __init__(self, shown: Callable[[], str | None], layout: Layout, *, every_s: float = 0.2, seed: int = 0) -> None:
        self.faults = IdentityFaults()
        super().__init__(self.faults, seed=seed)
        self._shown = shown
        self._layout = layout
        self._every_s = every_s
        self._last: str | None = None

    def understand(self, _: bytes) -> list[bytes]:
        """It listens to nobody."""
        return []

    async def answer(self, command: bytes) -> None:
        """Never asked."""

    async def live(self) -> None:
        """Send what is shown, and a heartbeat where the reader is set to one."""
        while True:
            for text in self._seen():
                await self.send(encode(text, self._layout))
            if self._layout.heartbeat:
                await self.send(encode_heartbeat(self._layout))
            await asyncio.sleep(self._every_s)

    def _seen(self) -> list[str]:
        faults = self.faults
        if faults.flood:
            return [self._other() for _ in range(MANY)]
        if faults.blind:
            return []
        if faults.other_card:
            return [self._other()]
        text = self._last if faults.repeating else self._shown()
        self._last = text or self._last
        return [] if text is None else [text]

    def _other(self) -> str:
        return "".join(self.random.choices("0123456789", k=max(self._layout.least, 10)))
