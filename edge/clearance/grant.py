"""A grant from the wire: form, key and signature, in the order of hazards.md 4.2 (cheap before dear).

What comes out is an authentic value, no more: binding to the lane, boot, passage, nonce and request,
sequence, deadline and single use are judged in `edge.core`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.clearance.claims import (
    Table,
    is_hash,
    is_identifier,
    is_integer,
    is_reason,
    is_text,
    is_utc,
    list_of,
    object_of,
    one_of,
    or_null,
)
from edge.clearance.envelope import MAX_ENVELOPE_BYTES
from edge.clearance.keyset import Keyset
from edge.clearance.signed import SignedError, open_signed
from edge.core.grant import REFERRAL_TARGETS, VERDICTS, Grant, NotedPlate, NotedSeal, ReleaseNote
from edge.core.plate import PLATE_COLOURS

GRANT_TYPE = "gate-grant+jws"
GRANT_VERSION = 1
# The core bounds it further by the lane's own limit; this only keeps nonsense out.
MAX_TTL_MS = 600_000
MOST_OPENINGS = 65_535


@dataclass(frozen=True, slots=True)
class GrantRefusal:
    """Why bytes on a grant topic are no grant. `reason` is stable, one per check; `detail` names a field.

    Reasons in check order: too_large; retained; not_compact, base64_not_canonical, header_json,
    header_forbidden, header_fields, header_type, header_key_id;
    keyset_expired, clock_behind, key_unknown, key_role, key_revoked, key_not_yet_valid, key_expired, key_scope,
    key_authority; header_algorithm, signature_length, signature_invalid; byte_order_mark, not_utf8, too_deep,
    duplicate_key, number, syntax, not_an_object, text; version; type; field_unknown, field_missing, field_value;
    target; issuer.
    """

    reason: str
    detail: str = ""


_PLATE: Table = {
    "place": one_of("front", "rear"),
    "text": lambda value: is_text(value, longest=16),
    "colour": or_null(one_of(*PLATE_COLOURS)),
}
_NOTE: Table = {
    "number": lambda value: is_text(value, longest=64),
    "plates": list_of(object_of(_PLATE), longest=4),
    "containers": list_of(lambda value: is_text(value, longest=16), longest=4),
    "tag": or_null(lambda value: is_text(value, longest=128)),
}
_SEAL: Table = {
    "id": lambda value: is_text(value, longest=64),
    "openings": or_null(lambda value: is_integer(value, most=MOST_OPENINGS)),
}
# What a note may leave out: it is absent then, not null.
_NOTE_MAY: Table = {
    "appointment": lambda value: is_text(value, longest=64),
    "credit_class": is_identifier,
    "seals": list_of(object_of(_SEAL), longest=4, least=1),
}


def _is_note(value: object) -> bool:
    named = value if isinstance(value, dict) else {}
    return object_of({**_NOTE, **{name: check for name, check in _NOTE_MAY.items() if name in named}})(value)


_GRANT: Table = {
    "v": one_of(GRANT_VERSION),
    "typ": one_of(GRANT_TYPE),
    "iss": is_identifier,
    "site": is_identifier,
    "lane": is_identifier,
    "boot": is_identifier,
    "passage": is_identifier,
    "nonce": is_identifier,
    "req_hash": is_hash,
    "verdict": one_of(*VERDICTS),
    "target": or_null(one_of(*REFERRAL_TARGETS)),
    "ttl_ms": lambda value: is_integer(value, least=1, most=MAX_TTL_MS),
    "iat": is_utc,
    "gseq": lambda value: is_integer(value, least=1),
    "reason": is_reason,
    "note": or_null(_is_note),
}


def check_grant(
    raw: bytes,
    *,
    retained: bool,
    authority: str,
    keyset: Keyset,
    site: str,
    lane: str,
    now_utc: datetime,
    drill: bool = False,
) -> Grant | GrantRefusal:
    """Return the authentic grant of `authority` that `raw` is, or why it is none. Never raises.

    `authority` is whose topic it came on; `site` and `lane` are this lane's, which the key's scope must cover.
    On a topic of a drill only a key of that role counts, and such a key counts nowhere else.
    """
    if len(raw) > MAX_ENVELOPE_BYTES:
        return GrantRefusal("too_large")
    if retained:
        return GrantRefusal("retained")
    try:
        signed = open_signed(
            raw,
            typ=GRANT_TYPE,
            role="drill" if drill else "grant",
            issuer=authority,
            table=_GRANT,
            keyset=keyset,
            site=site,
            lane=lane,
            now_utc=now_utc,
        )
    except SignedError as error:
        return GrantRefusal(error.reason, error.detail)
    claims = signed.claims
    if (claims["verdict"] == "refer") != (claims["target"] is not None):
        return GrantRefusal("target")
    if claims["iss"] != authority:
        return GrantRefusal("issuer")
    return _grant(claims, signed.key_id, drill=drill)


def _grant(claims: dict[str, Any], key_id: str, *, drill: bool) -> Grant:
    return Grant(
        authority=claims["iss"],
        key_id=key_id,
        site=claims["site"],
        lane=claims["lane"],
        boot=claims["boot"],
        passage=claims["passage"],
        nonce=claims["nonce"],
        request_hash=claims["req_hash"],
        verdict=claims["verdict"],
        ttl_ms=claims["ttl_ms"],
        issued_at=claims["iat"],
        sequence=claims["gseq"],
        reason=claims["reason"],
        target=claims["target"],
        note=_note(claims["note"]),
        drill=drill,
    )


def _note(claims: dict[str, Any] | None) -> ReleaseNote | None:
    if claims is None:
        return None
    plates = tuple(NotedPlate(plate["place"], plate["text"], plate["colour"]) for plate in claims["plates"])
    seals = tuple(NotedSeal(seal["id"], seal["openings"]) for seal in claims.get("seals", ()))
    return ReleaseNote(
        claims["number"],
        plates,
        tuple(claims["containers"]),
        claims["tag"],
        appointment=claims.get("appointment"),
        credit_class=claims.get("credit_class"),
        seals=seals,
    )


def grant_claims(grant: Grant) -> dict[str, Any]:
    """Return the claims that say this grant: what an issuer signs."""
    note = grant.note
    return {
        "v": GRANT_VERSION,
        "typ": GRANT_TYPE,
        "iss": grant.authority,
        "site": grant.site,
        "lane": grant.lane,
        "boot": grant.boot,
        "passage": grant.passage,
        "nonce": grant.nonce,
        "req_hash": grant.request_hash,
        "verdict": grant.verdict,
        "target": grant.target,
        "ttl_ms": grant.ttl_ms,
        "iat": grant.issued_at,
        "gseq": grant.sequence,
        "reason": grant.reason,
        "note": None if note is None else _note_claims(note),
    }


def _note_claims(note: ReleaseNote) -> dict[str, Any]:
    plates = [{"place": plate.place, "text": plate.text, "colour": plate.colour} for plate in note.plates]
    claims = {"number": note.number, "plates": plates, "containers": list(note.containers), "tag": note.tag}
    seals = [{"id": seal.id, "openings": seal.openings} for seal in note.seals]
    may = {"appointment": note.appointment, "credit_class": note.credit_class, "seals": seals or None}
    return claims | {name: value for name, value in may.items() if value is not None}
