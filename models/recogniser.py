"""The recogniser of the lane: worker processes that are killed at their deadline and replaced."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from edge.core.masks import Mask
from edge.core.readings import PictureReading, Unread
from models.fair_queue import FairQueue
from models.process import WORKER_COMMAND, WorkerDiedError, WorkerProcess
from models.registry import ModelError

# A model that could not be loaded is tried again after this time: a technician may have put it right.
MODEL_RETRY_S = 30.0
# Who asks for no lane, such as a tool, has a turn like a lane.
_NO_LANE = ""


def unread(reason: str) -> PictureReading:
    """Return the reading of a picture of which nothing is known but why."""
    return PictureReading(unread=(Unread("picture", reason),))


class _Slot:
    """One place for a worker, and what is known about the one that stands there."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.failure: ModelError | None = None
        self.failed_at_s = 0.0


class WorkerRecogniser:
    """Reads pictures in `workers` processes; an `edge.ports.Recogniser`.

    Workers are shared by turns: `for_lane` gives each lane its own place in the queue, where at most `queue_limit`
    pictures of that lane wait; one more of it is `unread` with reason `busy`, the others' are not (I17). Reasons of
    its own: `deadline`, `worker_died`, `model_unavailable`, `busy`, `closed`. `registry` is the file that names
    the models (default: the shipped one). `told` hears once of each model that cannot be used, from the start on and
    whether or not a picture comes; and once of each that answered what it may not answer.
    """

    def __init__(
        self,
        workers: int = 1,
        queue_limit: int = 8,
        registry: Path | None = None,
        command: tuple[str, ...] = WORKER_COMMAND,
        told: Callable[[ModelError], None] | None = None,
    ) -> None:
        self._told = told
        self._last_told = ""
        self._faulty: set[tuple[str, str]] = set()
        self._checking: asyncio.Task[None] | None = None
        self._registry = registry
        self._command = command
        self._queue_limit = queue_limit
        self._slots = [_Slot() for _ in range(workers)]
        self._idle: FairQueue[_Slot] = FairQueue()
        self._started = False
        self._closed = False

    async def start(self) -> None:
        """Launch the workers and return; they load their models meanwhile. Repeated calls do nothing."""
        if self._started:
            return
        self._started = True
        for slot in self._slots:
            slot.worker = await WorkerProcess.start(self._command, self._registry)
            self._idle.put(slot)
        if self._told is not None:
            self._checking = asyncio.create_task(self._check())

    async def _check(self) -> None:
        # What is wrong is told where it is found; what is read waits for the models in any case.
        with contextlib.suppress(ModelError):
            await self.ready()

    async def ready(self) -> None:
        """Wait until a worker has loaded its models. Raises ModelError (then reads are `model_unavailable`)."""
        slot = await self._idle.get(_NO_LANE)
        try:
            await self._prepare(slot)
        except WorkerDiedError as error:
            raise ModelError(
                "model_unloadable", "worker", "models.worker", "a running worker", str(error), "read its stderr"
            ) from error
        finally:
            # One that does not come to an end of loading would go on beside the others.
            if slot.worker is not None and slot.worker.must_go:
                await self._replace(slot)
            self._idle.put(slot)

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Process ids of the present workers."""
        return tuple(slot.worker.pid for slot in self._slots if slot.worker is not None)

    def for_lane(self, lane: str, *, yields: bool = False) -> "LaneRecogniser":
        """Return the recogniser as one lane has it; who `yields` is read when no other picture waits."""
        return LaneRecogniser(self, lane, yields=yields)

    async def read(
        self,
        jpeg: bytes,
        look_for: frozenset[str],
        deadline_s: float,
        masks: tuple[Mask, ...] = (),
        *,
        lane: str = _NO_LANE,
        yields: bool = False,
    ) -> PictureReading:
        """Read one picture within `deadline_s`, waiting for a free worker included. Never raises for its content.

        What `masks` hide is not seen.

        Who `yields` may wait as long, and then read as long: a worker that is killed for its deadline costs the others.
        """
        if self._closed:
            return unread("closed")
        await self.start()
        if not self._idle.has_free and self._idle.waiting(lane) >= self._queue_limit:
            return unread("busy")
        loop = asyncio.get_running_loop()
        end_s = loop.time() + deadline_s
        try:
            async with asyncio.timeout_at(end_s):
                slot = await self._idle.get(lane, yields=yields)
        except TimeoutError:
            return unread("deadline")
        if yields:
            end_s = loop.time() + deadline_s
        return await self._read_in(slot, jpeg, look_for, masks, end_s)

    async def _read_in(
        self, slot: _Slot, jpeg: bytes, look_for: frozenset[str], masks: tuple[Mask, ...], end_s: float
    ) -> PictureReading:
        try:
            async with asyncio.timeout_at(end_s):
                worker = await self._prepare(slot)
                reading = await worker.ask(jpeg, look_for, masks)
            self._tell_fault(worker)
            return reading
        except TimeoutError:
            return unread("deadline")
        except WorkerDiedError:
            return unread("worker_died")
        except ModelError:
            return unread("model_unavailable")
        finally:
            # Cancellation comes here too: a worker that still owes an answer would give it to the next picture.
            if slot.worker is None or slot.worker.must_go:
                await self._replace(slot)
            self._idle.put(slot)

    async def _prepare(self, slot: _Slot) -> WorkerProcess:
        now_s = asyncio.get_running_loop().time()
        if slot.failure is not None and now_s - slot.failed_at_s < MODEL_RETRY_S:
            raise slot.failure
        if slot.worker is None:
            slot.worker = await WorkerProcess.start(self._command, self._registry)
        try:
            await slot.worker.ready()
        except ModelError as error:
            slot.failure, slot.failed_at_s = error, asyncio.get_running_loop().time()
            self._tell(error)
            raise
        except WorkerDiedError:
            self._tell(slot.worker.unusable("model_unloadable", f"it ended while it loaded {slot.worker.loading}"))
            raise
        slot.failure = None
        return slot.worker

    def _tell(self, error: ModelError) -> None:
        if self._told is not None and error.got != self._last_told:
            self._last_told = error.got
            self._told(error)

    def _tell_fault(self, worker: WorkerProcess) -> None:
        fault = worker.fault
        # Each picture may find it anew; one line in a log is enough.
        if fault is not None and self._told is not None and (fault.code, fault.model) not in self._faulty:
            self._faulty.add((fault.code, fault.model))
            self._told(worker.unusable(fault.code, fault.message))

    async def _replace(self, slot: _Slot) -> None:
        if slot.worker is not None:
            await slot.worker.kill()
        # A model that is missing stays missing: no process is started again before the retry.
        slot.worker = None
        if slot.failure is None and not self._closed:
            slot.worker = await WorkerProcess.start(self._command, self._registry)

    async def close(self) -> None:
        """Kill the workers; further reads are `closed`. Never raises."""
        self._closed = True
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
        for slot in self._slots:
            if slot.worker is not None:
                with contextlib.suppress(ProcessLookupError):
                    await slot.worker.kill()
                slot.worker = None


class LaneRecogniser:
    """One lane's share of a `WorkerRecogniser`; an `edge.ports.Recogniser`."""

    def __init__(self, shared: WorkerRecogniser, lane: str, *, yields: bool = False) -> None:
        self._shared = shared
        self._lane = lane
        self._yields = yields

    async def read(
        self, jpeg: bytes, look_for: frozenset[str], deadline_s: float, masks: tuple[Mask, ...] = ()
    ) -> PictureReading:
        """Read one picture as `WorkerRecogniser.read` does, in this lane's turn."""
        return await self._shared.read(jpeg, look_for, deadline_s, masks, lane=self._lane, yields=self._yields)
