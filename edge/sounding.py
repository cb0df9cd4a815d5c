"""The siren of a lane, where its configuration has one."""

from collections.abc import Awaitable, Callable

from config.schema import Lane
from edge.ports import Clock, Siren
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.siren import LaneSiren
from edge.telemetry.publisher import TelemetryPublisher

Watch = tuple[str, Callable[[], Awaitable[None]]]


def lane_siren(lane: Lane, siren: Siren, telemetry: TelemetryPublisher, clock: Clock) -> LaneSiren | None:
    """Return what sounds for the alarms that go out over `telemetry`, all of them; None where a lane has no siren."""
    rules = lane.siren
    if rules is None:
        return None
    sounding = LaneSiren(siren, clock, lane=lane.id, sounds_for=rules.sounds_for, longest_s=rules.longest_ms / 1000)
    telemetry.on_alarm = sounding.hear
    return sounding


def watches_of(siren: LaneSiren | None, runner: LaneRunner) -> list[Watch]:
    """Return what is to be run beside the lane, and let the lane's status show for what its siren sounds."""
    if siren is None:
        return []

    def show(codes: tuple[str, ...]) -> None:
        runner.siren = codes

    siren.show = show
    return [("siren", siren.run)]
