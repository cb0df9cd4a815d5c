"""Central's "stored through seq N" with its signature, for sites that want one (docs/decisions/0021)."""

from datetime import datetime

from edge.clearance.claims import Table, is_identifier, is_integer, one_of
from edge.clearance.keyset import Keyset
from edge.clearance.signed import SignedError, open_signed

ACK_TYPE = "gate-ack+jws"
ACK_VERSION = 1

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
