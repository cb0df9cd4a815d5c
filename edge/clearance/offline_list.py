"""The signed list under which a lane may pass vehicles while nobody can be asked (hazards.md 4.5).

`check_list` gives an authentic list whose times are those of the lane's monotonic clock; whether anything passes
under it is judged in `edge.core.offline`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from edge.clearance.claims import Table, is_hash, is_identifier, is_integer, is_utc, list_of, object_of, one_of, or_null
from edge.clearance.envelope import canonical_json
from edge.clearance.envelope import seal as seal_envelope
from edge.clearance.issued import ISSUED, IssuedContext, IssuedRefusal, moment, open_issued, version_key
from edge.clearance.key_types import PrivateKey
from edge.core.offline_list import OfflineEntry, OfflineList, Risk, hash_identifier
from edge.times import rfc3339

LIST_TYPE = "gate-offline-list+jws"
LIST_VERSION = 1
MAX_LIST_LIFE = timedelta(hours=4)
# So many fit into one envelope; no outage lets more through (`OfflineRules.most_passes`).
MAX_ENTRIES = 24
MAX_USES = 9

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
    **ISSUED,
    "entries": list_of(object_of(_ENTRY), longest=MAX_ENTRIES),
    "denied": list_of(is_identifier, longest=MAX_ENTRIES),
}


def check_list(raw: bytes, context: IssuedContext) -> OfflineList | IssuedRefusal:
    """Return the authentic list of this lane that `raw` is, or why it is none. Never raises.

    Reasons beside those of `IssuedRefusal`: window, too_few_identifiers, duplicate_entry.
    """
    claims = open_issued(raw, context, typ=LIST_TYPE, role="list", table=_LIST, longest=MAX_LIST_LIFE)
    if isinstance(claims, IssuedRefusal):
        return claims
    entries = claims["entries"]
    objections = (
        ("window", any(moment(one["from"]) >= moment(one["until"]) for one in entries)),
        ("too_few_identifiers", any(_identifiers(one) < 2 for one in entries)),
        ("duplicate_entry", len({one["id"] for one in entries}) != len(entries)),
    )
    refused = next((IssuedRefusal(reason) for reason, objects in objections if objects), None)
    return refused or _list(claims, context)


def _identifiers(entry: Mapping[str, Any]) -> int:
    return sum(entry[name] is not None for name in ("plate", "container", "tag"))


def _list(claims: Mapping[str, Any], context: IssuedContext) -> OfflineList:
    return OfflineList(
        authority=claims["iss"],
        version=claims["version"],
        hash_key=list_hash_key(context.secret, context.site, context.lane, claims["version"]),
        until_ms=context.until_ms(claims["not_after"], MAX_LIST_LIFE),
        entries=tuple(
            OfflineEntry(
                one["id"],
                one["plate"],
                one["container"],
                one["tag"],
                context.in_ms(one["from"]),
                context.in_ms(one["until"]),
                one["max_uses"],
                one["class"],
            )
            for one in claims["entries"]
        ),
        denied=tuple(claims["denied"]),
    )


def list_hash_key(secret: bytes, site: str, lane: str, version: int) -> str:
    """Return the key (hex) of one version's hashes: equal vehicles do not look equal in two lists."""
    return version_key(secret, "offline-list", site, lane, version)


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


def seal_list(claims: Mapping[str, Any], *, key_id: str, key: PrivateKey) -> bytes:
    """Return a list as its issuer sends it."""
    return seal_envelope(canonical_json(dict(claims)), typ=LIST_TYPE, key_id=key_id, key=key)
