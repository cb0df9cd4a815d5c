"""A ThingMagic module without its plug: `PtyWire` and `TcpWire` give it one."""

import asyncio
from dataclasses import dataclass

from drivers.uhf_thingmagic.wire import (
    CMD_BOOT,
    CMD_CLEAR_BUFFER,
    CMD_GET_BUFFER,
    CMD_READ_MANY,
    CMD_SET_ANTENNA,
    CMD_SET_PROTOCOL,
    CMD_SET_REGION,
    INVALID_OPCODE,
    NO_TAGS,
    OK,
    Command,
    CommandDecoder,
    encode_answer,
    encode_buffer,
)
from simulators.devices.serial_wire import switch
from simulators.devices.tag_field import ReaderDevice, ReaderFaults, SimulatedTag, Tags

# What fits one answer with the longest EPCs; a real module sends as many as fit.
_TAGS_AN_ANSWER = 3
_SETTINGS = frozenset({CMD_SET_REGION, CMD_SET_PROTOCOL})


@dataclass(slots=True)
class ThingMagicFaults(ReaderFaults):
    """`restarted` is a module back in its boot loader after a dip of its supply: it knows `boot` alone, once more."""

    restarted: bool = switch(False, True)


class ThingMagicDevice(ReaderDevice[Command]):
    """The module: it reads into a buffer that is asked for."""

    faults: ThingMagicFaults

    def __init__(self, tags: Tags, *, round_s: float = 0.01, seed: int = 0) -> None:
        super().__init__(tags, ThingMagicFaults(), round_s=round_s, seed=seed)
        self._decoder = CommandDecoder()
        self._antenna = 0
        self._buffer: list[tuple[bytes, int, int]] = []

    def understand(self, data: bytes) -> list[Command]:
        """Every frame is a command."""
        return self._decoder.feed(data)

    async def obey(self, command: Command) -> None:
        """Boot, set, read, hand out, or refuse."""
        number = command.command
        if number == CMD_BOOT:
            status = OK if self.faults.restarted else INVALID_OPCODE
            self.faults.restarted = False
            await self.send(encode_answer(CMD_BOOT, status))
        elif self.faults.restarted:
            await self.send(encode_answer(number, INVALID_OPCODE))
        elif number == CMD_SET_ANTENNA:
            self._antenna = command.data[0] - 1
            await self.send(encode_answer(number))
        elif number == CMD_CLEAR_BUFFER:
            self._buffer.clear()
            await self.send(encode_answer(number))
        elif number == CMD_READ_MANY:
            await self._read()
        elif number == CMD_GET_BUFFER:
            taken, self._buffer = self._buffer[:_TAGS_AN_ANSWER], self._buffer[_TAGS_AN_ANSWER:]
            await self.send(encode_buffer(taken, int.from_bytes(command.data[:2], "big")))
        else:
            await self.send(encode_answer(number, OK if number in _SETTINGS else INVALID_OPCODE))

    def report(self, tag: SimulatedTag) -> bytes:
        """A tag of the buffer."""
        return encode_buffer([(bytes.fromhex(tag.epc), tag.rssi_dbm, tag.antenna)])

    async def _read(self) -> None:
        if self.faults.error_code:
            await self.send(encode_answer(CMD_READ_MANY, self.faults.error_code))
            return
        await asyncio.sleep(self.round_s)
        self.rounds += 1
        self._buffer += [(bytes.fromhex(tag.epc), tag.rssi_dbm, tag.antenna) for tag in self.seen(self._antenna)]
        if not self._buffer:
            await self.send(encode_answer(CMD_READ_MANY, NO_TAGS))
            return
        await self.send(encode_answer(CMD_READ_MANY, OK, bytes((min(len(self._buffer), 255),))))
