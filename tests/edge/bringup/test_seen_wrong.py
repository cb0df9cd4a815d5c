"""What was seen and is wrong is told from what nobody saw: only this leaves an earlier report in force (O8)."""

from typing import Any, cast

import pytest

from config.devices import Barrier, Camera, ContainerEngine, SealReader, TagReader, Weighbridge
from edge.bringup.barrier import BarrierTrial
from edge.bringup.camera import CameraTrial
from edge.bringup.lines import EngineTrial, ReaderTrial, ScaleTrial, SealTrial
from edge.bringup.trial import Trial
from edge.core.container import Container
from edge.core.inputs import LaneInputs
from edge.core.plate import Plate
from edge.core.readings import (
    ContainerSighting,
    EngineResult,
    PictureReading,
    PlateSighting,
    Seal,
    TagSighting,
    ToldBox,
    Unread,
)
from edge.core.seal import SealsInField
from edge.core.tag import Tag
from edge.core.weight import Weighing, WeighingStatus
from edge.ports import Recogniser
from tests.support.clocks import StoodClock

pytestmark = pytest.mark.hazard("O8")
BOX = (0, 0, 70, 22)


def ended(trial: Trial[Any]) -> list[str]:
    """Which steps failed because of what was seen, once time is up."""
    trial.finish()
    assert all(step.status != "WAIT" for step in trial.steps)
    return [step.code for step in trial.steps if step.status == "FAIL" and step.wrong]


def reader(*sightings: TagSighting) -> ReaderTrial:
    said = {"id": "r", "port": "socket://127.0.0.1:1", "antennas": (0, 1), "min_rssi_dbm": -60}
    trial = ReaderTrial(TagReader.model_validate(said), StoodClock())
    for one in sightings:
        trial._take(one)
    return trial


def scale(*statuses: WeighingStatus) -> ScaleTrial:
    trial = ScaleTrial(Weighbridge.model_validate({"id": "s", "port": "/dev/ttyUSB0"}), StoodClock())
    for one in statuses:
        trial._take(Weighing(one, 20_000 if one == "stable" else None, 0))
    return trial


def seals(*fields: tuple[Seal, ...]) -> SealTrial:
    trial = SealTrial(SealReader.model_validate({"id": "s", "port": "/dev/ttyUSB0"}), StoodClock())
    for one in fields:
        trial._take(SealsInField(one, 0))
    return trial


def engine(*confidences: float) -> EngineTrial:
    trial = EngineTrial(ContainerEngine.model_validate({"id": "e", "port": "socket://127.0.0.1:1"}), StoodClock())
    for one in confidences:
        trial._take(EngineResult("1", (ToldBox(Container("CSQU3054383", "verified"), one),), 0))
    # A vehicle without a container says nothing about the engine.
    trial._take(EngineResult("2", (), 0))
    return trial


def camera(*readings: PictureReading) -> CameraTrial:
    said = {"id": "c", "url": "http://127.0.0.1/", "place": "front", "reads": ("plate", "container"), "poll_ms": 100}
    trial = CameraTrial(Camera.model_validate(said), StoodClock(), cast(Recogniser, None))
    for one in readings:
        trial._judge(one, repeated=False)
    return trial


def barrier(**inputs: bool) -> BarrierTrial:
    configured = Barrier.model_validate({"id": "b", "host": "127.0.0.1"})
    trial = BarrierTrial(configured, StoodClock(), move=False, open_ms=1, close_ms=1)
    trial._take(LaneInputs(**inputs), 0)
    return trial


def unread(what: str, reason: str) -> PictureReading:
    return PictureReading(unread=(Unread(what, reason),))


OPEN, LOCKED = Seal("CN1", False), Seal("CN2", True)
SMALL = PlateSighting(Plate("苏A88888", "blue", "ordinary"), 0.9, BOX)
DOUBTED = ContainerSighting(Container("CSQU3054383", "failed"), 0.9, BOX)
GOOD = (unread("plate", "not_found"),) * 3


@pytest.mark.parametrize(
    ("trial", "wrong"),
    [
        (reader(), []),
        (reader(TagSighting(Tag("E200"), 0, -70, 0)), ["tag"]),
        (scale(), []),
        (scale("stable"), []),
        (scale("tared"), ["scale_empty", "scale_steady"]),
        (scale("empty", "overload"), ["scale_steady"]),
        (seals((), ()), []),
        # Also where it is out of the field again before time is up.
        (seals((OPEN,), ()), ["seal"]),
        (seals((OPEN, LOCKED)), ["seal"]),
        (engine(), []),
        (engine(0.1), ["engine_code"]),
        (camera(), []),
        (camera(*GOOD), []),
        (camera(unread("picture", "model_unavailable")), []),
        (camera(unread("picture", "dark")), ["pictures"]),
        (camera(unread("picture", "covered"), GOOD[0]), ["pictures"]),
        (camera(unread("picture", "blurred"), *GOOD), []),
        (camera(*GOOD, PictureReading(plates=(SMALL,))), ["plate"]),
        (camera(*GOOD, unread("plate", "too_few_pixels")), ["plate"]),
        (camera(*GOOD, PictureReading(containers=(DOUBTED,))), ["container"]),
        (barrier(boom_down=True, boom_up=False, exit_loop=False), []),
        (barrier(boom_down=True, boom_up=False, exit_loop=True), ["toggles"]),
        (barrier(boom_down=False, boom_up=False), ["limits"]),
        (barrier(boom_down=True, boom_up=False, boom_broken=True), ["boom_whole"]),
    ],
)
def test_only_what_was_seen_speaks_against_a_device(trial: Trial[Any], wrong: list[str]) -> None:
    assert ended(trial) == wrong
