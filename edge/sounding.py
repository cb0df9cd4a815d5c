"""The siren of a lane, where its configuration has one."""

from collections.abc import Awaitable, Callable

from config.schema import Lane
from edge.ports import Clock, Siren
from edge.runtime.lane_runner import Telemetry
from edge.runtime.siren import LaneSiren

Watch = tuple[str, Callable[[], Awaitable[None]]]


def lane_siren(lane: Lane, siren: Siren, telemetry: Telemetry, clock: Clock) -> tuple[Telemetry, list[Watch]]:
    """Return what the lane tells its alarms to, and what is to be run beside it."""
    rules = lane.siren
    if rules is None:
        return telemetry, []
    sounding = LaneSiren(
        telemetry, siren, clock, lane=lane.id, sounds_for=rules.sounds_for, longest_s=rules.longest_ms / 1000
    )
    return sounding, [("siren", sounding.run)]
