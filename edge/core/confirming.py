"""What the lane does with handheld terminals: challenge them while a passage is held, and judge their answers.

An answer is the order of one named person, whose name is proved by a signature. It counts once, for the passage,
the reasons and the pictures that its challenge showed, and for as long as that challenge is in force.
"""

from dataclasses import replace

from edge.core import orders
from edge.core.actions import open_for, refuse_by_person
from edge.core.confirmation import Challenge, Confirmation
from edge.core.draft import Draft
from edge.core.effects import PrepareChallenge, SendChallenge
from edge.core.events import ChallengePrepared, ConfirmationReceived, Event
from edge.core.order_guards import countersigned, drill_stays_closed
from edge.core.profile import HandheldRules
from edge.core.state import LaneState, Phase


def keep_challenge(draft: Draft) -> None:
    """After every event: a held passage has a challenge that shows it as it is now; any other has none.

    New pictures, another reason, an answer, or the end of its time make a new challenge, and the old one void.
    """
    state = draft.state
    rules, passage = state.profile.handheld, state.passage
    if rules is None or passage is None:
        return
    if state.phase is not Phase.HELD or state.journal_lost:
        if passage.challenge is not None:
            draft.change_passage(challenge=None)
        return
    pictures = tuple(sorted({frame.sha256 for frame in passage.frames}))
    if passage.challenge is not None and _in_force(draft, rules, passage.challenge, pictures):
        return
    number = len(passage.challenges) + 1
    nonce = draft.identifier(f"challenge|{passage.id}|{number}")
    challenge = Challenge(nonce, passage.reasons, pictures, draft.at_ms)
    draft.change_passage(challenge=challenge, challenges=(*passage.challenges, nonce))
    draft.report("challenge_issued", ("authority", rules.authority), ("number", number), ("pictures", len(pictures)))
    draft.emit(PrepareChallenge(passage.id, rules.authority, nonce, passage.reasons, pictures, rules.answer_ms))


def _in_force(draft: Draft, rules: HandheldRules, challenge: Challenge, pictures: tuple[str, ...]) -> bool:
    shown = (challenge.reasons, challenge.pictures) == (draft.passage.reasons, pictures)
    return shown and not challenge.answered and draft.at_ms <= answer_by_ms(rules, challenge)


def answer_by_ms(rules: HandheldRules, challenge: Challenge, confirmation: Confirmation | None = None) -> int:
    """The last millisecond at which an answer to `challenge` counts; an answer's own life may shorten it."""
    longest_ms = rules.answer_ms if confirmation is None else min(rules.answer_ms, confirmation.ttl_ms)
    return challenge.issued_at_ms + longest_ms


def renew_at_ms(state: LaneState) -> int | None:
    """Return when the challenge in force is to be made anew, or None where there is none."""
    rules, passage = state.profile.handheld, state.passage
    if rules is None or passage is None or passage.challenge is None:
        return None
    return answer_by_ms(rules, passage.challenge) + 1


def confirm_refusal(state: LaneState, one: Confirmation, at_ms: int) -> str | None:
    """Return the stable reason why an answer of good form and signature is ignored, or None where it counts.

    Freshness is the nonce and this lane's own monotonic timer alone. `challenge_void`: it answers an earlier
    challenge of this passage, answered already or overtaken by what the lane saw since.
    """
    profile, passage = state.profile, state.passage
    if (one.site, one.lane) != (profile.site, profile.lane):
        return "wrong_lane"
    if one.boot != state.boot:
        return "wrong_boot"
    if passage is None or one.passage != passage.id:
        return "wrong_passage"
    if one.drill != passage.drill:
        return "real_for_drill" if passage.drill else "drill_for_real"
    challenge = passage.challenge
    current = None if challenge is None else challenge.nonce
    if one.nonce != current and one.nonce in passage.challenges:
        return "challenge_void"
    if profile.handheld is None or challenge is None:
        return "not_held"
    if one.nonce != challenge.nonce:
        return "wrong_nonce"
    if challenge.challenge_hash is None or one.challenge_hash != challenge.challenge_hash:
        return "wrong_challenge_hash"
    if one.sequence <= dict(state.sequences).get(one.issuer, -1):
        return "sequence_not_newer"
    if at_ms > answer_by_ms(profile.handheld, challenge, one):
        return "late"
    if not (one.officer.strip() and one.reason.strip()):
        return "nobody_named"
    return "drill_stays_closed" if one.decision == "open" and drill_stays_closed(state) else None


def challenge_expected(draft: Draft, event: Event) -> bool:
    """The prepared challenge is still the one in force."""
    assert isinstance(event, ChallengePrepared)
    challenge = draft.passage.challenge
    return challenge is not None and challenge.nonce == event.nonce and challenge.challenge_hash is None


def officer_opens(draft: Draft, event: Event) -> bool:
    """An officer's answer counts and opens; where two persons have to, another one gave the order before."""
    return officer_orders_open(draft, event) and countersigned(draft, event)


def officer_orders_open(draft: Draft, event: Event) -> bool:
    """An officer's answer counts and orders the opening."""
    assert isinstance(event, ConfirmationReceived)
    return event.confirmation.decision == "open" and _counts(draft, event)


def officer_refuses(draft: Draft, event: Event) -> bool:
    """An officer's answer counts and sends the vehicle back."""
    assert isinstance(event, ConfirmationReceived)
    return event.confirmation.decision == "refuse" and _counts(draft, event)


def _counts(draft: Draft, event: ConfirmationReceived) -> bool:
    return confirm_refusal(draft.state, event.confirmation, event.at_ms) is None


def send_challenge(draft: Draft, event: Event) -> None:
    """The signed bytes exist: let them out once their nonce is durable."""
    assert isinstance(event, ChallengePrepared)
    passage = draft.passage
    assert passage.challenge is not None
    draft.change_passage(challenge=replace(passage.challenge, challenge_hash=event.challenge_hash))
    draft.emit(SendChallenge(passage.id, event.nonce, event.challenge_hash))


def open_by_officer(draft: Draft, event: Event) -> None:
    """The answer is the authority: spent once, durable before anything moves, and dead when its challenge would be."""
    assert isinstance(event, ConfirmationReceived)
    one, rules, challenge = event.confirmation, draft.state.profile.handheld, draft.passage.challenge
    assert rules is not None
    assert challenge is not None
    _take(draft, one)
    deadline_ms = min(event.at_ms + draft.state.profile.timing.grant_max_ms, answer_by_ms(rules, challenge, one))
    open_for(draft, event, (one.nonce,), deadline_ms, one.key_id)


def refuse_by_officer(draft: Draft, event: Event) -> None:
    """The officer sends the vehicle back."""
    assert isinstance(event, ConfirmationReceived)
    _take(draft, event.confirmation)
    refuse_by_person(draft, event)


def await_second(draft: Draft, event: Event) -> None:
    """Remember the officer's order; its challenge took its one answer, so a second officer gets another."""
    assert isinstance(event, ConfirmationReceived)
    _take(draft, event.confirmation)
    orders.await_second(draft, event)


def ignore_confirmation(draft: Draft, event: Event) -> None:
    """An answer that does not count is recorded with its reason and never opens."""
    assert isinstance(event, ConfirmationReceived)
    one = event.confirmation
    reason = confirm_refusal(draft.state, one, event.at_ms)
    draft.report("confirmation_ignored", ("operator", one.officer), ("key_id", one.key_id), ("reason", reason))


def _take(draft: Draft, one: Confirmation) -> None:
    challenge = draft.passage.challenge
    assert challenge is not None
    others = tuple(known for known in draft.state.sequences if known[0] != one.issuer)
    draft.change(sequences=(*others, (one.issuer, one.sequence)))
    draft.change_passage(challenge=replace(challenge, answered=True))
