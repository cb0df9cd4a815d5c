"""What simulated UHF readers share: the tags in their field, the faults of every reader, and how they show them."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from simulators.devices.serial_wire import StreamDevice, StreamFaults, switch

STALE_TAGS = 3
_FLOOD_TAGS = 1000
_STALE_EPC = "DEAD000000000000000000AA"


@dataclass(frozen=True, slots=True)
class SimulatedTag:
    """A tag in the field: EPC as hex of whole 16-bit words, signal -129 to -2 dBm, antenna 0 to 3."""

    epc: str
    rssi_dbm: int = -60
    antenna: int = 0


Tags = Callable[[], Sequence[SimulatedTag]]


@dataclass(slots=True)
class ReaderFaults(StreamFaults):
    """What can be wrong with any reader.

    `stale_buffer` spills `STALE_TAGS` tags of an earlier vehicle before the next answer, once, and resets itself;
    `flood` shows a pallet of tags; `cross_read` reports tags of the next lane on this lane's antenna;
    `error_code` refuses every round with that code.
    """

    stale_buffer: bool = switch(False, True)
    flood: bool = switch(False, True)
    cross_read: str = switch("", "E2003016660000000000C0DE")
    error_code: int = switch(0, 0x22)


C = TypeVar("C")


class ReaderDevice(StreamDevice[C]):
    """A reader without its plug. `rounds` counts the inventory rounds that it ran."""

    def __init__(self, tags: Tags, faults: ReaderFaults, *, round_s: float = 0.01, seed: int = 0) -> None:
        super().__init__(faults, seed=seed)
        self.faults = faults
        self.rounds = 0
        self.round_s = round_s
        self._tags = tags

    @abstractmethod
    def report(self, tag: SimulatedTag) -> bytes:
        """The frame of one tag outside any exchange."""

    @abstractmethod
    async def obey(self, command: C) -> None:
        """Answer a command by `send`."""

    async def answer(self, command: C) -> None:
        """Spill what is old first."""
        if self.faults.stale_buffer:
            self.faults.stale_buffer = False
            for _ in range(STALE_TAGS):
                await self.send(self.report(SimulatedTag(_STALE_EPC)))
        await self.obey(command)

    def seen(self, antenna: int) -> list[SimulatedTag]:
        """The tags that the antenna sees now."""
        seen = [tag for tag in self._tags() if tag.antenna == antenna]
        if self.faults.cross_read:
            seen.append(SimulatedTag(self.faults.cross_read, antenna=antenna))
        if self.faults.flood:
            seen += [SimulatedTag(f"F100D{number:019X}", antenna=antenna) for number in range(_FLOOD_TAGS)]
        return seen
