"""Central's "stored through seq N" with its signature, for sites that want one (docs/decisions/0021)."""

from collections.abc import Callable
from datetime import datetime

from edge.clearance.authority_link import FloodLimit
from edge.clearance.claims import Table, is_identifier, is_integer, one_of
from edge.clearance.keyset import Keyset
from edge.clearance.signed import SignedError, open_signed
from edge.ports import Clock

ACK_TYPE = "gate-ack+jws"
ACK_VERSION = 1
# Checking a signature costs 0.1 ms of the process that moves the boom: so many false ones at once, and a second.
FALSE_BURST, FALSE_PER_S = 50, 10

_ACK: Table = {
    "v": one_of(ACK_VERSION),
    "typ": one_of(ACK_TYPE),
    "site": is_identifier,
    "lane": is_identifier,
    "epoch": lambda value: is_integer(value, least=0),
    "seq": lambda value: is_integer(value, least=0),
}


def open_acknowledgement(raw: bytes, *, keyset: Keyset, site: str, lane: str, now_utc: datetime) -> tuple[int, int]:
    """Return (epoch, seq) as a key of the role `ops` signed them for this lane; raises SignedError.

    Reasons beside those of `open_signed`: wrong_lane. One that comes again does no harm: the number never goes back.
    """
    claims = open_signed(
        raw,
        typ=ACK_TYPE,
        role="ops",
        issuer=None,
        table=_ACK,
        keyset=keyset,
        site=site,
        lane=lane,
        now_utc=now_utc,
    ).claims
    if (claims["site"], claims["lane"]) != (site, lane):
        raise SignedError("wrong_lane")
    return claims["epoch"], claims["seq"]


class Acknowledgements:
    """One lane's. After many false ones all are looked at only so often: central's own come again, and count the same.

    `dropped` were not looked at.
    """

    def __init__(self, *, keyset: Callable[[], Keyset], site: str, lane: str, clock: Clock) -> None:
        self.dropped = 0
        self._keyset, self._site, self._lane, self._clock = keyset, site, lane, clock
        self._limit = FloodLimit(FALSE_BURST, FALSE_PER_S)

    def opened(self, raw: bytes) -> tuple[int, int] | None:
        """Return (epoch, seq); None for what is not authentic, or not looked at."""
        limit, now_ms = self._limit, self._clock.now_ms()
        if limit.flooded and not limit.admit(now_ms):
            self.dropped += 1
            return None
        flooded = limit.flooded
        try:
            return open_acknowledgement(
                raw, keyset=self._keyset(), site=self._site, lane=self._lane, now_utc=self._clock.utc()
            )
        except SignedError:
            limit.flooded = flooded or not limit.admit(now_ms)
            return None
