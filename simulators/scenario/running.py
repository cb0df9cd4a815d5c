"""Runs one scenario: its steps in their order, what must come of each, and what must never be."""

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge import log
from edge.runtime.control import ControlError
from simulators.broker import DefaultBroker
from simulators.clearance_faults import Behaviour
from simulators.customs_platform import PlatformFault
from simulators.scenario import shared_clock
from simulators.scenario.bench import Bench, BrokerAt
from simulators.scenario.clock import Pace
from simulators.scenario.conditions import differences
from simulators.scenario.controller import MOST_SPEED_APART, last_words
from simulators.scenario.loading import Loaded
from simulators.scenario.schema import ACTIONS, Condition, Expectation, Step, Toggling, WeatherSpec


@dataclass(frozen=True, slots=True)
class Failure:
    """What was not as it should be: `what` of which `line`, at `at_s` of the scenario, and what was seen instead.

    `kind`: `expected` was not seen in time, `never` was seen, `step` could not be done, `start` did not come about,
    the controller `ended`.
    """

    kind: str
    line: int
    at_s: float
    what: str
    instead: dict[str, Any]
    seen: dict[str, Any]
    last_words: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one scenario. `wall_s` is the machine's time, `took_s` the scenario's."""

    name: str
    title: str
    shows: tuple[str, ...]
    seed: int
    speed: float
    took_s: float
    wall_s: float
    failure: Failure | None = None


class _FailedError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


def run(loaded: Loaded, broker: BrokerAt, *, speed: float = 1.0, seed: int | None = None) -> Result:
    """Run a scenario in an event loop of its own. Blocks; raises OSError where its devices cannot be started.

    Time runs `speed` times as fast where the scenario and its devices let it. `seed` takes the place of the file's.
    """
    began_s = time.monotonic()
    scenario = loaded.scenario
    used = min(speed, scenario.most_speed, MOST_SPEED_APART if scenario.apart else speed)
    if loaded.speed_bound:
        used = 1.0
    chosen = scenario.seed if seed is None else seed
    log.configure("info")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kakou-sim-", ignore_cleanup_errors=True)))
        opened = stack.enter_context((folder / "controller.log").open("a", encoding="utf-8"))
        stack.enter_context(contextlib.redirect_stderr(opened))
        shared = stack.enter_context(shared_clock.told(folder / "clock")) if used > 1 and loaded.works_apart else None
        pace = Pace(used, shared)
        runner = stack.enter_context(asyncio.Runner(loop_factory=pace.loop))
        took_s, failure = runner.run(_run(loaded, folder, broker, pace, chosen))
    return Result(
        loaded.name, scenario.title, scenario.shows, chosen, used, round(took_s, 2),
        round(time.monotonic() - began_s, 2), failure,
    )  # fmt: skip


async def _run(loaded: Loaded, folder: Path, broker: BrokerAt, pace: Pace, seed: int) -> tuple[float, Failure | None]:
    async with contextlib.AsyncExitStack() as stack:
        own = None
        if any(step.broker is not None for step in loaded.scenario.steps):
            # Whoever kills a broker brings one of his own.
            own = DefaultBroker()
            await asyncio.to_thread(own.start)
            stack.callback(own.kill)
            broker = BrokerAt(own.host, own.port_v5)
        bench = await stack.enter_async_context(Bench(loaded, folder, broker, pace, seed).running())
        bench.own_broker = own
        stage = _Stage(bench)
        try:
            await stage.play()
        except _FailedError as error:
            return bench.now_s, replace(error.failure, last_words=last_words(bench.log))
        return bench.now_s, None


class _Stage:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._scenario = bench.loaded.scenario
        self._toggling: set[asyncio.Task[None]] = set()
        self._step_ended_s = 0.0
        self._ended_by_step = False

    async def play(self) -> None:
        """Everything. Raises _FailedError at the first thing that is not as it should be."""
        try:
            await self._bench.start_controller(ready=self._scenario.ready)
        except TimeoutError:
            raise self._failed("start", 1, "the lane to be ready", {}) from None
        self._check()
        self._bench.begin()
        for spec in self._scenario.trucks:
            if spec.note:
                self._bench.note(spec)
        try:
            for number, step in enumerate(self._scenario.steps):
                await self._take(number, step)
                self._step_ended_s = self._bench.now_s
            self._check()
        finally:
            for task in self._toggling:
                task.cancel()

    async def _take(self, number: int, step: Step) -> None:
        line = self._bench.loaded.line_of("steps", number)
        if step.when is not None:
            await self._expect(step.when, line)
            self._step_ended_s = self._bench.now_s
        if step.at_s is not None:
            await self._wait_until(step.at_s)
        if step.after_s is not None:
            await self._wait_until(self._step_ended_s + step.after_s)
        if step.expect is not None:
            await self._expect(step.expect, line)
            return
        name = next(one for one in ACTIONS if getattr(step, one) is not None)
        try:
            await _DOERS[name](self, getattr(step, name))
        except (ValueError, LookupError, ControlError, OSError) as error:
            raise self._failed("step", line, name, {"error": str(error)}) from error
        self._check()

    async def _wait_until(self, at_s: float) -> None:
        while self._bench.now_s < at_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(at_s - self._bench.now_s):
                    await self._bench.look()
            self._check()

    async def _expect(self, expected: Expectation, line: int) -> None:
        bench = self._bench
        end_s = bench.now_s + expected.within_s
        held_since_s: float | None = None
        while True:
            found = differences(expected, bench)
            self._check()
            now_s = bench.now_s
            if found:
                if held_since_s is not None or now_s >= end_s:
                    raise self._failed("expected", line, words(expected), found)
            else:
                held_since_s = now_s if held_since_s is None else held_since_s
                if now_s - held_since_s >= expected.for_s:
                    return
            await bench.look()

    def _check(self) -> None:
        controller = self._bench.controller
        if controller is not None and controller.ended is not None and not self._ended_by_step:
            raise self._failed("ended", 1, controller.ended, {})
        for number, condition in enumerate(self._scenario.never):
            if not differences(condition, self._bench):
                line = self._bench.loaded.line_of("never", number)
                raise self._failed("never", line, words(condition), {})

    def _failed(self, kind: str, line: int, what: str, instead: dict[str, Any]) -> _FailedError:
        return _FailedError(Failure(kind, line, round(self._bench.now_s, 2), what, instead, self._bench.seen()))

    # --- what a step can do -------------------------------------------------------------------------------------

    async def arrive(self, said: Any) -> None:
        self._bench.world.arrive(self._bench.truck(said.truck), tailgates=said.tailgates, halts_at_m=said.halts_at_m)

    async def turn_back(self, truck: str) -> None:
        self._bench.world.turn_back(truck)

    async def resume(self, truck: str) -> None:
        self._bench.world.resume(truck)

    async def note(self, truck: str) -> None:
        self._bench.note(self._bench.trucks[truck])

    async def platform(self, said: PlatformFault) -> None:
        bridged = self._bench.bridged
        assert bridged is not None
        bridged.platform.fault = said

    async def weather(self, said: WeatherSpec) -> None:
        self._bench.weather = said

    async def fault(self, said: Any) -> None:
        await self._bench.devices[said.device].turn_on(said)

    async def mend(self, said: Any) -> None:
        await self._bench.devices[said.device].turn_off(said.switch)

    async def signals(self, said: dict[str, bool]) -> None:
        self._bench.plant.set_signals(said)

    async def toggle(self, said: Toggling) -> None:
        task = asyncio.create_task(self._toggle(said))
        self._toggling.add(task)
        task.add_done_callback(self._toggling.discard)

    async def _toggle(self, said: Toggling) -> None:
        forced = self._bench.plant.faults.forced
        try:
            for turn in range(int(said.hz * said.for_s)):
                forced[said.signal] = turn % 2 == 0
                await asyncio.sleep(1 / said.hz)
        finally:
            forced.pop(said.signal, None)

    async def order(self, said: Any) -> None:
        await self._bench.ask({"verb": "order", **said.model_dump()})

    async def supplement(self, said: Any) -> None:
        await self._bench.ask({"verb": "supplement", **said.model_dump()})

    async def mode(self, said: Any) -> None:
        await self._bench.ask({"verb": "mode", **said.model_dump()})

    async def authority(self, said: Any) -> None:
        self._bench.services[said.id].default = Behaviour(said.answers, delay_ms=int(said.delay_s * 1000))

    async def barrier(self, said: str) -> None:
        module, plant = self._bench.barrier.module, self._bench.plant
        match said:
            case "restart":
                module.restart()
            case "cut":
                await module.stop()
            case "join":
                await module.start()
            case "raise_by_hand":
                plant.move_by_hand(1)
            case _:
                plant.move_by_hand(-1)

    async def broker(self, said: str) -> None:
        own = self._bench.own_broker
        assert own is not None
        await asyncio.to_thread(own.start if said == "start" else own.kill)

    async def controller(self, said: str) -> None:
        controller = self._bench.controller
        self._ended_by_step = said != "start"
        if said == "start":
            await self._bench.start_controller(ready=False)
        elif controller is not None and said == "kill":
            await controller.kill()
        elif controller is not None and (status := await controller.stop()) != 0:
            raise ValueError(f"the controller ended with {status}")


_DOERS: dict[str, Callable[[_Stage, Any], Awaitable[None]]] = {
    name: getattr(_Stage, name) for name in ACTIONS if name != "expect"
}


def words(condition: Condition) -> str:
    """A condition as a scenario says it, on one line."""
    said = condition.model_dump(exclude_none=True, exclude_defaults=True)
    return json.dumps(said, ensure_ascii=False, default=list)
