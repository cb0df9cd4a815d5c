"""A challenge of a lane and the answer of an officer, as a small world of keys signs them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.confirmation import CONFIRM_TYPE, SignedChallenge, build_challenge, confirmation_claims
from edge.clearance.envelope import canonical_json, seal
from edge.clearance.keys import create_keys, key_id_of, load_private_key
from edge.clearance.keyset import Keyset, KeysetKey, open_keyset
from edge.core.confirmation import Confirmation
from edge.core.effects import PrepareChallenge
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE

OFFICER = "chen"
ASKED = PrepareChallenge("passage1", AUTHORITY, "nonce1", ("customs_hold",), ("a" * 64, "b" * 64), 300_000)
ANSWER = Confirmation(
    OFFICER, "", SITE, LANE, "boot1", "passage1", "nonce1", "0" * 64, "open", "seal_checked", 300_000,
    "2026-03-01T08:00:00.000Z", 7,
)  # fmt: skip


@dataclass(frozen=True)
class OfficerWorld:
    """The keys of one site with one lane, one authority and two officers."""

    keyset: Keyset
    keys: Mapping[str, Ed25519PrivateKey]

    def key_id(self, name: str = OFFICER) -> str:
        return key_id_of(self.keys[name].public_key())

    def claims(self, **changes: Any) -> dict[str, Any]:
        return confirmation_claims(ANSWER) | changes

    def sign(self, claims: Mapping[str, Any], by: str = OFFICER) -> bytes:
        return self.sign_bytes(canonical_json(claims), by)

    def sign_bytes(self, payload: bytes, by: str = OFFICER) -> bytes:
        return seal(payload, typ=CONFIRM_TYPE, key_id=self.key_id(by), key=self.keys[by])

    def challenge(self, asked: PrepareChallenge = ASKED, **changes: Any) -> SignedChallenge:
        given: dict[str, Any] = {
            "site": SITE, "lane": LANE, "boot": "boot1", "key": self.keys["lane"], "key_id": self.key_id("lane"),
            "simulated": True, "drill": False,
        }  # fmt: skip
        return build_challenge(asked, **(given | changes))

    def with_key(self, name: str = OFFICER, **changes: Any) -> Keyset:
        """The keyset with this key's entry changed."""
        key: KeysetKey = replace(self.keyset.keys[self.key_id(name)], **changes)
        return replace(self.keyset, keys={**self.keyset.keys, key.key_id: key})


def make_officer_world(folder: Path) -> OfficerWorld:
    files = create_keys(
        folder, site=SITE, lanes=(LANE,), authorities=(AUTHORITY,), environment="test", now_utc=NOW,
        officers=(OFFICER, "li"),
    )  # fmt: skip
    root = load_private_key(files.root_private).public_key()
    keyset = open_keyset(
        files.keyset.read_bytes(), root_key_id=key_id_of(root), root=root, environment="test", now_utc=NOW
    )
    paths = {
        "lane": files.lanes[LANE],
        "authority": files.authorities[AUTHORITY],
        "drill": files.drills[AUTHORITY],
        **files.officers,
    }
    return OfficerWorld(keyset, {name: load_private_key(path) for name, path in paths.items()})
