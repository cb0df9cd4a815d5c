"""The signed list under which a lane may pass vehicles while nobody can be asked (hazards.md 4.5).

`check_list` gives an authentic list whose times are those of the lane's monotonic clock; whether anything passes
under it is judged in `edge.core.offline`.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.claims import (
    ClaimError,
    Table,
    check_claims,
    is_hash,
    is_identifier,
    is_integer,
    is_utc,
    list_of,
    object_of,
    one_of,
    or_null,
    parse_utc,
)
from edge.clearance.envelope import MAX_ENVELOPE_BYTES, EnvelopeError, canonical_json, split, verify
from edge.clearance.envelope import seal as seal_envelope
from edge.clearance.keyset import KeyRefusedError, Keyset
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.core.offline_list import OfflineEntry, OfflineList, Risk, hash_identifier
from edge.times import rfc3339

LIST_TYPE = "gate-offline-list+jws"
LIST_VERSION = 1
MAX_LIST_LIFE = timedelta(hours=4)
# So many fit into one envelope; no outage lets more through (`OfflineRules.most_passes`).
MAX_ENTRIES = 24
MAX_USES = 9
# How far the issuer's clock may be ahead of this one; more, and one of them is wrong.
CLOCK_LEEWAY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class ListRefusal:
    """Why bytes are no list of this lane. `reason` is stable, one per check; `detail` names a field.

    Reasons: too_large, those of the envelope, the key and JSON, version, type, field_unknown, field_missing,
    field_value, issuer, wrong_lane, lifetime, not_yet, expired, window, too_few_identifiers, duplicate_entry,
    rolled_back.
    """

    reason: str
    detail: str = ""


_ENTRY: Table = {
    "id": is_identifier,
    "plate": or_null(is_hash),
    "container": or_null(is_hash),
    "tag": or_null(is_hash),
    "from": is_utc,
    "until": is_utc,
    "max_uses": lambda value: is_integer(value, least=1, most=MAX_USES),
    "class": one_of("low", "high"),
}
_LIST: Table = {
    "v": one_of(LIST_VERSION),
    "typ": one_of(LIST_TYPE),
    "iss": is_identifier,
    "site": is_identifier,
    "lane": is_identifier,
    "version": lambda value: is_integer(value, least=1),
    "issued": is_utc,
    "not_after": is_utc,
    "entries": list_of(object_of(_ENTRY), longest=MAX_ENTRIES),
    "denied": list_of(is_identifier, longest=MAX_ENTRIES),
}


@dataclass(frozen=True, slots=True)
class ListContext:
    """Whose list is wanted and what is known here. `secret` is shared by issuer and lane, for the hashes alone."""

    authority: str
    site: str
    lane: str
    secret: bytes
    keyset: Keyset
    highest_seen: int
    now_utc: datetime
    now_ms: int


def check_list(raw: bytes, context: ListContext) -> OfflineList | ListRefusal:
    """Return the authentic list of this lane that `raw` is, or why it is none. Never raises.

    Freshness is in the list, so it may have been retained. The same version again is authentic too: the core
    takes only newer ones.
    """
    if len(raw) > MAX_ENVELOPE_BYTES:
        return ListRefusal("too_large")
    try:
        envelope = split(raw, typ=LIST_TYPE)
        key = context.keyset.key_for(
            envelope.key_id,
            role="list",
            issuer=context.authority,
            site=context.site,
            lane=context.lane,
            now_utc=context.now_utc,
        )
        claims = parse_object(verify(envelope, key))
        for name, reason in (("v", "version"), ("typ", "type")):
            if not _LIST[name](claims.get(name)):
                raise ClaimError(reason, name)
        check_claims(claims, _LIST)
    except (EnvelopeError, KeyRefusedError, StrictJsonError) as error:
        return ListRefusal(error.reason)
    except ClaimError as error:
        return ListRefusal(error.reason, error.name)
    return _objection(claims, context) or _list(claims, context)


def _objection(claims: Mapping[str, Any], context: ListContext) -> ListRefusal | None:
    issued, not_after = _moment(claims["issued"]), _moment(claims["not_after"])
    entries = claims["entries"]
    objections = (
        ("issuer", claims["iss"] != context.authority),
        ("wrong_lane", (claims["site"], claims["lane"]) != (context.site, context.lane)),
        ("lifetime", not timedelta(0) < not_after - issued <= MAX_LIST_LIFE),
        ("not_yet", context.now_utc < issued - CLOCK_LEEWAY),
        ("expired", context.now_utc >= not_after),
        ("window", any(_moment(one["from"]) >= _moment(one["until"]) for one in entries)),
        ("too_few_identifiers", any(_identifiers(one) < 2 for one in entries)),
        ("duplicate_entry", len({one["id"] for one in entries}) != len(entries)),
        ("rolled_back", claims["version"] < context.highest_seen),
    )
    return next((ListRefusal(reason) for reason, objects in objections if objects), None)


def _identifiers(entry: Mapping[str, Any]) -> int:
    return sum(entry[name] is not None for name in ("plate", "container", "tag"))


def _list(claims: Mapping[str, Any], context: ListContext) -> OfflineList:
    def in_ms(text: str) -> int:
        """Turn a wall time into one of the lane's clock, once: later steps of the wall clock give nothing."""
        return context.now_ms + (_moment(text) - context.now_utc) // timedelta(milliseconds=1)

    # A clock that lags behind the issuer's must not lengthen the list's life.
    until_ms = min(in_ms(claims["not_after"]), context.now_ms + MAX_LIST_LIFE // timedelta(milliseconds=1))
    return OfflineList(
        authority=claims["iss"],
        version=claims["version"],
        hash_key=list_hash_key(context.secret, context.site, context.lane, claims["version"]),
        until_ms=until_ms,
        entries=tuple(
            OfflineEntry(
                one["id"],
                one["plate"],
                one["container"],
                one["tag"],
                in_ms(one["from"]),
                in_ms(one["until"]),
                one["max_uses"],
                one["class"],
            )
            for one in claims["entries"]
        ),
        denied=tuple(claims["denied"]),
    )


def list_hash_key(secret: bytes, site: str, lane: str, version: int) -> str:
    """Return the key (hex) of one version's hashes: equal vehicles do not look equal in two lists."""
    return hmac.new(secret, f"offline-list|{site}|{lane}|{version}".encode(), "sha256").hexdigest()


def _moment(text: str) -> datetime:
    moment = parse_utc(text)
    assert moment is not None  # the claims table let it pass
    return moment


@dataclass(frozen=True, slots=True)
class ListedVehicle:
    """One vehicle as its issuer knows it: at least two of plate, containers and the tag's TID."""

    id: str
    plate: str | None = None
    containers: tuple[str, ...] = ()
    tag_tid: str | None = None
    max_uses: int = 1
    risk: Risk = "low"


def list_claims(
    authority: str,
    site: str,
    lane: str,
    version: int,
    vehicles: tuple[ListedVehicle, ...],
    *,
    secret: bytes,
    issued: datetime,
    not_after: datetime,
    denied: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the claims of a list, what its issuer signs; every entry's window is the list's life."""
    hash_key = list_hash_key(secret, site, lane, version)

    def entry(one: ListedVehicle) -> dict[str, Any]:
        codes = ",".join(sorted(one.containers))
        return {
            "id": one.id,
            "plate": None if one.plate is None else hash_identifier(hash_key, "plate", one.plate),
            "container": hash_identifier(hash_key, "container", codes) if codes else None,
            "tag": None if one.tag_tid is None else hash_identifier(hash_key, "tag", one.tag_tid),
            "from": rfc3339(issued),
            "until": rfc3339(not_after),
            "max_uses": one.max_uses,
            "class": one.risk,
        }

    return {
        "v": LIST_VERSION,
        "typ": LIST_TYPE,
        "iss": authority,
        "site": site,
        "lane": lane,
        "version": version,
        "issued": rfc3339(issued),
        "not_after": rfc3339(not_after),
        "entries": [entry(one) for one in vehicles],
        "denied": list(denied),
    }


def seal_list(claims: Mapping[str, Any], *, key_id: str, key: Ed25519PrivateKey) -> bytes:
    """Return a list as its issuer sends it."""
    return seal_envelope(canonical_json(dict(claims)), typ=LIST_TYPE, key_id=key_id, key=key)
