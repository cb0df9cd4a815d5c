"""The Modbus line in memory: the real driver, its strict link and its frames, against the simulated module."""

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, cast

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.link import LinkCounters, StrictLink
from drivers.barrier_modbus.target import Target
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import WATCHDOG_MS, Plant

_REQUEST = struct.Struct(">HHHBBHH")
_TARGET = Target(host="barrier")
_COILS, _INPUTS, _REGISTERS, _WRITE_COIL, _WRITE_REGISTER = 1, 2, 3, 5, 6


class ProvedPlant(Plant):
    """The plant, computed from one question to the next instead of every 5 ms, telling each output as it is written."""

    def __init__(self, now_ms: Callable[[], int], *, stroke_s: float) -> None:
        super().__init__(now_ms, stroke_s=stroke_s)
        self.on_output: Callable[[str, bool], None] = lambda name, value: None

    def advance(self, to_ms: int | None = None) -> None:
        """Compute everything up to now."""
        target_ms = self.now_ms() if to_ms is None else to_ms
        while self._at_ms < target_ms:
            step_ms = target_ms - self._at_ms
            if self._heartbeat_at_ms is not None:
                left_ms = self._heartbeat_at_ms + WATCHDOG_MS + 1 - self._at_ms
                if left_ms < step_ms:
                    step_ms = left_ms if left_ms > 1 else 1
            self._at_ms += step_ms
            self._watch_heartbeat()
            self._move(step_ms)

    def write_output(self, name: str, value: bool) -> None:
        """Drive an output."""
        super().write_output(name, value)
        self.on_output(name, value)

    def pulse(self, name: str) -> None:
        """Execute a pulse that the module times."""
        super().pulse(name)
        self.on_output(name, True)


@dataclass
class Line:
    """The cable. `latency_ms` is one round trip, drawn per request; `cut` lets nothing through either way."""

    module: BarrierSimulator
    random: Random
    latency_ms: tuple[int, int] = (0, 0)
    cut: bool = False
    # A process that was killed says nothing more, whatever of it is still tidied up.
    dead: bool = False
    # Changed when the module drops its connections.
    generation: int = 0
    on_request: Callable[[bytes], None] = lambda frame: None

    def reset(self) -> None:
        """Every open connection is gone."""
        self.generation += 1


@dataclass(slots=True)
class _Answer:
    bits: list[bool]
    registers: list[int]


class _Client:
    """What `StrictLink` uses of the library's client, over a `Line`."""

    ctx = type("NoTransport", (), {"transport": None})

    def __init__(self, line: Line, timeout_s: float, trace: Callable[[bool, bytes], bytes]) -> None:
        self._line = line
        self._timeout_s = timeout_s
        self._trace = trace
        self._transaction = 0
        self._generation: int | None = None

    @property
    def connected(self) -> bool:
        return self._generation == self._line.generation

    async def connect(self) -> bool:
        if self._line.dead:
            return False
        if self._line.cut:
            await asyncio.sleep(self._timeout_s)
            return False
        self._generation = self._line.generation
        return True

    def close(self) -> None:
        self._generation = None

    async def read_coils(self, address: int, *, count: int, device_id: int) -> _Answer:
        return _bits(await self._exchange(_COILS, address, count, device_id))

    async def read_discrete_inputs(self, address: int, *, count: int, device_id: int) -> _Answer:
        return _bits(await self._exchange(_INPUTS, address, count, device_id))

    async def read_holding_registers(self, address: int, *, count: int, device_id: int) -> _Answer:
        data = (await self._exchange(_REGISTERS, address, count, device_id))[9:]
        return _Answer([], [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)])

    async def write_coil(self, address: int, value: bool, *, device_id: int) -> _Answer:
        await self._exchange(_WRITE_COIL, address, 0xFF00 if value else 0, device_id)
        return _Answer([], [])

    async def write_register(self, address: int, value: int, *, device_id: int) -> _Answer:
        await self._exchange(_WRITE_REGISTER, address, value, device_id)
        return _Answer([], [])

    async def _exchange(self, function: int, address: int, value: int, device_id: int) -> bytes:
        self._transaction = self._transaction % 0xFFFF + 1
        frame = _REQUEST.pack(self._transaction, 0, 6, device_id, function, address, value)
        reply = await self._carry(self._trace(True, frame))
        accepted = b"" if reply is None else self._trace(False, reply)
        if not accepted:
            await asyncio.sleep(self._timeout_s)
            raise ModbusIOException("no reply")
        return accepted

    async def _carry(self, frame: bytes) -> bytes | None:
        line = self._line
        if line.dead or self._generation != line.generation:
            return None
        line.on_request(frame)
        low, high = line.latency_ms
        if high:
            await asyncio.sleep(line.random.randint(low, high) / 2000)
        if line.cut or line.dead or self._generation != line.generation:
            return None
        reply = line.module.server.exchange(frame)
        if high:
            await asyncio.sleep(line.random.randint(low, high) / 2000)
        return None if line.cut or self._generation != line.generation else reply


_BITS = tuple([bool(byte >> bit & 1) for bit in range(8)] for byte in range(256))


def _bits(reply: bytes) -> _Answer:
    return _Answer([bit for byte in reply[9:] for bit in _BITS[byte]], [])


class ProvedLink(StrictLink):
    """The real link on a simulated line."""

    def __init__(self, line: Line, device: str, timeout_s: float, counters: LinkCounters) -> None:
        self._line = line
        super().__init__(device, _TARGET, timeout_s, counters)

    def _new_client(self, target: Target) -> AsyncModbusTcpClient:
        return cast(AsyncModbusTcpClient, _Client(self._line, self._timeout_s, self._trace))


class ProvedBarrier(ModbusBarrier):
    """The real driver on a simulated line."""

    def __init__(self, line: Line, timeout_s: float, **settings: Any) -> None:
        self._line = line
        self._wait_s = timeout_s
        super().__init__(name="barrier", target=_TARGET, timeout_s=timeout_s, **settings)

    def _new_link(self) -> StrictLink:
        return ProvedLink(self._line, self.name, self._wait_s, self.counters)
