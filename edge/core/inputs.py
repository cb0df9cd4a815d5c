"""One scan of a lane's discrete inputs. Every signal is True, False, or None where it is not known."""

from dataclasses import dataclass, fields
from typing import Literal

Signal = bool | None
BoomPosition = Literal["up", "down", "moving", "unknown", "broken"]


@dataclass(frozen=True, slots=True)
class LaneInputs:
    """The signals of domain.md 4.1; True means occupied, at the limit, pressed or tripped.

    A site that lacks a signal leaves it out of its profile: it then reads False where its absence means
    "nothing tripped" and is never asked for where it would prove something.
    """

    arrival_loop: Signal = None
    safety_loop: Signal = None
    exit_loop: Signal = None
    safety_beam: Signal = None
    boom_up: Signal = None
    boom_down: Signal = None
    boom_broken: Signal = None
    emergency_stop: Signal = None
    fire_alarm: Signal = None
    # Something reaches over this end of the scale's platform; never known where a site has no such beams.
    scale_front_beam: Signal = None
    scale_rear_beam: Signal = None
    # What the lamps show; never known where a site does not feed them back.
    red_lamp_on: Signal = None
    green_lamp_on: Signal = None

    @property
    def boom(self) -> BoomPosition:
        """Where the limit switches prove the boom to be; never inferred from a command."""
        if self.boom_broken:
            return "broken"
        match (self.boom_up, self.boom_down):
            case (True, False):
                return "up"
            case (False, True):
                return "down"
            case (False, False):
                return "moving"
            case _:
                return "unknown"

    @property
    def clear_under_boom(self) -> bool:
        """True only where every safety input is known and clear: unknown counts as occupied."""
        return self.safety_loop is False and self.safety_beam is False

    @property
    def stopped(self) -> bool:
        """True where the emergency stop or the fire alarm is tripped or not known."""
        return self.emergency_stop is not False or self.fire_alarm is not False


UNKNOWN_INPUTS = LaneInputs()
SIGNAL_NAMES: tuple[str, ...] = tuple(f.name for f in fields(LaneInputs))
