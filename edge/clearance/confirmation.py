"""The lane's challenge to a handheld terminal, and the officer's answer from the wire or from a file.

An answer is checked for form, key and signature, cheap before dear; what comes out is an authentic value, no more.
Binding to the lane, boot, passage, nonce and challenge, sequence, deadline and single use are judged in `edge.core`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.clearance.claims import (
    Table,
    is_hash,
    is_identifier,
    is_integer,
    is_reason,
    is_utc,
    one_of,
)
from edge.clearance.envelope import MAX_ENVELOPE_BYTES, EnvelopeError, canonical_json, seal, split, verify
from edge.clearance.grant import MAX_TTL_MS
from edge.clearance.key_types import PrivateKey
from edge.clearance.keyset import KeyRefusedError, Keyset
from edge.clearance.signed import SignedError, issuer_of, open_signed
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.core.confirmation import CONFIRM_DECISIONS, Confirmation
from edge.core.effects import PrepareChallenge

CHALLENGE_TYPE = "gate-challenge+jws"
CONFIRM_TYPE = "gate-confirm+jws"
CHALLENGE_VERSION = CONFIRM_VERSION = 1


class ConfirmError(ValueError):
    """A challenge or an answer was refused. `reason` is stable, one per check; `detail` names a field.

    Reasons of an answer in check order: too_large; retained; those of the envelope; those of the key; those of JSON;
    version; type; field_unknown, field_missing, field_value; issuer. Of a challenge: those, and challenge_form.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class SignedChallenge:
    """The exact bytes to show, and their SHA-256 in hex, which the answer must carry."""

    raw: bytes
    challenge_hash: str


_CONFIRM: Table = {
    "v": one_of(CONFIRM_VERSION),
    "typ": one_of(CONFIRM_TYPE),
    "iss": is_identifier,
    "site": is_identifier,
    "lane": is_identifier,
    "boot": is_identifier,
    "passage": is_identifier,
    "nonce": is_identifier,
    "challenge_hash": is_hash,
    "decision": one_of(*CONFIRM_DECISIONS),
    # Like every order of a person, it says why.
    "reason": lambda value: is_reason(value) and value != "",
    "ttl_ms": lambda value: is_integer(value, least=1, most=MAX_TTL_MS),
    "iat": is_utc,
    "cseq": lambda value: is_integer(value, least=1),
    "drill": one_of(True, False),
}


def build_challenge(
    asked: PrepareChallenge,
    *,
    site: str,
    lane: str,
    boot: str,
    key: PrivateKey,
    key_id: str,
    simulated: bool,
    drill: bool,
) -> SignedChallenge:
    """Return the signed challenge. Raises ValueError where it would exceed 16 KiB, which no terminal would read."""
    claims = {
        "v": CHALLENGE_VERSION,
        "typ": CHALLENGE_TYPE,
        "authority": asked.authority,
        "site": site,
        "lane": lane,
        "boot": boot,
        "passage": asked.passage,
        "nonce": asked.nonce,
        "reasons": list(asked.reasons),
        "pictures": list(asked.pictures),
        "ttl_ms": asked.ttl_ms,
        "simulated": simulated,
        "drill": drill,
    }
    raw = seal(canonical_json(claims), typ=CHALLENGE_TYPE, key_id=key_id, key=key)
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise ValueError(f"challenge of {len(raw)} bytes exceeds {MAX_ENVELOPE_BYTES}")
    return SignedChallenge(raw, challenge_hash(raw))


def challenge_hash(raw: bytes) -> str:
    """Return the SHA-256 (hex) of a challenge's bytes as shown."""
    return hashlib.sha256(raw).hexdigest()


def open_challenge(raw: bytes, *, keyset: Keyset, site: str, now_utc: datetime) -> dict[str, Any]:
    """Return the claims of a challenge of a lane of this site, for its terminal; raises ConfirmError."""
    try:
        envelope = split(raw, typ=CHALLENGE_TYPE)
        lane = issuer_of(envelope.key_id, keyset)
        key = keyset.key_for(envelope.key_id, role="request", issuer=lane, site=site, lane=lane, now_utc=now_utc)
        claims = parse_object(verify(envelope, key))
    except (EnvelopeError, KeyRefusedError, StrictJsonError) as error:
        raise ConfirmError(error.reason) from error
    expected = {"v": CHALLENGE_VERSION, "typ": CHALLENGE_TYPE, "site": site, "lane": lane}
    for name, value in expected.items():
        if claims.get(name) != value:
            raise ConfirmError("challenge_form", name)
    return claims


def open_confirmation(
    raw: bytes, *, retained: bool, keyset: Keyset, site: str, lane: str, now_utc: datetime
) -> Confirmation:
    """Return the authentic answer of an officer that `raw` is; raises ConfirmError.

    `site` and `lane` are this lane's, which the officer's own key must cover. The key needs the role `officer`: one
    that may release as an authority is no person at the lane.
    """
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise ConfirmError("too_large")
    if retained:
        raise ConfirmError("retained")
    try:
        signed = open_signed(
            raw,
            typ=CONFIRM_TYPE,
            role="officer",
            issuer=None,
            table=_CONFIRM,
            keyset=keyset,
            site=site,
            lane=lane,
            now_utc=now_utc,
        )
    except SignedError as error:
        raise ConfirmError(error.reason, error.detail) from error
    if signed.claims["iss"] != issuer_of(signed.key_id, keyset):
        raise ConfirmError("issuer")
    return _confirmation(signed.claims, signed.key_id)


def _confirmation(claims: dict[str, Any], key_id: str) -> Confirmation:
    return Confirmation(
        officer=claims["iss"],
        key_id=key_id,
        site=claims["site"],
        lane=claims["lane"],
        boot=claims["boot"],
        passage=claims["passage"],
        nonce=claims["nonce"],
        challenge_hash=claims["challenge_hash"],
        decision=claims["decision"],
        reason=claims["reason"],
        ttl_ms=claims["ttl_ms"],
        issued_at=claims["iat"],
        sequence=claims["cseq"],
        drill=claims["drill"],
    )


def confirmation_claims(one: Confirmation) -> dict[str, Any]:
    """Return the claims that say this answer: what the officer's terminal signs."""
    return {
        "v": CONFIRM_VERSION,
        "typ": CONFIRM_TYPE,
        "iss": one.officer,
        "site": one.site,
        "lane": one.lane,
        "boot": one.boot,
        "passage": one.passage,
        "nonce": one.nonce,
        "challenge_hash": one.challenge_hash,
        "decision": one.decision,
        "reason": one.reason,
        "ttl_ms": one.ttl_ms,
        "iat": one.issued_at,
        "cseq": one.sequence,
        "drill": one.drill,
    }


def seal_confirmation(one: Confirmation, key: PrivateKey) -> bytes:
    """Return the signed answer."""
    return seal(canonical_json(confirmation_claims(one)), typ=CONFIRM_TYPE, key_id=one.key_id, key=key)
