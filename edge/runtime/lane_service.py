"""All tasks of one running lane: its devices under supervision, its connections, its runner."""

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.clearance.authority_link import ClearanceLink
from edge.core.events import DeviceBack, DeviceLost, Started
from edge.core.state import Phase
from edge.mqtt import MqttDown, MqttLink
from edge.ports import Clock, Device
from edge.runtime import failpoints
from edge.runtime.captures import LaneCaptures
from edge.runtime.journal import Journal
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.outbox import Outbox
from edge.runtime.recovery import recover
from edge.runtime.supervisor import Supervisor
from edge.telemetry.publisher import TelemetryPublisher

# The clearance connection is named like a device, so that the lane says when it cannot ask.
CLEARANCE = "clearance"
HEALTH_EVERY_S = 10.0
# How long a lane that is told to stop may finish what is in motion.
DRAIN_TIMEOUT_S = 20.0
_AT_REST = frozenset({Phase.STARTING, Phase.IDLE, Phase.LEAVING, Phase.FAULT, Phase.HELD, Phase.TURNING_BACK})


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

    async def run(self) -> None:
        """Recover from the journal, then serve until cancelled."""
        state = self.runner.state
        found = recover(self.journal.records(state.profile.lane, from_last="boot"))
        failpoints.hit("recovery_read")
        self.runner.take(
            Started(
                self.clock.now_ms(),
                boot=secrets.token_hex(8),
                seed=secrets.token_hex(32),
                passages=found.passages,
                unfinished=found.unfinished,
                unfinished_authority=found.unfinished_authority,
                journal_damaged=self.journal.quarantined is not None,
            )
        )
        failpoints.hit("recovery_appended")
        try:
            # The links outlive those who speak over them: the publisher has a last word to say.
            async with asyncio.TaskGroup() as links:
                links.create_task(self.clearance.run())
                links.create_task(self.telemetry_link.run())
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self.telemetry.run())
                    tasks.create_task(self._publish_health())
                    for device in self.devices:
                        self.runner.devices[device.name] = {"state": "starting"}
                        tasks.create_task(self._supervisor(device).run())
        finally:
            await self.captures.close()
            await self.runner.close()

    async def drain(self) -> None:
        """Return once nothing of this lane is in motion, or after `DRAIN_TIMEOUT_S`."""
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await self.runner.reached(lambda state: state.phase in _AT_REST)
        except TimeoutError:
            return

    def clearance_up(self) -> None:
        """The authorities can be asked."""
        self.runner.devices[CLEARANCE] = {"state": "up"}
        self.runner.take(DeviceBack(self.clock.now_ms(), CLEARANCE))

    def clearance_down(self, reason: MqttDown) -> None:
        """The authorities cannot be asked."""
        self.runner.devices[CLEARANCE] = {"state": "lost", "code": reason.code, "cause": str(reason)}
        self.runner.take(DeviceLost(self.clock.now_ms(), CLEARANCE, reason.code))

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

    def _supervisor(self, device: Device) -> Supervisor:
        jitter: Callable[[], float] = random.random
        return Supervisor(
            device,
            clock=self.clock,
            jitter=jitter,
            on_lost=self.runner.device_lost,
            on_back=self.runner.device_back,
        )
