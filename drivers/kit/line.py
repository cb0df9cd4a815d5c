"""A device's line: a serial port or, as `socket://host:port`, a TCP serial server. Bytes only.

Both deliver to `on_bytes` and, once, to `on_lost`; both are opened by `open_line`. The only module that names
pyserial.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

import serial

from edge.ports import Tap

_READ_BYTES = 4096
_MOST_DISCARDS = 16
# Several times what the fastest serial line carries. Beyond it the server is made to wait (TCP), and no lane is.
_MOST_BYTES_PER_S = 64 * 1024
_MOST_BYTES_AT_ONCE = 16 * 1024
# Beyond what the system holds of it. Commands have some bytes, and one waits for the answer to the one before: only a
# peer that asks and never reads comes here.
_MOST_UNSENT_BYTES = 64 * 1024
_SOCKET_SCHEME = "socket"

# What a person does about each code of `LineError`; drivers put the name of their kind before it.
NEXT_STEPS = {
    "port_missing": "check that the device is plugged in and that the path is right (/dev/serial/by-path)",
    "port_denied": "add the service user to the group of the port (dialout)",
    "port_busy": "stop the other program that holds the port",
    "port_invalid": "correct port and baud in the configuration",
    "port_unreachable": "check the serial server's power, network and address",
    "port_failed": "unplug the device, plug it in again, and see dmesg",
    "lost": "check cable and power; the lane reconnects by itself",
    "write_stalled": "check flow control, cable, and that the other end reads; the lane reconnects by itself",
}

OnBytes = Callable[[bytes], None]
OnLost = Callable[[str], None]


class LineError(Exception):
    """The line could not be opened or written. `code` is a key of `NEXT_STEPS`, `detail` what was seen."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Line(Protocol):
    """An open line."""

    def write(self, data: bytes) -> None:
        """Send a command. Raises LineError (`lost`, `write_stalled`)."""

    def discard_input(self) -> None:
        """Forget what the operating system still holds, as far as it lets itself be asked."""

    def close(self) -> None:
        """Release the port; idempotent, never raises, no callback comes after it."""


async def open_line(
    port: str,
    baud: int,
    on_bytes: OnBytes,
    on_lost: OnLost,
    timeout_s: float,
    *,
    parity: str = "N",
    data_bits: int = 8,
    tap: Tap | None = None,
) -> Line:
    """Open `port` and start to deliver; a serial server has its own `baud`, `parity` (N, E, O) and `data_bits`.

    `tap` hears every byte, before `on_bytes` does. Raises LineError.

    Codes: `port_missing`, `port_denied`, `port_busy`, `port_invalid`, `port_unreachable`, `port_failed`.
    """
    if tap is not None:
        heard = _heard(tap, on_bytes)
        opened_line = await open_line(port, baud, heard, on_lost, timeout_s, parity=parity, data_bits=data_bits)
        return _TappedLine(opened_line, tap)
    if port.startswith(f"{_SOCKET_SCHEME}://"):
        return await _open_socket(port, on_bytes, on_lost, timeout_s)
    if os.name != "posix":
        raise LineError("port_invalid", f"serial ports need POSIX here: use {_SOCKET_SCHEME}://host:port")
    opened = await _open_serial(port, baud, parity, data_bits)
    return _SerialLine(opened, on_bytes, on_lost)


def _heard(tap: Tap, on_bytes: OnBytes) -> OnBytes:
    def told(data: bytes) -> None:
        tap.crossed(False, data)
        on_bytes(data)

    return told


class _TappedLine:
    """A line of which somebody hears what is sent."""

    def __init__(self, line: Line, tap: Tap) -> None:
        self._line = line
        self._tap = tap
        self.discard_input, self.close = line.discard_input, line.close

    def write(self, data: bytes) -> None:
        self._line.write(data)
        self._tap.crossed(True, data)


async def _open_serial(port: str, baud: int, parity: str, data_bits: int) -> serial.Serial:
    try:
        # Opening may wait for a modem line, so it stays off the loop.
        return await asyncio.to_thread(
            serial.Serial,
            port,
            baud,
            bytesize=data_bits,
            parity=parity,
            timeout=0,
            write_timeout=0,
            exclusive=True,
            rtscts=False,
            xonxoff=False,
        )
    except (serial.SerialException, OSError) as error:
        raise LineError(_open_code(error), str(error)) from error
    except (ValueError, OverflowError) as error:
        raise LineError("port_invalid", str(error)) from error


def _open_code(error: OSError) -> str:
    if "exclusively lock" in str(error):
        return "port_busy"
    match error.errno:
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return "port_missing"
        case errno.EACCES | errno.EPERM:
            return "port_denied"
        case errno.EBUSY:
            return "port_busy"
        case _:
            return "port_failed"


class _SerialLine:
    """A POSIX serial port: pyserial configures it, the event loop watches its descriptor."""

    def __init__(self, opened: serial.Serial, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self._serial = opened
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._descriptor = opened.fileno()
        self._loop.add_reader(self._descriptor, self._readable)

    def _readable(self) -> None:
        # Read the descriptor itself: pyserial's read() throws away what it has when the hang-up follows in one go.
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(str(error))
            return
        if data:
            self._on_bytes(data)
        else:
            self._lose("end of file")

    def _lose(self, why: str) -> None:
        # Unwatched at once: a hung-up descriptor stays readable and would spin the loop.
        self._loop.remove_reader(self._descriptor)
        self._on_lost(why)

    def write(self, data: bytes) -> None:
        try:
            written = os.write(self._descriptor, data)
        except BlockingIOError as error:
            raise LineError("write_stalled", "the port takes no bytes") from error
        except OSError as error:
            raise LineError("lost", str(error)) from error
        if written != len(data):
            raise LineError("write_stalled", f"{written} of {len(data)} bytes taken")

    def discard_input(self) -> None:
        # Bounded: a line that never falls silent must not hold the loop. The driver's fence covers the rest.
        for _ in range(_MOST_DISCARDS):
            try:
                if not os.read(self._descriptor, _READ_BYTES):
                    return
            except OSError:
                # Empty, or gone: the loss is reported by the watched descriptor.
                return

    def close(self) -> None:
        if self._serial.is_open:
            self._loop.remove_reader(self._descriptor)
            self._serial.close()


async def _open_socket(port: str, on_bytes: OnBytes, on_lost: OnLost, timeout_s: float) -> Line:
    try:
        address = urlsplit(port)
        host, number = address.hostname, address.port
    except ValueError as error:
        raise LineError("port_invalid", str(error)) from error
    if not host or not number:
        raise LineError("port_invalid", port)
    try:
        async with asyncio.timeout(timeout_s):
            _, line = await asyncio.get_running_loop().create_connection(
                lambda: _SocketLine(on_bytes, on_lost), host, number
            )
    except (OSError, TimeoutError) as error:
        raise LineError("port_unreachable", str(error) or "no answer in time") from error
    return line


class _SocketLine(asyncio.BufferedProtocol):
    """A TCP serial server that passes the device's bytes through, no faster than a line could."""

    def __init__(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._closed = False
        self._stalled = ""
        # Small: what comes in one turn of the loop is decoded in that turn.
        self._buffer = bytearray(_READ_BYTES)
        self._allowed = float(_MOST_BYTES_AT_ONCE)
        self._at_s = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._closed or self._transport is None:
            return
        now_s = self._loop.time()
        grown = self._allowed + (now_s - self._at_s) * _MOST_BYTES_PER_S
        self._allowed, self._at_s = min(grown, _MOST_BYTES_AT_ONCE) - nbytes, now_s
        if self._allowed < 0:
            self._transport.pause_reading()
            # Of a transport that is closed by then nothing is resumed.
            self._loop.call_later(-self._allowed / _MOST_BYTES_PER_S, self._transport.resume_reading)
        self._on_bytes(bytes(self._buffer[:nbytes]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._closed:
            self._on_lost(self._stalled or (str(exc) if exc else "end of file"))

    def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise LineError("lost", "connection closed")
        waiting = self._transport.get_write_buffer_size() + len(data)
        if waiting > _MOST_UNSENT_BYTES:
            self._stalled = f"{waiting} bytes wait to be read there"
            self._transport.abort()
            raise LineError("write_stalled", self._stalled)
        self._transport.write(data)

    def discard_input(self) -> None:
        """Nothing to do: the loop hands over every byte, and the driver's fence marks which ones are old."""

    def close(self) -> None:
        self._closed = True
        if self._transport is not None:
            self._transport.close()
