"""A UHFReader18 reader without its plug, in either profile: `PtyWire` and `TcpWire` give it one."""

import asyncio
from dataclasses import dataclass

from drivers.uhf_reader18.wire import (
    CMD_INFO,
    CMD_INVENTORY,
    FINISHED,
    MORE_FOLLOWS,
    NO_TAG,
    OK,
    CommandDecoder,
    Frame,
    Profile,
    encode_active,
    encode_answer,
    encode_tags,
)
from simulators.devices.serial_wire import switch
from simulators.devices.tag_field import ReaderDevice, ReaderFaults, SimulatedTag, Tags

ILLEGAL_COMMAND = 0xFE
# What a serial server of such readers sends by itself; its first byte looks like a length.
LAN_HEARTBEAT = bytes.fromhex("560000000000")
_INFO = bytes.fromhex("00160C034E001E0A01000000")


@dataclass(slots=True)
class Reader18Faults(ReaderFaults):
    """`lan_heartbeat` is the serial server's own word between the answers."""

    lan_heartbeat: bool = switch(False, True)


class Reader18Device(ReaderDevice[Frame]):
    """The reader: each tag in a frame of its own, the last frame says that it was the last."""

    faults: Reader18Faults

    def __init__(self, tags: Tags, *, profile: Profile = "reader18", round_s: float = 0.01, seed: int = 0) -> None:
        super().__init__(tags, Reader18Faults(), round_s=round_s, seed=seed)
        self._profile: Profile = profile
        self._decoder = CommandDecoder()

    def understand(self, data: bytes) -> list[Frame]:
        """Every frame is a command."""
        return self._decoder.feed(data)

    async def obey(self, command: Frame) -> None:
        """Tell the information, inventory, or refuse."""
        if self.faults.lan_heartbeat:
            await self.send(LAN_HEARTBEAT)
        if command.command == CMD_INFO:
            await self.send(encode_answer(CMD_INFO, OK, _INFO))
        elif command.command == CMD_INVENTORY:
            await self._inventory(command)
        else:
            await self.send(encode_answer(command.command, ILLEGAL_COMMAND))

    def report(self, tag: SimulatedTag) -> bytes:
        """A tag reported unasked."""
        return encode_active(self._profile, bytes.fromhex(tag.epc), antenna=tag.antenna, rssi_dbm=tag.rssi_dbm)

    async def _inventory(self, command: Frame) -> None:
        if self.faults.error_code:
            await self.send(encode_answer(CMD_INVENTORY, self.faults.error_code))
            return
        antenna = 0 if self._profile == "reader18" else command.data[7] & 0x03
        for tag in self.seen(antenna):
            one = [(bytes.fromhex(tag.epc), tag.rssi_dbm)]
            await self.send(encode_tags(self._profile, one, antenna=antenna, status=MORE_FOLLOWS))
        await asyncio.sleep(self.round_s)
        self.rounds += 1
        if self._profile == "reader18":
            await self.send(encode_answer(CMD_INVENTORY, NO_TAG))
        else:
            await self.send(encode_tags(self._profile, [], antenna=antenna, status=FINISHED))
