"""What else comes over a lane's clearance connection beside grants: the words about its referrals."""

import logging
from collections.abc import Callable

from edge.clearance.authority_link import ClearanceLink, FloodLimit
from edge.clearance.grant import GrantRefusal
from edge.clearance.keyset import Keyset
from edge.clearance.referral_report import ReportError, open_report
from edge.core.events import Event, ReferralReported
from edge.mqtt import Message
from edge.ports import Clock

_log = logging.getLogger(__name__)


def result_topic(site: str, lane: str, authority: str) -> str:
    """Return the topic on which an authority says that a referred vehicle arrived, and what was found."""
    return f"gate/v1/{site}/{lane}/clearance/{authority}/result"


class ReferralDesk:
    """Turns authentic reports into events of the lane. What is none goes to `on_refused`, its reason `result_...`.

    Subscribes to the result topic of every authority of `clearance`. A storm is not even verified (hazards.md C20).
    An authority whose word was dropped says it again: no receipt followed.
    """

    def __init__(
        self,
        clearance: ClearanceLink,
        *,
        keyset: Callable[[], Keyset],
        clock: Clock,
        take: Callable[[Event], None],
        on_refused: Callable[[str, GrantRefusal], None],
    ) -> None:
        self._site = clearance.site
        self._lane = clearance.lane
        self._limits = {authority: FloodLimit() for authority in clearance.authorities}
        self._keyset = keyset
        self._clock = clock
        self._take = take
        self._on_refused = on_refused
        for authority in self._limits:
            topic = result_topic(self._site, self._lane, authority)
            clearance.link.subscribe(topic, self._receiver(authority))

    def _receiver(self, authority: str) -> Callable[[Message], None]:
        return lambda message: self.receive(authority, message)

    def receive(self, authority: str, message: Message) -> None:
        """Take in one message of the authority's result topic."""
        now_ms = self._clock.now_ms()
        if not self._limits[authority].admit(now_ms):
            return
        try:
            report = open_report(
                message.payload,
                retained=message.retain,
                authority=authority,
                keyset=self._keyset(),
                site=self._site,
                lane=self._lane,
                now_utc=self._clock.utc(),
            )
        except ReportError as error:
            _log.warning("referral_report_refused", extra={"authority": authority, "reason": error.reason})
            self._on_refused(authority, GrantRefusal(f"result_{error.reason}"))
            return
        self._take(ReferralReported(now_ms, report))
