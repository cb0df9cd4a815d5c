"""An M100 module without its plug: `PtyWire` and `TcpWire` give it one."""

import asyncio
from dataclasses import dataclass

from drivers.uhf_m100.wire import (
    CMD_ERROR,
    CMD_POLL,
    CMD_POLL_MANY,
    CMD_STOP,
    CMD_VERSION,
    COMMAND,
    ERROR_NO_TAG,
    Frame,
    FrameDecoder,
    encode_answer,
    encode_notice,
)
from simulators.devices.serial_wire import switch
from simulators.devices.tag_field import ReaderDevice, ReaderFaults, SimulatedTag, Tags

ERROR_UNKNOWN_COMMAND = 0x17
VERSION = b"\x00M100 26dBm V1.0"


@dataclass(slots=True)
class M100Faults(ReaderFaults):
    """`air_crc` is a tag whose own CRC was spoilt on the air, in a frame that is right."""

    air_crc: bool = switch(False, True)


class M100Device(ReaderDevice[Frame]):
    """The module: it polls by itself until it is stopped."""

    faults: M100Faults

    def __init__(self, tags: Tags, *, round_s: float = 0.01, seed: int = 0) -> None:
        super().__init__(tags, M100Faults(), round_s=round_s, seed=seed)
        self._decoder = FrameDecoder()

    def understand(self, data: bytes) -> list[Frame]:
        """Commands alone."""
        return [frame for frame in self._decoder.feed(data) if frame.type == COMMAND]

    async def obey(self, command: Frame) -> None:
        """Poll, stop, tell the version, or refuse."""
        match command.command:
            case c if c == CMD_VERSION:
                await self.send(encode_answer(CMD_VERSION, VERSION))
            case c if c == CMD_STOP:
                await self.send(encode_answer(CMD_STOP))
            case c if c == CMD_POLL:
                await self._poll()
            case c if c == CMD_POLL_MANY:
                await self._poll_many(int.from_bytes(command.param[1:3], "big"))
            case _:
                await self.send(encode_answer(CMD_ERROR, bytes((ERROR_UNKNOWN_COMMAND,))))

    def report(self, tag: SimulatedTag) -> bytes:
        """The notice of a tag."""
        error = 0xFFFF if self.faults.air_crc else 0
        return encode_notice(bytes.fromhex(tag.epc), rssi_dbm=tag.rssi_dbm, air_crc_error=error)

    async def _poll_many(self, times: int) -> None:
        for _ in range(times):
            if self.faults.error_code:
                await self.send(encode_answer(CMD_ERROR, bytes((self.faults.error_code,))))
                return
            await self._poll()
            await asyncio.sleep(self.round_s)
            if self.is_asked:
                return

    async def _poll(self) -> None:
        self.rounds += 1
        seen = self.seen(0)
        for tag in seen:
            await self.send(self.report(tag))
        if not seen:
            await self.send(encode_answer(CMD_ERROR, bytes((ERROR_NO_TAG,))))
