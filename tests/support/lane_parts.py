"""The parts of a lane's runner, small: what was asked of each is a list, what each does can be made to fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from edge.core.events import InputsSampled, RequestPrepared
from edge.core.profile import LaneProfile
from edge.core.readings import Identity, TagSighting
from edge.core.state import LaneState, Phase
from edge.core.tag import Tag
from edge.ports import DeviceError
from edge.runtime.clock import LoopClock
from edge.runtime.journal import Journal
from edge.runtime.lane_runner import LaneParts, LaneRunner
from tests.support.journals import utc
from tests.support.lane_bench import CLOSED, CUSTOMS, EPC

PROFILE = LaneProfile(
    "site", "lane-1", "in", (CUSTOMS,), tag_reader="reader", must_match=("tag",), simulated=True, guides=True
)
LIMIT_S = 60.0
C = TypeVar("C", bound=LoopClock)


def broken(code: str = "barrier_gone", outcome: Any = "not_done", device: str = "barrier") -> DeviceError:
    return DeviceError(
        code, device=device, address="here", expected="an answer", got="none", next_step="look", outcome=outcome
    )


class Barrier:
    """Notes each command; `error` is raised by the next ones."""

    name, address = "barrier", "here"

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.error: DeviceError | None = None
        self.gate: asyncio.Event | None = None

    async def _do(self, command: str) -> None:
        self.commands.append(command)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error

    async def raise_boom(self) -> None:
        await self._do("raise")

    async def lower_boom(self) -> None:
        await self._do("lower")

    async def stop_boom(self) -> None:
        await self._do("stop")

    async def set_light(self, light: str) -> None:
        await self._do(light)

    async def connect(self) -> None: ...
    async def run(self) -> None: ...
    async def close(self) -> None: ...


class Others:
    """Captures, clearance and telemetry in one: `asked` is everything, in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.states: list[dict[str, object]] = []

    def start(self, passage: str, since_ms: int) -> None:
        self.asked.append(("start",))

    def stop(self, passage: str) -> None:
        self.asked.append(("stop",))

    def ended(self, passage: str) -> None:
        self.asked.append(("ended",))

    def prepare(
        self, passage: str, authority: str, nonce: str, identity: Identity, state: LaneState
    ) -> RequestPrepared:
        self.asked.append(("prepare", nonce))
        return RequestPrepared(LoopClock().now_ms(), passage, authority, f"hash-{nonce}")

    def send(self, passage: str, authority: str, nonce: str) -> None:
        self.asked.append(("send", nonce))

    def publish_state(self, state: dict[str, object]) -> None:
        self.states.append(state)

    def publish_alarm(self, code: str, detail: str | None) -> None:
        self.asked.append(("alarm", code, detail))

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [one for one in self.asked if one[0] == name]


class Running:
    """A runner with its parts and a real journal, fed by hand."""

    def __init__(self, journal: Any, profile: LaneProfile = PROFILE, handheld: Any = None) -> None:
        self.clock: Any = LoopClock()
        self.journal = journal
        self.barrier = Barrier()
        self.others = Others()
        others: Any = self.others
        self._parts = LaneParts(self.clock, journal, self.barrier, others, others, others, handheld)
        self.runner = LaneRunner(profile, self._parts)

    def use_clock(self, clock: C) -> C:
        """Begin anew on another clock."""
        self.clock = clock
        self.runner = LaneRunner(self.runner.state.profile, replace(self._parts, clock=clock))
        return clock

    def scan(self, **signals: bool | None) -> None:
        self.runner.take(InputsSampled(self.clock.now_ms(), replace(CLOSED, **signals)))

    def tag(self) -> TagSighting:
        return TagSighting(Tag(EPC), 0, -50, self.clock.now_ms())

    async def phase(self, *phases: Phase) -> None:
        async with asyncio.timeout(LIMIT_S):
            await self.runner.reached(lambda state: state.phase in phases)


@asynccontextmanager
async def running(path: Path, profile: LaneProfile = PROFILE, handheld: Any = None) -> AsyncIterator[Running]:
    journal = await Journal.open(path, utc=utc)
    lane = Running(journal, profile, handheld)
    try:
        yield lane
    finally:
        await lane.runner.close()
        await journal.close()
