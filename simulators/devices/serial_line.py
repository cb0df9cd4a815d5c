"""What carries a simulated device's bytes: a pty that looks like a serial port, or a TCP serial server."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from edge.portable.serving import stop_accepting

_READ_BYTES = 4096
# A real device overwrites its buffer, too, where nobody reads.
_MOST_UNSENT = 1 << 16

OnBytes = Callable[[bytes], None]


class PtyLine:
    """A serial port of this machine. `path` is what a driver opens: the symlink where one was asked for."""

    port = 0
    connections = 0

    def __init__(self, on_bytes: OnBytes, symlink: Path | None = None) -> None:
        self._on_bytes = on_bytes
        self._symlink = symlink
        self._terminal = ""
        self._master = -1
        self._slave = -1
        self._unsent = bytearray()

    @property
    def path(self) -> str:
        """The port to configure. Stable over unplug and plug only with a symlink."""
        if self._symlink is not None:
            return str(self._symlink)
        if not self._terminal:
            raise RuntimeError("not plugged in")
        return self._terminal

    async def start(self) -> None:
        """Plug in."""
        self.plug()

    async def stop(self) -> None:
        """Unplug."""
        self.unplug()

    def plug(self) -> None:
        """Make the port appear. Nothing where it already is."""
        if self._master >= 0:
            return
        import os
        import tty

        self._master, self._slave = os.openpty()
        # Before any client opens it, the line discipline would echo answers back as requests.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._terminal = os.ttyname(self._slave)
        if self._symlink is not None:
            self._symlink.unlink(missing_ok=True)
            self._symlink.symlink_to(self._terminal)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def unplug(self) -> None:
        """Make the port vanish, as when the cable is pulled. Nothing where it is gone."""
        if self._master < 0:
            return
        import os

        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        loop.remove_writer(self._master)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        self._unsent.clear()
        if self._symlink is not None:
            self._symlink.unlink(missing_ok=True)

    def drop(self) -> None:
        """Nothing: no client is known to a serial line."""

    def write(self, data: bytes) -> None:
        """Put bytes on the line; lost while unplugged, or where nobody reads for long."""
        if self._master < 0 or len(self._unsent) + len(data) > _MOST_UNSENT:
            return
        self._unsent += data
        self._writable()

    def _readable(self) -> None:
        import os

        try:
            data = os.read(self._master, _READ_BYTES)
        except OSError:
            # The client has gone; our own slave descriptor keeps the port alive for the next.
            return
        self._on_bytes(data)

    def _writable(self) -> None:
        import os

        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                del self._unsent[: os.write(self._master, self._unsent)]
            loop.remove_writer(self._master)
        except BlockingIOError:
            loop.add_writer(self._master, self._writable)


class TcpLine:
    """A TCP serial server: every connected client hears every byte, and what clients send meets on the line.

    With `one_client` a new client takes the place of the one before, as some servers have it. `on_client` is called for
    each.
    """

    def __init__(
        self,
        on_bytes: OnBytes,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        one_client: bool = False,
        on_client: Callable[[], None] | None = None,
    ) -> None:
        self.port = port
        self._one_client = one_client
        self._on_client = on_client
        self.connections = 0
        self._on_bytes = on_bytes
        self._host = host
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def path(self) -> str:
        """The port to configure, once started."""
        return f"socket://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._client, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and the clients; `start` listens on the same port again."""
        server, self._server = self._server, None
        if server is not None:
            await stop_accepting(server)
        self.drop()
        if server is not None:
            if self._handlers:
                await asyncio.wait(self._handlers)
            await server.wait_closed()

    def plug(self) -> None:
        """Nothing: a pulled serial cable leaves the serial server's own connection up, and silent."""

    def unplug(self) -> None:
        """Cut the clients off, as where the server itself loses power."""
        self.drop()

    def drop(self) -> None:
        """Cut every client off."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def write(self, data: bytes) -> None:
        """Put bytes on the line; lost while nobody is connected."""
        for writer in self._writers:
            if not writer.is_closing():
                writer.write(data)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._one_client:
            self.drop()
        self.connections += 1
        self._writers.add(writer)
        if self._on_client is not None:
            self._on_client()
        if task := asyncio.current_task():
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        try:
            while data := await reader.read(_READ_BYTES):
                self._on_bytes(data)
        except ConnectionError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()
