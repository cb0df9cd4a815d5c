"""Between a lane's clearance link and the lane: what no grant can be is told a few times, then only counted.

A journal that anybody on the broker can fill at ten records a second is a fault of its own (hazards.md C20). The first
answers to the request that is open always pass, and whatever takes back what they gave; the same answer over and over
does not, nor ever-different ones of an authority whose key signs without end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge.clearance.authority_link import FLOOD, FloodLimit
from edge.clearance.grant import GrantRefusal
from edge.core.grant import Grant, Verdict
from edge.ports import Clock

# Per authority: told at once, and then six a minute. All are counted, and a person hears of many (4.2).
TOLD_BURST = 30
TOLD_PER_S = 0.1
# That there is a storm is told apart from these: what began it may have used them up.
STORMS_BURST = 3
# A repeated answer is refused by its sequence number: the core needs to see that a few times, not for ever.
REPEATS_TOLD = 5
# One request has one answer, perhaps one that takes it back (C5).
ANSWERS_TOLD = 10
# What lets more pass comes before what lets less.
_STRICTNESS: dict[Verdict, int] = {"release": 0, "not_applicable": 0, "refer": 1, "hold": 2, "deny": 3}
NOT_ASKED_FOR, REPEATED, TOO_MANY = "not_asked_for", "repeated", "too_many_answers"


class Asking(Protocol):
    """The lane's side of its authorities, as `edge.clearance.lane_clearance.LaneClearance` is."""

    def on_grant(self, grant: Grant) -> None:
        """An authentic grant."""

    def on_refused(self, authority: str, refusal: GrantRefusal) -> None:
        """Something that is no authentic grant."""

    def newest_nonce(self, authority: str) -> str | None:
        """The nonce of the last request that was prepared for the authority."""


@dataclass(slots=True)
class _Answers:
    """What came to one request: how many different ones, the last, how often in a row, and how strict the last told."""

    nonce: str
    last: Grant | None = None
    number: int = 0
    repeats: int = 0
    strictness: int = 0


class GrantDoor:
    """Give its two methods to a `ClearanceLink`. `on_failure` may be set: it hears of each failure, told or not."""

    def __init__(self, asking: Asking, clock: Clock) -> None:
        self.untold = 0
        self.on_failure: Callable[[str, str], None] = lambda _authority, _reason: None
        self._asking = asking
        self._clock = clock
        # By authority, and whether it is for storms.
        self._limits: dict[tuple[str, bool], FloodLimit] = {}
        # By issuer: the clerk of a drill takes nothing from the authority.
        self._answers: dict[str, _Answers] = {}

    def on_grant(self, grant: Grant) -> None:
        """Pass an answer to the newest request; anything older, and too many, only as far as the limit goes."""
        doubt = self._doubt(grant)
        if doubt:
            self.on_failure(grant.authority, doubt)
            if not self._admitted(grant.authority):
                self._tell_storm(grant.authority)
                return
        if doubt != NOT_ASKED_FOR:
            self._answers[grant.issuer].strictness = _STRICTNESS[grant.verdict]
        self._asking.on_grant(grant)

    def _doubt(self, grant: Grant) -> str:
        """Return why this one does not simply pass; empty where it does."""
        if grant.nonce != self._asking.newest_nonce(grant.authority):
            return NOT_ASKED_FOR
        answers = self._answers.get(grant.issuer)
        if answers is None or answers.nonce != grant.nonce:
            answers = self._answers[grant.issuer] = _Answers(grant.nonce)
        if grant == answers.last:
            answers.repeats += 1
            return REPEATED if answers.repeats > REPEATS_TOLD else ""
        answers.last, answers.repeats = grant, 0
        answers.number += 1
        stricter = _STRICTNESS[grant.verdict] > answers.strictness
        return "" if stricter or answers.number <= ANSWERS_TOLD else TOO_MANY

    def _tell_storm(self, authority: str) -> None:
        """One record that answers come which are only counted, until half of the limit is free again."""
        limit = self._limits[authority, False]
        if not limit.flooded:
            limit.flooded = True
            if self._admitted(authority, storm=True):
                self._asking.on_refused(authority, GrantRefusal(FLOOD))

    def on_refused(self, authority: str, refusal: GrantRefusal) -> None:
        """Pass a refusal as far as the limit goes."""
        self.on_failure(authority, refusal.reason)
        if self._admitted(authority, storm=refusal.reason == FLOOD):
            self._asking.on_refused(authority, refusal)

    def _admitted(self, authority: str, *, storm: bool = False) -> bool:
        burst = STORMS_BURST if storm else TOLD_BURST
        limit = self._limits.setdefault((authority, storm), FloodLimit(burst, TOLD_PER_S))
        if limit.admit(self._clock.now_ms()):
            return True
        self.untold += 1
        return False
