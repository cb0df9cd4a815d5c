"""An independent judge of the lane: hazards.md section 3 over a trace of events and effects."""

from collections.abc import Sequence

from edge.core.effects import (
    ConsumeAuthority,
    EndPassage,
    KeepReferral,
    LowerBoom,
    PrepareRequest,
    RaiseBoom,
    Report,
    SendRequest,
    SetLight,
    StartCapture,
    StopBoom,
)
from edge.core.events import (
    AuthorityDurable,
    ConfirmationReceived,
    Event,
    GrantReceived,
    InputsLost,
    InputsSampled,
    ModeOrdered,
    PersonDecided,
    Started,
    TagElsewhere,
)
from edge.core.inputs import LaneInputs
from edge.core.referral import Referral
from edge.core.state import LaneState, Phase, Request
from edge.core.step import next_deadline_ms
from edge.core.table import BY_PAIR
from simulators.prove.cargo_oracle import judge_identity
from simulators.prove.confirm_oracle import ConfirmOracle
from simulators.prove.join_oracle import JoinOracle
from simulators.prove.offline_oracle import OfflineOracle
from simulators.prove.order_oracle import OrderOracle, ordered
from simulators.prove.reader_oracle import judge_readers

EMPTY = {Phase.STARTING, Phase.IDLE, Phase.LEAVING, Phase.FAULT, Phase.CLOSING}
# Where the table lets each event of each phase lead.
_DECLARED = {
    pair: frozenset(phase for row in rows for phase in (row.to or pair[0], *row.may_enter))
    for pair, rows in BY_PAIR.items()
}
# Made once: a union in a call is made anew at each step.
_ORDERS = (PersonDecided, ModeOrdered)
FULL = set(Phase) - EMPTY | {Phase.CLOSING}
STAGE_ORDER = {"identified": 0, "requested": 1, "answered": 2, "granted": 3, "opened": 4, "cleared": 5}


class LaneOracle:
    """Keeps its own memory of what matters and never asks the lane's guards."""

    def __init__(self, joins: JoinOracle | None = None) -> None:
        self.consumed: dict[tuple[str, tuple[str, ...]], ConsumeAuthority] = {}
        self.spent: set[str] = set()
        self.asked: set[str] = set()
        self.sent: dict[str, tuple[str, int]] = {}
        self.released: dict[str, int] = {}
        self.opened: list[str] = []
        self.ended: list[str] = []
        self.same_vehicle = False
        self.last: LaneInputs | None = None
        self.last_at_ms = 0
        self.clear_from_ms: int | None = None
        self.proved = False
        # Since when the lamps have shown something else than the light that was asked for.
        self.dark_from_ms: int | None = None
        self.asked_light: str | None = None
        # Tags of the present vehicle that another lane saw as well.
        self.shared_tags: set[str] = set()
        self.orders = OrderOracle()
        self.terminals = ConfirmOracle()
        self.offline = OfflineOracle()
        self.joins = joins or JoinOracle()

    def judge(self, before: LaneState, event: Event, after: LaneState, effects: Sequence[object]) -> None:
        """Assert every invariant for one step."""
        if isinstance(event, InputsSampled):
            self._sampled(before, event)
        else:
            self._inputs(before, event)
            self._grants(before, event)
        self.joins.judge(before, event, effects)
        self._legal(before, event, after, effects)
        if before.profile.offline is not None:
            self.offline.heard(event)
        counts = before.profile.handheld is not None and self._terminals(before, event, after, effects)
        stops = 0
        for effect in effects:
            match effect:
                case StopBoom():
                    stops += 1
                case RaiseBoom():
                    self._raise(before, event, effect)
                case LowerBoom():
                    self._lower(before, event, effect)
                case ConsumeAuthority():
                    self._consume(before, event, after, effects, effect)
                case SetLight(light=light):
                    self.asked_light, self.dark_from_ms = light, None
                case StartCapture():
                    self.same_vehicle = True
                    self.shared_tags.clear()
                case PrepareRequest(nonce=nonce):
                    assert nonce not in self.asked, "I14: a nonce is asked once"
                    self.asked.add(nonce)
                case KeepReferral(referral=referral) if referral.id not in {one.id for one in before.referrals}:
                    self._refer(before, after, referral, effects)
                case SendRequest(passage=passage, nonce=nonce):
                    assert nonce in self.asked
                    assert nonce not in self.sent, "a request is sent once"
                    self.sent[nonce] = (passage, event.at_ms)
        self._withdrawal(before, event, stopped=stops > 0)
        self._light(after)
        self._passages(before, event, after, effects)
        if effects or after.mode != before.mode:
            self._mode(before, event, after, effects)
        if effects:
            judge_identity(before, after, effects)
            judge_readers(before, after, effects)
        if counts or isinstance(event, _ORDERS):
            assert isinstance(event, PersonDecided | ModeOrdered | ConfirmationReceived)
            self.orders.carried_out(before, event, after)
            self.orders.given(before, event)

    def _terminals(self, before: LaneState, event: Event, after: LaneState, effects: Sequence[object]) -> bool:
        """Judge the handheld terminals; say whether the event is an answer that counts, like a person's order."""
        counts = self.terminals.counts(before, event)
        self.terminals.judge(before, event, after, effects, counts=counts)
        return counts

    def _mode(self, before: LaneState, event: Event, after: LaneState, effects: Sequence[object]) -> None:
        """What mode and hours take away, told from the state before the step."""
        if after.mode != before.mode:
            assert isinstance(event, Started) or (isinstance(event, ModeOrdered) and event.mode == after.mode)
        for effect in effects:
            match effect:
                case PrepareRequest():
                    assert before.mode in ("NORMAL", "HEIGHTENED", "DRILL"), "nothing is decided in this mode"
                    assert before.passage is not None
                    assert before.passage.mode == before.mode, "decided in the mode that it came in"
                case ConsumeAuthority(source="grant"):
                    assert before.mode in ("NORMAL", "HEIGHTENED", "DRILL"), "nothing is released in this mode"
                    assert before.passage is not None
                    drill = before.mode == "DRILL"
                    assert all(
                        one.answer is None or one.answer.drill is drill for one in after_requests(after, effect)
                    ), "a drill's grants count in a drill alone"
                case RaiseBoom() if before.mode == "DRILL" and before.passage is not None:
                    moves = before.profile.drill_moves_boom
                    assert moves or before.passage.mode != "DRILL", "a drill moves no boom"
                case EndPassage() if before.passage is not None:
                    assert effect.drill is (before.passage.mode == "DRILL"), "a drill is marked"
                case LowerBoom() if before.mode == "EMERGENCY_EVACUATE" and before.profile.direction == "out":
                    alone = before.passage is None or before.passage.evacuated is not None
                    assert not alone, "the boom stays up for those who leave"
                case _:
                    pass

    def _inputs(self, before: LaneState, event: Event) -> None:
        """Follow what else than a sample counts for I4, I5 and P19."""
        if isinstance(event, InputsLost):
            self.last, self.clear_from_ms, self.same_vehicle, self.dark_from_ms = None, None, False, None
            self.proved = self.proved and not event.restarted
        if isinstance(event, TagElsewhere) and before.passage is not None and event.at_ms - event.seen_at_ms <= 5_000:
            self.shared_tags |= {one.tag.epc for one in before.passage.tags if one.tag.epc == event.epc}

    def _sampled(self, before: LaneState, event: InputsSampled) -> None:
        """Follow the samples for I4, I5 and P19 from the events alone."""
        inputs = event.inputs
        clear = inputs.safety_loop is False and inputs.safety_beam is False
        gap = self.last is None or event.at_ms - self.last_at_ms > before.profile.timing.sample_max_age_ms
        if not clear:
            self.clear_from_ms = None
        elif self.clear_from_ms is None or gap:
            self.clear_from_ms = event.at_ms
        if self.last is not None and self.last.safety_loop is True and inputs.safety_loop is False:
            self.proved = True
        if inputs.arrival_loop is False:
            self.same_vehicle = False
        self.last, self.last_at_ms = inputs, event.at_ms
        asked, red, green = self.asked_light, inputs.red_lamp_on, inputs.green_lamp_on
        differs = (red is not None and red is not (asked == "red")) or (
            green is not None and green is not (asked == "green")
        )
        if asked is None or not differs:
            self.dark_from_ms = None
        elif self.dark_from_ms is None:
            self.dark_from_ms = event.at_ms

    def _grants(self, before: LaneState, event: Event) -> None:
        if not isinstance(event, GrantReceived):
            return
        grant, profile = event.grant, before.profile
        bound = (grant.site, grant.lane, grant.boot) == (profile.site, profile.lane, before.boot)
        if grant.nonce in self.sent and bound:
            passage, sent_at_ms = self.sent[grant.nonce]
            limit = next((one.deadline_ms for one in profile.authorities if one.id == grant.authority), -1)
            until_ms = sent_at_ms + min(limit, grant.ttl_ms, profile.timing.grant_max_ms)
            if passage == grant.passage and grant.verdict == "release" and event.at_ms <= until_ms:
                self.released[grant.nonce] = sent_at_ms + min(grant.ttl_ms, profile.timing.grant_max_ms)

    def _consume(
        self, before: LaneState, event: Event, after: LaneState, effects: Sequence[object], effect: ConsumeAuthority
    ) -> None:
        assert not before.journal_lost, "I13: nothing opens without a journal"
        assert effect.nonces, "an authority has nonces"
        assert not self.spent & set(effect.nonces), "I14: an authority is spent once"
        self.spent |= set(effect.nonces)
        if effect.source == "grant":
            if (rules := before.profile.sampling) is not None:
                skipped = any(isinstance(one, Report) and one.name == "sampling_skipped" for one in effects)
                rechecked = after.passage is not None and after.passage.recheck is not None
                assert _drawn(effects) is False or (skipped and (rechecked or rules.without_plan == "release")), (
                    "I1: chance lets it pass"
                )
            for nonce in effect.nonces:
                assert self.sent.get(nonce, ("", 0))[0] == effect.passage, "I1: bound to this passage"
                assert effect.deadline_ms <= self.released.get(nonce, -1), "I1: released in time"
        elif effect.source == "offline":
            self.offline.consumes(before, event, after, effect)
        else:
            assert isinstance(event, PersonDecided | ModeOrdered | ConfirmationReceived)
            # What an officer's answer needs beside this is judged by `ConfirmOracle`.
            assert before.profile.handheld is not None or not isinstance(event, ConfirmationReceived)
            if isinstance(event, PersonDecided | ModeOrdered):
                assert event.operator.strip(), "an order has a name"
                assert event.reason.strip(), "an order has a reason"
            if isinstance(event, ModeOrdered):
                leads_out = before.profile.direction == "out" and event.mode == "EMERGENCY_EVACUATE"
                assert leads_out, "an evacuation leads out"
            else:
                assert ordered(event)[0] == "open"
            self.orders.opens(before, event, effect.first_operator)
        self.consumed[effect.passage, effect.nonces] = effect

    def _refer(self, before: LaneState, after: LaneState, referral: Referral, effects: Sequence[object]) -> None:
        """One inspection for all who want to look, each where it wants to; for nobody else (联合查验)."""
        assert after.passage is not None
        assert referral.passage == after.passage.id
        assert all(one.passage != referral.passage for one in before.referrals), "one referral at a time"
        wanted = {
            one.authority: one.answer.target
            for one in after.passage.requests
            if one.answer is not None and one.answer.verdict == "refer"
        }
        if not wanted:
            assert _drawn(effects) is True, "I1: referred by chance alone where the draw says so"
            assert before.sampling is not None
            wanted = {before.sampling.authority: referral.targets[0]}
        assert {one.authority: one.target for one in referral.inspections} == wanted, "all who want to look, where"
        assert referral.authorities == tuple(one.authority for one in referral.inspections)
        assert set(referral.targets) == {one.target for one in referral.inspections}
        assert all(one.answer is not None or one.silent for one in after.passage.requests), "nobody is still asked"

    def _raise(self, before: LaneState, event: Event, effect: RaiseBoom) -> None:
        assert isinstance(event, AuthorityDurable), "I2: only right after the durable record"
        authority = self.consumed.pop((event.passage, event.nonces), None)
        assert authority is not None, "I1, I3: one raise for one consumed authority"
        assert effect.passage == event.passage
        assert event.at_ms <= authority.deadline_ms, "I1: alive at the write"
        assert self.last is not None
        assert event.at_ms - self.last_at_ms <= before.profile.timing.sample_max_age_ms
        assert self.last.boom == "down"
        assert not self.last.stopped
        assert not before.journal_lost
        if authority.source != "person":
            assert self.same_vehicle, "P19: the identified vehicle still stands there"
            tag = before.passage.identity.tag.value if before.passage and before.passage.identity else None
            assert tag is None or tag.epc not in self.shared_tags, "D10: the tag is in no other lane"
            dark_ms = 0 if self.dark_from_ms is None else self.last_at_ms - self.dark_from_ms
            assert dark_ms < before.profile.timing.lamp_ms, "P22: the lamps show what is asked for"

    def _lower(self, before: LaneState, event: Event, effect: LowerBoom) -> None:
        timing = before.profile.timing
        assert self.last is not None, "I4: unknown is occupied"
        assert self.clear_from_ms is not None, "I4: every safety input is clear"
        assert event.at_ms - self.last_at_ms <= timing.sample_max_age_ms, "I4: fresh"
        assert self.last_at_ms - self.clear_from_ms >= timing.clear_ms, "I4: clear for long enough"
        assert effect.clear_for_ms <= self.last_at_ms - self.clear_from_ms
        assert effect.sample_age_ms == event.at_ms - self.last_at_ms
        assert self.proved or isinstance(event, PersonDecided), "P8: a detector that was seen to work"
        assert not self.last.stopped

    def _withdrawal(self, before: LaneState, event: Event, *, stopped: bool) -> None:
        if before.phase is Phase.CLOSING:
            clear = isinstance(event, InputsSampled) and event.inputs.clear_under_boom
            down = isinstance(event, InputsSampled) and event.inputs.boom == "down"
            if isinstance(event, InputsLost) or (isinstance(event, InputsSampled) and not clear and not down):
                assert stopped, "I5: withdrawn in the same step"
        if stopped:
            self.clear_from_ms = None if self.last is None or not self.last.clear_under_boom else self.clear_from_ms

    def _light(self, after: LaneState) -> None:
        if after.guide is not None and after.guide.phrase in ("released", "leave"):
            assert after.light == "green", "I7: the sign promises no more than the light"
        if after.light == "green":
            assert after.phase is Phase.OPEN, "I7"
            assert after.inputs.boom == "up", "I7: green only with the boom measured up"
            assert after.passage is not None, "I7"
            assert after.passage.authority is not None, "I7"
            assert not after.passage.entered or after.passage.evacuated is not None, "I7: one release is one vehicle"

    def _passages(self, before: LaneState, event: Event, after: LaneState, effects: Sequence[object]) -> None:
        ends: list[EndPassage] = []
        if effects:
            ends = self._begun_and_ended(before, event, effects)
        if before.passage is not None and (after.passage is None or after.passage.id != before.passage.id):
            assert [end.passage for end in ends] == [before.passage.id], "I8: none is forgotten"

    def _begun_and_ended(self, before: LaneState, event: Event, effects: Sequence[object]) -> list[EndPassage]:
        ends = [one for one in effects if isinstance(one, EndPassage)]
        begun = [one.passage for one in effects if isinstance(one, Report) and one.name == "passage_opened"]
        assert not set(begun) & set(self.opened), "every passage has its own id"
        self.opened += [one for one in begun if one is not None]
        for end in ends:
            assert end.passage not in self.ended, "I8: one terminal record"
            assert end.passage in self.opened or isinstance(event, Started)
            self.ended.append(end.passage)
            _stages(end)
            if end.terminal in ("PASSED", "MANUAL_PASSED"):
                assert before.passage is not None
                assert isinstance(event, InputsSampled), "I6"
                assert event.inputs.boom == "down", "I6: passed is measured"
                assert before.passage.entered, "I6"
                assert before.passage.reached_exit or event.inputs.exit_loop, "I6"
        return ends

    def _legal(self, before: LaneState, event: Event, after: LaneState, effects: Sequence[object]) -> None:
        if not isinstance(event, Started):
            declared = _DECLARED.get((before.phase, type(event)))
            assert declared is not None, "I10"
            assert after.phase in declared, "I10: only where the table says"
        elif before.boot:
            assert after.phase is Phase.FAULT, "I10"
        assert after.phase in (FULL if after.passage is not None else EMPTY)
        assert (after.phase is Phase.CONSUMING) <= (after.passage is not None and after.passage.authority is not None)
        named = (Phase.IDLE, Phase.LEAVING, Phase.FAULT)
        if after.phase not in named or not after.referrals:
            # A vehicle that is expected elsewhere may be waited for in any phase.
            assert (next_deadline_ms(after) is None) == (after.phase in named), "I11: no silent wait"
        if after.phase is Phase.FAULT and before.phase is not Phase.FAULT:
            assert after.alarms
            assert after.light == "red"
            # A lane that closed before it stopped has nothing to withdraw.
            assert after.inputs.boom == "down" or any(isinstance(one, StopBoom) for one in effects)
        if effects:
            assert sum(isinstance(one, SetLight) for one in effects) <= 2


def _stages(end: EndPassage) -> None:
    """Every stage that the vehicle went through is told, in the order in which it went through them."""
    names = [name.partition("_")[0] for name, _ in end.stages]
    ranks, times = [STAGE_ORDER[name] for name in names], [at_ms for _, at_ms in end.stages]
    assert (ranks, times) == (sorted(ranks), sorted(times)), "I8: stages follow one another"
    assert not times or times[0] >= 0, "I8: no stage before the passage"
    by_grant = {"identified", "requested", "answered"}
    needed = {"PASSED": by_grant, "OFFLINE_PASSED": by_grant - {"answered"}, "MANUAL_PASSED": set[str]()}
    if end.terminal in needed:
        assert {*needed[end.terminal], "granted", "opened", "cleared"} <= set(names), "I8: no stage is missing"
        assert end.touched or end.terminal != "MANUAL_PASSED", "I8: a person acted"


def _drawn(effects: Sequence[object]) -> bool | None:
    """What the lane says that it drew in this step; None where it drew nothing."""
    said = [dict(one.fields) for one in effects if isinstance(one, Report) and one.name == "sampling_drawn"]
    return bool(said[0]["selected"]) if said else None


def after_requests(after: LaneState, effect: ConsumeAuthority) -> list[Request]:
    """The requests whose nonces an authority spends."""
    requests = after.passage.requests if after.passage else ()
    return [one for one in requests if one.nonce in effect.nonces]
