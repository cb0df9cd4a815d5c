"""Which device is meant, and the trial of its kind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from config import devices
from config.schema import Configuration, Lane
from edge.bringup.barrier import BarrierTrial
from edge.bringup.camera import CameraTrial
from edge.bringup.lines import CardTrial, EngineTrial, ReaderTrial, ScaleTrial, SealTrial, SignTrial, VoiceTrial
from edge.bringup.trial import Trial
from edge.ports import Clock, Recogniser

_ON_LINES: dict[str, Callable[[Any, Clock], Trial[Any]]] = {
    "tag_reader": ReaderTrial,
    "weighbridge": ScaleTrial,
    "driver_identity": CardTrial,
    "seal_reader": SealTrial,
    "container_engine": EngineTrial,
    "sign": SignTrial,
    "voice": VoiceTrial,
}


@dataclass(frozen=True, slots=True)
class Target:
    """One device of a configuration. `kind` is its key there: barrier, camera, tag_reader, ..."""

    lane: Lane
    kind: str
    configured: devices.Configured

    @property
    def may_move(self) -> bool:
        """Whether it has a boom."""
        return isinstance(self.configured, devices.Barrier)

    def trial(self, clock: Clock, recogniser: Recogniser, *, move: bool) -> Trial[Any]:
        """Return the trial of its kind."""
        match self.configured:
            case devices.Barrier() as barrier:
                timing = self.lane.timing
                return BarrierTrial(barrier, clock, move=move, open_ms=timing.open_ms, close_ms=timing.close_ms)
            case devices.Camera() as camera:
                return CameraTrial(camera, clock, recogniser)
            case other:
                return _ON_LINES[self.kind](other, clock)


def targets_of(configuration: Configuration) -> Iterator[Target]:
    """Yield every device of a configuration, in its order. Their names are their own (config/crosschecks.py)."""
    for lane in configuration.lanes:
        yield Target(lane, "barrier", lane.barrier)
        for _, camera in lane.every_camera:
            yield Target(lane, "camera", camera)
        for path, device in (*lane.every_line, *lane.over_http):
            yield Target(lane, str(path[-1]), device)
