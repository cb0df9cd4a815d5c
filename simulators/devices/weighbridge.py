"""A weighing indicator on its real wire: it sends its display all the time, in one of five protocols."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from drivers.scale_toledo.wire import encode as encode_toledo
from drivers.scale_yaohua.wire import encode_binary, encode_line, encode_reversed
from simulators.devices.serial_wire import StreamDevice, StreamFaults, switch, switches

# How far an indicator swings that never comes to rest, or below a vehicle that moves.
SWING_KG = 40


@dataclass(frozen=True, slots=True)
class Display:
    """What the indicator shows: kilograms gross, and what it says of them."""

    kg: int
    moving: bool = False
    overload: bool = False
    tared: bool = False


@dataclass(slots=True)
class ScaleFaults(StreamFaults):
    """The switches of every wire, and an indicator's own.

    `frozen` sends the last display again and again, `unsteady` never comes to rest.
    """

    frozen: bool = switch(False, True)
    unsteady: bool = switch(False, True)


FAULTS = switches(ScaleFaults)


def _binary(display: Display) -> bytes:
    return encode_binary(display.kg)


def _line(display: Display) -> bytes:
    state = "OL" if display.overload else "US" if display.moving else "ST"
    return encode_line(display.kg, state=state, kind="NT" if display.tared else "GS")


def _reversed(display: Display) -> bytes:
    return encode_reversed(display.kg)


def _toledo(display: Display) -> bytes:
    return encode_toledo(display.kg, motion=display.moving, out_of_range=display.overload, net=display.tared)


def _short(display: Display) -> bytes:
    return encode_toledo(
        display.kg, motion=display.moving, out_of_range=display.overload, net=display.tared, short=True
    )


PROTOCOLS: Mapping[str, Callable[[Display], bytes]] = {
    "yaohua_tf0": _binary,
    "yaohua_ascii": _line,
    "yaohua_reversed": _reversed,
    "toledo_continuous": _toledo,
    "toledo_short": _short,
}


class Indicator(StreamDevice[bytes]):
    """The indicator without its plug. `shows()` is asked for each frame, every `every_s`."""

    def __init__(
        self, shows: Callable[[], Display], *, protocol: str = "yaohua_tf0", every_s: float = 0.1, seed: int = 0
    ) -> None:
        self.faults = ScaleFaults()
        super().__init__(self.faults, seed=seed)
        self._shows = shows
        self._encode = PROTOCOLS[protocol]
        self._every_s = every_s
        self._last: Display | None = None

    def understand(self, _: bytes) -> Sequence[bytes]:
        """Take no commands, whatever comes: it only sends."""
        return ()

    async def answer(self, command: bytes) -> None:
        """Answer nothing."""

    async def live(self) -> None:
        """Send the display, again and again."""
        while True:
            await self.send(self._encode(self.display()))
            await asyncio.sleep(self._every_s)

    def display(self) -> Display:
        """Return what it shows now, faults included."""
        faults = self.faults
        if faults.frozen and self._last is not None:
            return self._last
        shown = self._shows()
        if faults.unsteady or shown.moving:
            shown = replace(shown, kg=shown.kg + self.random.randint(1, SWING_KG), moving=True)
        self._last = shown
        return self._last
