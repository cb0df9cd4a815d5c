"""A reader of electronic seals behind HTTP on its real wire, and what can be wrong with it."""

import asyncio
import random
from dataclasses import dataclass

from drivers.seal_http.wire import encode_seals
from edge.portable.serving import stop_accepting
from simulators.devices.seal_reader import SealFaults, SeenSeals, Shown
from simulators.devices.serial_wire import OFF, switch, switches

# What a wire of bits has, and HTTP over TCP has not.
_OF_LINES = ("baud_ratio", "echo")


@dataclass(slots=True)
class HttpSealFaults(SealFaults):
    """Those of the seals and of a wire; `wrong` tells text where a number belongs, `error_code` answers 503."""

    error_code: bool = switch(False, True)


FAULTS = tuple(name for name in switches(HttpSealFaults) if name not in _OF_LINES)


class HttpSealServer:
    """The reader on a port of loopback. Whatever is asked, it answers the seals that are there."""

    def __init__(self, shown: Shown, *, port: int = 0, seed: int = 0) -> None:
        self.faults = HttpSealFaults()
        self.port = port
        self.asked = 0
        self._random = random.Random(seed)  # noqa: S311 - reproducible noise, not a secret
        self._seen = SeenSeals(shown, self.faults)
        self._server: asyncio.Server | None = None
        self._asking: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What a driver is configured with, once it was started."""
        return f"http://127.0.0.1:{self.port}/seals"

    async def start(self) -> None:
        """Listen, on the same port as before where it was started before."""
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Go away, with every connection."""
        server, self._server = self._server, None
        if server is not None:
            await stop_accepting(server)
            for task in self._asking:
                task.cancel()
            if self._asking:
                await asyncio.wait(self._asking)
            await server.wait_closed()

    async def turn_on(self, fault: str) -> None:
        """Turn one switch on; `off` is the whole reader."""
        if fault == OFF:
            await self.stop()
        else:
            self.faults.turn_on(fault)

    async def turn_off(self, fault: str) -> None:
        """Turn it back."""
        if fault == OFF:
            await self.start()
        else:
            self.faults.turn_off(fault)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        faults = self.faults
        lost = faults.intermittent and self.asked % faults.intermittent == 0
        if faults.stuck or lost:
            await reader.read()
            return
        if faults.delayed_s:
            await asyncio.sleep(faults.delayed_s)
        body = encode_seals(self._seen.now())
        if faults.wrong:
            body = body.replace(b'"locked": ', b'"locked": 1')
        status = b"503 Service Unavailable" if faults.error_code else b"200 OK"
        answer = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
        if faults.garbage:
            answer = self._random.randbytes(64)
        if faults.half_frames:
            answer = answer[: len(answer) // 2]
        for byte in answer if faults.slow_s else ():
            writer.write(bytes((byte,)))
            await asyncio.sleep(faults.slow_s)
        writer.write(b"" if faults.slow_s else answer)
        await writer.drain()
