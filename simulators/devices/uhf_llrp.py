"""A reader that speaks LLRP, without its plug: `TcpWire` gives it one."""

import asyncio
from dataclasses import dataclass

from drivers.uhf_llrp.wire import (
    ADD_ROSPEC,
    ALL_ROSPECS,
    CLIENT_THERE_ALREADY,
    CONNECTED,
    DELETE_ROSPEC,
    DUPLICATE_PARAMETER,
    ENABLE_EVENTS_AND_REPORTS,
    ENABLE_ROSPEC,
    KEEPALIVE,
    KEEPALIVE_ACK,
    OK,
    PARAMETER_ERROR,
    SET_READER_CONFIG,
    START_ROSPEC,
    STOP_ROSPEC,
    Command,
    CommandDecoder,
    encode_answer,
    encode_greeting,
    encode_keepalive,
    encode_report,
)
from simulators.devices.serial_wire import switch
from simulators.devices.tag_field import ReaderDevice, ReaderFaults, SimulatedTag, Tags

# What comes into its queue beside commands: somebody connected, the time for a keepalive.
_GREET = -1
_TAGS_A_REPORT = 50


@dataclass(slots=True)
class LlrpFaults(ReaderFaults):
    """`forgotten` is a reader whose web page deleted our inventory: it knows no more what it is told to start."""

    forgotten: bool = switch(False, True)


@dataclass(slots=True)
class _ROSpec:
    """An inventory that the reader holds."""

    ports: tuple[int, ...]
    limit_s: float
    enabled: bool = False
    started_at_s: float | None = None


class LlrpDevice(ReaderDevice[Command]):
    """The reader. Its inventories outlive a connection, as they do in a real one; `held_by_another` admits nobody.

    `keepalives` and `acks`: how often it asked whether we are there, and was answered.
    """

    faults: LlrpFaults

    def __init__(self, tags: Tags, *, seed: int = 0) -> None:
        super().__init__(tags, LlrpFaults(), seed=seed)
        self.held_by_another = False
        self.keepalives = 0
        self.acks = 0
        self._decoder = CommandDecoder()
        self._rospecs: dict[int, _ROSpec] = {}
        self._keepalive_s = 0.0

    def connected(self) -> None:
        """Greet, as the first of all."""
        self._decoder.reset()
        self._keepalive_s = 0.0
        self._queue.put_nowait(Command(_GREET, 0))

    def understand(self, data: bytes) -> list[Command]:
        """Every frame is a command."""
        return self._decoder.feed(data)

    async def live(self) -> None:
        """Answer, and ask each period whether the client is there."""
        beating = asyncio.create_task(self._beat())
        try:
            await super().live()
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._keepalive_s or 0.02)
            if self._keepalive_s:
                self._queue.put_nowait(Command(KEEPALIVE, 0))

    async def obey(self, command: Command) -> None:
        """Greet, set, start, stop and report, or refuse."""
        number = command.type
        if number == _GREET:
            await self.send(encode_greeting(CLIENT_THERE_ALREADY if self.held_by_another else CONNECTED))
        elif number == KEEPALIVE:
            self.keepalives += 1
            await self.send(encode_keepalive(self.keepalives))
        elif number == KEEPALIVE_ACK:
            self.acks += 1
        elif self.held_by_another or number == ENABLE_EVENTS_AND_REPORTS:
            return
        else:
            if number == STOP_ROSPEC:
                await self._report_round(command.rospec)
            await self.send(encode_answer(number, command.id, *self._judge(command)))

    def report(self, tag: SimulatedTag) -> bytes:
        """A report of one tag outside any exchange."""
        return encode_report([(bytes.fromhex(tag.epc), tag.antenna + 1, tag.rssi_dbm)])

    def _judge(self, command: Command) -> tuple[int, str]:
        """Do what is told; return the status and words of the answer."""
        found = self._rospecs.get(command.rospec)
        number = command.type
        if number == SET_READER_CONFIG:
            self._keepalive_s = command.keepalive_ms / 1000
        elif number == DELETE_ROSPEC and command.rospec == ALL_ROSPECS:
            self._rospecs.clear()
        elif number == ADD_ROSPEC:
            if found is not None:
                return DUPLICATE_PARAMETER, f"ROSpec {command.rospec} is there already"
            self._rospecs[command.rospec] = _ROSpec(command.ports, command.limit_ms / 1000)
        elif number in (ENABLE_ROSPEC, START_ROSPEC, STOP_ROSPEC):
            return self._turn(number, found, command.rospec)
        return OK, ""

    def _turn(self, number: int, found: _ROSpec | None, rospec: int) -> tuple[int, str]:
        if number == START_ROSPEC and self.faults.error_code:
            return self.faults.error_code, "as it was told to"
        if found is None or (self.faults.forgotten and number == START_ROSPEC):
            return PARAMETER_ERROR, f"no ROSpec {rospec}"
        if number == ENABLE_ROSPEC:
            found.enabled = True
        elif number == START_ROSPEC:
            if not found.enabled or self._runs(found):
                return PARAMETER_ERROR, f"ROSpec {rospec} is disabled or runs"
            found.started_at_s = asyncio.get_running_loop().time()
        elif found.started_at_s is None:
            return PARAMETER_ERROR, f"ROSpec {rospec} is not active"
        else:
            found.started_at_s = None
        return OK, ""

    def _runs(self, found: _ROSpec) -> bool:
        """Whether it is active: it ends by itself where nobody stops it."""
        since_s = found.started_at_s
        return since_s is not None and asyncio.get_running_loop().time() - since_s < found.limit_s

    async def _report_round(self, rospec: int) -> None:
        found = self._rospecs.get(rospec)
        if found is None or found.started_at_s is None:
            return
        self.rounds += 1
        seen = [(one, port) for port in found.ports for one in self.seen(port - 1)]
        for place in range(0, len(seen), _TAGS_A_REPORT):
            part = seen[place : place + _TAGS_A_REPORT]
            await self.send(encode_report([(bytes.fromhex(one.epc), port, one.rssi_dbm) for one, port in part]))
