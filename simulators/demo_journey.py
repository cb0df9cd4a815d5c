"""Drives the demo's trucks through the lane, one after the other, and listens to what the lane says."""

import asyncio
import contextlib
import importlib
from collections.abc import Callable, Iterable
from typing import Any

from simulators.demo_box import LANE, DemoBox
from simulators.demo_score import Passage, colours_of, plain_identity
from simulators.demo_view import View
from simulators.trucks import note_of
from simulators.vehicle import Truck

# From arrival to an empty lane; a truck that takes longer than this is a defect of the demo, not of its day.
TRUCK_TIMEOUT_S = 90.0
READY_TIMEOUT_S = 60.0
# How long the demo's clerk looks at a held truck before refusing it.
CLERK_S = 2.0
_STORED_TIMEOUT_S = 10.0
_LOOK_EVERY_S = 0.1


class StuckError(Exception):
    """The lane did not come to where it should in time, or a process of the demo ended; the text says which."""


class Pictures:
    """Draws or loads what the cameras will see, beside the event loop: that must not miss a Modbus request."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def prepare(self, truck: Truck) -> "asyncio.Task[None]":
        """Begin, or return what was begun. The task raises ValueError for a photograph that cannot be decoded."""
        if truck.id not in self._tasks:
            self._tasks[truck.id] = asyncio.create_task(asyncio.to_thread(_prepare, truck))
        return self._tasks[truck.id]


def _prepare(truck: Truck) -> None:
    from simulators.demo_lane import prepare_pictures

    prepare_pictures(truck)


class Journey:
    """The trucks' way. `passages` has one entry a truck that came; `strays` are passages that no truck explains."""

    def __init__(self, box: DemoBox, view: View, pictures: Pictures, since_start_s: Callable[[], float]) -> None:
        """`since_start_s`: seconds since the program was started."""
        self._box = box
        self._view = view
        self._pictures = pictures
        self._since_start_s = since_start_s
        self._news = asyncio.Event()
        self._heard: set[tuple[str, str]] = set()
        self._newest = self._stored = (0, 0)
        self._current: Passage | None = None
        self.passages: list[Passage] = []
        self.strays: list[str] = []
        self.first_released_s: float | None = None
        box.on_message = self._hear

    async def ready(self) -> None:
        """Wait until the lane is proved closed and no device is lost. Raises StuckError."""
        await self._until(
            lambda: self._box.state.get("phase") == "idle" and not self._box.state.get("lost_devices"), READY_TIMEOUT_S
        )

    async def drive_all(self, trucks: Iterable[Truck]) -> None:
        """Let each truck come, pass or be sent back, and the lane be ready again. Raises StuckError, ValueError."""
        waiting = list(trucks)
        await self.ready()
        self._view.ready(self._box)
        for number, truck in enumerate(waiting):
            await self._pictures.prepare(truck)
            for later in waiting[number + 1 : number + 2]:
                self._pictures.prepare(later)
            self._box.service.notes.add(note_of(truck))
            await self._drive(truck, clerk=True)

    async def wait_for_a_person(self, truck: Truck) -> None:
        """Let one more truck come, without a release note: it waits for an order of whoever watches."""
        await self._pictures.prepare(truck)
        try:
            await self._drive(truck, clerk=False)
        finally:
            self.passages.pop()

    async def stored(self) -> bool:
        """Whether central operations said within some seconds that it stored every event."""
        with contextlib.suppress(StuckError):
            await self._until(lambda: self._stored >= self._newest, _STORED_TIMEOUT_S)
        return self._stored >= self._newest

    async def _drive(self, truck: Truck, *, clerk: bool) -> None:
        passage = self._current = Passage(truck)
        self.passages.append(passage)
        self._view.arrived(truck)
        world = self._box.lane.world
        world.arrive(truck)
        drivers = [asyncio.create_task(self._turn_back_when_told(truck))]
        if clerk:
            drivers.append(asyncio.create_task(self._refuse_when_held()))
        try:
            await self._until(
                lambda: bool(passage.terminals) and world.empty and self._box.state.get("phase") == "idle",
                TRUCK_TIMEOUT_S if clerk else None,
            )
        finally:
            for task in drivers:
                task.cancel()
            await asyncio.gather(*drivers, return_exceptions=True)

    async def _turn_back_when_told(self, truck: Truck) -> None:
        world = self._box.lane.world
        while True:
            if self._box.state.get("phase") in ("turning_back", "leaving") and world.phase(truck.id) == "waiting":
                world.turn_back(truck.id)
            await self._next_news()

    async def _refuse_when_held(self) -> None:
        """The demo's clerk: looks at a held truck for a moment and refuses it."""
        order = {"verb": "order", "lane": LANE, "action": "refuse", "operator": "demo-clerk"}
        while True:
            if self._box.state.get("phase") == "held":
                # Loaded when it is needed, and beside the event loop: it would delay the first truck.
                control = await asyncio.to_thread(importlib.import_module, "edge.runtime.control")
                await asyncio.sleep(CLERK_S)
                with contextlib.suppress(control.ControlError):
                    await control.ask(self._box.control_socket, {**order, "reason": "held in the demo"})
            await self._next_news()

    async def _until(self, reached: Callable[[], bool], timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not reached():
                    if (name := self._box.children.ended) is not None:
                        raise StuckError(f"{name} ended\n{self._box.children.last_words(name)}")
                    await self._next_news()
        except TimeoutError as error:
            state = f"{self._box.state}\n{self._box.children.last_words('controller')}"
            raise StuckError(f"nothing more within {timeout_s} s, the lane's last state is {state}") from error

    async def _next_news(self) -> None:
        """The next message of the lane; the world moves by itself in between."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._news.wait()

    def _hear(self, name: str, payload: dict[str, Any]) -> None:
        self._news.set()
        if name == "state" and self._current is not None and not self._current.terminals:
            self._view.sign(payload)
        if name == "ack":
            self._stored = max(self._stored, (payload["epoch"], payload["seq"]))
            return
        if not name.startswith(("event/", "passage/")) or (name, payload["id"]) in self._heard:
            return
        # An event may come twice: the lane sends again what was not acknowledged.
        self._heard.add((name, payload["id"]))
        kind, data = payload["type"], payload["data"]
        if name.startswith("event/"):
            self._newest = max(self._newest, (payload["epoch"], payload["seq"]))
            self._take_event(kind, data)
        elif kind == "passage_ended" and self._current is not None and data["passage"] == self._current.id:
            identity, colours = plain_identity(data["identity"]), colours_of(data["identity"])
            self._current.identity, self._current.colours = identity, colours

    def _take_event(self, kind: str, data: dict[str, Any]) -> None:
        current = self._current
        if kind == "passage_opened" and current is not None and current.id is None:
            current.id = data["passage"]
        if current is None or data.get("passage") != current.id:
            if kind == "passage_opened":
                self.strays.append(data["passage"])
            return
        if kind == "boom_raised" and self.first_released_s is None:
            self.first_released_s = self._since_start_s()
        if kind == "passage_ended":
            told = str(data["terminal"]), data["decision"], list(data["inspections"]), dict(data["stages_ms"])
            terminal, current.decision, current.inspections, current.stages_ms = told
            current.terminals.append(terminal)
        self._view.event(kind, data)
