"""Opening what somebody signed for this lane: form, key, signature, strict JSON, version, claims, cheap before dear."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.clearance.claims import ClaimError, Table, check_claims, check_version
from edge.clearance.envelope import EnvelopeError, split, verify
from edge.clearance.keyset import KeyRefusedError, Keyset, Role
from edge.clearance.strict_json import StrictJsonError, parse_object


class SignedError(ValueError):
    """Bytes are not authentic, or not of the form that is wanted. `reason` is stable; `detail` names a claim.

    Reasons in check order: those of EnvelopeError, KeyRefusedError and StrictJsonError; version; type; field_unknown,
    field_missing, field_value.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Signed:
    """The claims, as the table has them, and the key that signed them."""

    claims: dict[str, Any]
    key_id: str


def open_signed(
    raw: bytes,
    *,
    typ: str,
    role: Role,
    issuer: str | None,
    table: Table,
    keyset: Keyset,
    site: str,
    lane: str,
    now_utc: datetime,
) -> Signed:
    """Return what a key of `role` and `issuer` signed, whose scope covers site and lane now; raises SignedError.

    Where `issuer` is None it is whoever the key belongs to. What the claim `iss` says is for the caller to compare.
    """
    try:
        envelope = split(raw, typ=typ)
        owner = issuer_of(envelope.key_id, keyset) if issuer is None else issuer
        key = keyset.key_for(envelope.key_id, role=role, issuer=owner, site=site, lane=lane, now_utc=now_utc)
        claims = parse_object(verify(envelope, key))
        check_version(claims, table)
        check_claims(claims, table)
    except (EnvelopeError, KeyRefusedError, StrictJsonError) as error:
        raise SignedError(error.reason) from error
    except ClaimError as error:
        raise SignedError(error.reason, error.name) from error
    return Signed(claims, envelope.key_id)


def issuer_of(key_id: str, keyset: Keyset) -> str:
    """Whose key it is; of an unknown one nobody's, and the keyset says so next."""
    known = keyset.keys.get(key_id)
    return "" if known is None else known.issuer
