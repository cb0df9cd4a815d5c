"""One Modbus TCP connection that believes nothing it has not checked.

pymodbus 3.16 returns replies with transaction id 0, with a wrong echoed address or value, of another function,
or left over from an earlier request (hazards.md 1.5). Its packet trace shows the raw bytes before they are
parsed: they are judged there, and a wrong reply is replaced by an exception reply so that the waiting request
ends at once. After a time-out or a wrong reply the connection is destroyed and never used again.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from drivers.barrier_modbus.frames import REFUSED_CODES, ReplyFault, count_copies, judge, stand_in
from edge.ports import CommandOutcome, DeviceError

# The driver's own errors say more, once; the library would write a line for each time-out.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

# Reset on close: what the kernel still holds is thrown away instead of being delivered after a newer request.
_LINGER_RESET = struct.pack("ii", 1, 0)
_NEXT_STEP = "check power, cable and address of the I/O module"


@dataclass(slots=True)
class LinkCounters:
    """What was dropped since the driver was made: repeated answers, wrong replies, requests without a reply."""

    duplicates: int = 0
    bad_replies: int = 0
    no_replies: int = 0


class StrictLink:
    """A connection to one Modbus TCP device. Every method raises only DeviceError.

    Not for concurrent use: the owner lets one request run at a time.
    """

    def __init__(
        self, device: str, host: str, port: int, device_id: int, timeout_s: float, counters: LinkCounters
    ) -> None:
        self._counters = counters
        self._device = device
        self._address = f"{host}:{port}"
        self._device_id = device_id
        self._timeout_s = timeout_s
        self._request = b""
        self._reply = b""
        self._extra = b""
        self._fault: ReplyFault | None = None
        self._waiting = False
        self._client = self._new_client(host, port)

    def _new_client(self, host: str, port: int) -> AsyncModbusTcpClient:
        """The library's client, told to repeat nothing; a simulation speaks over its own line here."""
        return AsyncModbusTcpClient(
            host,
            port=port,
            timeout=self._timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._trace,
        )

    @property
    def connected(self) -> bool:
        """Whether requests can be sent."""
        return self._client.connected

    async def open(self) -> None:
        """Connect within the time-out."""
        if not await self._client.connect():
            raise self._error("barrier_connect_failed", "a TCP connection", "none", "not_done")
        if sock := self._socket():
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def abort(self) -> None:
        """Destroy the connection with a reset. Never raises; any number of times."""
        if sock := self._socket():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
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
            got = str(error) if not self._request else f"none within {self._timeout_s} s"
            raise self._error("barrier_no_reply", "a reply", got, sent) from error
        finally:
            # Also on cancellation: an answer that is still on its way must not meet the next request.
            self._waiting = False
            if not answered:
                self.abort()
        if self._fault:
            raise self._reply_error(self._fault)
        return pdu

    def _begin(self) -> None:
        if not self.connected:
            raise self._error("barrier_not_connected", "an open connection", "none", "not_done")
        if self._extra and count_copies(self._reply, self._extra) is None:
            self._counters.bad_replies += 1
            self.abort()
            raise self._error("barrier_bad_reply", "silence between requests", f"{len(self._extra)} bytes", "not_done")
        self._request = self._extra = b""
        self._fault = None
        self._waiting = True

    def _trace(self, sending: bool, data: bytes) -> bytes:
        if sending:
            self._request = data
            return data
        if not self._waiting:
            before = count_copies(self._reply, self._extra) or 0
            self._counters.duplicates += max(0, (count_copies(self._reply, data) or 0) - before)
            self._extra = data
            return b""
        verdict = judge(self._request, self._reply, data)
        if verdict.frame is None and verdict.fault is None:
            return b""
        self._counters.duplicates += verdict.duplicates
        self._waiting = False
        self._fault = verdict.fault
        if verdict.frame is not None:
            self._reply = verdict.frame
            return verdict.frame
        return stand_in(self._request)

    def _reply_error(self, fault: ReplyFault) -> DeviceError:
        if fault.exception_code is None:
            self._counters.bad_replies += 1
            return self._error("barrier_bad_reply", f"{fault.kind} {fault.expected}", fault.got, "unknown")
        outcome: CommandOutcome = "not_done" if fault.exception_code in REFUSED_CODES else "unknown"
        return self._error("barrier_exception", fault.expected, fault.got, outcome)

    def _error(self, code: str, expected: str, got: str, outcome: CommandOutcome) -> DeviceError:
        return DeviceError(
            code,
            device=self._device,
            address=self._address,
            expected=expected,
            got=got,
            next_step=_NEXT_STEP,
            outcome=outcome,
        )

    def _socket(self) -> socket.socket | None:
        transport = self._client.ctx.transport
        found = transport.get_extra_info("socket") if transport else None
        return found if found is None or found.fileno() >= 0 else None
