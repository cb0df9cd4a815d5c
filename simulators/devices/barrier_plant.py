"""The physical barrier behind the I/O module: boom, lights, limit switches, its own controller and watchdog.

Time comes from outside in milliseconds; nothing here reads a clock. The barrier's own controller reverses a
lowering boom over an occupied safety loop, whatever the software asks for (reference page domain.md, 4.1, 4.2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

STEP_MS = 5  # coarsest step of the physics
WATCHDOG_MS = 3000
LIMIT_SWITCH_SPAN = 0.02  # of the stroke, at either end
FAULT_COMMS_LOST = 1  # bit 0 of the fault register

INPUT_SIGNALS = (
    "arrival_loop",
    "safety_loop",
    "exit_loop",
    "safety_beam",
    "scale_front_beam",
    "scale_rear_beam",
    "boom_broken",
    "emergency_stop",
    "fire_alarm",
)
LOOPS = ("arrival_loop", "safety_loop", "exit_loop")
OUTPUTS = ("raise", "lower", "stop", "red", "green", "siren", "watchdog")


@dataclass(slots=True)
class PlantFaults:
    """Physical faults, switched while it runs. `forced` holds any signal at a value (a loop stuck on or off).

    `lamps_dead` and `lamps_stuck` name lamps (red, green) that never, or always, shine. `raise_welded`: the contact of
    the raise output never opens again, whatever the module writes or reads. `loops_retune`: at power-up the detectors
    take what stands on their loops for an empty lane, and see it no more until it has left.
    """

    boom_stuck: bool = False
    both_limits: bool = False
    ignore_safety_loop: bool = False
    forced: dict[str, bool] = field(default_factory=dict)
    lamps_dead: frozenset[str] = frozenset()
    lamps_stuck: frozenset[str] = frozenset()
    raise_welded: bool = False
    loops_retune: bool = False


class Plant:
    """Boom position 0.0 (down) to 1.0 (up), moved by pulses on its outputs.

    `now_ms` is the injected clock, `stroke_s` the time from end to end. `raise_count`, `lower_count` and
    `stop_count` count the commands that were executed: every ON that arrived, repeated ones included.
    """

    def __init__(self, now_ms: Callable[[], int], *, stroke_s: float = 0.5, map_version: int = 1) -> None:
        if stroke_s <= 0:
            raise ValueError(f"stroke_s {stroke_s} is not positive")
        self.now_ms = now_ms
        self.stroke_s = stroke_s
        self.map_version = map_version
        self.faults = PlantFaults()
        self.position = 0.0
        self.boot_counter = 1
        self.heartbeat = 0
        self.fault_bits = 0
        self.raise_count = 0
        self.lower_count = 0
        self.stop_count = 0
        self.reversals = 0
        self.outputs: dict[str, bool] = dict.fromkeys(OUTPUTS, False)
        self._inputs: dict[str, bool] = dict.fromkeys(INPUT_SIGNALS, False)
        # Loops that are occupied and, since their detector's power-up, not seen to be.
        self._tuned_away: set[str] = set()
        self._direction = 0
        self._at_ms = now_ms()
        self._heartbeat_at_ms: int | None = None
        self.outputs["red"] = True

    # --- what the lane does to it -------------------------------------------------------------------------------

    def set_signals(self, signals: Mapping[str, bool]) -> None:
        """Set loops, beam and switches as they physically are now. Raises KeyError for an unknown one."""
        for name, value in signals.items():
            if name not in self._inputs:
                raise KeyError(name)
            self._inputs[name] = value
            if not value:
                self._tuned_away.discard(name)

    def move_by_hand(self, direction: int) -> None:
        """Start a movement that no output asked for: 1 up, -1 down, 0 stop (key switch, remote control, spoof)."""
        self._direction = direction

    def restart(self) -> None:
        """Power dip of the module and its detectors: outputs drop, the boot counter counts on, the boom stays."""
        self.advance()
        self.boot_counter = (self.boot_counter + 1) & 0xFFFF
        self.heartbeat = self.fault_bits = 0
        self._heartbeat_at_ms = None
        self._direction = 0
        if self.faults.loops_retune:
            self._tuned_away = {name for name in LOOPS if self._inputs[name]}
        self._release_outputs()

    # --- what the module does to it -----------------------------------------------------------------------------

    def write_output(self, name: str, value: bool) -> None:
        """Drive one of `OUTPUTS`. ON for raise, lower and stop is a command, each time."""
        self.advance()
        self.outputs[name] = value
        if value:
            self._command(name)

    def pulse(self, name: str) -> None:
        """Execute raise, lower or stop as one pulse that the module times itself: nothing stays on."""
        self.advance()
        self._command(name)

    def write_heartbeat(self, value: int) -> None:
        """The controller's sign of life; it also ends the watchdog's fault."""
        self.heartbeat = value
        self.sign_of_life()

    def sign_of_life(self) -> None:
        """The controller lives: the watchdog begins anew, and its fault ends."""
        self.advance()
        self._heartbeat_at_ms = self._at_ms
        self.fault_bits &= ~FAULT_COMMS_LOST

    # --- what can be seen ---------------------------------------------------------------------------------------

    def signals(self) -> dict[str, bool]:
        """Every input as the module would report it now, faults included."""
        limits = {
            "boom_up": self.faults.both_limits or self.position >= 1 - LIMIT_SWITCH_SPAN,
            "boom_down": self.faults.both_limits or self.position <= LIMIT_SWITCH_SPAN,
        }
        lamps = {"red_lamp_on": self.shines("red"), "green_lamp_on": self.shines("green")}
        return {**self._inputs, **dict.fromkeys(self._tuned_away, False), **limits, **lamps, **self.faults.forced}

    def shines(self, lamp: str) -> bool:
        """Whether the lamp (red, green) is lit, whatever was asked of it."""
        return lamp in self.faults.lamps_stuck or (self.outputs[lamp] and lamp not in self.faults.lamps_dead)

    @property
    def boom_is_up(self) -> bool:
        """Whether a vehicle fits under the boom: where it really is, whatever the limit switches say."""
        return self.position >= 1 - LIMIT_SWITCH_SPAN

    @property
    def green(self) -> bool:
        """Whether the driver of a vehicle sees green and no red."""
        return self.shines("green") and not self.shines("red")

    # --- physics ------------------------------------------------------------------------------------------------

    def advance(self, to_ms: int | None = None) -> None:
        """Compute everything up to `to_ms` (default: the clock's now). Time that has passed already is ignored."""
        target_ms = self.now_ms() if to_ms is None else to_ms
        while self._at_ms < target_ms:
            step_ms = min(STEP_MS, target_ms - self._at_ms)
            self._at_ms += step_ms
            self._watch_heartbeat()
            self._move(step_ms)

    def _command(self, name: str) -> None:
        match name:
            case "raise":
                self.raise_count += 1
                self._direction = 1
            case "lower":
                self.lower_count += 1
                self._direction = -1
            case "stop":
                self.stop_count += 1
                self._direction = 0

    def _move(self, step_ms: int) -> None:
        # A raise output that is left on lifts the boom again: the reason why it must be a pulse.
        if (self.outputs["raise"] or self.faults.raise_welded) and self.position < 1.0:
            self._direction = 1
        if self._direction < 0 and self._inputs["safety_loop"] and not self.faults.ignore_safety_loop:
            self._direction = 1
            self.reversals += 1
        if self._inputs["emergency_stop"]:
            self._direction = 0
        if self.faults.boom_stuck or not self._direction:
            return
        moved = self.position + self._direction * step_ms / (1000 * self.stroke_s)
        self.position = min(1.0, max(0.0, moved))
        if self.position in (0.0, 1.0):
            self._direction = 0

    def _watch_heartbeat(self) -> None:
        if self._heartbeat_at_ms is not None and self._at_ms - self._heartbeat_at_ms > WATCHDOG_MS:
            self._heartbeat_at_ms = None
            self.fault_bits |= FAULT_COMMS_LOST
            self._release_outputs()

    def _release_outputs(self) -> None:
        # All movement outputs off leave the boom where it is; red is what the module falls back to.
        self.outputs = {**dict.fromkeys(OUTPUTS, False), "red": True}
