"""The keyset: which keys may sign what, where and until when, signed by a pinned root (hazards.md 4.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from edge.clearance.claims import (
    ClaimError,
    Table,
    check_claims,
    is_identifier,
    is_integer,
    is_utc,
    list_of,
    object_of,
    one_of,
    parse_utc,
)
from edge.clearance.envelope import (
    EnvelopeError,
    canonical_json,
    decode_base64url,
    encode_base64url,
    seal,
)
from edge.clearance.key_types import KEYSET_KEY_TYPES, PrivateKey, PublicKey, key_type_of, read_public_key
from edge.clearance.roots import Root, RootError
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.times import NEVER, rfc3339

KEYSET_TYPE = "gate-keyset+jws"
KEYSET_VERSION = 1
# A keyset that lives longer would let an attacker withhold a revocation for as long (hazards.md S13).
MAX_LIFETIME = timedelta(days=30)
# Clocks are set by hand too, and the office's may be ahead: what is further back than this is wrong.
MOST_BEHIND = timedelta(hours=1)
ANY = "*"

Role = Literal["grant", "list", "update", "ops", "request", "drill", "result", "officer", "sampling"]
KeyStatus = Literal["active", "retired", "revoked"]
Environment = Literal["production", "simulated", "test"]
ROLES: tuple[Role, ...] = get_args(Role)
KEY_STATUSES: tuple[KeyStatus, ...] = get_args(KeyStatus)
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)


class KeysetError(ValueError):
    """A keyset was refused and the one before it stays. `reason` is stable.

    Reasons: those of EnvelopeError, RootError, StrictJsonError and ClaimError, and lifetime, expired, rolled_back,
    environment, duplicate_key_id, key_bytes; root_retired, seen_versions_damaged.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class KeyRefusedError(ValueError):
    """A key may not sign this. `reason` is stable.

    Reasons: keyset_expired, clock_behind, key_unknown, key_role, key_revoked, key_not_yet_valid, key_expired,
    key_scope, key_authority.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class KeysetKey:
    """One key: what it is for, whose, and where. `sites` and `lanes` may be `("*",)`.

    `issuer` is the authority for a grant or drill key and the lane for a request key. Of what kind the key is, `public`
    says; what it signs must name the same algorithm.
    """

    key_id: str
    issuer: str
    public: PublicKey
    role: Role
    sites: tuple[str, ...]
    lanes: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    status: KeyStatus = "active"


@dataclass(frozen=True, slots=True)
class Keyset:
    """A verified keyset. Store `(root_key_id, version)` durably: an older one must never be accepted again.

    `known` is a moment that is over, as this box knows from before its start.
    """

    root_key_id: str
    version: int
    environment: Environment
    issued: datetime
    expires: datetime
    keys: Mapping[str, KeysetKey]
    known: datetime = NEVER

    def behind(self, now_utc: datetime) -> datetime | None:
        """Return a moment that is over although `now_utc` is well before it: that clock is wrong; None otherwise."""
        over = max(self.issued, self.known)
        return over if now_utc < over - MOST_BEHIND else None

    def key_for(self, key_id: str, *, role: Role, issuer: str, site: str, lane: str, now_utc: datetime) -> PublicKey:
        """Return the public key where it may sign for this role, issuer, site and lane now.

        Raises KeyRefusedError with the first reason that speaks against it.
        """
        if now_utc >= self.expires:
            raise KeyRefusedError("keyset_expired")
        if self.behind(now_utc) is not None:
            # Such a clock would take for valid what has ended.
            raise KeyRefusedError("clock_behind")
        key = self.keys.get(key_id)
        if key is None:
            raise KeyRefusedError("key_unknown")
        objections = (
            ("key_role", key.role != role),
            ("key_revoked", key.status == "revoked"),
            ("key_not_yet_valid", now_utc < key.not_before),
            ("key_expired", now_utc >= key.not_after),
            ("key_scope", not (_covers(key.sites, site) and _covers(key.lanes, lane))),
            ("key_authority", key.issuer != issuer),
        )
        for reason, objects in objections:
            if objects:
                raise KeyRefusedError(reason)
        return key.public


def _covers(scope: tuple[str, ...], name: str) -> bool:
    return ANY in scope or name in scope


def _is_scope(value: object) -> bool:
    return value == ANY or is_identifier(value)


# The lengths of base64url without padding. A length that belongs to another `alg` is refused when it is read.
_PUBLIC_CHARACTERS = frozenset(len(encode_base64url(bytes(one.public_bytes))) for one in KEYSET_KEY_TYPES.values())
_KEY: Table = {
    "kid": is_identifier,
    "iss": is_identifier,
    "alg": one_of(*KEYSET_KEY_TYPES),
    "pub": lambda value: isinstance(value, str) and len(value) in _PUBLIC_CHARACTERS,
    "role": one_of(*ROLES),
    "sites": list_of(_is_scope, least=1, longest=64),
    "lanes": list_of(_is_scope, least=1, longest=256),
    "not_before": is_utc,
    "not_after": is_utc,
    "status": one_of(*KEY_STATUSES),
}
_KEYSET: Table = {
    "v": one_of(KEYSET_VERSION),
    "typ": one_of(KEYSET_TYPE),
    "environment": one_of(*ENVIRONMENTS),
    "version": lambda value: is_integer(value, least=1),
    "issued": is_utc,
    "expires": is_utc,
    "keys": list_of(object_of(_KEY), longest=256),
}


def open_keyset(
    raw: bytes,
    *,
    root_key_id: str,
    root: PublicKey | Root,
    environment: Environment,
    now_utc: datetime,
    highest_seen: int = 0,
) -> Keyset:
    """Return the keyset that `raw` is, signed by the pinned root; raises KeysetError.

    `root_key_id` is what its versions are counted under: that of the whole root, where it has several keys.
    `environment` is the lane's own: a production lane takes no simulated issuer, nor the other way round
    (hazards.md S20, I20). `highest_seen` is the greatest version that was ever accepted under this root.
    """
    try:
        pinned = root if isinstance(root, Root) else Root({root_key_id: root})
        claims = parse_object(pinned.open(raw, typ=KEYSET_TYPE))
        check_claims(claims, _KEYSET)
    except (EnvelopeError, RootError, StrictJsonError, ClaimError) as error:
        raise KeysetError(error.reason, str(error)) from error
    issued, expires = _moment(claims["issued"]), _moment(claims["expires"])
    if claims["environment"] != environment:
        raise KeysetError("environment", f"expected {environment}, got {claims['environment']}")
    if not timedelta(0) < expires - issued <= MAX_LIFETIME:
        raise KeysetError("lifetime", f"expected at most {MAX_LIFETIME.days} days")
    if now_utc >= expires:
        raise KeysetError("expired", claims["expires"])
    if claims["version"] < highest_seen:
        raise KeysetError("rolled_back", f"expected at least {highest_seen}, got {claims['version']}")
    keys = _read_keys(claims["keys"])
    return Keyset(root_key_id, claims["version"], environment, issued, expires, keys)


def seal_keyset(keyset: Keyset, root: PrivateKey, *, key_id: str | None = None) -> bytes:
    """Return the keyset signed by its root, or by one key of it, whose `key_id` is another than the root's."""
    claims = {
        "v": KEYSET_VERSION,
        "typ": KEYSET_TYPE,
        "environment": keyset.environment,
        "version": keyset.version,
        "issued": rfc3339(keyset.issued),
        "expires": rfc3339(keyset.expires),
        "keys": [_key_claims(key) for key in keyset.keys.values()],
    }
    return seal(canonical_json(claims), typ=KEYSET_TYPE, key_id=key_id or keyset.root_key_id, key=root)


def _key_claims(key: KeysetKey) -> dict[str, Any]:
    return {
        "kid": key.key_id,
        "iss": key.issuer,
        "alg": key_type_of(key.public).algorithm,
        "pub": encode_base64url(key.public.public_bytes_raw()).decode(),
        "role": key.role,
        "sites": list(key.sites),
        "lanes": list(key.lanes),
        "not_before": rfc3339(key.not_before),
        "not_after": rfc3339(key.not_after),
        "status": key.status,
    }


def _read_keys(listed: list[dict[str, Any]]) -> dict[str, KeysetKey]:
    keys: dict[str, KeysetKey] = {}
    for claims in listed:
        if claims["kid"] in keys:
            raise KeysetError("duplicate_key_id", claims["kid"])
        keys[claims["kid"]] = KeysetKey(
            key_id=claims["kid"],
            issuer=claims["iss"],
            public=_public_key(claims["alg"], claims["pub"]),
            role=claims["role"],
            sites=tuple(claims["sites"]),
            lanes=tuple(claims["lanes"]),
            not_before=_moment(claims["not_before"]),
            not_after=_moment(claims["not_after"]),
            status=claims["status"],
        )
    return keys


def _public_key(algorithm: str, text: str) -> PublicKey:
    try:
        return read_public_key(algorithm, decode_base64url(text.encode()))
    except (EnvelopeError, ValueError) as error:
        raise KeysetError("key_bytes") from error


def _moment(text: str) -> datetime:
    moment = parse_utc(text)
    assert moment is not None  # the claims table let it pass
    return moment
