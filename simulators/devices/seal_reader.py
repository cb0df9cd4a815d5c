"""A reader of electronic seals on its real wire: on a line in our frames, or behind HTTP (`seal_http.py`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from drivers.seal_serial.wire import READ, encode_reader, encode_seals
from edge.core.readings import Seal
from simulators.devices.asked import AskedDevice
from simulators.devices.serial_wire import StreamFaults, switch, switches

Shown = Callable[[], Sequence[Seal]]
MOST = 8
STRANGER = Seal("NEXTLANE01", True, 1, 90)


class SealSwitches(Protocol):
    """What can be wrong with seals, however their reader is asked."""

    frozen: bool
    opened: bool
    counted_on: bool
    cross_read: bool
    blind: bool


@dataclass(slots=True)
class SealFaults(StreamFaults):
    """The switches of every wire, and those of the seals.

    `frozen` tells what was there before, `opened` of each seal that it is not locked, `counted_on` of one opening more,
    `cross_read` of a seal in the next lane, `blind` of none.
    """

    frozen: bool = switch(False, True)
    opened: bool = switch(False, True)
    counted_on: bool = switch(False, True)
    cross_read: bool = switch(False, True)
    blind: bool = switch(False, True)


FAULTS = switches(SealFaults)


class SeenSeals:
    """What a reader makes of the seals that are there, faults included."""

    def __init__(self, shown: Shown, faults: SealSwitches) -> None:
        self._shown = shown
        self._faults = faults
        self._last: tuple[Seal, ...] = ()

    def now(self) -> tuple[Seal, ...]:
        """Return what it tells now."""
        faults = self._faults
        if faults.frozen:
            return self._last
        self._last = seals = () if faults.blind else tuple(self._shown())
        if faults.opened:
            seals = tuple(replace(one, locked=False) for one in seals)
        if faults.counted_on:
            seals = tuple(replace(one, openings=(one.openings or 0) + 1) for one in seals)
        return (*seals, STRANGER) if faults.cross_read else seals


class SealReaderDevice(AskedDevice):
    """The reader without its plug. `shown()` are the seals that are there whenever it is asked."""

    def __init__(self, shown: Shown, *, address: int = 3, seed: int = 0) -> None:
        self.faults = SealFaults()
        super().__init__(self.faults, address=address, seed=seed)
        self._seen = SeenSeals(shown, self.faults)

    def hello(self) -> bytes:
        """Say how many seals it can see."""
        return encode_reader(MOST)

    def obey(self, command: int, data: bytes) -> bytes | None:
        """Tell the seals."""
        if command != READ:
            raise KeyError(command)
        return None if data else encode_seals(self._seen.now())
