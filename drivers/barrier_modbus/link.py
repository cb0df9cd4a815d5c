"""One Modbus connection, TCP or RTU, that believes nothing it has not checked.

pymodbus 3.16 returns replies with transaction id 0, with a wrong echoed address or value, of another function,
or left over from an earlier request (hazards.md 1.5). Its packet trace shows the raw bytes before they are
parsed: they are judged there, and a wrong reply is replaced by an exception reply so that the waiting request
ends at once. After a time-out or a wrong reply the connection is destroyed and never used again.

That is enough over TCP, where a reply belongs to one connection. An RTU reply says nothing about its request, and one
that is late meets whoever listens then. So a new RTU connection first waits until the line has been silent for
`SILENT_TIMEOUTS` time-outs; what is heard meanwhile is thrown away, and a line that never falls silent is not used.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from drivers.barrier_modbus import frames, rtu_frames
from drivers.barrier_modbus.frames import REFUSED_CODES, Reply, ReplyFault, count_copies
from drivers.barrier_modbus.target import Target
from drivers.barrier_modbus.words import words_of
from edge.ports import CommandOutcome, DeviceError, Tap

# The driver's own errors say more, once; the library would write a line for each time-out.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

# Reset on close: what the kernel still holds is thrown away instead of being delivered after a newer request.
_LINGER_RESET = struct.pack("ii", 1, 0)
_NEXT_STEP = "check power, cable and address of the I/O module"
_RTU_NEXT_STEP = (
    "check power, cable, baud rate, parity and unit id of the I/O module, and that one master is on the line"
)
_ECHO_NEXT_STEP = "switch the local echo of the RS-485 adapter off, or mend the cable at the module"

# A reply that is later than this many time-outs after its own would still be taken for another's (D25).
SILENT_TIMEOUTS = 2
# A line that has not been silent for so long by then is not used.
_MOST_SILENCES = 4
_MOST_HEARD = 4096
_PARITIES = {"none": "N", "even": "E", "odd": "O"}


@dataclass(slots=True)
class LinkCounters:
    """What was dropped since the driver was made: repeated answers, wrong replies, requests without a reply.

    `late_bytes`: bytes that came on an RTU line before it had fallen silent.
    """

    duplicates: int = 0
    bad_replies: int = 0
    no_replies: int = 0
    late_bytes: int = 0


class StrictLink:
    """A connection to one Modbus device. Every method raises only DeviceError.

    Not for concurrent use: the owner lets one request run at a time.
    """

    def __init__(
        self, device: str, target: Target, timeout_s: float, counters: LinkCounters, tap: Tap | None = None
    ) -> None:
        self._counters = counters
        self._tap = tap
        # What was told of the bytes that the library holds: it shows all of them again with each new one.
        self._told = b""
        self._device = device
        self._target = target
        self._device_id = target.device_id
        self._timeout_s = timeout_s
        self._judge: Callable[[bytes, bytes, bytes], Reply] = rtu_frames.judge if target.is_rtu else frames.judge
        self._stand_in: Callable[[bytes], bytes] = rtu_frames.stand_in if target.is_rtu else frames.stand_in
        self._request = b""
        self._reply = b""
        self._extra = b""
        self._partial = b""
        self._heard_at_s = 0.0
        self._fault: ReplyFault | None = None
        self._waiting = False
        self._client = self._new_client(target)

    def _new_client(self, target: Target) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        """The library's client, told to repeat nothing; a simulation speaks over its own line here."""
        client: AsyncModbusTcpClient | AsyncModbusSerialClient
        if target.transport == "rtu":
            client = AsyncModbusSerialClient(
                target.serial_port,
                baudrate=target.baud,
                parity=_PARITIES[target.parity],
                stopbits=target.stop_bits,
                timeout=self._timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=self._trace,
            )
        else:
            client = AsyncModbusTcpClient(
                target.host,
                port=target.port,
                framer=FramerType.RTU if target.is_rtu else FramerType.SOCKET,
                timeout=self._timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=self._trace,
            )
        if target.is_rtu:
            # Past its own bound of one frame the library throws bytes away untraced, and noise would look like silence.
            client.ctx.max_buffer_size = _MOST_HEARD
        return client

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""
        return self._client.connected

    async def open(self) -> None:
        """Connect within the time-out; an RTU line is then listened to until it is silent."""
        try:
            opened = await self._client.connect()
        except ValueError:
            # A baud rate that this port cannot have.
            opened = False
        if not opened:
            expected = "an open serial port" if self._target.transport == "rtu" else "a TCP connection"
            raise self._error("barrier_connect_failed", expected, self._why_not(), "not_done")
        if sock := self._socket():
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._target.is_rtu:
            await self._fall_silent()

    async def _fall_silent(self) -> None:
        """Let everything pass that answers an earlier request, of this process or of one before it."""
        loop = asyncio.get_running_loop()
        silence_s = SILENT_TIMEOUTS * self._timeout_s
        self._heard_at_s = loop.time()
        deadline_s = self._heard_at_s + _MOST_SILENCES * silence_s
        while (left_s := self._heard_at_s + silence_s - loop.time()) > 0:
            if loop.time() >= deadline_s:
                self._counters.late_bytes += len(self._extra)
                got = f"bytes without a pause ({self._extra[-8:].hex(' ')})"
                self.abort()
                raise self._error("barrier_line_noisy", f"{silence_s} s of silence", got, "not_done")
            await asyncio.sleep(min(left_s, deadline_s - loop.time()))
        self._counters.late_bytes += len(self._extra)
        self._extra = b""

    def _why_not(self) -> str:
        port = self._target.serial_port
        if self._target.transport != "rtu":
            return "none"
        if not Path(port).exists():
            return "no such port"
        if not os.access(port, os.R_OK | os.W_OK):
            return "no permission to read and write it"
        return "it is in use, is no serial port or cannot have these settings"

    def abort(self) -> None:
        """Destroy the connection with a reset. Never raises; any number of times."""
        if sock := self._socket():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        if port := getattr(self._client.ctx.transport, "sync_serial", None):
            # As the reset does: a request that an adapter still holds must not leave after a newer one. Any error
            # here is of a port that is gone, and with it what it held.
            with suppress(OSError):
                port.reset_output_buffer()
        self._client.close()

    async def read_inputs(self, first: int, count: int) -> list[bool]:
        """Read discrete inputs (function 2)."""
        pdu = await self._transact(
            lambda: self._client.read_discrete_inputs(first, count=count, device_id=self._device_id)
        )
        return list(pdu.bits[:count])

    async def read_coil(self, address: int) -> bool:
        """Read one coil (function 1)."""
        pdu = await self._transact(lambda: self._client.read_coils(address, count=1, device_id=self._device_id))
        return pdu.bits[0]

    async def read_registers(self, first: int, count: int) -> list[int]:
        """Read holding registers (function 3)."""
        pdu = await self._transact(
            lambda: self._client.read_holding_registers(first, count=count, device_id=self._device_id)
        )
        return list(pdu.registers)

    async def write_coil(self, address: int, value: bool) -> None:
        """Write one coil (function 5). Never repeated."""
        await self._transact(lambda: self._client.write_coil(address, value, device_id=self._device_id))

    async def write_register(self, address: int, value: int) -> None:
        """Write one holding register (function 6). Never repeated."""
        await self._transact(lambda: self._client.write_register(address, value, device_id=self._device_id))

    async def _transact(self, call: Callable[[], Awaitable[ModbusPDU]]) -> ModbusPDU:
        if self._target.is_rtu:
            await self._keep_the_gap()
        self._begin()
        answered = False
        task = asyncio.current_task()
        assert task is not None, "coroutines run in tasks"
        cancelled = task.cancelling()
        try:
            pdu = await call()
            if task.cancelling() > cancelled:
                # Before Python 3.12 the library's `wait_for` forgets a cancellation that meets the reply.
                raise asyncio.CancelledError
            answered = self._fault is None or self._fault.kind == "exception"
        except ModbusException as error:
            self._counters.no_replies += 1
            sent: CommandOutcome = "unknown" if self._request else "not_done"
            got = str(error) if not self._request else self._too_little()
            raise self._error("barrier_no_reply", "a reply", got, sent) from error
        finally:
            # Also on cancellation: an answer that is still on its way must not meet the next request.
            self._waiting = False
            if not answered:
                self.abort()
        if self._fault:
            raise self._reply_error(self._fault)
        return pdu

    async def _keep_the_gap(self) -> None:
        """A module knows by this silence that a new request begins."""
        left_s = self._heard_at_s + self._target.gap_s - asyncio.get_running_loop().time()
        if left_s > 0:
            await asyncio.sleep(left_s)

    def _too_little(self) -> str:
        heard = self._partial
        if not heard:
            return f"none within {self._timeout_s} s"
        return f"{len(heard)} bytes within {self._timeout_s} s that are no whole reply: {heard[:16].hex(' ')}"

    def _begin(self) -> None:
        if not self.connected:
            raise self._error("barrier_not_connected", "an open connection", "none", "not_done")
        if self._extra and count_copies(self._reply, self._extra) is None:
            self._counters.bad_replies += 1
            self.abort()
            raise self._error("barrier_bad_reply", "silence between requests", f"{len(self._extra)} bytes", "not_done")
        self._request = self._extra = self._partial = b""
        self._fault = None
        self._waiting = True

    def _trace(self, sending: bool, data: bytes) -> bytes:
        kept = self._judged(sending, data)
        if self._tap is not None:
            self._tell(self._tap, sending, data, kept)
        return kept

    def _tell(self, tap: Tap, sending: bool, data: bytes, kept: bytes) -> None:
        new = data if sending or not data.startswith(self._told) else data[len(self._told) :]
        if new:
            tap.crossed(sending, new)
        # With a request the library forgets what it holds; a reply goes out of it.
        self._told = b"" if sending else data[len(kept) :]
        if not tap.wants_words:
            return
        if not sending and self._fault is not None:
            tap.understood(False, f"{self._fault.kind}: expected {self._fault.expected}, got {self._fault.got}")
        elif kept:
            tap.understood(sending, words_of(kept, is_rtu=self._target.is_rtu, asks=sending))

    def _judged(self, sending: bool, data: bytes) -> bytes:
        if sending:
            self._request = data
            return data
        if self._target.is_rtu:
            self._heard_at_s = asyncio.get_running_loop().time()
        if not self._waiting:
            before = count_copies(self._reply, self._extra) or 0
            self._counters.duplicates += max(0, (count_copies(self._reply, data) or 0) - before)
            self._extra = data
            return b""
        verdict = self._judge(self._request, self._reply, data)
        if verdict.frame is None and verdict.fault is None:
            self._partial = data
            return b""
        self._counters.duplicates += verdict.duplicates
        self._waiting = False
        self._fault = verdict.fault
        if verdict.frame is not None:
            self._reply = verdict.frame
            return verdict.frame
        return self._stand_in(self._request)

    def _reply_error(self, fault: ReplyFault) -> DeviceError:
        if fault.exception_code is None:
            self._counters.bad_replies += 1
            if fault.kind == "own_echo":
                return self._error("barrier_own_echo", fault.expected, fault.got, "unknown", _ECHO_NEXT_STEP)
            return self._error("barrier_bad_reply", f"{fault.kind} {fault.expected}", fault.got, "unknown")
        outcome: CommandOutcome = "not_done" if fault.exception_code in REFUSED_CODES else "unknown"
        return self._error("barrier_exception", fault.expected, fault.got, outcome)

    def _error(self, code: str, expected: str, got: str, outcome: CommandOutcome, next_step: str = "") -> DeviceError:
        return DeviceError(
            code,
            device=self._device,
            address=self._target.address,
            expected=expected,
            got=got,
            next_step=next_step or (_RTU_NEXT_STEP if self._target.is_rtu else _NEXT_STEP),
            outcome=outcome,
        )

    def _socket(self) -> socket.socket | None:
        transport = self._client.ctx.transport
        found = transport.get_extra_info("socket") if transport else None
        return found if found is None or found.fileno() >= 0 else None
