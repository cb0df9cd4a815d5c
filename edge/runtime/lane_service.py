"""All tasks of one running lane: its devices under supervision, its connections, its runner."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from edge.clearance.authority_link import ClearanceLink
from edge.clearance.confirm_desk import ConfirmDesk
from edge.core.events import DeviceBack, DeviceLost, Started
from edge.core.offline import CLEARANCE
from edge.log import logger
from edge.mqtt import MqttDown, MqttLink
from edge.ports import Clock, Device
from edge.runtime import failpoints
from edge.runtime.captures import LaneCaptures
from edge.runtime.draining import at_rest
from edge.runtime.end_watch import EndWatch
from edge.runtime.journal import Journal
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.outbox import Outbox
from edge.runtime.recovery import Recovered, recover
from edge.runtime.shadows import LaneShadows
from edge.runtime.supervisor import Supervisor, keep_going
from edge.telemetry.publisher import TelemetryPublisher

HEALTH_EVERY_S = 10.0
# How long a lane that is told to stop may finish what is in motion.
DRAIN_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class LaneService:
    """One lane, ready to run."""

    clock: Clock
    journal: Journal
    outbox: Outbox
    runner: LaneRunner
    devices: Sequence[Device]
    captures: LaneCaptures
    clearance: ClearanceLink
    telemetry: TelemetryPublisher
    telemetry_link: MqttLink
    watches: Sequence[tuple[str, Callable[[], Awaitable[None]]]] = ()
    handheld: ConfirmDesk | None = None
    # Starts of the controller in a row that ended before they were healthy.
    failed_starts: int = 0
    ends: EndWatch | None = None
    shadows: LaneShadows | None = None

    async def run(self) -> None:
        """Recover from the journal, then serve until cancelled."""
        found, damage = self._recovered()
        damaged = damage is not None
        failpoints.hit("recovery_read")
        self.runner.take(
            Started(
                self.clock.now_ms(),
                boot=secrets.token_hex(8),
                seed=secrets.token_hex(32),
                passages=found.passages,
                unfinished=found.unfinished,
                unfinished_authority=found.unfinished_authority,
                referrals=found.referrals,
                unfinished_drill=found.unfinished_drill,
                journal_damaged=damaged,
                # Which mode was ordered is not known either: nothing is decided until somebody orders one.
                mode="EMERGENCY_HOLD" if damaged else found.mode,
                offline_uses=found.offline.uses,
                offline_passes=found.offline.passes,
                failed_starts=self.failed_starts,
                damage=damage or "",
                sequences=found.sequences,
                handed_over=found.handed_over,
            )
        )
        failpoints.hit("recovery_appended")
        if self.shadows is not None:
            self.shadows.know = self.runner.know_device
        try:
            # The links outlive those who speak over them: the publisher has a last word to say.
            async with asyncio.TaskGroup() as links:
                links.create_task(self._keep_going("clearance_link", self.clearance.run))
                links.create_task(self._keep_going("telemetry_link", self.telemetry_link.run))
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._keep_going("telemetry", self.telemetry.run))
                    tasks.create_task(self._keep_going("health", self._publish_health))
                    if self.ends is not None:
                        tasks.create_task(self._keep_going("end_watch", self.ends.run))
                    for name, watch in self.watches:
                        tasks.create_task(self._keep_going(name, watch))
                    for device in self.devices:
                        self.runner.devices[device.name] = {"state": "starting"}
                        tasks.create_task(self._supervisor(device).run())
                    for device in () if self.shadows is None else self.shadows.devices:
                        tasks.create_task(self._supervisor(device, self.shadows).run())
        finally:
            await self.captures.close()
            if self.shadows is not None:
                await self.shadows.close()
            await self.runner.close()

    async def drain(self) -> None:
        """Return once nothing of this lane is in motion, or after `DRAIN_TIMEOUT_S`."""
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await self.runner.reached(at_rest)
        except TimeoutError:
            return

    def clearance_up(self) -> None:
        """The authorities can be asked."""
        self.runner.know_device(CLEARANCE, {"state": "up"})
        self.runner.take(DeviceBack(self.clock.now_ms(), CLEARANCE))

    def clearance_down(self, reason: MqttDown) -> None:
        """The authorities cannot be asked."""
        self.runner.know_device(CLEARANCE, {"state": "lost", "code": reason.code, "cause": str(reason)})
        self.runner.take(DeviceLost(self.clock.now_ms(), CLEARANCE, reason.code))

    def _recovered(self) -> tuple[Recovered, str | None]:
        """Return what the journal says about this lane, and what a person must hear where it cannot be relied on."""
        lane, file = self.runner.state.profile.lane, self.journal.path
        damage = None
        if self.journal.quarantined is not None:
            damage = f"{file}: {self.journal.damage}; put aside as {self.journal.quarantined}, a new one was begun"
        try:
            found = recover(self.journal.records(lane, from_last="boot"))
        except Exception as error:  # noqa: BLE001 - the supervisor: a lane that nobody can recover waits, the others start
            logger(lane=lane).exception("recovery_failed")
            # Not the error's text: it may quote a record, with a plate in it.
            kind = type(error).__name__
            found, damage = Recovered(), f"{file}: records of {lane} cannot be understood ({kind}); it stays in use"
        return found, damage and f"{damage}; look at the lane, then reset it"

    async def _keep_going(self, part: str, run: Callable[[], Awaitable[None]]) -> None:
        await keep_going(part, run, self.clock, lane=self.runner.state.profile.lane)

    async def _publish_health(self) -> None:
        """Say how each device fares, and how much waits for central operations."""
        while True:
            await self.clock.sleep(HEALTH_EVERY_S)
            lane = self.runner.state.profile.lane
            devices = {
                name: {key: known[key] for key in known if key != "cause"}
                for name, known in self.runner.devices.items()
            }
            self.telemetry.publish_health(
                {
                    "devices": devices,
                    "outbox_rows": self.outbox.depth(lane),
                    "journal_writable": not self.runner.state.journal_lost,
                }
            )

    def _supervisor(self, device: Device, shadows: LaneShadows | None = None) -> Supervisor:
        jitter: Callable[[], float] = random.random
        told = shadows or self.runner
        return Supervisor(
            device,
            clock=self.clock,
            jitter=jitter,
            on_lost=told.device_lost,
            on_back=told.device_back,
        )
