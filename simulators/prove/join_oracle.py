"""What the authorities' answers come to, told from the trace alone: which of them counted, and what they allow."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.effects import ConsumeAuthority, PrepareRequest, Report, SendRequest
from edge.core.events import Event, GrantReceived, Started, Tick
from edge.core.profile import LaneProfile
from edge.core.state import LaneState, Phase
from simulators.prove.joins import SILENT, allowed


@dataclass(slots=True)
class _Asked:
    """The newest question to one authority."""

    passage: str
    nonce: str
    digest: str = ""
    sent_at_ms: int | None = None
    answer: str | None = None


class JoinOracle:
    """Keeps its own memory of questions and answers and never asks the lane's guards, nor its join."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}
        self._numbers: dict[str, int] = {}

    def judge(self, before: LaneState, event: Event, effects: Sequence[object]) -> None:
        """Assert what is decided in one step."""
        if isinstance(event, GrantReceived):
            self._hear(before, event)
        elif isinstance(event, Started):
            self._numbers = dict(event.sequences)
        for effect in effects:
            match effect:
                case PrepareRequest():
                    self._asked[effect.authority] = _Asked(effect.passage, effect.nonce)
                case SendRequest() if (asked := self._asked.get(effect.authority)) is not None:
                    asked.digest, asked.sent_at_ms = effect.request_hash, event.at_ms
                case Report(name="decided"):
                    self._decided(before, event, effects, dict(effect.fields))
                case ConsumeAuthority(source="grant"):
                    self._consumed(before.profile, effect)
                case _:
                    pass

    def _hear(self, before: LaneState, event: GrantReceived) -> None:
        grant, profile, passage = event.grant, before.profile, before.passage
        asked = self._asked.get(grant.authority)
        if passage is None or asked is None or asked.sent_at_ms is None:
            return
        drill = passage.mode == "DRILL"
        ours = (profile.site, profile.lane, before.boot, passage.id, drill, asked.nonce, asked.digest, asked.passage)
        bound = (grant.site, grant.lane, grant.boot, grant.passage, grant.drill, grant.nonce, grant.request_hash)
        issuer = f"drill:{grant.authority}" if drill else grant.authority
        newer = grant.sequence > self._numbers.get(issuer, -1)
        if (*bound, passage.id) != ours or not newer or before.phase not in (Phase.WAITING, Phase.CONSUMING):
            return
        if grant.verdict != "deny":
            if asked.answer is not None or before.phase is Phase.CONSUMING:
                return
            if event.at_ms > asked.sent_at_ms + min(grant.ttl_ms, _longest_ms(profile, grant.authority)):
                return
        self._numbers[issuer], asked.answer = grant.sequence, grant.verdict

    def _words(self, profile: LaneProfile) -> list[str]:
        found = (self._asked.get(one.id) for one in profile.authorities)
        return [SILENT if one is None or one.answer is None else one.answer for one in found]

    def _decided(self, before: LaneState, event: Event, effects: Sequence[object], fields: dict[str, object]) -> None:
        profile, decision = before.profile, fields["decision"]
        joins = isinstance(event, GrantReceived) or (isinstance(event, Tick) and before.phase is Phase.WAITING)
        if not joins:
            assert decision == "hold", "I1: nothing but answers, or their want, decides otherwise than to hold"
            return
        words, reasons = self._words(profile), str(fields["reasons"]).split(",")
        if "offline" in reasons:
            return
        if "deny" in words:
            assert decision == "deny", "I1: a denial outvotes everything"
            return
        for name, asked in self._asked.items():
            if asked.answer is None and asked.sent_at_ms is not None:
                assert event.at_ms > asked.sent_at_ms + _longest_ms(profile, name), "I11: everybody has had their time"
        assert decision != "deny", "I11: nobody denied it"
        if "refer" in words:
            assert decision == "refer", "I1: whoever wants to look does"
            return
        if decision == "hold" and allowed(profile.join, profile.quorum, words):
            others = [one for one in reasons if ":" not in one and one != "nobody_released"]
            assert others, "I11: what the policy lets pass is held for another reason alone"
        elif decision != "hold":
            drawn = any(isinstance(one, Report) and one.name == "sampling_drawn" for one in effects)
            assert decision == "release" or drawn, "I1: nobody wants to look at it"
            assert allowed(profile.join, profile.quorum, words), f"I1: {profile.join} of {words} lets nobody pass"

    def _consumed(self, profile: LaneProfile, effect: ConsumeAuthority) -> None:
        words = self._words(profile)
        assert allowed(profile.join, profile.quorum, words), f"I1: {profile.join} of {words} lets nobody pass"
        released = {one.nonce for one in self._asked.values() if one.answer == "release"}
        assert set(effect.nonces) == released, "I1: spent are the releases, all of them and nothing else"


def _longest_ms(profile: LaneProfile, authority: str) -> int:
    named = next(one.deadline_ms for one in profile.authorities if one.id == authority)
    return min(named, profile.timing.grant_max_ms)
