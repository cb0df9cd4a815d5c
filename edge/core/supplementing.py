"""What the lane does with the words of a person about a held vehicle: judge them, and ask every authority anew.

A word stands only where nothing was read, and against nothing that the lane saw. It opens nothing by itself: the
authorities decide about it, under new nonces, and unless the site says otherwise a person opens even then.
"""

from edge.core import referring
from edge.core.boxes import MOST_CONTAINERS, contradiction, seen_at_all
from edge.core.container import parse_container
from edge.core.draft import Draft
from edge.core.effects import PrepareRequest
from edge.core.events import Event, Supplemented
from edge.core.evidence import differences
from edge.core.fusion import SAME_PLATE_DIFFERENCES
from edge.core.modes import held_for
from edge.core.observe import unwatched
from edge.core.order_guards import countersigned, first_operator, persons
from edge.core.plate import parse_plate
from edge.core.profile import LaneProfile
from edge.core.readings import Identity
from edge.core.state import LaneState, Passage, Phase, Request
from edge.core.supplement import Supplement, known
from edge.core.vehicle import of_two_vehicles

# Who mistypes may try again; who guesses may not go on.
MOST_SUPPLEMENTS = 3
# Why a released passage waits for an order all the same.
OPENED_BY_PERSON = "person_opens_supplemented"


def supplement_refusal(state: LaneState, event: Supplemented) -> str | None:
    """Return the stable reason why a person's words do not count, or None where they do.

    Reasons: nobody_named, nothing_said, journal_lost, another_passage, not_held, not_decided_here, referred,
    vehicle_not_watched, too_often; of what is said: not_looked_for, already_read, conflict, plate_form, two_vehicles,
    lane_saw_other_plate, container_form, container_check, too_many_containers, containers_contradict,
    lane_saw_other_container.
    """
    if not (event.operator.strip() and event.reason.strip()):
        return "nobody_named"
    if not (event.plates or event.containers):
        return "nothing_said"
    if state.journal_lost:
        return "journal_lost"
    passage = state.passage
    if event.passage is not None and (passage is None or passage.id != event.passage):
        # Said of a vehicle that has left: of who stands there now it is somebody else's plate.
        return "another_passage"
    if state.phase is not Phase.HELD or passage is None:
        return "not_held"
    if held_for(state.mode, state.hours) is not None or passage.mode != state.mode or passage.identity is None:
        return "not_decided_here"
    if passage.decision == "refer" or any(one.answer and one.answer.verdict == "refer" for one in passage.requests):
        # Somebody wants to look at it, even if it was held before all had answered: no number changes that.
        return "referred"
    broken = state.arrival_since_ms is None or state.arrival_since_ms > passage.opened_at_ms
    if broken or unwatched(state, event.at_ms):
        # What was read then may be another vehicle's (P19).
        return "vehicle_not_watched"
    if passage.supplements >= MOST_SUPPLEMENTS:
        return "too_often"
    return _of_plates(passage, passage.identity, event) or _of_boxes(state.profile, passage, passage.identity, event)


def _of_plates(passage: Passage, identity: Identity, event: Supplemented) -> str | None:
    readings = dict(identity.plates)
    if len(dict(event.plates)) != len(event.plates):
        return "plate_form"
    for place, text in event.plates:
        if place not in readings:
            return "not_looked_for"
        if readings[place].status != "unread":
            return _taken(readings[place].status)
        plate = parse_plate(text)
        if plate is None or plate.text != text:
            return "plate_form"
    said = known(identity, Supplement("", "", event.plates))
    if event.plates and of_two_vehicles(said):
        return "two_vehicles"
    return "lane_saw_other_plate" if any(_unlike(text, seen) for text, seen in _seen_plates(passage, event)) else None


def _seen_plates(passage: Passage, event: Supplemented) -> list[tuple[str, str]]:
    """Each plate that is said, with each that any picture of this passage showed, however seldom."""
    seen = {one.plate.text for frame in passage.frames for one in frame.reading.plates}
    seen |= {frame.claim.plate.text for frame in passage.frames if frame.claim is not None}
    # A view may show the other plate: only what is like none that is known or said speaks against one.
    allowed = {text for _, text in event.plates}
    allowed |= {one.value.text for _, one in (passage.identity or Identity()).plates if one.value is not None}
    strange = [text for text in seen if all(_unlike(one, text) for one in allowed)]
    return [(text, other) for _, text in event.plates for other in strange]


def _unlike(one: str, other: str) -> bool:
    return len(one) != len(other) or differences(one, other) > SAME_PLATE_DIFFERENCES


def _of_boxes(profile: LaneProfile, passage: Passage, identity: Identity, event: Supplemented) -> str | None:
    if not event.containers:
        return None
    reading = identity.containers
    if reading.reason == "not_looked_for":
        return "not_looked_for"
    if reading.status != "unread":
        return _taken(reading.status)
    if len(event.containers) > MOST_CONTAINERS:
        return "too_many_containers"
    boxes = [parse_container(code) for code in event.containers]
    if any(box is None or box.code != code for box, code in zip(boxes, event.containers, strict=True)):
        return "container_form"
    found = [box for box in boxes if box is not None]
    if any(box.check != "verified" for box in found):
        return "container_check"
    if contradiction(found) is not None:
        return "containers_contradict"
    seen = set(seen_at_all(profile, passage))
    seen |= {box.container.code for one in passage.results for box in one.boxes if box.container.check == "verified"}
    return "lane_saw_other_container" if seen - set(event.containers) else None


def _taken(status: str) -> str:
    """A word overrules neither what was read nor a contradiction: that is for who opens by hand to judge."""
    return "already_read" if status == "read" else "conflict"


def supplement_counts(draft: Draft, event: Event) -> bool:
    """A named person says what was not read; where two persons have to, another one said the same before."""
    return words_count(draft, event) and countersigned(draft, event)


def words_count(draft: Draft, event: Event) -> bool:
    """The words of a named person stand where nothing was read, and against nothing that was seen."""
    assert isinstance(event, Supplemented)
    return supplement_refusal(draft.state, event) is None


def ask_supplemented(draft: Draft, event: Event) -> None:
    """Ask every authority anew, with the words beside the readings; old answers die with their nonces."""
    assert isinstance(event, Supplemented)
    passage = draft.passage
    identity = passage.identity or Identity()
    first = first_operator(draft, event)
    attempt = passage.attempt + 1
    supplement = Supplement(event.operator, event.reason, event.plates, event.containers, first)
    requests = tuple(
        Request(one.id, draft.identifier(f"nonce|{passage.id}|{attempt}|{one.id}"))
        for one in draft.state.profile.authorities
    )
    draft.change_passage(
        attempt=attempt, supplements=passage.supplements + 1, supplement=supplement, requests=requests, decision=None,
        inspections=(), reasons=("supplemented_by_person",), authority=None, touched=True,
        stages=tuple(one for one in passage.stages if one[0] == "identified"),
    )  # fmt: skip
    places = ",".join(place for place, _ in event.plates)
    draft.report("supplemented", *persons(event, first), ("plates", places), ("containers", len(event.containers)))
    draft.change_passage(recheck=referring.look_again(draft, known(identity, supplement)))
    draft.emit(*(PrepareRequest(passage.id, one.authority, one.nonce, identity) for one in requests))


def words(state: LaneState) -> Supplement | None:
    """Return the words that may stand for a reading. A mode that demands more than NORMAL takes nobody's word."""
    return state.passage.supplement if state.passage is not None and state.mode != "HEIGHTENED" else None


def against(state: LaneState) -> tuple[str, ...]:
    """Return why a passage of which a person said something does not open by itself."""
    said = state.passage is not None and state.passage.supplement is not None
    return (OPENED_BY_PERSON,) if said and not state.profile.supplement_opens else ()


def ignore_supplement(draft: Draft, event: Event) -> None:
    """Words that do not count are recorded with the reason, and change nothing."""
    assert isinstance(event, Supplemented)
    reason = supplement_refusal(draft.state, event)
    draft.report("supplement_refused", ("operator", event.operator), ("reason", reason))
