"""Between a lane's clearance link and the lane: what no grant can be is told a few times, then only counted.

A journal that anybody on the broker can fill at ten records a second is a fault of its own (hazards.md C20). An answer
to the request that is open always passes; the same answer over and over does not.
"""

from collections.abc import Callable
from typing import Protocol

from edge.clearance.authority_link import FLOOD, FloodLimit
from edge.clearance.grant import GrantRefusal
from edge.core.grant import Grant
from edge.ports import Clock

# Per authority: told at once, and then six a minute. All are counted, and a person hears of many (4.2).
TOLD_BURST = 30
TOLD_PER_S = 0.1
# That there is a storm is told apart from these: what began it may have used them up.
STORMS_BURST = 3
# A repeated answer is refused by its sequence number: the core needs to see that a few times, not for ever.
REPEATS_TOLD = 5


class Asking(Protocol):
    """The lane's side of its authorities, as `edge.clearance.lane_clearance.LaneClearance` is."""

    def on_grant(self, grant: Grant) -> None:
        """An authentic grant."""

    def on_refused(self, authority: str, refusal: GrantRefusal) -> None:
        """Something that is no authentic grant."""

    def newest_nonce(self, authority: str) -> str | None:
        """The nonce of the last request that was prepared for the authority."""


class GrantDoor:
    """Give its two methods to a `ClearanceLink`. `on_failure` may be set: it hears of each failure, told or not."""

    def __init__(self, asking: Asking, clock: Clock) -> None:
        self.untold = 0
        self.on_failure: Callable[[str, str], None] = lambda _authority, _reason: None
        self._asking = asking
        self._clock = clock
        # By authority, and whether it is for storms.
        self._limits: dict[tuple[str, bool], FloodLimit] = {}
        self._answers: dict[str, tuple[Grant, int]] = {}

    def on_grant(self, grant: Grant) -> None:
        """Pass an answer to the newest request; anything older, and repeats, only as far as the limit goes."""
        if grant.nonce == self._asking.newest_nonce(grant.authority):
            last, repeats = self._answers.get(grant.authority, (None, 0))
            repeats = repeats + 1 if grant == last else 0
            self._answers[grant.authority] = grant, repeats
            if repeats <= REPEATS_TOLD:
                self._asking.on_grant(grant)
                return
        self.on_failure(grant.authority, "not_asked_for")
        if self._admitted(grant.authority):
            self._asking.on_grant(grant)

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
