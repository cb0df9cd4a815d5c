"""Runs one trial: connect, serve, let it be tried, close. The device is closed however it ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.bringup.step import Step
from edge.bringup.trial import Trial
from edge.ports import Clock, DeviceError, Tap
from edge.runtime.supervisor import CONNECT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a trial may take once the device is connected; it ends sooner where everything was seen."""

    seconds: float = 60.0
    connect_s: float = CONNECT_TIMEOUT_S


async def try_out(
    trial: Trial[Any], tap: Tap, clock: Clock, limits: Limits, settled: Callable[[Step], None]
) -> list[Step]:
    """Return every step with its status. `settled` hears of each when it is known, `tap` what crosses the wire."""
    device = trial.device
    if hasattr(device, "tap"):
        device.tap = tap
    fields = {"address": device.address, "cause": "-", "step": "-"}
    connected, kept = Step("connected", fields=dict(fields)), Step("kept", fields=dict(fields))
    told = _Told(settled)
    try:
        async with asyncio.timeout(limits.connect_s):
            await device.connect()
        connected.settle("PASS")
        told.tell([connected])
        lost = await _serve(trial, clock, limits, told)
        kept.settle("PASS" if lost is None else "FAIL", **_why(lost))
    except DeviceError as error:
        connected.settle("FAIL", **_why(error))
    except TimeoutError:
        connected.settle("FAIL", cause=f"no answer within {limits.connect_s:g} s")
    finally:
        await device.close()
    if connected.status == "FAIL":
        # What could not be tried is not known.
        connected.wrong = False
        for step in trial.steps:
            step.status = "SKIP"
        kept.status = "SKIP"
    trial.finish()
    steps = [connected, *trial.steps, kept]
    told.tell(steps)
    return steps


async def _serve(trial: Trial[Any], clock: Clock, limits: Limits, told: "_Told") -> DeviceError | None:
    """Serve and try until everything was seen or time is up; return what ended it before."""
    tasks = [asyncio.create_task(one) for one in (trial.device.run(), trial.act())]
    done = asyncio.create_task(trial.done.wait())
    began_ms, most_ms = clock.now_ms(), limits.seconds * 1000

    def left() -> float:
        """A movement that has begun has time of its own."""
        return began_ms + (most_ms if tasks[1].done() else max(most_ms, trial.acts_ms)) - clock.now_ms()

    try:
        while not done.done() and (left_ms := left()) > 0:
            watched = [done, *(task for task in tasks if not task.done())]
            await asyncio.wait(watched, timeout=min(0.2, left_ms / 1000), return_when=asyncio.FIRST_COMPLETED)
            told.tell(trial.steps)
            for task in tasks:
                if task.done() and isinstance(error := task.exception(), DeviceError):
                    return error
                if task.done():
                    # A defect of ours or of the driver: it is told as what it is.
                    task.result()
        return None
    finally:
        for task in (done, *tasks):
            task.cancel()
        await asyncio.gather(done, *tasks, return_exceptions=True)


class _Told:
    """Tells each step once, when it is settled."""

    def __init__(self, settled: Callable[[Step], None]) -> None:
        self._settled = settled
        self._known: list[tuple[int, str]] = []

    def tell(self, steps: list[Step]) -> None:
        for step in steps:
            if step.status != "WAIT" and (known := (id(step), step.status)) not in self._known:
                self._known.append(known)
                self._settled(step)


def _why(error: DeviceError | None) -> dict[str, str]:
    return {} if error is None else {"cause": str(error).partition("; next:")[0], "step": error.next_step}
