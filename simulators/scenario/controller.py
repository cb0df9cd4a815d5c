"""The controller of a scenario: `kakou run` in a process of its own, which a step can kill, or in our own loop.

In a loop with its devices it can be hurried most: nobody waits for another process to get a core. A scenario that
kills the controller runs it as a process, slower. A fork server loads its modules once for all of them.
"""

import asyncio
import gc
import multiprocessing
import os
import sys
import threading
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from config.loader import load
from edge.app import hash_of, serve
from edge.lifeline import end_in_order
from edge.portable import POSIX
from simulators.scenario.clock import Pace

if TYPE_CHECKING:
    # Windows knows no fork server.
    from multiprocessing.context import ForkServerContext, SpawnContext

# How much faster than the machine a controller can be whose devices are in another process.
MOST_SPEED_APART = 2.0
_STOP_TIMEOUT_S = 20.0
_LAST_WORDS = 1500
# What the fork server loads; whatever starts threads or looks at the configuration comes later.
_PRELOADED = ["__main__", "edge.verbs.run", "simulators.scenario.controller"]


class ScenarioController(Protocol):
    """One run of the controller."""

    async def start(self) -> None:
        """Start it. Raises OSError."""

    @property
    def ended(self) -> str | None:
        """How it ended, where it runs no more."""

    async def kill(self) -> None:
        """End it at once."""

    async def stop(self) -> int:
        """Ask it to end as the service manager does, and end it where it does not; the exit status."""


class OwnController:
    """The controller in the loop of its devices. What ends it leaves no time to tidy up, as a cancelled task."""

    def __init__(self, config: Path, pace: Pace) -> None:
        self._config = config
        self._pace = pace
        self._task: asyncio.Task[bool] | None = None

    async def start(self) -> None:
        """Start it on this loop."""
        loaded = load(self._config)
        if isinstance(loaded, list):
            raise OSError("\n".join(str(one) for one in loaded))
        serving = serve(loaded, config_hash=hash_of(self._config), path=self._config, clock=self._pace.clock)
        self._task = asyncio.create_task(serving)

    @property
    def ended(self) -> str | None:
        """How it ended, where it runs no more."""
        if self._task is None or not self._task.done():
            return None
        error = None if self._task.cancelled() else self._task.exception()
        return "by itself" if error is None else str(error)

    async def kill(self) -> None:
        """Cancel it."""
        if self._task is None:
            return
        self._task.cancel()
        # What it ended with before is told by `ended`.
        await asyncio.gather(self._task, return_exceptions=True)
        # A controller lives as long as its process and keeps the collector off itself; this process lives on.
        gc.unfreeze()

    async def stop(self) -> int:
        """Not here: a signal would be for all of us."""
        raise NotImplementedError


def _context() -> "ForkServerContext | SpawnContext":
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(_PRELOADED)
    return made


def _run(config: Path, log: Path, pace: Pace, told: Event | None) -> None:
    """The process: what `kakou run` does, on the scenario's time and into its log file."""
    with log.open("ab", buffering=0) as opened:
        os.dup2(opened.fileno(), 1)
        os.dup2(opened.fileno(), 2)
    parent = multiprocessing.parent_process()
    assert parent is not None
    # Whoever kills us takes the controller along.
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if told is not None:
        threading.Thread(target=_end_when, args=(told,), daemon=True).start()

    from edge.verbs import run

    def runner() -> asyncio.Runner:
        return asyncio.Runner(loop_factory=pace.loop)

    sys.exit(run.main([str(config)], runner=runner, clock=pace.clock))


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    end_in_order()


def _end_when(told: Event) -> None:
    told.wait()
    end_in_order()


class ProcessController:
    """The controller as a process."""

    def __init__(self, config: Path, log: Path, pace: Pace) -> None:
        context = _context()
        # Windows has no SIGTERM from one process to another.
        self._told = None if POSIX else context.Event()
        running = (config, log, pace, self._told)
        self._process: BaseProcess = context.Process(target=_run, args=running, daemon=True)

    async def start(self) -> None:
        """Start it; what it says goes to the log file."""
        await asyncio.to_thread(self._process.start)

    @property
    def ended(self) -> str | None:
        """How it ended, where it runs no more."""
        return None if self._process.exitcode is None else f"exit status {self._process.exitcode}"

    async def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        await asyncio.to_thread(self._process.join)

    async def stop(self) -> int:
        """Ask it to end as the service manager does, and end it where it does not; the exit status."""
        if self._told is None:
            self._process.terminate()
        else:
            self._told.set()
        await asyncio.to_thread(self._process.join, _STOP_TIMEOUT_S)
        if self._process.exitcode is None:
            await self.kill()
        status = self._process.exitcode
        assert status is not None
        return status


def last_words(log: Path) -> str:
    """The end of what a controller logged; empty where it never did."""
    return log.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:].strip() if log.exists() else ""
