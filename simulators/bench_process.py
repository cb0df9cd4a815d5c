"""Processes of a measurement: started with our own interpreter, ended by closing their input."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 20.0


class BenchError(Exception):
    """A measurement could not be made. Says what was expected, what was seen and where to look."""


class BenchProcess:
    """`python -m MODULE ARGUMENTS`; its stderr goes to `log`."""

    def __init__(self, process: asyncio.subprocess.Process, name: str, log: Path) -> None:
        self._process = process
        self._name = name
        self._log = log

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @classmethod
    async def start(cls, log: Path, module: str, *arguments: str) -> "BenchProcess":
        """Start it; raises OSError."""
        search_path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": search_path, "PYTHONSAFEPATH": "1"},
            )
        return cls(process, f"{module} {arguments[0]}", log)

    async def line(self) -> str:
        """The next line of its output. Raises BenchError where none comes."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-600:]
            raise BenchError(f"process_silent: {self._name}: expected a line on its output, got none; it said: {tail}")
        return line.decode().rstrip("\n")

    async def end(self) -> str:
        """Close its input and return what it had left to say."""
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                return (await self._process.stdout.read()).decode()
        return ""

    async def stop(self) -> None:
        """Ask it to end with SIGTERM, then make it. Does nothing where it has ended."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
