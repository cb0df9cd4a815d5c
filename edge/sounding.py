"""The siren of a lane, where its configuration has one."""

from collections.abc import Awaitable, Callable

from config.schema import Lane
from edge.ports import Clock, Siren
from edge.runtime.lane_runner import LaneRunner, Telemetry
from edge.runtime.siren import LaneSiren

Watch = tuple[str, Callable[[], Awaitable[None]]]


def lane_siren(lane: Lane, siren: Siren, telemetry: Telemetry, clock: Clock) -> LaneSiren | None:
    """Return what the lane tells its alarms to in place of `telemetry`; None where it has no siren."""
    rules = lane.siren
    if rules is None:
        return None
    return LaneSiren(
        telemetry, siren, clock, lane=lane.id, sounds_for=rules.sounds_for, longest_s=rules.longest_ms / 1000
    )


def watches_of(siren: LaneSiren | None, runner: LaneRunner) -> list[Watch]:
    """Return what is to be run beside the lane, and let the lane's status show for what its siren sounds."""
    if siren is None:
        return []

    def show(codes: tuple[str, ...]) -> None:
        runner.siren = codes

    siren.show = show
    return [("siren", siren.run)]
