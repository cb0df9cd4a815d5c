"""The published transition table of a lane: data, from which `docs/lane.md` is drawn.

For one phase and event the first row whose guard holds is taken. A pair without any row is not legal: the
lane stops (`unexpected_event`), it never raises. `to` is the next phase, None where the phase stays or where
the action settles it (`may_enter`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.core import actions as do
from edge.core import confirming, evacuation, orders, referring, supplementing
from edge.core import guards as when
from edge.core import motion as move
from edge.core import order_guards as if_ordered
from edge.core import recapture as again
from edge.core.draft import Draft
from edge.core.events import (
    AuthorityDurable,
    BarrierAnswered,
    BoxesTold,
    CardShown,
    ChallengePrepared,
    ConfirmationReceived,
    DeviceBack,
    DeviceLost,
    Event,
    FrameRead,
    GrantReceived,
    GrantRefused,
    HandedOver,
    HoursTurned,
    InputsLost,
    InputsSampled,
    JournalLost,
    ModeOrdered,
    OfflineListAccepted,
    PersonDecided,
    ReferralReported,
    RequestPrepared,
    SamplingPlanAccepted,
    SealsSeen,
    Started,
    Supplemented,
    TagElsewhere,
    TagSighted,
    Tick,
    TimeJudged,
    Weighed,
)
from edge.core.state import Phase

Guard = Callable[[Draft, Event], bool]
Action = Callable[[Draft, Event], None]


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: in `phase`, on `event`, if `guard`, do `action`, go `to`."""

    phase: Phase
    event: type
    guard: Guard
    action: Action
    to: Phase | None = None
    may_enter: tuple[Phase, ...] = ()


P = Phase
BARRED = (P.IDLE, P.IDENTIFYING, P.WAITING, P.HELD, P.CONSUMING, P.TURNING_BACK, P.LEAVING)
MOVING = (P.OPENING, P.OPEN, P.CLOSING)
REOPENED = (P.OPEN, P.STARTING)
TO_OPEN = (P.IDLE, P.LEAVING, P.IDENTIFYING, P.WAITING, P.HELD, P.TURNING_BACK)
UNDECIDED = (P.IDENTIFYING, P.WAITING, P.CONSUMING)
PENDING = (*UNDECIDED, P.HELD, P.TURNING_BACK)
JOINED = (P.CONSUMING, P.HELD)
DECIDED = (*JOINED, P.TURNING_BACK)


def _on(
    phases: Sequence[Phase],
    event: type,
    guard: Guard,
    action: Action,
    to: Phase | None = None,
    may_enter: tuple[Phase, ...] = (),
) -> list[Transition]:
    return [Transition(phase, event, guard, action, to, may_enter) for phase in phases]


_ALARMS_FIRST = [
    *_on((P.STARTING, *BARRED, *MOVING), InputsSampled, when.emergency, do.fail("emergency"), P.FAULT),
    *_on((P.STARTING, *BARRED, *MOVING), InputsSampled, when.boom_broken, do.fail("boom_broken"), P.FAULT),
    *_on((P.STARTING, *BARRED, *MOVING), InputsSampled, when.limits_disagree, do.fail("limits_disagree"), P.FAULT),
    *_on(BARRED, InputsSampled, when.moved_uncommanded, do.fail("uncommanded_open"), P.FAULT),
    *_on((P.STARTING, *BARRED), JournalLost, when.always, do.fail("journal_lost"), P.FAULT),
]

_STARTING = [
    *_on((P.STARTING,), Started, when.history_lost, do.start_without_history, P.FAULT),
    *_on((P.STARTING,), Started, when.crash_looping, do.start_in_crash_loop, P.FAULT),
    *_on((P.STARTING,), Started, when.first_start, do.start, P.STARTING),
    *_on((P.STARTING,), Started, when.always, do.fail("unexpected_event"), P.FAULT),
    *_on((P.STARTING,), InputsSampled, when.proved_closed, do.become_ready, P.IDLE),
    *_on((P.STARTING,), InputsSampled, when.up_and_clear, move.lower_boom, P.CLOSING),
    *_on((P.STARTING,), Tick, when.not_ready_in_time, do.say_not_ready),
    *_on((P.STARTING,), PersonDecided, when.person_lowers, move.lower_by_person, P.CLOSING),
]

_IDLE = [
    *_on((P.IDLE,), InputsSampled, when.loop_chatters, do.fail("arrival_loop_chatters"), P.FAULT),
    *_on((P.IDLE,), InputsSampled, when.loops_disagree, do.fail("loops_disagree"), P.FAULT),
    *_on((P.IDLE,), InputsSampled, if_ordered.arrives_undecided, orders.hold_arrival, P.HELD),
    *_on((P.IDLE,), InputsSampled, when.vehicle_arrived, do.open_passage, P.IDENTIFYING),
    *_on((P.IDLE,), InputsSampled, when.wrong_way, do.report_wrong_way),
    *_on((P.IDLE, P.LEAVING), InputsLost, when.always, move.go_red, P.STARTING),
    *_on((P.IDLE, P.LEAVING), PersonDecided, when.person_opens, do.open_by_person, P.CONSUMING),
]

_IDENTIFYING = [
    *_on((P.IDENTIFYING,), InputsSampled, when.vehicle_left, do.end_left, P.IDLE),
    *_on((P.IDENTIFYING,), InputsSampled, again.stands_on_the_scale, do.identify, P.WAITING),
    *(
        row
        for event in (FrameRead, TagSighted, Weighed, BoxesTold, CardShown, SealsSeen, DeviceLost, Tick)
        for row in (
            *_on((P.IDENTIFYING,), event, again.worth_another_look, again.look_again, P.IDENTIFYING),
            *_on((P.IDENTIFYING,), event, when.identified, do.identify, P.WAITING),
        )
    ),
]

_WAITING = [
    *_on((P.WAITING,), InputsSampled, when.vehicle_left, do.end_left, P.IDLE),
    *_on((P.WAITING,), RequestPrepared, when.request_expected, do.send_request),
    *_on((P.WAITING,), GrantReceived, when.grant_counts, do.take_grant, None, DECIDED),
    *_on((P.WAITING,), Tick, when.always, do.count_silence, None, JOINED),
]

_HELD = [
    *_on((P.HELD,), InputsSampled, when.vehicle_left, do.end_left, P.IDLE),
    *_on((P.HELD,), PersonDecided, when.person_retries, do.retry, P.IDENTIFYING),
    *_on((P.HELD, P.TURNING_BACK), Tick, when.hold_expired, do.end_timeout, P.LEAVING),
    *_on((P.TURNING_BACK,), InputsSampled, when.vehicle_left, do.end_refused, P.IDLE),
    *_on((P.LEAVING,), InputsSampled, when.vehicle_left, move.let_go, P.IDLE),
]

_FOR_ANOTHER = _on(tuple(P), PersonDecided, if_ordered.means_another, do.ignore_person)

_PERSON = [
    *_on(
        (P.IDENTIFYING, P.WAITING, P.HELD, P.TURNING_BACK),
        PersonDecided,
        when.person_opens,
        do.open_by_person,
        P.CONSUMING,
    ),
    *_on(
        (P.IDENTIFYING, P.WAITING, P.HELD, P.CONSUMING),
        PersonDecided,
        when.person_refuses,
        do.refuse_by_person,
        P.TURNING_BACK,
    ),
    *_on((P.FAULT,), PersonDecided, when.person_resets, do.reset, P.STARTING),
    *_on(TO_OPEN, PersonDecided, if_ordered.first_to_open, orders.await_second),
    *_on((P.STARTING, P.OPEN), PersonDecided, if_ordered.first_to_lower, orders.await_second),
    *_on((P.FAULT,), PersonDecided, if_ordered.first_to_reset, orders.await_second),
    *_on(tuple(P), PersonDecided, when.always, do.ignore_person),
]

_HANDHELD = [
    *_on((P.HELD,), ChallengePrepared, confirming.challenge_expected, confirming.send_challenge),
    *_on((P.HELD,), ConfirmationReceived, confirming.officer_opens, confirming.open_by_officer, P.CONSUMING),
    *_on((P.HELD,), ConfirmationReceived, confirming.officer_orders_open, confirming.await_second),
    *_on((P.HELD,), ConfirmationReceived, confirming.officer_refuses, confirming.refuse_by_officer, P.TURNING_BACK),
    *_on(tuple(P), ConfirmationReceived, when.always, confirming.ignore_confirmation),
]

_SUPPLEMENTED = [
    *_on((P.HELD,), Supplemented, supplementing.supplement_counts, supplementing.ask_supplemented, P.WAITING),
    *_on((P.HELD,), Supplemented, supplementing.words_count, orders.await_second),
    *_on(tuple(P), Supplemented, when.always, supplementing.ignore_supplement),
]

_MODES = [
    *_on(tuple(P), ModeOrdered, if_ordered.mode_unacceptable, orders.refuse_mode),
    *_on(tuple(P), ModeOrdered, if_ordered.first_for_mode, orders.await_second),
    *_on(TO_OPEN, ModeOrdered, evacuation.evacuation_ordered, evacuation.order_evacuation, P.CONSUMING),
    *_on((P.OPENING, P.OPEN), ModeOrdered, evacuation.evacuation_joins, evacuation.order_evacuation),
    *_on(PENDING, ModeOrdered, if_ordered.ends_drill, orders.end_drill, P.LEAVING),
    *_on(UNDECIDED, ModeOrdered, if_ordered.turns_mode, orders.hold_for_mode, P.HELD),
    *_on(tuple(P), ModeOrdered, when.always, orders.change_mode),
    *_on(tuple(P), HoursTurned, when.always, orders.turn_hours),
    *_on((P.IDENTIFYING, P.WAITING), HandedOver, when.always, orders.hand_over, P.HELD),
    *_on(tuple(P), HandedOver, when.always, do.nothing),
]

_CONSUMING = [
    *_on((P.CONSUMING,), AuthorityDurable, when.other_authority, do.nothing),
    *_on((P.CONSUMING,), AuthorityDurable, evacuation.may_evacuate, evacuation.open_for_column, P.OPENING),
    *_on((P.CONSUMING,), AuthorityDurable, when.may_raise, move.raise_boom, P.OPENING),
    *_on((P.CONSUMING,), AuthorityDurable, when.always, move.hold_unproved, P.HELD),
    *_on((P.CONSUMING,), InputsSampled, when.released_vehicle_left, do.end_left, P.IDLE),
    *_on((P.CONSUMING,), Tick, when.authority_expired, move.hold_unproved, P.HELD),
    *_on((P.CONSUMING,), GrantReceived, when.denial_counts, do.revoke, None, (P.TURNING_BACK,)),
    *_on((P.IDENTIFYING, P.WAITING, P.CONSUMING), InputsLost, when.always, do.hold_inputs_lost, P.HELD),
]

_MOVING = [
    *_on((P.OPENING,), InputsSampled, when.boom_up, move.show_open, P.OPEN),
    *_on((P.OPENING,), BarrierAnswered, when.barrier_refused, move.hold_barrier_refused, P.HELD),
    *_on((P.OPENING,), Tick, when.open_expired, do.fail("boom_stuck_down"), P.FAULT),
    *_on((P.OPEN,), InputsSampled, when.stranger_passed, move.end_unasked, P.FAULT),
    *_on((P.OPEN,), InputsSampled, when.closed_unjournaled, move.end_unasked, P.FAULT),
    *_on((P.OPEN,), InputsSampled, when.boom_down, move.end_unasked, P.STARTING),
    *_on((P.OPEN,), InputsSampled, evacuation.evacuation_over, move.lower_boom, P.CLOSING),
    *_on((P.OPEN,), InputsSampled, evacuation.evacuating, evacuation.watch_column),
    *_on((P.OPEN,), InputsSampled, when.gone_through, move.lower_boom, P.CLOSING),
    *_on((P.OPEN,), InputsSampled, when.gone_back, move.lower_boom, P.CLOSING),
    *_on((P.OPEN,), InputsSampled, when.always, move.watch_vehicle),
    *_on((P.OPEN,), InputsLost, when.always, move.lose_sight),
    *_on((P.OPENING, P.OPEN), AuthorityDurable, evacuation.evacuation_durable, evacuation.keep_up),
    *_on((P.OPEN,), Tick, evacuation.evacuation_goes_on, evacuation.wait_in_sight),
    *_on((P.OPEN,), Tick, when.unused_in_time, move.abandon_unused, P.CLOSING),
    *_on((P.OPEN,), Tick, when.pass_expired, move.report_stopped),
    *_on((P.OPEN,), Tick, when.blind, move.go_red),
    *_on((P.OPEN,), PersonDecided, when.person_lowers, move.lower_by_person, P.CLOSING),
    *_on((P.CLOSING,), InputsSampled, when.stranger_passed, move.end_lowered, P.FAULT),
    *_on((P.CLOSING,), InputsSampled, when.closed_unjournaled, move.end_lowered, P.FAULT),
    *_on((P.CLOSING,), InputsSampled, when.boom_down, move.end_lowered, P.STARTING),
    *_on((P.CLOSING,), InputsSampled, when.under_boom, move.withdraw_lowering, None, REOPENED),
    *_on((P.CLOSING,), InputsLost, when.always, move.withdraw_blind, None, REOPENED),
    *_on((P.CLOSING,), BarrierAnswered, when.lower_failed, move.withdraw_unconfirmed, None, REOPENED),
    *_on((P.CLOSING,), Tick, when.blind, move.withdraw_blind, None, REOPENED),
    *_on((P.CLOSING,), Tick, when.close_expired, do.fail("boom_stuck_up"), P.FAULT),
]

_OTHERWISE = [
    *_on(tuple(P), GrantReceived, when.always, do.ignore_grant),
    *_on(tuple(P), ReferralReported, referring.report_counts, referring.take_report),
    *_on(tuple(P), ReferralReported, when.always, referring.ignore_report),
    *(
        row
        for event in (
            InputsSampled,
            InputsLost,
            DeviceLost,
            DeviceBack,
            FrameRead,
            TagSighted,
            TagElsewhere,
            Weighed,
            BoxesTold,
            CardShown,
            SealsSeen,
            RequestPrepared,
            GrantRefused,
            ChallengePrepared,
            OfflineListAccepted,
            SamplingPlanAccepted,
            TimeJudged,
            AuthorityDurable,
            BarrierAnswered,
            JournalLost,
            Tick,
        )
        for row in _on(tuple(P), event, when.always, do.nothing)
    ),
]

TRANSITIONS: tuple[Transition, ...] = (
    *_ALARMS_FIRST,
    *_FOR_ANOTHER,
    *_STARTING,
    *_IDLE,
    *_IDENTIFYING,
    *_WAITING,
    *_HELD,
    *_CONSUMING,
    *_MOVING,
    *_PERSON,
    *_HANDHELD,
    *_SUPPLEMENTED,
    *_MODES,
    *_OTHERWISE,
)


def _by_pair() -> dict[tuple[Phase, type], tuple[Transition, ...]]:
    pairs: dict[tuple[Phase, type], tuple[Transition, ...]] = {}
    for row in TRANSITIONS:
        pairs[row.phase, row.event] = (*pairs.get((row.phase, row.event), ()), row)
    return pairs


BY_PAIR = _by_pair()
