"""The devices of one lane, and where what they deliver goes."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from config.schema import Lane
from edge import registry
from edge.core.events import BoxesTold, CardShown, InputsSampled, SealsSeen, Weighed
from edge.core.inputs import LaneInputs
from edge.core.profile import LaneProfile
from edge.core.readings import DriverCard, EngineResult, TagSighting
from edge.core.seal import SealsInField
from edge.core.weight import Weighing
from edge.ports import Device
from edge.runtime.captures import LaneCaptures
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.lane_service import LaneService
from edge.runtime.notes import append_note
from edge.runtime.recorder import RECORDINGS, LaneRecorder
from edge.runtime.signs import LaneSigns

if TYPE_CHECKING:
    from edge.app import Box


class Sources:
    """Filled in once the lane exists: drivers are built before what they deliver to."""

    runner: LaneRunner
    captures: LaneCaptures

    def inputs_read(self, inputs: LaneInputs, at_ms: int) -> None:
        """One scan of the barrier's module."""
        self.runner.take(InputsSampled(at_ms, inputs))

    def weighed(self, weighing: Weighing) -> None:
        """The scale says something else."""
        self.runner.take(Weighed(self.runner.now_ms(), weighing))

    def card_shown(self, card: DriverCard, since_ms: int) -> None:
        """Somebody shows a card or a code."""
        # Who shows a card while nobody stands in the lane, or once he who does is known, is nobody's business: nothing
        # of it is kept, and a card that is left lying fills no journal.
        passage = self.runner.state.passage
        if passage is not None and passage.identity is None:
            self.runner.take(CardShown(self.runner.now_ms(), card, since_ms))

    def seals_seen(self, field: SealsInField) -> None:
        """The reader of seals sees something else."""
        self.runner.take(SealsSeen(self.runner.now_ms(), field))

    def boxes_told(self, result: EngineResult) -> None:
        """An engine of somebody else read containers."""
        self.runner.take(BoxesTold(self.runner.now_ms(), result))

    def tag_sighted(self, sighting: TagSighting) -> None:
        """The reader saw a tag."""
        self.captures.tag_sighted(sighting)


def captures_of(box: "Box", lane: Lane, profile: LaneProfile, sources: Sources) -> tuple[LaneCaptures, list[Device]]:
    """The cameras and the reader of a lane, and what triggers them."""
    cameras = {
        camera_profile: registry.build(registry.CAMERA, camera, box.clock, None)
        for camera, camera_profile in zip(lane.cameras, profile.cameras, strict=True)
    }
    reader = None
    if lane.tag_reader is not None:
        reader = registry.build(registry.TAG_READER, lane.tag_reader, box.clock, sources.tag_sighted)
    captures = sources.captures = LaneCaptures(
        cameras,
        reader,
        recogniser=box.recogniser.for_lane(lane.id),
        evidence=box.evidence,
        clock=box.clock,
        read_timeout_s=box.configuration.recogniser.deadline_ms / 1000,
    )
    return captures, [*cameras.values(), *([] if reader is None else [reader])]


def telling_of(box: "Box", lane: Lane, sources: Sources) -> list[Device]:
    """What tells the lane something of a vehicle unasked: its scale, its readers of drivers and seals, its engine."""
    found: list[Device] = []
    if lane.weighbridge is not None:
        found.append(registry.build(registry.WEIGHBRIDGE, lane.weighbridge, box.clock, sources.weighed))
    if lane.driver_identity is not None:
        built = registry.build(registry.DRIVER_IDENTITY, lane.driver_identity, box.clock, sources.card_shown)
        found.append(built)
    if lane.seal_reader is not None:
        found.append(registry.build(registry.SEAL_READER, lane.seal_reader, box.clock, sources.seals_seen))
    if lane.container_engine is not None:
        found.append(registry.build(registry.CONTAINER_ENGINE, lane.container_engine, box.clock, sources.boxes_told))
    return found


def signs_of(box: "Box", lane: Lane) -> tuple[LaneSigns, list[Device]]:
    """What tells drivers at the lane what to do, in the language of the configuration."""
    chosen = box.configuration.language
    signs = [] if lane.sign is None else [registry.build(registry.SIGN, lane.sign, box.clock, None)]
    voices = [] if lane.voice is None else [registry.build(registry.VOICE, lane.voice, box.clock, None)]
    told = LaneSigns(signs, voices, language=None if chosen == "auto" else chosen)
    return told, [*signs, *voices]


def recorders_of(box: "Box", lanes: Sequence[LaneService]) -> dict[str, LaneRecorder]:
    """What can keep what crosses the wires of each lane, where somebody asks for it."""
    found = {}
    for lane in lanes:
        name = lane.runner.state.profile.lane
        note = partial(append_note, box.journal, name)
        folder = box.configuration.state_dir / RECORDINGS
        found[name] = LaneRecorder(lane.runner, lane.devices, folder, box.clock, note, box.config_hash)
    return found
