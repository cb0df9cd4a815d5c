"""One worker process as the recogniser holds it: start, ask, kill. It is spawned, never forked."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

from edge.core.masks import Mask
from edge.core.readings import PictureReading
from models.messages import Fault, MessageError, decode_fault, decode_message, decode_reading, length_of, request
from models.registry import REGISTRY_VARIABLE, ModelError

_ROOT = str(Path(__file__).resolve().parent.parent)
# Models load in under a second; a slow disk may take long, a worker that never answers is given up.
LOADING_LIMIT_S = 60.0
_MOST_NAME = 64
WORKER_COMMAND = (sys.executable, "-P", "-m", "models.worker")


def environment_of(registry: Path | None) -> dict[str, str]:
    """Return the environment of a process that reads with the models of `registry` (None: those in force)."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = _ROOT
    # A picture takes one thread; OpenCV would start one a core for every resize.
    environment["OMP_NUM_THREADS"] = "1"
    if registry is not None:
        environment[REGISTRY_VARIABLE] = str(registry)
    return environment


class WorkerDiedError(Exception):
    """The worker ended, or answered with something that is no message."""


class WorkerProcess:
    """A running worker. Not reusable: after `kill` a new one is started."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        # Kept by a task of its own: a reader that gives up meanwhile must not lose half of the answer.
        self._loading = asyncio.create_task(self._load())
        self._started_at_s = asyncio.get_running_loop().time()
        self.asked = False
        # Which model it said last that it loads, and what one of them did while the last picture was read.
        self.loading = "worker"
        self.fault: Fault | None = None

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @classmethod
    async def start(cls, command: tuple[str, ...] = WORKER_COMMAND, registry: Path | None = None) -> "WorkerProcess":
        """Launch a worker; it loads its models while the caller goes on."""
        pipe = asyncio.subprocess.PIPE
        # A session of its own: an interrupt at the terminal is the controller's to handle.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, env=environment_of(registry), start_new_session=True
        )
        return cls(process)

    @property
    def must_go(self) -> bool:
        """Whether it cannot serve the next picture: it owes an answer, is gone, or loads for too long."""
        late_s = asyncio.get_running_loop().time() - self._started_at_s
        failed = self._loading.done() and (self._loading.cancelled() or self._loading.exception() is not None)
        return self.asked or failed or (not self._loading.done() and late_s > LOADING_LIMIT_S)

    async def ready(self) -> None:
        """Wait until the models are loaded. Raises ModelError, WorkerDiedError."""
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        try:
            async with asyncio.timeout(LOADING_LIMIT_S):
                message = await self._receive()
                while "loading" in message:
                    self.loading = str(message["loading"])[:_MOST_NAME]
                    message = await self._receive()
        except TimeoutError as error:
            raise self.unusable(
                "model_unloadable", f"{self.loading} was not loaded in {LOADING_LIMIT_S:g} s"
            ) from error
        if "error" in message:
            raise self.unusable(str(message["error"]), str(message.get("message", "")))

    def unusable(self, code: str, got: str) -> ModelError:
        """Return the error of a worker that does not come to reading."""
        return ModelError(code, "worker", f"pid {self.pid}", "usable models", got, "run kakou doctor")

    async def ask(self, jpeg: bytes, look_for: frozenset[str], masks: tuple[Mask, ...] = ()) -> PictureReading:
        """Return what the worker reads outside `masks`. Raises ModelError, WorkerDiedError. Once cancelled, kill it."""
        await self.ready()
        assert self._process.stdin is not None
        self.asked = True
        try:
            self._process.stdin.write(request(look_for, jpeg, masks))
            await self._process.stdin.drain()
        except (ConnectionError, OSError) as error:
            raise WorkerDiedError(str(error)) from error
        try:
            message = await self._receive()
            reading, self.fault = decode_reading(message), decode_fault(message)
        except MessageError as error:
            raise WorkerDiedError(str(error)) from error
        self.asked = False
        return reading

    async def _receive(self) -> dict[str, object]:
        assert self._process.stdout is not None
        try:
            length = length_of(await self._process.stdout.readexactly(4))
            return decode_message(await self._process.stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError, MessageError) as error:
            raise WorkerDiedError(str(error)) from error

    async def kill(self) -> None:
        """End the process at once and reap it; never raises for one that is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        self._loading.cancel()
        await asyncio.gather(self._loading, return_exceptions=True)
