"""The working copy of one step: the state as it changes and the effects as they are asked for."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal

from edge.core.cargo import cargo_class
from edge.core.copying import changed
from edge.core.effects import (
    ClearAlarm,
    Effect,
    EndPassage,
    RaiseAlarm,
    Report,
    Scalar,
    SetLight,
    Stage,
    StopCapture,
    Terminal,
)
from edge.core.fusion import fuse, seen_so_far
from edge.core.inspection import targets_of
from edge.core.readings import Identity
from edge.core.state import LaneState, Passage, Phase


class Draft:
    """Collects what one event does. Lives for one call of `step` and is never seen outside the core."""

    def __init__(self, state: LaneState, at_ms: int) -> None:
        self.state = state
        self.at_ms = at_ms
        self.effects: list[Effect] = []
        self._fused: tuple[Passage, Sequence[str], Identity] | None = None

    @property
    def passage(self) -> Passage:
        """The open passage; the transition table asks only where there is one."""
        assert self.state.passage is not None
        return self.state.passage

    @property
    def phase_age_ms(self) -> int:
        """How long the lane has been in this phase."""
        return self.at_ms - self.state.phase_since_ms

    def fused(self) -> Identity:
        """Return what the passage's frames and tags say now; several questions of one step ask for the same."""
        passage, lost = self.passage, self.state.lost_devices
        if self._fused is None or self._fused[0] is not passage or self._fused[1] is not lost:
            self._fused = passage, lost, fuse(self.state.profile, passage, lost)
        return self._fused[2]

    def change(self, **changes: Any) -> None:
        """Replace fields of the lane's state."""
        self.state = changed(self.state, changes)

    def change_passage(self, **changes: Any) -> None:
        """Replace fields of the open passage."""
        self.change(passage=changed(self.passage, changes))

    def emit(self, *effects: Effect) -> None:
        """Ask the shell for something."""
        self.effects.extend(effects)

    def enter(self, phase: Phase) -> None:
        """Change the phase; entering it again restarts its timers."""
        self.change(phase=phase, phase_since_ms=self.at_ms)

    def identifier(self, purpose: str, length: int = 32) -> str:
        """Derive a unique id (hex) from the boot's seed: the core draws nothing at random.

        Unique per `purpose` within a boot, and over boots as far as the 256-bit seed is.
        """
        return sha256(f"{self.state.seed}|{purpose}".encode()).hexdigest()[:length]

    def stage(self, name: Stage) -> None:
        """Note when a stage of the passage was first reached."""
        passage = self.passage
        if name not in dict(passage.stages):
            # A scan counts from when its request left: that may be before what the lane heard meanwhile.
            before_ms = passage.stages[-1][1] if passage.stages else 0
            at_ms = max(before_ms, self.at_ms - passage.opened_at_ms)
            self.change_passage(stages=(*passage.stages, (name, at_ms)))

    def stage_decided(self) -> None:
        """Note when the decision was taken, by whomever: a later one counts instead, until the boom is up."""
        stages = self.passage.stages
        if "opened" not in dict(stages):
            self.change_passage(stages=tuple(one for one in stages if one[0] != "granted"))
            self.stage("granted")

    def report(self, name: str, *fields: tuple[str, Scalar], identity: Identity | None = None) -> None:
        """Tell central operations."""
        passage = self.state.passage
        drill = passage.drill if passage else self.state.mode == "DRILL"
        marked = (*fields, ("drill", True)) if drill else fields
        self.emit(Report(name, passage.id if passage else None, marked, identity))

    def light(self, light: Literal["red", "green"]) -> None:
        """Show a light, once."""
        if self.state.light != light:
            self.change(light=light, lamps_wrong_since_ms=None)
            self.emit(SetLight(light))

    def alarm(self, code: str, detail: str = "") -> None:
        """Raise an alarm that is not raised already."""
        if code not in self.state.alarms:
            self.change(alarms=(*self.state.alarms, code))
            self.emit(RaiseAlarm(code, detail))
            self.report("alarm_raised", ("code", code), ("detail", detail))

    def clear_alarms(self, codes: Sequence[str]) -> None:
        """Clear those of `codes` that are raised."""
        for code in codes:
            if code in self.state.alarms:
                self.change(alarms=tuple(one for one in self.state.alarms if one != code))
                self.emit(ClearAlarm(code))
                self.report("alarm_cleared", ("code", code))

    def keep_as_shown(self) -> None:
        """What was shown until now is this vehicle's: it gives no other one anything."""
        self.change(identified_ms=self.at_ms)

    def note_gone(self) -> None:
        """The vehicle left: what rested on the scale until now, what seals and cards were seen, is no other one's.

        Whether it was identified before that or not: it stood there all the time.
        """
        self.change(weighed_ms=self.at_ms, sealed_ms=self.at_ms)

    def note_unwatched(self) -> None:
        """Nobody watched the loops, or not yet: whose seals were seen until now, whose card lies there, is not known.

        Whoever stands on the scale has moved it.
        """
        self.change(unwatched_ms=self.at_ms)

    def _stands_there_still(self, passage: Passage) -> bool:
        """Say whether the vehicle of a passage that ends never left the arrival loop: what shows then is its own."""
        since_ms, loop = self.state.arrival_since_ms, self.state.inputs.arrival_loop
        watched = loop is True and since_ms is not None and since_ms <= passage.opened_at_ms
        return watched and not passage.entered

    def end_passage(self, terminal: Terminal, *reasons: str) -> None:
        """Write the one terminal record of the open passage and forget it."""
        passage, profile = self.passage, self.state.profile
        identity = passage.identity or seen_so_far(profile, passage, self.state.lost_devices, self.fused())
        if passage.identity is None:
            # Nothing was concluded, and none the less what was shown until now is this vehicle's, not the next one's.
            self.keep_as_shown()
        if not (passage.off_arrival or self._stands_there_still(passage)):
            self.note_gone()
        self.emit(
            StopCapture(passage.id),
            EndPassage(
                passage.id,
                terminal,
                passage.decision,
                next(iter(targets_of(passage.inspections)), None),
                passage.reasons + reasons,
                passage.stages,
                identity,
                profile.simulated,
                passage.drill,
                cargo_class(profile.traffic, identity, profile.empty_weights),
                profile.direction,
                passage.inspections,
                arrived_ms=_since_opened_ms(passage, passage.arrived_at_ms),
                touched=passage.touched,
            ),
        )
        self.change(passage=None)


def _since_opened_ms(passage: Passage, at_ms: int | None) -> int | None:
    return None if at_ms is None else max(0, at_ms - passage.opened_at_ms)
