"""What authorities, officers, lanes and central operations sign for a lane, and what they say unsigned."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance import acknowledgement, confirmation, grant, keyset, offline_list, referral_report, sampling_plan
from edge.clearance import manifest as manifests
from edge.clearance import request as requests
from edge.clearance.envelope import EnvelopeError, canonical_json, seal, split, verify
from edge.clearance.issued import IssuedContext
from edge.clearance.keys import key_id_of
from edge.clearance.keyset import Keyset, KeysetError, KeysetKey, Role, open_keyset, seal_keyset
from edge.clearance.root_rotation import ROTATION_TYPE, open_rotation, seal_rotation
from edge.clearance.roots import Root
from edge.clearance.signed import SignedError
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.core.referral import ReferralReport
from edge.core.sampling_plan import SampledClass
from edge.field_policy import FieldPolicy
from edge.telemetry.payloads import parse_acknowledgement
from tests.campaigns.fuzzed.target import Fed, Target, refusing, target
from tests.support.clearance import AUTHORITY, GRANT, IDENTITY, LANE, NOW, SITE
from tests.support.handhelds import ANSWER, ASKED

SECRET = bytes(32)
OPENING = "edge.clearance.envelope edge.clearance.strict_json edge.clearance.claims edge.clearance.signed"
# Who owns a key of a role; all others are the authority's.
_ISSUERS: Mapping[Role, str] = {"request": LANE, "officer": ANSWER.officer, "update": manifests.UPDATE_ISSUER}
_ENDS = NOW + timedelta(days=20)


def private_key(name: str) -> Ed25519PrivateKey:
    """Return the key of a role, of the root, or of anybody."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def _entry(role: Role) -> KeysetKey:
    public = private_key(role).public_key()
    issuer = _ISSUERS.get(role, AUTHORITY)
    return KeysetKey(key_id_of(public), issuer, public, role, ("*",), ("*",), NOW - timedelta(days=1), _ENDS)


def _keyset() -> Keyset:
    keys = {one.key_id: one for one in map(_entry, keyset.ROLES)}
    return Keyset(key_id_of(private_key("root").public_key()), 1, "test", NOW - timedelta(days=1), _ENDS, keys)


KEYSET = _keyset()
WHERE: dict[str, Any] = {"keyset": KEYSET, "site": SITE, "lane": LANE, "now_utc": NOW}
CONTEXT = IssuedContext(AUTHORITY, SITE, LANE, SECRET, KEYSET, 0, NOW, 1_000_000)


@dataclass(frozen=True, slots=True)
class _Signed:
    """An opener, and who signs for it; the bytes are an envelope, or what the right key signs."""

    name: str
    modules: str
    typ: str
    role: str
    claims: Mapping[str, Any]
    open: Callable[[bytes], object]

    def sealed(self, payload: bytes) -> bytes:
        key = private_key(self.role)
        return seal(payload, typ=self.typ, key_id=key_id_of(key.public_key()), key=key)

    def take(self, data: bytes) -> None:
        self.open(data)
        self.open(self.sealed(data))

    def target(self) -> Target:
        payload = canonical_json(self.claims)
        good = self.sealed(payload)
        self.open(good)
        return target(self.name, f"{OPENING} {self.modules}", [payload, good], self.take)


def _opened(opener: Callable[..., object], *errors: type[Exception], **given: Any) -> Callable[[bytes], object]:
    return refusing(partial(opener, **given), *errors)


def _report() -> ReferralReport:
    return ReferralReport(AUTHORITY, "k", SITE, LANE, "r1", "clear", 3, "2026-03-01T08:00:00Z", "no_findings")


def _request() -> Mapping[str, Any]:
    head = requests.RequestHead(AUTHORITY, SITE, LANE, "boot1", 1, "passage1", "nonce1", 1)
    made = requests.build_request(
        head, IDENTITY, key=private_key("request"), key_id="k", policy=FieldPolicy("allow", "allow", "allow", SECRET),
        config_hash="0" * 64, model_hash="1" * 64, simulated=True,
    )  # fmt: skip
    return parse_object(split(made.raw, typ=requests.REQUEST_TYPE).payload)


def _challenge() -> Mapping[str, Any]:
    made = confirmation.build_challenge(
        ASKED, site=SITE, lane=LANE, boot="boot1", key=private_key("request"), key_id="k", simulated=True, drill=False
    )
    return parse_object(split(made.raw, typ=confirmation.CHALLENGE_TYPE).payload)


def _lives() -> dict[str, Any]:
    return {"secret": SECRET, "issued": NOW, "not_after": NOW + timedelta(hours=4)}


def _root(raw: bytes) -> Mapping[str, Any]:
    """The claims of what the root signed."""
    typ = (
        keyset.KEYSET_TYPE if raw.startswith(seal_keyset(KEYSET, private_key("root")).split(b".")[0]) else ROTATION_TYPE
    )
    return parse_object(split(raw, typ=typ).payload)


def _signed() -> list[_Signed]:
    listed_keys = seal_keyset(KEYSET, private_key("root"))
    vehicle = offline_list.ListedVehicle("v1", "沪A12345", ("CSQU3054383",), "E2801160600002054")
    root: dict[str, Any] = {
        "root_key_id": KEYSET.root_key_id,
        "root": private_key("root").public_key(),
        "environment": "test",
    }
    rotated = seal_rotation(
        private_key("next").public_key(),
        environment="test",
        issued=NOW,
        key_id=KEYSET.root_key_id,
        root=private_key("root"),
    )
    alone = Root({KEYSET.root_key_id: private_key("root").public_key()})
    retained, of_authority = {"retained": False} | WHERE, {"retained": False, "authority": AUTHORITY} | WHERE
    for_site = {name: one for name, one in WHERE.items() if name != "lane"}
    listed = offline_list.list_claims(AUTHORITY, SITE, LANE, 7, (vehicle,), denied=("v2",), **_lives())
    classes = (SampledClass("bonded", 50, "inspection"),)
    planned = sampling_plan.plan_claims(AUTHORITY, SITE, LANE, 7, classes, **_lives())
    acknowledged = {"v": 1, "typ": acknowledgement.ACK_TYPE, "site": SITE, "lane": LANE, "epoch": 1, "seq": 17}
    return [
        _Signed("grant", "edge.clearance.grant", grant.GRANT_TYPE, "grant", grant.grant_claims(GRANT),
                _opened(grant.check_grant, **of_authority)),
        _Signed("request", "edge.clearance.request", requests.REQUEST_TYPE, "request", _request(),
                _opened(requests.open_request, requests.RequestError, **WHERE)),
        _Signed("challenge", "edge.clearance.confirmation", confirmation.CHALLENGE_TYPE, "request", _challenge(),
                _opened(confirmation.open_challenge, confirmation.ConfirmError, **for_site)),
        _Signed("confirmation", "edge.clearance.confirmation", confirmation.CONFIRM_TYPE, "officer",
                confirmation.confirmation_claims(ANSWER),
                _opened(confirmation.open_confirmation, confirmation.ConfirmError, **retained)),
        _Signed("referral_report", "edge.clearance.referral_report", referral_report.REPORT_TYPE, "result",
                referral_report.report_claims(_report()),
                _opened(referral_report.open_report, referral_report.ReportError, **of_authority)),
        _Signed("offline_list", "edge.clearance.offline_list edge.clearance.issued", offline_list.LIST_TYPE, "list",
                listed, _opened(offline_list.check_list, context=CONTEXT)),
        _Signed("sampling_plan", "edge.clearance.sampling_plan edge.clearance.issued", sampling_plan.PLAN_TYPE,
                "sampling", planned, _opened(sampling_plan.check_plan, context=CONTEXT)),
        _Signed("acknowledgement", "edge.clearance.acknowledgement", acknowledgement.ACK_TYPE, "ops", acknowledged,
                _opened(acknowledgement.open_acknowledgement, SignedError, **WHERE)),
        _Signed("keyset", "edge.clearance.keyset edge.clearance.roots", keyset.KEYSET_TYPE, "root", _root(listed_keys),
                _opened(open_keyset, KeysetError, now_utc=NOW, **root)),
        _Signed("root_rotation", "edge.clearance.root_rotation", ROTATION_TYPE, "root", _root(rotated),
                _opened(open_rotation, KeysetError, root=alone, environment="test")),
    ]  # fmt: skip


def _manifest(folder: Path) -> Fed:
    """The manifest of what may start, and the file that remembers which one was seen."""
    path, state = folder / "manifest.jws", folder / "state"
    state.mkdir()
    found = {"configuration": "0" * 64, "models": "1" * 64}
    claims: dict[str, Any] = {"v": 1, "typ": manifests.MANIFEST_TYPE, "site": SITE, "environment": "test", "version": 3}
    payload = canonical_json(claims | {"issued": "2026-03-01T07:00:00Z"} | found)
    signed = _Signed("", "", manifests.MANIFEST_TYPE, "update", {}, lambda _: None)
    start = partial(manifests.check_start, path, state, keyset=KEYSET, site=SITE, found=found, utc=lambda: NOW)

    def check(raw: bytes, seen: bytes | None) -> None:
        path.write_bytes(raw)
        remembered = state / manifests.SEEN_FILE
        remembered.unlink(missing_ok=True)
        if seen is not None:
            remembered.write_bytes(seen)
        refusing(lambda _: start(), manifests.ManifestError)(b"")

    def take(data: bytes) -> None:
        check(data, None)
        check(signed.sealed(data), None)
        check(signed.sealed(payload), data)

    return Fed([payload, signed.sealed(payload), b'{"version": 3, "root": "%b"}' % KEYSET.root_key_id.encode()], take)


def _strict(data: bytes) -> None:
    found = parse_object(data)
    assert parse_object(canonical_json(found)) == found


def _split(data: bytes) -> None:
    found = split(data, typ=grant.GRANT_TYPE)
    assert data.startswith(found.signed)
    assert verify(found, private_key("grant").public_key()) == found.payload
    assert (found.algorithm, len(found.signature)) == ("EdDSA", 64)


def targets() -> list[Target]:
    """Return all of them."""
    modules = "edge.clearance.manifest edge.clearance.signed edge.clearance.envelope"
    nested = b'{"a": [1, -2.5e3, true, null, "\\u4e2d\\ud83d\\ude00"], "b": {"c": {"d": "x"}}}'
    return [
        *(one.target() for one in _signed()),
        Target("manifest", tuple(modules.split()), _manifest),
        target("strict_json", "edge.clearance.strict_json", [nested], refusing(_strict, StrictJsonError)),
        target("envelope", "edge.clearance.envelope edge.clearance.strict_json",
               [seal(b"{}", typ=grant.GRANT_TYPE, key_id="k1", key=private_key("grant"))],
               refusing(_split, EnvelopeError)),
        target("acknowledgement_unsigned", "edge.telemetry.payloads edge.runtime.codec", [b'{"epoch":1,"seq":17}'],
               parse_acknowledgement),
    ]  # fmt: skip
