"""An independent judge of handheld terminals: which officer's answer may open or refuse, told from the trace alone."""

from collections.abc import Sequence

from edge.core.effects import ConsumeAuthority, PrepareChallenge, Report, SendChallenge
from edge.core.events import ConfirmationReceived, Event
from edge.core.state import LaneState, Phase


class ConfirmOracle:
    """Keeps its own memory of challenges and answers and never asks the lane's guards."""

    def __init__(self) -> None:
        self._issued: dict[str, PrepareChallenge] = {}
        self._issued_at_ms: dict[str, int] = {}
        self._out: dict[str, str] = {}
        self._answered: set[str] = set()
        self._last: dict[str, int] = {}
        self._newest: str | None = None

    def counts(self, before: LaneState, event: Event) -> bool:
        """Say whether an event is an officer's answer that may do something; ask before `judge`."""
        if not isinstance(event, ConfirmationReceived):
            return False
        one, rules, passage = event.confirmation, before.profile.handheld, before.passage
        if rules is None or passage is None or before.phase is not Phase.HELD or one.nonce not in self._out:
            return False
        asked = self._issued[one.nonce]
        here = (before.profile.site, before.profile.lane, before.boot, passage.id, passage.mode == "DRILL")
        bound = (one.site, one.lane, one.boot, one.passage, one.drill) == here and asked.passage == passage.id
        shown = set(asked.pictures) == {frame.sha256 for frame in passage.frames} and asked.reasons == passage.reasons
        fresh = one.nonce == self._newest and one.nonce not in self._answered
        alive = event.at_ms <= self._issued_at_ms[one.nonce] + min(rules.answer_ms, one.ttl_ms)
        named = bool(one.officer.strip()) and bool(one.reason.strip())
        newer = one.sequence > self._last.get(one.officer, -1)
        if not (bound and shown and fresh and alive and named and newer):
            return False
        dry = before.mode == "DRILL" and not before.profile.drill_moves_boom
        stays_closed = dry and passage.mode == "DRILL"
        return one.challenge_hash == self._out[one.nonce] and not (one.decision == "open" and stays_closed)

    def judge(
        self, before: LaneState, event: Event, after: LaneState, effects: Sequence[object], *, counts: bool
    ) -> None:
        """Assert what terminals may do in one step, and remember it."""
        if isinstance(event, ConfirmationReceived):
            self._answer(before, event, after, effects, counts=counts)
        for effect in effects:
            match effect:
                case PrepareChallenge(nonce=nonce):
                    assert nonce not in self._issued, "I14: a challenge's nonce is issued once"
                    assert after.phase is Phase.HELD, "I1: only a held passage is confirmed by a terminal"
                    self._issued[nonce], self._issued_at_ms[nonce] = effect, event.at_ms
                    self._newest = nonce
                case SendChallenge(nonce=nonce, challenge_hash=digest):
                    assert nonce in self._issued, "I14: only an issued challenge leaves"
                    assert nonce not in self._out, "I14: a challenge leaves once"
                    self._out[nonce] = digest
                case ConsumeAuthority(key_id=str()):
                    assert isinstance(event, ConfirmationReceived), "I1: a terminal's key signs for nobody else"
                case _:
                    pass
        if after.phase is not Phase.HELD:
            self._newest = None

    def _answer(
        self,
        before: LaneState,
        event: ConfirmationReceived,
        after: LaneState,
        effects: Sequence[object],
        *,
        counts: bool,
    ) -> None:
        one = event.confirmation
        if not counts:
            assert after.phase is before.phase, "I1: an answer that does not count moves nothing"
            assert after.first_order == before.first_order, "I1: an answer that does not count is no first order"
            assert any(isinstance(effect, Report) and effect.name == "confirmation_ignored" for effect in effects)
            return
        self._answered.add(one.nonce)
        self._last[one.officer] = one.sequence
        spent = [effect for effect in effects if isinstance(effect, ConsumeAuthority)]
        assert len(spent) == (after.phase is Phase.CONSUMING), "I2: an opening is spent first"
        if one.decision == "refuse":
            assert after.phase is Phase.TURNING_BACK, "I11: an answer that counts is carried out"
        for effect in spent:
            assert (effect.source, effect.nonces) == ("person", (one.nonce,)), "I14: the challenge's nonce is spent"
            assert (effect.operator, effect.reason, effect.key_id) == (one.officer, one.reason, one.key_id)
            assert one.decision == "open"
            assert effect.deadline_ms <= self._issued_at_ms[one.nonce] + one.ttl_ms, "I1: no longer than its answer"
