"""The clearance connection of one lane: requests out, authentic grants in, apart from telemetry."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from edge.clearance.claims import is_identifier
from edge.clearance.grant import GrantRefusal, check_grant
from edge.clearance.keyset import Keyset
from edge.clearance.request import SignedRequest
from edge.core.grant import Grant
from edge.mqtt import Message, MqttDown, MqttLink, MqttSettings
from edge.ports import Clock

_log = logging.getLogger(__name__)

# One request has one answer, perhaps repeated: more is a storm, and checking a signature costs 0.1 ms (C20).
FLOOD_BURST = 20
FLOOD_PER_S = 10
# Why a message of a storm is refused.
FLOOD = "flood"


def request_topic(site: str, lane: str, authority: str, *, drill: bool = False) -> str:
    """Return the topic that an authority, or its clerk in a drill, listens on for this lane's requests."""
    return f"gate/v1/{site}/{lane}/{_channel(drill)}/{authority}/request"


def grant_topic(site: str, lane: str, authority: str, *, drill: bool = False) -> str:
    """Return the topic that the lane listens on for the grants of this authority, or of its clerk in a drill."""
    return f"gate/v1/{site}/{lane}/{_channel(drill)}/{authority}/grant"


def _channel(drill: bool) -> str:
    return "drill" if drill else "clearance"


class FloodLimit:
    """A token bucket: `burst` at once, `per_s` lasting. Time is milliseconds of a monotonic clock.

    `flooded` is set by the owner once it told of a storm, and falls when half of the burst is free again.
    """

    def __init__(self, burst: int = FLOOD_BURST, per_s: float = FLOOD_PER_S) -> None:
        self._burst = burst
        self._per_s = per_s
        self._tokens = float(burst)
        self._at_ms: int | None = None
        self.flooded = False

    def admit(self, now_ms: int) -> bool:
        """Say whether one more message is let through now."""
        elapsed_ms = 0 if self._at_ms is None else now_ms - self._at_ms
        self._at_ms = now_ms
        self._tokens = min(float(self._burst), self._tokens + elapsed_ms * self._per_s / 1000)
        if self._tokens >= self._burst / 2:
            self.flooded = False
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class ClearanceLink:
    """One lane's clearance connection to a broker, for all its authorities.

    `on_grant` gets each authentic grant; `on_refused` the authority and the refusal of anything else, and for a
    storm once (`flood`) until it is over. `keyset` is asked at each grant, so a newer one counts at once.
    Raises ValueError for a site, lane or authority that cannot be part of a topic.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        site: str,
        lane: str,
        authorities: Iterable[str],
        keyset: Callable[[], Keyset],
        clock: Clock,
        on_grant: Callable[[Grant], None],
        on_refused: Callable[[str, GrantRefusal], None],
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[MqttDown], None] | None = None,
    ) -> None:
        self.site = site
        self.lane = lane
        self.authorities = tuple(authorities)
        for name in (site, lane, *self.authorities):
            if not is_identifier(name):
                raise ValueError(f"not an id of 1 to 64 letters, digits, _ or -: {name!r}")
        self.link = MqttLink(settings, on_up=on_up, on_down=on_down)
        self.dropped_by_flood = 0
        self._keyset = keyset
        self._clock = clock
        self._on_grant = on_grant
        self._on_refused = on_refused
        ways = [(authority, drill) for authority in self.authorities for drill in (False, True)]
        # A drill that floods takes nothing from the authorities.
        self._limits = {way: FloodLimit() for way in ways}
        for authority, drill in ways:
            self.link.subscribe(grant_topic(site, lane, authority, drill=drill), self._receiver(authority, drill))

    @property
    def is_up(self) -> bool:
        """Say whether a request would be sent now."""
        return self.link.is_up

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        await self.link.run()

    def send(self, authority: str, request: SignedRequest, *, drill: bool = False) -> "asyncio.Future[None]":
        """Send a request, never retained; one of a drill goes to no authority, but to the clerk who plays it.

        Done at PUBACK; fails with MqttDown, at once where the link is down.
        """
        return self.link.publish(request_topic(self.site, self.lane, authority, drill=drill), request.raw)

    def _receiver(self, authority: str, drill: bool = False) -> Callable[[Message], None]:
        return lambda message: self._receive(authority, message, drill=drill)

    def _receive(self, authority: str, message: Message, *, drill: bool = False) -> None:
        limit = self._limits[authority, drill]
        if not limit.admit(self._clock.now_ms()):
            self.dropped_by_flood += 1
            if not limit.flooded:
                limit.flooded = True
                self._refuse(authority, GrantRefusal(FLOOD))
            return
        outcome = check_grant(
            message.payload,
            retained=message.retain,
            authority=authority,
            keyset=self._keyset(),
            site=self.site,
            lane=self.lane,
            now_utc=self._clock.utc(),
            drill=drill,
        )
        if isinstance(outcome, GrantRefusal):
            self._refuse(authority, outcome)
        else:
            self._on_grant(outcome)

    def _refuse(self, authority: str, refusal: GrantRefusal) -> None:
        _log.warning(
            "grant_refused",
            extra={"lane": self.lane, "authority": authority, "reason": refusal.reason, "detail": refusal.detail},
        )
        self._on_refused(authority, refusal)
