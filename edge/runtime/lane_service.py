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
from edge.runtime.captures import LaneCaptures
from edge.runtime.journal import Journal
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.recovery import recover
from edge.runtime.supervisor import Supervisor
from edge.telemetry.publisher import TelemetryPublisher

# The clearance connection is named like a device, so that the lane says when it cannot ask.
CLEARANCE = "clearance"
# How long a lane that is told to stop may finish what is in motion.
DRAIN_TIMEOUT_S = 20.0
_AT_REST = frozenset({Phase.STARTING, Phase.IDLE, Phase.LEAVING, Phase.FAULT, Phase.HELD, Phase.TURNING_BACK})


@dataclass(frozen=True, slots=True)
class LaneService:
    """One lane, ready to run."""

    clock: Clock
    journal: Journal
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
        self.runner.take(
            Started(
                self.clock.now_ms(),
                boot=secrets.token_hex(8),
                seed=secrets.token_hex(32),
                passages=found.passages,
                unfinished=found.unfinished,
                unfinished_authority=found.unfinished_authority,
            )
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.clearance.run())
                tasks.create_task(self.telemetry.run())
                tasks.create_task(self.telemetry_link.run())
                for device in self.devices:
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
        self.runner.take(DeviceBack(self.clock.now_ms(), CLEARANCE))

    def clearance_down(self, reason: MqttDown) -> None:
        """The authorities cannot be asked."""
        self.runner.take(DeviceLost(self.clock.now_ms(), CLEARANCE, reason.code))

    def _supervisor(self, device: Device) -> Supervisor:
        jitter: Callable[[], float] = random.random
        return Supervisor(
            device,
            clock=self.clock,
            jitter=jitter,
            on_lost=self.runner.device_lost,
            on_back=self.runner.device_back,
        )
