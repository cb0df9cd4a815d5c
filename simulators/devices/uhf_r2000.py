"""An R2000 reader on its real wire: a pty, or TCP (`socket://`) where there are no ptys."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from drivers.uhf_r2000.wire import (
    CMD_REALTIME_INVENTORY,
    CMD_SET_ANTENNA,
    INVENTORY_COMMANDS,
    MAX_ANTENNA,
    SUCCESS,
    Frame,
    FrameDecoder,
    encode_result,
    encode_round_end,
    encode_tag_report,
)
from simulators.devices.serial_wire import PtyWire, TcpWire, switch
from simulators.devices.tag_field import ReaderDevice, ReaderFaults, SimulatedTag, Tags

ERROR_INVALID_PARAMETER = 0x41
ERROR_ANTENNA_MISSING = 0x22


@dataclass(slots=True)
class R2000Faults(ReaderFaults):
    """`phase` is firmware that appends two bytes of phase to each tag."""

    phase: bool = switch(False, True)


class R2000Device(ReaderDevice[Frame]):
    """The reader without its plug."""

    faults: R2000Faults

    def __init__(self, tags: Tags, *, round_s: float = 0.01, seed: int = 0) -> None:
        super().__init__(tags, R2000Faults(), round_s=round_s, seed=seed)
        self._decoder = FrameDecoder()
        self._antenna = 0

    def understand(self, data: bytes) -> list[Frame]:
        """Every frame is a command."""
        return self._decoder.feed(data)

    async def obey(self, command: Frame) -> None:
        """Select, inventory, or refuse."""
        if command.command == CMD_SET_ANTENNA:
            await self.send(self._select(command))
        elif command.command in INVENTORY_COMMANDS:
            await self._inventory(command.command)
        else:
            await self.send(encode_result(command.command, ERROR_INVALID_PARAMETER))

    def report(self, tag: SimulatedTag) -> bytes:
        """A tag of a realtime inventory."""
        return self._report(tag, CMD_REALTIME_INVENTORY)

    def _select(self, command: Frame) -> bytes:
        if len(command.data) != 1 or command.data[0] > MAX_ANTENNA:
            return encode_result(CMD_SET_ANTENNA, ERROR_INVALID_PARAMETER)
        self._antenna = command.data[0]
        return encode_result(CMD_SET_ANTENNA, SUCCESS)

    async def _inventory(self, command: int) -> None:
        if self.faults.error_code:
            await self.send(encode_result(command, self.faults.error_code))
            return
        seen = self.seen(self._antenna)
        for tag in seen:
            await self.send(self._report(tag, command))
        await asyncio.sleep(self.round_s)
        self.rounds += 1
        await self.send(encode_round_end(antenna=self._antenna, rate=len(seen), total=len(seen), command=command))

    def _report(self, tag: SimulatedTag, command: int) -> bytes:
        phase = self.random.randbytes(2) if self.faults.phase else b""
        epc = bytes.fromhex(tag.epc)
        return encode_tag_report(epc, antenna=tag.antenna, rssi_dbm=tag.rssi_dbm, command=command, phase=phase)


class R2000Simulator(PtyWire[R2000Device]):
    """`R2000Device` behind a pty."""

    def __init__(self, tags: Tags, *, symlink: Path | None = None, round_s: float = 0.01, seed: int = 0) -> None:
        super().__init__(R2000Device(tags, round_s=round_s, seed=seed), symlink=symlink)

    @property
    def faults(self) -> R2000Faults:
        """The fault switches."""
        return self.device.faults


class R2000TcpSimulator(TcpWire[R2000Device]):
    """`R2000Device` behind a TCP serial server on loopback."""

    def __init__(self, tags: Tags, *, port: int = 0, round_s: float = 0.01, seed: int = 0) -> None:
        super().__init__(R2000Device(tags, round_s=round_s, seed=seed), port=port)

    @property
    def faults(self) -> R2000Faults:
        """The fault switches."""
        return self.device.faults
