"""Child processes for a loop that cannot watch pipes: a thread waits at each end and tells the loop."""

import asyncio
import contextlib
import queue
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

_READ_BYTES = 65536
# So much may wait to be written before the writer is asked to pause, as asyncio's own transports have it.
_MOST_UNWRITTEN = 65536


class ThreadedProcess(asyncio.SubprocessTransport):
    """A process and its pipes, for `asyncio.subprocess`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.SubprocessProtocol,
        command: Sequence[str],
        options: Mapping[str, Any],
    ) -> None:
        """Start it. Raises OSError."""
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._returncode: int | None = None
        self._ended = loop.create_future()
        kept = {name: value for name, value in options.items() if value is not None and name != "bufsize"}
        if kept.get("start_new_session"):
            # What an interrupt at the terminal does not reach: a session, or on Windows a process group.
            kept["creationflags"] = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        self._process = subprocess.Popen(command, bufsize=0, **kept)  # noqa: S603 - whoever asks says what
        self._pipes: dict[int, _Writes | _Reads] = {}
        if self._process.stdin is not None:
            self._pipes[0] = _Writes(self._process.stdin, protocol, self._tell)
        for number, pipe in ((1, self._process.stdout), (2, self._process.stderr)):
            if pipe is not None:
                self._pipes[number] = _Reads(pipe, number, protocol, self._tell)
        protocol.connection_made(self)
        for one in self._pipes.values():
            one.begin()
        threading.Thread(target=self._wait_for_end, daemon=True).start()

    def _tell(self, told: Callable[..., object], *args: object) -> bool:
        """Call in the loop; False where it is closed, and nobody wants to know any more."""
        try:
            self._loop.call_soon_threadsafe(told, *args)
        except RuntimeError:
            return False
        return True

    def _wait_for_end(self) -> None:
        self._tell(self._end, self._process.wait())

    def _end(self, status: int) -> None:
        self._returncode = status
        self._protocol.process_exited()
        if not self._ended.done():
            self._ended.set_result(status)

    async def _wait(self) -> int:
        """Wait for the end; `asyncio.subprocess.Process.wait` comes here."""
        status: int = await asyncio.shield(self._ended)
        return status

    def get_pid(self) -> int:
        """Process id."""
        return self._process.pid

    def get_returncode(self) -> int | None:
        """Exit status; None while it runs."""
        return self._returncode

    def get_pipe_transport(self, fd: int) -> "asyncio.BaseTransport | None":
        """The pipe to its standard input (0), or from its output (1) or errors (2)."""
        return self._pipes.get(fd)

    def send_signal(self, signal: int) -> None:
        """Send a signal. On Windows each ends the process at once. Raises ProcessLookupError where it has ended."""
        if self._returncode is not None:
            raise ProcessLookupError
        self._process.send_signal(signal)

    def terminate(self) -> None:
        """Ask it to end."""
        if self._returncode is not None:
            raise ProcessLookupError
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        if self._returncode is not None:
            raise ProcessLookupError
        self._process.kill()

    def is_closing(self) -> bool:
        """Whether it has ended."""
        return self._returncode is not None

    def close(self) -> None:
        """End the process where it still runs, and close what leads to it."""
        if self._returncode is None:
            self._process.kill()
        for one in self._pipes.values():
            one.close()


class _Reads(asyncio.ReadTransport):
    """What a process says, read by a thread."""

    def __init__(
        self, pipe: IO[bytes], number: int, protocol: asyncio.SubprocessProtocol, tell: Callable[..., bool]
    ) -> None:
        super().__init__()
        self._pipe = pipe
        self._number = number
        self._protocol = protocol
        self._tell = tell
        self._paused = False
        self._may_read = threading.Event()

    def begin(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with self._pipe, contextlib.suppress(OSError):
            while data := self._pipe.read(_READ_BYTES):
                self._may_read.clear()
                if not self._tell(self._take, data):
                    return
                # A process that says more than is taken in waits for its pipe, and no memory is filled.
                self._may_read.wait()
        self._tell(self._protocol.pipe_connection_lost, self._number, None)

    def _take(self, data: bytes) -> None:
        self._protocol.pipe_data_received(self._number, data)
        if not self._paused:
            self._may_read.set()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._may_read.set()

    def close(self) -> None:
        """The end of the process ends its pipe; until then the thread reads on."""
        self.resume_reading()


class _Writes(asyncio.WriteTransport):
    """What is said to a process, written by a thread. It is lost where the process reads no more, as with any pipe."""

    def __init__(self, pipe: IO[bytes], protocol: asyncio.SubprocessProtocol, tell: Callable[..., bool]) -> None:
        super().__init__()
        self._pipe = pipe
        self._protocol = protocol
        self._tell = tell
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._unwritten = 0
        self._paused = self._closing = False

    def begin(self) -> None:
        threading.Thread(target=self._write, daemon=True).start()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing:
            return
        self._unwritten += len(data)
        self._waiting.put(bytes(data))
        if self._unwritten > _MOST_UNWRITTEN and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def _write(self) -> None:
        with contextlib.suppress(OSError), self._pipe:
            while (data := self._waiting.get()) is not None:
                left = memoryview(data)
                while left:
                    left = left[self._pipe.write(left) or 0 :]
                self._tell(self._written, len(data))
        self._tell(self._gone)

    def _written(self, count: int) -> None:
        self._unwritten -= count
        if self._paused and self._unwritten <= _MOST_UNWRITTEN:
            self._paused = False
            self._protocol.resume_writing()

    def _gone(self) -> None:
        self._closing = True
        self._protocol.pipe_connection_lost(0, None)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._waiting.put(None)

    def abort(self) -> None:
        self.close()
