"""What the centre issues to one lane beside grants: signed, for a time, each version newer than the one before.

Offline lists and sampling plans have this in common. Freshness is in what was signed, so it may have been retained.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from edge.clearance.claims import Table, is_identifier, is_integer, is_utc, parse_utc
from edge.clearance.envelope import decode_base64url
from edge.clearance.keyset import Keyset, Role
from edge.clearance.signed import SignedError, open_signed
from edge.clearance.strict_json import parse_object

# How far the issuer's clock may be ahead of this one; more, and one of them is wrong.
CLOCK_LEEWAY = timedelta(seconds=30)
# Claims that each of them has, beside `v` and `typ`.
ISSUED: Table = {
    "iss": is_identifier,
    "site": is_identifier,
    "lane": is_identifier,
    "version": lambda value: is_integer(value, least=1),
    "issued": is_utc,
    "not_after": is_utc,
}


@dataclass(frozen=True, slots=True)
class IssuedRefusal:
    """Why bytes are not what this lane waits for. `reason` is stable, one per check; `detail` names a field.

    Reasons: too_large, those of the envelope, the key and JSON, version, type, field_unknown, field_missing,
    field_value, issuer, wrong_lane, lifetime, not_yet, expired, rolled_back, and those of the kind.
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class IssuedContext:
    """Whose word is wanted and what is known here. `secret` is shared by issuer and lane and signs nothing."""

    authority: str
    site: str
    lane: str
    secret: bytes
    keyset: Keyset
    highest_seen: int
    now_utc: datetime
    now_ms: int

    def in_ms(self, text: str) -> int:
        """Turn a wall time into one of the lane's clock, once: later steps of the wall clock give nothing."""
        return self.now_ms + (moment(text) - self.now_utc) // timedelta(milliseconds=1)

    def until_ms(self, not_after: str, longest: timedelta) -> int:
        """Return when it ends. A clock that lags behind the issuer's must not lengthen its life."""
        return min(self.in_ms(not_after), self.now_ms + longest // timedelta(milliseconds=1))


def open_issued(
    raw: bytes, context: IssuedContext, *, typ: str, role: Role, table: Table, longest: timedelta
) -> dict[str, Any] | IssuedRefusal:
    """Return the claims of an authentic one for this lane that lives now, or why it is none. Never raises.

    The same version again is authentic too: the core takes only newer ones.
    """
    try:
        claims = open_signed(
            raw,
            typ=typ,
            role=role,
            issuer=context.authority,
            table=table,
            keyset=context.keyset,
            site=context.site,
            lane=context.lane,
            now_utc=context.now_utc,
        ).claims
    except SignedError as error:
        return IssuedRefusal(error.reason, error.detail)
    return _objection(claims, context, longest) or claims


def _objection(claims: Mapping[str, Any], context: IssuedContext, longest: timedelta) -> IssuedRefusal | None:
    issued, not_after = moment(claims["issued"]), moment(claims["not_after"])
    objections = (
        ("issuer", claims["iss"] != context.authority),
        ("wrong_lane", (claims["site"], claims["lane"]) != (context.site, context.lane)),
        ("lifetime", not timedelta(0) < not_after - issued <= longest),
        ("not_yet", context.now_utc < issued - CLOCK_LEEWAY),
        ("expired", context.now_utc >= not_after),
        ("rolled_back", claims["version"] < context.highest_seen),
    )
    return next((IssuedRefusal(reason) for reason, objects in objections if objects), None)


def moment(text: str) -> datetime:
    """Return the time that a claim names; the claims table let it pass."""
    found = parse_utc(text)
    assert found is not None
    return found


def life_of(accepted: bytes) -> tuple[datetime, datetime]:
    """Return when one that was accepted was issued, and when it ends."""
    claims = parse_object(decode_base64url(accepted.split(b".")[1]))
    return moment(claims["issued"]), moment(claims["not_after"])


def version_key(secret: bytes, purpose: str, site: str, lane: str, version: int) -> str:
    """Return the key (hex) of one version: the broker and the journal see no other one, and never the secret."""
    return hmac.new(secret, f"{purpose}|{site}|{lane}|{version}".encode(), "sha256").hexdigest()
