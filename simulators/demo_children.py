"""The processes that the demo starts, with the command that a site uses; none outlives the demo, however it ends."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.portable import POSIX

_ROOT = Path(__file__).resolve().parents[1]
_STOP_TIMEOUT_S = 10.0
_LAST_WORDS = 3000


class Children:
    """Processes of `kakou VERB`, each with a log file `NAME.log` in `folder`.

    Each holds its end of a pipe from here as standard input and stops when that closes, which the kernel does for a
    demo that was killed, too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, asyncio.subprocess.Process] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: process.pid for name, process in self._running.items()}

    @property
    def ended(self) -> str | None:
        """The name of one that ended by itself, if any."""
        return next((name for name, process in self._running.items() if process.returncode is not None), None)

    async def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start `kakou ARGUMENTS`. Raises OSError."""
        search_path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "edge.cli",
                *arguments,
                "--until-stdin-closes",
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": search_path, "PYTHONSAFEPATH": "1"},
                # An interrupt at the terminal is the demo's to handle: it stops them in order.
                start_new_session=True,
            )

    def last_words(self, name: str) -> str:
        """The end of what one of them logged."""
        return (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:].strip()

    async def stop(self) -> None:
        """Ask all to end at once, and end whoever does not. May be called repeatedly."""
        running, self._running = self._running, {}
        await asyncio.gather(*(_stop(process) for process in running.values()))


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        if POSIX:
            process.send_signal(signal.SIGTERM)
        elif process.stdin is not None:
            # There a signal would end it at once; what it holds the other end of tells it as well.
            process.stdin.close()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
