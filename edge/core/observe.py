"""What every event means to the lane's picture of itself, whatever the phase."""

from dataclasses import replace

from edge.core.doubts import watch_lamps
from edge.core.draft import Draft
from edge.core.driver import MOST_CARDS
from edge.core.engine import MOST_RESULTS
from edge.core.events import (
    BoxesTold,
    CardShown,
    DeviceBack,
    DeviceLost,
    Event,
    FrameRead,
    GrantRefused,
    InputsLost,
    InputsSampled,
    JournalLost,
    SealsSeen,
    TagElsewhere,
    TagSighted,
    Tick,
    Weighed,
)
from edge.core.inputs import UNKNOWN_INPUTS, LaneInputs
from edge.core.loop_order import watch_order
from edge.core.offline import observe_offline
from edge.core.referring import watch
from edge.core.sampling import observe_sampling
from edge.core.scale import since_it_came, watch_scale
from edge.core.seal import SealsInField
from edge.core.sealing import take_seals
from edge.core.state import LaneState, Phase, TagTally
from edge.core.tags import MOST_TAGS, TAG_IN_TWO_LANES, TOGETHER_MS, counts, enough
from edge.core.weight import Weighing

# Frames of one passage that are kept for fusion: cameras stop at `frames_max`, this bounds a camera that does not.
MOST_FRAMES = 64
# So many changes of the arrival loop within a second are no vehicles: a failing detector, or cross-talk (P7).
CHATTER_EDGES = 8
CHATTER_WITHIN_MS = 1_000
# In a longer gap between two scans, as while the controller was suspended, a vehicle may leave and another one come.
UNWATCHED_MS = 2_000
_BOOM_MAY_BE_UP = frozenset({Phase.OPENING, Phase.OPEN, Phase.CLOSING})


def observe(draft: Draft, event: Event) -> None:
    """Take in what `event` says about inputs, devices, readings and the journal."""
    observe_offline(draft, event)
    observe_sampling(draft, event)
    match event:
        case InputsSampled():
            _observe_inputs(draft, event)
        case InputsLost(restarted=restarted):
            proved, before = draft.state.safety_proved and not restarted, draft.state.inputs
            _watch_leaving(draft, UNKNOWN_INPUTS)
            draft.change(
                inputs=UNKNOWN_INPUTS, sampled_at_ms=None, clear_since_ms=None, safety_proved=proved,
                arrival_since_ms=None, lamps_wrong_since_ms=None, unseen_since_ms=None,
            )  # fmt: skip
            watch_scale(draft, before)
        case DeviceLost(device=device, code=code) if device not in draft.state.lost_devices:
            draft.change(lost_devices=(*draft.state.lost_devices, device))
            if device == draft.state.profile.weighbridge:
                _observe_weighing(draft, None)
            if device == draft.state.profile.seal_reader:
                _observe_seals(draft, None)
            draft.report("device_lost", ("device", device), ("code", code))
            draft.alarm(f"device_lost_{device}", code)
        case DeviceBack(device=device) if device in draft.state.lost_devices:
            draft.change(lost_devices=tuple(one for one in draft.state.lost_devices if one != device))
            draft.report("device_back", ("device", device))
            draft.clear_alarms([f"device_lost_{device}"])
        case FrameRead():
            _observe_frame(draft, event)
        case TagSighted():
            _observe_tag(draft, event)
        case TagElsewhere():
            _observe_elsewhere(draft, event)
        case Weighed(weighing=weighing):
            _observe_weighing(draft, weighing)
        case BoxesTold():
            _observe_boxes(draft, event)
        case CardShown():
            _observe_card(draft, event)
        case SealsSeen(field=field):
            _observe_seals(draft, field)
        case GrantRefused(authority=authority, reason=reason):
            draft.report("grant_ignored", ("authority", authority), ("reason", reason))
        case Tick():
            watch(draft)
        case JournalLost(code=code):
            draft.change(journal_lost=True)
            draft.alarm("journal_lost", code)
        case _:
            pass


def stands_on_arrival(state: LaneState) -> bool:
    """Say whether the arrival loop has been occupied for long enough to be a vehicle: a blip is none (P7)."""
    since_ms, now_ms = state.arrival_since_ms, state.sampled_at_ms
    return since_ms is not None and now_ms is not None and now_ms - since_ms >= state.profile.timing.arrival_debounce_ms


def unwatched(state: LaneState, at_ms: int) -> bool:
    """Say whether the last scan is so old that another vehicle may stand there."""
    return state.sampled_at_ms is None or at_ms - state.sampled_at_ms > UNWATCHED_MS


def _collecting(draft: Draft) -> bool:
    """Readings count until the identity was concluded; a person may have opened before that."""
    passage = draft.state.passage
    return passage is not None and passage.identity is None


def _observe_frame(draft: Draft, frame: FrameRead) -> None:
    """Keep a frame of this passage that was captured after its trigger and is not a repeated picture."""
    passage = draft.state.passage
    if not _collecting(draft) or passage is None or frame.passage != passage.id:
        return
    repeated = any(one.camera == frame.camera and one.sha256 == frame.sha256 for one in passage.frames)
    if frame.captured_at_ms >= passage.triggered_at_ms and not repeated and len(passage.frames) < MOST_FRAMES:
        draft.change_passage(frames=(*passage.frames, frame))


def _observe_tag(draft: Draft, event: TagSighted) -> None:
    """Count a sighting for the passage whose identity is still open; bounded in tags and in counts."""
    profile, passage, sighting = draft.state.profile, draft.state.passage, event.sighting
    if passage is None or passage.identity is not None or sighting.seen_at_ms < passage.triggered_at_ms:
        return
    if not counts(profile, sighting):
        return
    for index, tally in enumerate(passage.tags):
        if tally.tag == sighting.tag:
            dwelt = sighting.seen_at_ms - tally.first_ms >= profile.tag_dwell_ms
            # What is neither one of the reads that it needs nor the end of its time is no news.
            if not enough(profile, tally) and (tally.reads < profile.tag_min_reads or dwelt):
                tally = replace(tally, reads=tally.reads + 1, last_ms=sighting.seen_at_ms)
                draft.change_passage(tags=(*passage.tags[:index], tally, *passage.tags[index + 1 :]))
            return
    if len(passage.tags) < MOST_TAGS:
        seen_ms = sighting.seen_at_ms
        tally = TagTally(sighting.tag, 1, sighting.antenna, sighting.rssi_dbm, seen_ms, seen_ms)
        draft.change_passage(tags=(*passage.tags, tally))


def _observe_elsewhere(draft: Draft, event: TagElsewhere) -> None:
    """Another lane sees a tag of this passage: which of the two vehicles carries it cannot be known."""
    passage = draft.state.passage
    if passage is None or event.epc in passage.shared_tags or draft.at_ms - event.seen_at_ms > TOGETHER_MS:
        return
    if any(tally.tag.epc == event.epc for tally in passage.tags):
        draft.change_passage(shared_tags=(*passage.shared_tags, event.epc))
        # No number of a tag leaves the lane (I19).
        draft.alarm(TAG_IN_TWO_LANES, f"lane {event.lane} sees it as well")


def _observe_weighing(draft: Draft, weighing: Weighing | None) -> None:
    """Keep what the scale says now. Once the identity was concluded it is no more than what a retry begins with."""
    draft.change(weighing=weighing)
    passage = draft.state.passage
    if passage is not None and not passage.off_arrival:
        draft.change_passage(weighing=since_it_came(draft.state))
    watch_scale(draft, draft.state.inputs)


def _observe_boxes(draft: Draft, event: BoxesTold) -> None:
    """Keep what was read of this vehicle; a result of before it came is of another one (D3)."""
    passage, result = draft.state.passage, event.result
    if passage is None:
        draft.change(result=result)
        return
    if not _collecting(draft) or result.captured_at_ms < passage.stood_since_ms:
        return
    if result.id not in {one.id for one in passage.results} and len(passage.results) < MOST_RESULTS:
        draft.change_passage(results=(*passage.results, result))


def _observe_card(draft: Draft, event: CardShown) -> None:
    """Keep a card of this vehicle's driver, once.

    One that lay there when the last vehicle was identified, or when it left, is not, nor is one of an unwatched time.
    """
    state, passage = draft.state, draft.state.passage
    over_ms = (state.identified_ms, state.sealed_ms, state.unwatched_ms)
    if not _collecting(draft) or passage is None or any(one is not None and event.since_ms <= one for one in over_ms):
        return
    if event.card not in passage.cards and len(passage.cards) < MOST_CARDS:
        draft.change_passage(cards=(*passage.cards, event.card))


def _observe_seals(draft: Draft, field: SealsInField | None) -> None:
    """Keep what the reader sees now, and tell at once of a seal of this vehicle that is open; None: it was lost."""
    lost = None if field is not None else draft.state.seals or draft.state.lost_seals
    draft.change(seals=field, lost_seals=lost)
    if draft.state.passage is not None:
        take_seals(draft)


def _observe_inputs(draft: Draft, event: InputsSampled) -> None:
    if unwatched(draft.state, event.at_ms):
        draft.note_unwatched()
    state, inputs = draft.state, event.inputs
    _watch_leaving(draft, inputs)
    gap = state.sampled_at_ms is None or event.at_ms - state.sampled_at_ms > state.profile.timing.sample_max_age_ms
    clear_since = state.clear_since_ms
    if not inputs.clear_under_boom:
        clear_since = None
    elif clear_since is None or gap:
        clear_since = event.at_ms
    proved = state.safety_proved or (state.inputs.safety_loop is True and inputs.safety_loop is False)
    edges = state.arrival_edges_ms
    if None not in (state.inputs.arrival_loop, inputs.arrival_loop) and (
        state.inputs.arrival_loop is not inputs.arrival_loop
    ):
        edges = (*edges, event.at_ms)[-CHATTER_EDGES:]
    since = state.arrival_since_ms
    if inputs.arrival_loop is not True:
        since = None
    elif since is None or unwatched(state, event.at_ms):
        since = event.at_ms
    draft.change(
        inputs=inputs, sampled_at_ms=event.at_ms, clear_since_ms=clear_since, safety_proved=proved,
        arrival_edges_ms=edges, arrival_since_ms=since,
    )  # fmt: skip
    watch_scale(draft, state.inputs)
    watch_lamps(draft, inputs)
    watch_order(draft, state.inputs, inputs)
    if state.phase in _BOOM_MAY_BE_UP and state.passage is not None:
        if state.passage.evacuated is None:
            _follow_vehicle(draft, inputs)
        else:
            _count_column(draft, state.passage.evacuated, state.inputs, inputs)


def _watch_leaving(draft: Draft, inputs: LaneInputs) -> None:
    """Whoever stood on the arrival loop without a passage, after a stop or a time that was over, is gone or may be."""
    moves = inputs.arrival_loop is not True or inputs.safety_loop is not False
    if moves and draft.state.passage is None and stands_on_arrival(draft.state):
        draft.note_gone()


def _count_column(draft: Draft, evacuated: int, before: LaneInputs, inputs: LaneInputs) -> None:
    """An evacuation lets many through: count how often the safety loop became clear."""
    passage = draft.passage
    entered = passage.entered or inputs.safety_loop is True
    cleared = before.safety_loop is True and inputs.safety_loop is False
    if cleared:
        draft.report("vehicle_evacuated", ("number", evacuated + 1))
    draft.change_passage(
        entered=entered,
        reached_exit=passage.reached_exit or (entered and inputs.exit_loop is True),
        evacuated=evacuated + cleared,
    )


def _follow_vehicle(draft: Draft, inputs: LaneInputs) -> None:
    """Note how far the vehicle came: below the boom, to the exit, past it, or back out before any of these."""
    passage = draft.passage
    entered = passage.entered or inputs.safety_loop is True
    arrived_at_ms = passage.arrived_at_ms
    if arrived_at_ms is None and inputs.arrival_loop is True:
        arrived_at_ms = draft.at_ms
    arrived = arrived_at_ms is not None
    reached_exit = passage.reached_exit or (entered and inputs.exit_loop is True)
    backed_out = passage.backed_out or (arrived and not entered and inputs.arrival_loop is False)
    off_arrival = passage.off_arrival or ((arrived or entered) and inputs.arrival_loop is False)
    past_exit = passage.past_exit or (reached_exit and inputs.clear_under_boom and inputs.exit_loop is False)
    if backed_out and not passage.backed_out and draft.state.clear_since_ms is not None:
        # It may be on its way to the boom, between two loops: the proof starts anew.
        draft.change(clear_since_ms=draft.at_ms)
    tailgated = passage.tailgated or (passage.past_exit and inputs.safety_loop is True)
    seen = (arrived_at_ms, entered, reached_exit, past_exit, backed_out, tailgated, off_arrival)
    known = (
        passage.arrived_at_ms, passage.entered, passage.reached_exit, passage.past_exit, passage.backed_out,
        passage.tailgated, passage.off_arrival,
    )  # fmt: skip
    if off_arrival and not passage.off_arrival:
        draft.note_gone()
    if seen != known:
        draft.change_passage(
            arrived_at_ms=arrived_at_ms, entered=entered, reached_exit=reached_exit, past_exit=past_exit,
            backed_out=backed_out, tailgated=tailgated, off_arrival=off_arrival,
        )  # fmt: skip
