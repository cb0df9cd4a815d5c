"""What the lane does on a transition, up to the boom (`edge.core.motion` has the rest).

Each action changes the draft and asks for effects; none looks at the phase.
"""

from dataclasses import replace

from edge.core import offline, referring, sampling, supplementing
from edge.core.binding import answer_by_ms, lives_until_ms, refusal
from edge.core.doubts import doubts
from edge.core.draft import Draft
from edge.core.effects import (
    ConsumeAuthority,
    PrepareRequest,
    SendRequest,
    StartCapture,
    StopBoom,
    StopCapture,
)
from edge.core.engine_results import begin_results
from edge.core.events import Event, GrantReceived, PersonDecided, RequestPrepared, Started
from edge.core.inspection import targets_of
from edge.core.modes import Hours, demanded, objections
from edge.core.offline_list import OfflineEntry
from edge.core.order_guards import drill_stays_closed, first_operator, ordered, persons
from edge.core.policy import Joined, join, mismatches, opened_unexpectedly, suspected_clone
from edge.core.readings import Identity
from edge.core.scale import begin_weighing
from edge.core.seal import SEAL_ALARMS, SEAL_OPENED
from edge.core.sealing import begin_seals
from edge.core.state import OpenAuthority, Passage, Phase, Request

# Raised for the lane as a whole; a proved closed lane has none of these any more.
LANE_ALARMS = (
    "not_ready",
    "boom_up_unproved",
    "lane_blocked",
    "vehicle_stopped",
    "wrong_way",
    "barrier_refused",
    "boom_down_unasked",
    "cloned_plate",
    "tag_in_two_lanes",
    *SEAL_ALARMS,
)


def nothing(draft: Draft, event: Event) -> None:
    """The event is recorded and changes no more than was observed."""


def start(draft: Draft, event: Event) -> None:
    """Begin a boot: a passage that the last one left open is ended, whatever it was doing (I8, I9)."""
    assert isinstance(event, Started)
    hours: Hours = "closed" if draft.state.profile.calendar else "open"
    draft.change(boot=event.boot, seed=event.seed, passages=event.passages, mode=event.mode, hours=hours)
    draft.change(sequences=event.sequences, handed_over=event.handed_over)
    draft.light("red")
    draft.report("started", ("boot", event.boot))
    referring.carry_over(draft, event)
    if event.unfinished is not None:
        draft.change(
            passage=Passage(event.unfinished, event.at_ms, mode="DRILL" if event.unfinished_drill else "NORMAL")
        )
        consumed = "authority_was_consumed" if event.unfinished_authority else "authority_was_not_consumed"
        draft.end_passage("ABORTED_RESTART", consumed)


def start_without_history(draft: Draft, event: Event) -> None:
    """Begin a boot that cannot know the one before: a person looks at the lane before it decides anything (X5)."""
    assert isinstance(event, Started)
    start(draft, event)
    draft.alarm("journal_damaged", event.damage)
    fail("journal_damaged")(draft, event)


def start_in_crash_loop(draft: Draft, event: Event) -> None:
    """Begin a boot of a controller that keeps crashing: nothing is decided before a person looked (X16)."""
    assert isinstance(event, Started)
    start(draft, event)
    draft.alarm("crash_loop", f"{event.failed_starts} starts in a row ended early: see the log, then reset")
    fail("crash_loop")(draft, event)


def become_ready(draft: Draft, event: Event) -> None:
    """The lane is proved closed. Whom the last boot left to a person and who is not there has left."""
    if draft.state.inputs.arrival_loop is False:
        draft.change(handed_over=False)
    draft.light("red")
    draft.clear_alarms(LANE_ALARMS)


def say_not_ready(draft: Draft, event: Event) -> None:
    """Name what keeps the lane from being ready."""
    state = draft.state
    if state.inputs.boom == "up":
        draft.alarm("boom_up_unproved", "confirm at the lane that it is clear, then lower")
    draft.alarm("not_ready", f"boom {state.inputs.boom}, inputs {'known' if state.sampled_at_ms else 'unknown'}")


def open_passage(draft: Draft, event: Event) -> None:
    """A vehicle stands on the arrival loop: open its passage and trigger every device."""
    new_passage(draft)
    draft.emit(StartCapture(draft.passage.id, event.at_ms))


def new_passage(draft: Draft) -> None:
    """Give the lane a passage of its present mode."""
    number = draft.state.passages + 1
    draft.change(passages=number)
    identifier = draft.identifier(f"passage|{number}")
    at_ms, mode = draft.at_ms, draft.state.mode
    arrived_at_ms = at_ms if draft.state.inputs.arrival_loop is True else None
    draft.change(passage=Passage(identifier, at_ms, triggered_at_ms=at_ms, arrived_at_ms=arrived_at_ms, mode=mode))
    begin_weighing(draft)
    begin_results(draft)
    begin_seals(draft)
    draft.light("red")
    draft.report("passage_opened", ("number", number), ("simulated", draft.state.profile.simulated))


def report_wrong_way(draft: Draft, event: Event) -> None:
    """Somebody stands at the exit of a closed lane."""
    draft.alarm("wrong_way")


def identify(draft: Draft, event: Event) -> None:
    """Conclude who stands there and ask every authority at once."""
    state, passage = draft.state, draft.passage
    identity = draft.fused()
    requests = tuple(
        Request(one.id, draft.identifier(f"nonce|{passage.id}|{passage.attempt}|{one.id}"))
        for one in state.profile.authorities
    )
    draft.change_passage(identity=identity, requests=requests)
    draft.keep_as_shown()
    draft.stage("identified")
    draft.report("identified", *_statuses(identity), identity=identity)
    draft.change_passage(recheck=referring.look_again(draft, identity))
    draft.emit(StopCapture(passage.id))
    draft.emit(*(PrepareRequest(passage.id, one.authority, one.nonce, identity) for one in requests))


def _statuses(identity: Identity) -> list[tuple[str, str]]:
    plates = [(f"{place}_plate", reading.status) for place, reading in identity.plates]
    told = (("weight", identity.weight), ("driver", identity.driver), ("seals", identity.seals))
    others = [(name, reading.status) for name, reading in told if reading.reason != "not_looked_for"]
    return [*plates, ("containers", identity.containers.status), ("tag", identity.tag.status), *others]


def send_request(draft: Draft, event: Event) -> None:
    """The signed bytes exist: send them once their nonce is durable; the answer's time runs from now.

    The same record says which kinds of identifier the authority is shown, and in what form: the share log.
    """
    assert isinstance(event, RequestPrepared)
    passage = draft.passage
    requests = []
    for one in passage.requests:
        if one.authority == event.authority:
            one = replace(one, request_hash=event.request_hash, sent_at_ms=event.at_ms)
            draft.emit(SendRequest(passage.id, one.authority, one.nonce, event.request_hash))
        requests.append(one)
    draft.change_passage(requests=tuple(requests))
    draft.stage("requested")
    draft.report("requested", ("authority", event.authority), ("request_hash", event.request_hash), *event.shown)


def ignore_grant(draft: Draft, event: Event) -> None:
    """A grant that does not count is recorded with its reason and is never a release."""
    assert isinstance(event, GrantReceived)
    reason = refusal(draft.state, event.grant, event.at_ms) or "too_late_to_matter"
    draft.report("grant_ignored", ("authority", event.grant.authority), ("reason", reason))


def take_grant(draft: Draft, event: Event) -> None:
    """Record an authority's answer and decide as soon as the outcome is settled."""
    assert isinstance(event, GrantReceived)
    grant = event.grant
    others = tuple(one for one in draft.state.sequences if one[0] != grant.issuer)
    draft.change(sequences=(*others, (grant.issuer, grant.sequence)))
    draft.change_passage(
        requests=tuple(
            replace(one, answer=grant) if one.authority == grant.authority else one for one in draft.passage.requests
        )
    )
    draft.stage(f"answered_{grant.authority}")
    draft.report("answered", ("authority", grant.authority), ("verdict", grant.verdict), ("reason", grant.reason))
    decide(draft)


def revoke(draft: Draft, event: Event) -> None:
    """A denial overtook the release before the boom was asked to rise: the authority stays spent, unused."""
    draft.change_passage(authority=None)
    take_grant(draft, event)


def count_silence(draft: Draft, event: Event) -> None:
    """Authorities whose time is over are silent; then decide. A lane that asks nobody is decided by a person."""
    state = draft.state
    requests = tuple(
        replace(one, silent=True) if one.answer is None and event.at_ms > answer_by_ms(state, one) else one
        for one in draft.passage.requests
    )
    if requests != draft.passage.requests or not requests:
        draft.change_passage(requests=requests)
        decide(draft)


def decide(draft: Draft) -> None:
    """Join the answers; a release needs what was read to match what was noted. Sets the next phase itself."""
    passage = draft.passage
    joined = join(draft.state.profile, passage.requests)
    if joined is None:
        return
    if joined.decision == "release":
        joined = _released(draft, joined)
    decision, reasons = joined.decision, joined.reasons
    if opened_unexpectedly(passage.identity or Identity(), passage.requests):
        draft.alarm(SEAL_OPENED, "opened more or less often than the release note says")
    if suspected_clone(passage.identity or Identity(), passage.requests):
        # Whatever was decided: the plate or the tag belongs to another vehicle, and nothing here can say which.
        draft.alarm("cloned_plate", "tag and plate belong to different vehicles of the release note")
    expected_elsewhere = passage.recheck is not None and bool(passage.recheck.objections)
    entry = offline.judge(draft.state, draft.at_ms) if decision == "hold" and not expected_elsewhere else None
    if isinstance(entry, OfflineEntry):
        decision, reasons = "release", (*reasons, "offline")
    elif entry is not None and draft.state.profile.offline is not None:
        reasons = (*reasons, f"offline_{entry}")
    inspections = joined.inspections
    draft.change_passage(decision=decision, inspections=inspections, reasons=passage.reasons + reasons)
    draft.stage_decided()
    targets = ",".join(targets_of(inspections))
    draft.report("decided", ("decision", decision), ("targets", targets), ("reasons", ",".join(reasons)))
    if decision == "refer":
        referring.issue(draft, inspections)
    if decision == "release":
        referring.end_rechecked(draft, "rechecked")
    if isinstance(entry, OfflineEntry):
        offline.consume_entry(draft, entry)
    elif decision == "release":
        _consume_grants(draft)
    else:
        draft.light("red")
        draft.enter(Phase.TURNING_BACK if decision == "deny" else Phase.HELD)


def _released(draft: Draft, joined: Joined) -> Joined:
    """A release stands where nothing is against it and chance does not pick the vehicle to be looked at."""
    if against := _against_release(draft):
        return Joined("hold", against)
    return sampling.sample(draft) or joined


def _against_release(draft: Draft) -> tuple[str, ...]:
    state, passage = draft.state, draft.passage
    profile, identity = demanded(state.mode, state.profile), passage.identity or Identity()
    answers = [one.answer for one in passage.requests if one.answer is not None]
    found = mismatches(profile, identity, passage.requests, supplementing.words(state)) or objections(
        state.mode, state.hours, profile, identity, answers
    )
    if not found and passage.recheck is not None:
        found = passage.recheck.objections
    found = tuple(dict.fromkeys((*found, *doubts(state), *supplementing.against(state))))
    return found or (("drill_would_release",) if drill_stays_closed(state) else ())


def _consume_grants(draft: Draft) -> None:
    """Spend the grants; they live until the first of them ends."""
    state, passage = draft.state, draft.passage
    releases = [(one, one.answer) for one in passage.requests if one.answer and one.answer.verdict == "release"]
    deadline_ms = min(lives_until_ms(state, request, grant) for request, grant in releases)
    nonces = tuple(request.nonce for request, _ in releases)
    draft.change_passage(authority=OpenAuthority("grant", nonces, deadline_ms))
    draft.emit(ConsumeAuthority(passage.id, "grant", nonces, deadline_ms))
    draft.enter(Phase.CONSUMING)


def open_by_person(draft: Draft, event: Event) -> None:
    """A named person takes the decision: their order is the authority, durable before anything moves.

    The cameras go on where nobody was identified yet: whoever is let in is seen.
    """
    assert isinstance(event, PersonDecided)
    if draft.state.passage is None:
        new_passage(draft)
        draft.emit(StartCapture(draft.passage.id, event.at_ms))
    passage = draft.passage
    deadline_ms = event.at_ms + draft.state.profile.timing.grant_max_ms
    nonces = (draft.identifier(f"person|{passage.id}|{passage.orders}"),)
    draft.change_passage(orders=passage.orders + 1)
    open_for(draft, event, nonces, deadline_ms)


def open_for(draft: Draft, event: Event, nonces: tuple[str, ...], deadline_ms: int, key_id: str | None = None) -> None:
    """Spend the authority of whoever ordered the opening; `key_id` signed the order."""
    passage = draft.passage
    draft.change_passage(
        authority=OpenAuthority("person", nonces, deadline_ms),
        touched=True,
        reasons=(*passage.reasons, "opened_by_person"),
    )
    draft.stage_decided()
    referring.end_rechecked(draft, "opened_by_person")
    first = first_operator(draft, event)
    draft.report("opened_by_person", *persons(event, first))
    _, operator, reason = ordered(event)
    draft.emit(ConsumeAuthority(passage.id, "person", nonces, deadline_ms, operator, reason, first, key_id))


def refuse_by_person(draft: Draft, event: Event) -> None:
    """A person sends the vehicle back; an authority that waits for the disk stays spent, unused."""
    draft.emit(StopCapture(draft.passage.id))
    draft.change_passage(authority=None, touched=True, reasons=(*draft.passage.reasons, "refused_by_person"))
    draft.stage_decided()
    draft.report("refused_by_person", *persons(event, None))


def ignore_person(draft: Draft, event: Event) -> None:
    """An order that this phase does not allow is recorded and refused."""
    assert isinstance(event, PersonDecided)
    draft.report(
        "order_refused", ("operator", event.operator), ("action", event.action), ("phase", draft.state.phase.value)
    )


def retry(draft: Draft, event: Event) -> None:
    """Take everything anew for the same vehicle; old answers die with their nonces, and old stages with them."""
    passage = draft.passage
    referring.withdraw(draft)
    draft.change_passage(
        attempt=passage.attempt + 1, triggered_at_ms=event.at_ms, frames=(), tags=(), shared_tags=(), cards=(),
        results=(), identity=None, supplement=None, recheck=None, requests=(), decision=None, inspections=(),
        reasons=(), authority=None, touched=True, stages=(),
        # Of one that drove off it says nothing any more.
        off_arrival=False, weighing=None if passage.off_arrival else passage.weighing,
    )  # fmt: skip
    draft.emit(StartCapture(passage.id, event.at_ms))


def hold_inputs_lost(draft: Draft, event: Event) -> None:
    """The lane is blind: whether the same vehicle still stands there cannot be known."""
    draft.change_passage(decision="hold", authority=None, reasons=(*draft.passage.reasons, "inputs_lost"))
    draft.stage_decided()
    draft.emit(StopCapture(draft.passage.id))
    draft.light("red")
    draft.report("decided", ("decision", "hold"), ("reasons", "inputs_lost"))


def end_refused(draft: Draft, event: Event) -> None:
    """The vehicle left the way it came after it was denied, or refused by a person."""
    draft.end_passage("DENIED" if draft.passage.decision == "deny" else "TURNED_BACK")


def end_left(draft: Draft, event: Event) -> None:
    """The vehicle left before anybody decided; a referred one is on its way."""
    draft.end_passage("REFERRED" if draft.passage.decision == "refer" else "ABANDONED", "vehicle_left")


def end_timeout(draft: Draft, event: Event) -> None:
    """Nobody decided in time: never approved."""
    draft.alarm("lane_blocked", "a vehicle still stands on the arrival loop")
    draft.end_passage("DENIED" if draft.passage.decision == "deny" else "TIMEOUT")


def fail(code: str) -> "FaultAction":
    """Return the action that stops the lane for the named fault until a person resets it."""
    return FaultAction(code)


class FaultAction:
    """Withdraw everything, red light, alarm, end the passage as FAULT."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.__name__ = f"fail:{code}"

    def __call__(self, draft: Draft, event: Event) -> None:
        """Do it."""
        draft.emit(StopBoom(self.code))
        draft.light("red")
        draft.alarm(self.code)
        if draft.state.passage is not None:
            draft.end_passage("FAULT", self.code)


def reset(draft: Draft, event: Event) -> None:
    """A person takes the lane out of its fault; everything is proved anew."""
    assert isinstance(event, PersonDecided)
    draft.change(lamps_wrong_at=())
    draft.report("reset_by_person", *persons(event, first_operator(draft, event)))
    draft.clear_alarms([code for code in draft.state.alarms if not code.startswith("device_lost_")])
