"""A small world of keys, requests and grants for tests of clearance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.grant import GRANT_TYPE, grant_claims
from edge.clearance.keys import create_keys, key_id_of, load_private_key
from edge.clearance.keyset import Keyset, KeysetKey, open_keyset
from edge.core.container import Container
from edge.core.grant import Grant, NotedPlate, ReleaseNote
from edge.core.plate import Plate
from edge.core.readings import Identity, Reading
from edge.core.tag import Tag

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SITE, LANE, AUTHORITY = "yard", "lane1", "customs"

NOTE = ReleaseNote("HFD2026030001", (NotedPlate("front", "沪A12345", "yellow"),), ("CSQU3054383",), "E2801160600002054")
IDENTITY = Identity(
    plates=(("front", Reading("read", Plate("沪A12345", "yellow", "ordinary"), 0.97, evidence=("a" * 64,))),),
    containers=Reading("read", (Container("CSQU3054383", "verified", "45G1"),), 0.91, evidence=("b" * 64,)),
    tag=Reading("read", Tag("E2801160600002054"), 1.0),
)
GRANT = Grant(
    authority=AUTHORITY,
    key_id="",
    site=SITE,
    lane=LANE,
    boot="boot1",
    passage="passage1",
    nonce="nonce1",
    request_hash="0" * 64,
    verdict="release",
    ttl_ms=30_000,
    issued_at="2026-03-01T08:00:00.000Z",
    sequence=7,
    note=NOTE,
)


@dataclass(frozen=True)
class World:
    """The keys of one site with one lane and one authority."""

    keyset: Keyset
    lane_key: Ed25519PrivateKey
    authority_key: Ed25519PrivateKey

    @property
    def lane_key_id(self) -> str:
        return key_id_of(self.lane_key.public_key())

    @property
    def authority_key_id(self) -> str:
        return key_id_of(self.authority_key.public_key())

    def claims(self, **changes: Any) -> dict[str, Any]:
        return grant_claims(GRANT) | changes

    def sign(self, claims: Mapping[str, Any]) -> bytes:
        return self.sign_bytes(canonical_json(claims))

    def sign_bytes(self, payload: bytes) -> bytes:
        return seal(payload, typ=GRANT_TYPE, key_id=self.authority_key_id, key=self.authority_key)


def make_world(folder: Path, now_utc: datetime = NOW, lanes: tuple[str, ...] = (LANE,)) -> World:
    files = create_keys(
        folder, site=SITE, lanes=lanes, authorities=(AUTHORITY, "port"), environment="test", now_utc=now_utc
    )
    root = load_private_key(files.root_private).public_key()
    keyset = open_keyset(
        files.keyset.read_bytes(), root_key_id=key_id_of(root), root=root, environment="test", now_utc=now_utc
    )
    return World(keyset, load_private_key(files.lanes[lanes[0]]), load_private_key(files.authorities[AUTHORITY]))


def grant_key(key: Ed25519PrivateKey, **changes: Any) -> KeysetKey:
    """Return a keyset entry of this key for the authority, with changes."""
    values: dict[str, Any] = {
        "key_id": key_id_of(key.public_key()),
        "issuer": AUTHORITY,
        "public": key.public_key(),
        "role": "grant",
        "sites": (SITE,),
        "lanes": (LANE,),
        "not_before": NOW - timedelta(days=1),
        "not_after": NOW + timedelta(days=90),
        "status": "active",
    }
    return KeysetKey(**(values | changes))
