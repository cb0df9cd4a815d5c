"""The barrier's module: does each loop and switch toggle, do the limit switches agree, and does the boom obey?"""

import asyncio
from collections.abc import Callable

from config.devices import Barrier
from edge import registry
from edge.bringup.step import Step
from edge.bringup.trial import Trial
from edge.core.inputs import UNKNOWN_INPUTS, LaneInputs
from edge.ports import Clock
from edge.registry import BarrierModule

# What a technician can make change without breaking anything.
_PRESSED = (
    "arrival_loop", "safety_loop", "exit_loop", "safety_beam", "emergency_stop", "fire_alarm",
    "scale_front_beam", "scale_rear_beam",
)  # fmt: skip


class BarrierTrial(Trial[BarrierModule]):
    """`move`: raise and lower the boom once; `open_ms`, `close_ms` are how long each may take."""

    def __init__(self, configured: Barrier, clock: Clock, *, move: bool, open_ms: int, close_ms: int) -> None:
        signals = configured.map.signals
        self._toggles = {
            name: Step("toggles", name, {"values": ""}) for name in _PRESSED if getattr(signals, name) is not None
        }
        self._limits = Step("limits", fields={"boom": "unknown"})
        self._whole = Step("boom_whole")
        self._faults = Step("module_faults", fields={"bits": 0})
        self._raises = Step("raises", fields={"limit_ms": open_ms, "took_ms": 0, "boom": "unknown"})
        self._lowers = Step("lowers", fields={"limit_ms": close_ms, "took_ms": 0, "boom": "unknown", "why": "-"})
        super().__init__([*([self._raises, self._lowers] if move else []), self._limits, *self._toggles.values()])
        if signals.boom_broken is not None:
            self.steps.append(self._whole)
        if configured.map.registers.fault_bits is not None:
            self.steps.append(self._faults)
        self._move = move
        self._moved = False
        self._clock = clock
        self._seen: dict[str, set[bool]] = {name: set() for name in self._toggles}
        self._inputs = UNKNOWN_INPUTS
        self._scanned = asyncio.Event()
        self.device = registry.build(registry.BARRIER, configured, clock, self._take)

    @property
    def boom_left(self) -> str | None:
        """Where the boom was last seen, unless it was not moved or came down."""
        return self._inputs.boom if self._moved and self._lowers.status != "PASS" else None

    @property
    def acts_ms(self) -> int:
        """The first scan, up and down: each has its own limit."""
        raises_ms, lowers_ms = (step.fields["limit_ms"] for step in (self._raises, self._lowers))
        return 2 * raises_ms + lowers_ms if self._move else 0

    async def act(self) -> None:
        """Move the boom where that was asked for."""
        if not self._move:
            return
        await self._until(lambda inputs: inputs is not UNKNOWN_INPUTS, self._raises.fields["limit_ms"])
        began_ms = self._clock.now_ms()
        self._moved = True
        await self.device.raise_boom()
        up = await self._until(lambda inputs: inputs.boom == "up", self._raises.fields["limit_ms"])
        self._settle(self._raises, up, began_ms)
        if not up or self._inputs.stopped or not self._inputs.clear_under_boom:
            self._lowers.settle("FAIL", boom=self._inputs.boom, why="not_up" if not up else "not_clear")
            self.look()
            return
        began_ms = self._clock.now_ms()
        try:
            await self.device.lower_boom()
            ended = await self._until(
                lambda inputs: inputs.boom == "down" or not inputs.clear_under_boom or inputs.stopped,
                self._lowers.fields["limit_ms"],
            )
        finally:
            # Also where somebody ends the program: what still moves above people is stopped.
            if self._inputs.boom != "down":
                await self.device.stop_boom()
        down = ended and self._inputs.boom == "down"
        self._settle(self._lowers, down, began_ms, why="-" if down else "not_clear" if ended else "too_slow")

    def finish(self) -> None:
        """A signal that never changed is told with what it always was."""
        for name, step in self._toggles.items():
            step.fields["values"] = "".join(str(int(value)) for value in sorted(self._seen[name]))
        super().finish()

    def _settle(self, step: Step, well: bool, began_ms: int, **fields: str) -> None:
        took_ms = self._clock.now_ms() - began_ms
        step.settle("PASS" if well else "FAIL", took_ms=took_ms, boom=self._inputs.boom, **fields)
        self.look()

    async def _until(self, condition: Callable[[LaneInputs], bool], limit_ms: int) -> bool:
        try:
            async with asyncio.timeout(limit_ms / 1000):
                while not condition(self._inputs):
                    self._scanned.clear()
                    await self._scanned.wait()
        except TimeoutError:
            return False
        return True

    def _take(self, inputs: LaneInputs, _: int) -> None:
        self._inputs = inputs
        self._scanned.set()
        for name, step in self._toggles.items():
            value = getattr(inputs, name)
            if value is True and not self._seen[name] and step.status == "WAIT":
                # Normally closed where normally open is configured, or the reverse: or somebody stands there.
                step.settle("FAIL")
                step.remedy = "bringup_occupied_next"
            if isinstance(value, bool):
                self._seen[name].add(value)
            if step.status == "WAIT" and len(self._seen[name]) > 1:
                step.settle("PASS", values="01")
        self._limits.fields["boom"] = inputs.boom
        if inputs.boom_up and inputs.boom_down:
            self._limits.settle("FAIL", boom="both")
        elif self._limits.status == "WAIT" and inputs.boom in ("up", "down"):
            self._limits.settle("PASS")
        # Neither is on, and nothing moves it: it counts where that was all that was seen.
        self._limits.wrong |= inputs.boom == "moving"
        if self._whole.status != "FAIL":
            self._whole.settle("FAIL" if inputs.boom_broken else "PASS")
        if self._faults.status != "FAIL":
            # The module tells them with each scan; a loss of the controller is told once, and ends with the first beat.
            bits = self.device.fault_bits
            self._faults.settle("PASS" if not bits else "WAIT", bits=bits)
            self._faults.wrong |= bool(bits)
        self.look()
