"""`kakou` commands as processes of their own, the controller above all."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# A release is compiled where it is installed (`edge.release.install`). So are commands of the tests, once per checkout
# and whatever the environment says of it: compiling takes longer than the rest of a start.
BYTECODE = ROOT / ".pytest_cache" / "bytecode"
LIMIT_S = 60.0


class Controller:
    """The controller's process."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    def said(self, text: str) -> bool:
        """Whether its log holds `text`."""
        return text in self.log.read_text(encoding="utf-8", errors="replace")

    async def ended(self, limit_s: float = LIMIT_S) -> int:
        """Wait for its end; returns the exit status, negative for a signal."""
        async with asyncio.timeout(limit_s):
            return await self.process.wait()

    async def last_words(self) -> str:
        """The end of its log, with the stacks of its threads where it still runs: it ends by that."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGABRT)
            await self.process.wait()
        return self.log.read_text(encoding="utf-8", errors="replace")[-6000:]

    async def kill(self) -> None:
        """End it as a power cut does."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to end, as the service manager does."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return await self.ended(30)
        except TimeoutError:
            raise AssertionError(f"did not stop within 30 s: {await self.last_words()}") from None


async def spawn(*arguments: str, output: Any, failpoint: str | None = None) -> asyncio.subprocess.Process:
    """Start `kakou ...` as a process of its own."""
    search_path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": search_path, "PYTHONSAFEPATH": "1", "PYTHONFAULTHANDLER": "1"}
    environment["PYTHONPYCACHEPREFIX"] = str(BYTECODE)
    for name in ("KAKOU_FAILPOINT", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    if failpoint is not None:
        environment["KAKOU_FAILPOINT"] = failpoint
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge.cli", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=output,
        stderr=asyncio.subprocess.STDOUT, env=environment,
    )  # fmt: skip


async def kakou(*arguments: str) -> tuple[int, str]:
    """Run a command to its end; returns its exit status and everything that it printed."""
    process = await spawn(*arguments, output=asyncio.subprocess.PIPE)
    async with asyncio.timeout(LIMIT_S):
        printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()
