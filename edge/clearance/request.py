"""The clearance request: what the lane read, signed, and no more than this authority may see."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.clearance.envelope import MAX_ENVELOPE_BYTES, EnvelopeError, canonical_json, seal, split, verify
from edge.clearance.key_types import PrivateKey
from edge.clearance.keyset import KeyRefusedError, Keyset
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.clearance.views import ViewedPicture, evidence_of
from edge.core.container import Container
from edge.core.plate import Plate
from edge.core.readings import DriverCard, Identity, Reading, Seal, Weight
from edge.core.referral import Recheck
from edge.core.supplement import Supplement
from edge.core.tag import Tag
from edge.field_policy import FieldPolicy

REQUEST_TYPE = "gate-request+jws"
REQUEST_VERSION = 1


@dataclass(frozen=True, slots=True)
class RequestHead:
    """To whom and for which passage. `nonce` is committed to the journal before the request is built."""

    authority: str
    site: str
    lane: str
    boot: str
    epoch: int
    passage: str
    nonce: str
    sequence: int


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The exact bytes to send, their SHA-256 in hex, which the grant must carry, and what they show (`shown_kinds`)."""

    raw: bytes
    request_hash: str
    shown: tuple[tuple[str, str], ...] = ()


class RequestError(ValueError):
    """A request was refused by its receiver. `reason` is stable: those of the envelope, the key, JSON, or form."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def build_request(
    head: RequestHead,
    identity: Identity,
    *,
    key: PrivateKey,
    key_id: str,
    policy: FieldPolicy,
    config_hash: str,
    model_hash: str,
    simulated: bool,
    drill: bool = False,
    evidence: tuple[str, ...] = (),
    recheck: Recheck | None = None,
    pictures: Mapping[str, Any] | None = None,
    views: Sequence[ViewedPicture] = (),
    supplement: Supplement | None = None,
) -> SignedRequest:
    """Return the signed request. `evidence` are digests beside those that the readings carry.

    `recheck` tells of a vehicle that was referred before, with its result; `pictures` how the evidence may be fetched
    (`edge.clearance.picture_access`); `views` what some of it shows, whose digests are evidence as well;
    `supplement` what a person said where nothing was read. A receiver of an earlier version takes a request with any
    of them, and sees none: to it, what was not read stays unread.

    Where it would exceed 16 KiB, which no authority would read, the views are left out. Raises ValueError where that
    is not enough.
    """
    claims = {
        "v": REQUEST_VERSION,
        "typ": REQUEST_TYPE,
        "authority": head.authority,
        "site": head.site,
        "lane": head.lane,
        "boot": head.boot,
        "epoch": head.epoch,
        "passage": head.passage,
        "nonce": head.nonce,
        "seq": head.sequence,
        "readings": readings_claims(identity, policy),
        "evidence": sorted({*evidence, *evidence_of(identity), *(one.sha256 for one in views)}),
        "config_hash": config_hash,
        "model_hash": model_hash,
        "simulated": simulated,
        "drill": drill,
    }
    claims |= _optional_claims(recheck, pictures, views, supplement, policy)
    raw = seal(canonical_json(claims), typ=REQUEST_TYPE, key_id=key_id, key=key)
    if len(raw) > MAX_ENVELOPE_BYTES and views:
        del claims["views"]
        claims["evidence"] = sorted({*evidence, *evidence_of(identity)})
        raw = seal(canonical_json(claims), typ=REQUEST_TYPE, key_id=key_id, key=key)
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise ValueError(f"request of {len(raw)} bytes exceeds {MAX_ENVELOPE_BYTES}")
    return SignedRequest(raw, request_hash(raw), shown_kinds(identity, policy, supplement))


def _optional_claims(
    recheck: Recheck | None,
    pictures: Mapping[str, Any] | None,
    views: Sequence[ViewedPicture],
    supplement: Supplement | None,
    policy: FieldPolicy,
) -> dict[str, Any]:
    """Return what a request says only where there is something to say: a receiver of before knows none of it."""
    claims: dict[str, Any] = {}
    if recheck is not None:
        claims["recheck"] = _recheck_claims(recheck)
    if pictures is not None:
        claims["pictures"] = dict(pictures)
    if views:
        claims["views"] = [one.claims for one in views]
    if supplement is not None:
        claims["supplement"] = supplement_claims(supplement, policy)
    return claims


def _recheck_claims(recheck: Recheck) -> dict[str, Any]:
    return {
        "referral": recheck.referral,
        "targets": list(recheck.targets),
        "authorities": list(recheck.authorities),
        "status": recheck.status,
        "swapped": list(recheck.swapped),
    }


def request_hash(raw: bytes) -> str:
    """Return the SHA-256 (hex) of the bytes as sent."""
    return hashlib.sha256(raw).hexdigest()


def open_request(raw: bytes, *, keyset: Keyset, site: str, lane: str, now_utc: datetime) -> dict[str, Any]:
    """Return the claims of a request of this lane, for its receiver; raises RequestError."""
    try:
        envelope = split(raw, typ=REQUEST_TYPE)
        key = keyset.key_for(envelope.key_id, role="request", issuer=lane, site=site, lane=lane, now_utc=now_utc)
        claims = parse_object(verify(envelope, key))
    except (EnvelopeError, KeyRefusedError, StrictJsonError) as error:
        raise RequestError(error.reason) from error
    expected = {"v": REQUEST_VERSION, "typ": REQUEST_TYPE, "site": site, "lane": lane}
    for name, value in expected.items():
        if claims.get(name) != value:
            raise RequestError(f"request_{name}")
    return claims


def readings_claims(identity: Identity, policy: FieldPolicy) -> dict[str, Any]:
    """Return the readings as an authority under `policy` may see them."""

    def plate(value: Plate) -> dict[str, Any]:
        return {"text": policy.show(policy.plates, value.text), "colour": value.colour, "kind": value.kind}

    def containers(values: tuple[Container, ...]) -> list[dict[str, Any]]:
        return [
            {"code": policy.show(policy.containers, c.code), "check": c.check, "size_type": c.size_type} for c in values
        ]

    def tag(value: Tag) -> dict[str, Any]:
        tid = None if value.tid is None else policy.show(policy.tag, value.tid)
        return {"epc": policy.show(policy.tag, value.epc), "tid": tid}

    def weight(value: Weight) -> dict[str, Any] | None:
        return {"kg": value.kg} if policy.weight == "allow" else None

    def driver(value: DriverCard) -> dict[str, Any]:
        return {"text": policy.show(policy.driver, value.text), "medium": value.medium}

    def seals(values: tuple[Seal, ...]) -> list[dict[str, Any]]:
        return [{**seal_facts(one), "seal": policy.show(policy.seals, one.id)} for one in values]

    return {
        "plates": [
            {"place": place, "policy": policy.plates} | _reading(reading, plate) for place, reading in identity.plates
        ],
        "containers": {"policy": policy.containers} | _reading(identity.containers, containers),
        "tag": {"policy": policy.tag} | _reading(identity.tag, tag),
        "weight": {"policy": policy.weight} | _reading(identity.weight, weight),
        "driver": {"policy": policy.driver} | _reading(identity.driver, driver),
        "seals": {"policy": policy.seals} | _reading(identity.seals, seals),
    }


def supplement_claims(supplement: Supplement, policy: FieldPolicy) -> dict[str, Any]:
    """Return what a person said as an authority under `policy` may see it, and who said it.

    Their reason stays in the journal: in a text of their own anything could stand.
    """
    return {
        "operator": supplement.operator,
        "first_operator": supplement.first_operator,
        "plates": [
            {"place": place, "policy": policy.plates, "text": policy.show(policy.plates, text)}
            for place, text in supplement.plates
        ],
        "containers": {
            "policy": policy.containers,
            "codes": [policy.show(policy.containers, code) for code in supplement.containers],
        },
    }


def seal_facts(seal: Seal) -> dict[str, Any]:
    """Return what a seal says of itself but for who it is: an authority is told this under every policy."""
    return {"locked": seal.locked, "openings": seal.openings, "battery_percent": seal.battery_percent}


def shown_kinds(
    identity: Identity, policy: FieldPolicy, supplement: Supplement | None = None
) -> tuple[tuple[str, str], ...]:
    """Return in what form each kind of identifier is in a request: its rule, or `nothing` where nothing was read.

    What a person said is shown like what was read.

    Weight, driver and seals are among them where the lane has a device for them.
    """
    kinds: dict[str, list[Reading[Any]]] = {
        "plates": [reading for _, reading in identity.plates],
        "containers": [identity.containers],
        "tag": [identity.tag],
    }
    if identity.weight.reason != "not_looked_for":
        kinds["weight"] = [identity.weight]
    if identity.driver.reason != "not_looked_for":
        kinds["driver"] = [identity.driver]
    if identity.seals.reason != "not_looked_for":
        kinds["seals"] = [identity.seals]
    said = {"plates": supplement.plates, "containers": supplement.containers} if supplement is not None else {}
    return tuple(
        (
            kind,
            getattr(policy, kind)
            if said.get(kind) or any(one.value or one.candidates for one in readings)
            else "nothing",
        )
        for kind, readings in kinds.items()
    )


def _reading(reading: Reading[Any], show: Callable[[Any], Any]) -> dict[str, Any]:
    return {
        "status": reading.status,
        "value": None if reading.value is None else show(reading.value),
        "confidence": round(reading.confidence, 4),
        "reason": reading.reason,
        "candidates": [show(candidate) for candidate in reading.candidates],
    }
