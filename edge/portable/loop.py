"""The event loop of a system whose own selector loop has neither signal handlers nor child processes (Windows).

Windows' other loop has processes, but cannot watch a socket for whoever reads it himself, as the MQTT client does.
"""

import asyncio
import contextlib
import selectors
import signal
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVarTuple

from edge.portable.processes import ThreadedProcess

_READ_BYTES = 4096
_Ts = TypeVarTuple("_Ts")


class PortableLoop(asyncio.SelectorEventLoop):
    """A selector loop whose signal handlers need `signal.signal` alone, and whose processes are watched by threads."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector)
        self._handled: dict[int, Any] = {}

    def run_forever(self) -> None:
        """Run until stopped; where this is the main thread, a signal ends the wait for sockets."""
        with self._woken_by_signals():
            super().run_forever()

    @contextlib.contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for one in (ours, theirs):
                one.setblocking(False)
            try:
                before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
            except ValueError:
                # Another thread than the main one: Python runs no handlers here.
                yield
                return
            self.add_reader(ours, ours.recv, _READ_BYTES)
            try:
                yield
            finally:
                self.remove_reader(ours)
                signal.set_wakeup_fd(before)

    def add_signal_handler(self, sig: int, callback: Callable[[*_Ts], object], *args: *_Ts) -> None:
        """Call back in the loop. Raises RuntimeError for a signal that this system cannot handle, or in a thread."""

        def told(_number: int, _frame: object) -> None:
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                self.call_soon_threadsafe(callback, *args)

        try:
            before = signal.signal(sig, told)
        except (ValueError, OSError) as error:
            raise RuntimeError(f"signal {sig} cannot be handled here: {error}") from error
        self._handled.setdefault(sig, before)

    def remove_signal_handler(self, sig: int) -> bool:
        """Let the signal do again what it did before; False where no handler of ours stands."""
        if sig not in self._handled:
            return False
        signal.signal(sig, self._handled.pop(sig))
        return True

    def close(self) -> None:
        """Close the loop, and take its signal handlers back."""
        for sig in tuple(self._handled):
            self.remove_signal_handler(sig)
        super().close()

    async def subprocess_exec(
        self, protocol_factory: Callable[[], Any], program: Any, *args: Any, **options: Any
    ) -> tuple[ThreadedProcess, Any]:
        """Start a process; `asyncio.create_subprocess_exec` comes here. Raises OSError."""
        protocol = protocol_factory()
        return ThreadedProcess(self, protocol, (program, *args), options), protocol


_WHOLE = asyncio.SelectorEventLoop.add_signal_handler is not asyncio.AbstractEventLoop.add_signal_handler

# The loop to derive another from.
if TYPE_CHECKING or _WHOLE:  # noqa: SIM108 - no type checker follows the other form
    SelectorLoop = asyncio.SelectorEventLoop
else:
    SelectorLoop = PortableLoop


class _Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return SelectorLoop()


def use_portable_loop() -> None:
    """Make such loops in this process from now on; nothing where the system's own can do it all, as on a lane box."""
    if not _WHOLE:
        asyncio.set_event_loop_policy(_Policy())
