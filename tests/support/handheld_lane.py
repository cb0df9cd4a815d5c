"""A running lane that handheld terminals may confirm, with no broker within reach, and two officers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.clearance.authority_link import ClearanceLink
from edge.clearance.confirm_desk import ConfirmDesk
from edge.clearance.grant import GrantRefusal
from edge.core.events import Event, ModeOrdered, Started
from edge.core.profile import HandheldRules, LaneProfile
from edge.core.state import Phase
from edge.mqtt import MqttSettings
from edge.runtime.clock import LoopClock
from edge.runtime.control import ControlServer, ask
from simulators.handheld import Terminal
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE
from tests.support.handhelds import make_officer_world
from tests.support.lane_bench import UP
from tests.support.lane_parts import LIMIT_S, PROFILE, Running, running

HANDHELD = replace(PROFILE, site=SITE, lane=LANE, handheld=HandheldRules(AUTHORITY, 60_000))


class Time(LoopClock):
    """The lane's clock, with a wall time at which the keys count."""

    def utc(self) -> datetime:
        return NOW


class Desk(ConfirmDesk):
    """Tells when a challenge left."""

    left: asyncio.Event
    drills: list[bool]

    def publish(self, raw: bytes, *, drill: bool) -> "asyncio.Future[None]":
        self.drills.append(drill)
        self.left.set()
        return super().publish(raw, drill=drill)


@dataclass
class HandheldLane:
    """The lane, its desk, its control socket and the officers' terminals."""

    lane: Running
    desk: Desk
    socket: Path
    terminals: dict[str, Terminal]
    keys: Path
    taken: list[Event]
    refused: list[str]

    async def held(self) -> bytes:
        """Hold a vehicle; returns its challenge."""
        runner = self.lane.runner
        runner.take(ModeOrdered(runner.now_ms(), "MAINTENANCE", "wang", "works"))
        self.lane.scan(arrival_loop=True)
        await self.lane.phase(Phase.HELD)
        return await self.shown()

    async def shown(self) -> bytes:
        """The challenge in force, as the control socket shows it."""
        async with asyncio.timeout(LIMIT_S):
            await self.desk.left.wait()
        self.desk.left.clear()
        return str((await self.ask("challenge"))["challenge"]).encode()

    async def ask(self, verb: str, lane: str = LANE, **fields: Any) -> dict[str, Any]:
        return await ask(self.socket, {"verb": verb, "lane": lane, **fields})

    async def rise(self) -> None:
        """The boom follows its order."""
        await self.lane.phase(Phase.OPENING)
        self.lane.scan(arrival_loop=True, **UP)


@asynccontextmanager
async def handheld_lane(folder: Path, profile: LaneProfile = HANDHELD) -> AsyncIterator[HandheldLane]:
    keys, time = folder / "keys", Time()
    world = make_officer_world(keys)
    desk = Desk(AUTHORITY, key=world.keys["lane"], keyset=lambda: world.keyset, clock=time)
    desk.left, desk.drills = asyncio.Event(), []
    terminals = {
        name: Terminal(name, key=world.keys[name], keyset=world.keyset, site=SITE, utc=lambda: NOW)
        for name in ("chen", "li")
    }
    taken: list[Event] = []
    refused: list[str] = []

    def take(event: Event) -> None:
        taken.append(event)
        opened.runner.take(event)

    def refuse(authority: str, refusal: GrantRefusal) -> None:
        assert authority == AUTHORITY
        refused.append(refusal.reason)

    async with running(folder / "journal.sqlite", profile, desk) as opened:
        link = ClearanceLink(
            MqttSettings("127.0.0.1", 1, "lane"), site=SITE, lane=LANE, authorities=(AUTHORITY,),
            keyset=lambda: world.keyset, clock=time, on_grant=lambda _grant: None, on_refused=refuse,
        )  # fmt: skip
        desk.attach(link, take=take, on_refused=refuse)
        server = ControlServer(folder / "control.sock", {LANE: opened.runner, "bare": opened.runner}, {LANE: desk})
        await server.start()
        opened.runner.take(Started(opened.clock.now_ms(), "boot1", "seed1"))
        opened.scan()
        yield HandheldLane(opened, desk, folder / "control.sock", terminals, keys, taken, refused)
        await server.close()
