"""A site that has a manifest runs what was signed for it, never an older one, and never none again (S11, S12)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.keys import key_id_of
from edge.clearance.keyset import Keyset, KeysetKey, Role
from edge.clearance.manifest import MANIFEST_TYPE, SEEN_FILE, Manifest, ManifestError, check_start, seal_manifest

pytestmark = pytest.mark.hazard("S11", "S12")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY_ID = key_id_of(KEY.public_key())
FOUND = {"configuration": "a" * 64, "models": "b" * 64}
MANIFEST = Manifest("yard", "production", 5, NOW, **FOUND)


def keyset(role: Role = "update", **changes: Any) -> Keyset:
    end = NOW + timedelta(days=20)
    entry = KeysetKey(KEY_ID, "update", KEY.public_key(), role, ("yard",), ("*",), NOW - timedelta(days=1), end)
    return Keyset("root", 1, "production", NOW, end, {KEY_ID: replace(entry, **changes)})


def start(
    folder: Path, raw: bytes | None, keys: Keyset | None = None, found: dict[str, str] | None = None
) -> int | None:
    path = folder / "manifest.jws"
    if raw is not None:
        path.write_bytes(raw)
    given = None if raw is None else path
    return check_start(given, folder, keyset=keys or keyset(), site="yard", found=found or FOUND, utc=lambda: NOW)


def refusal(folder: Path, raw: bytes | None, keys: Keyset | None = None, found: dict[str, str] | None = None) -> str:
    with pytest.raises(ManifestError) as error:
        start(folder, raw, keys, found)
    return error.value.code


def signed(manifest: Manifest = MANIFEST) -> bytes:
    return seal_manifest(manifest, key_id=KEY_ID, key=KEY)


def test_what_was_signed_starts_again_and_again_and_newer_ones_too(tmp_path: Path):
    assert start(tmp_path, signed()) == 5
    assert start(tmp_path, signed() + b"\n") == 5
    assert start(tmp_path, signed(replace(MANIFEST, version=6))) == 6


def test_a_site_without_a_manifest_starts_until_it_once_had_one(tmp_path: Path):
    assert start(tmp_path, None) is None
    start(tmp_path, signed())
    assert refusal(tmp_path, None) == "manifest_missing"


def test_an_older_one_is_refused_for_ever(tmp_path: Path):
    start(tmp_path, signed())
    assert refusal(tmp_path, signed(replace(MANIFEST, version=4))) == "manifest_rolled_back"
    assert start(tmp_path, signed()) == 5


@pytest.mark.hazard("S14")
def test_versions_count_anew_under_another_root(tmp_path: Path):
    start(tmp_path, signed(replace(MANIFEST, version=2**53 - 1)))
    assert refusal(tmp_path, signed()) == "manifest_rolled_back"
    rotated = replace(keyset(), root_key_id="next-root")
    assert start(tmp_path, signed(), rotated) == 5
    assert refusal(tmp_path, signed(replace(MANIFEST, version=4)), rotated) == "manifest_rolled_back"


@pytest.mark.parametrize("name", ["configuration", "models"])
def test_another_configuration_or_model_is_refused_and_raises_no_version(tmp_path: Path, name: str):
    changed = {**FOUND, name: "c" * 64}
    assert refusal(tmp_path, signed(), found=changed) == "manifest_mismatch"
    assert not (tmp_path / SEEN_FILE).exists()


@pytest.mark.parametrize(
    "keys",
    [
        keyset(role="grant"),
        keyset(issuer="customs"),
        keyset(sites=("port",)),
        keyset(lanes=("in-1",)),
        keyset(status="revoked"),
        keyset(not_after=NOW),
        replace(keyset(), keys={}),
    ],
    ids=["role", "issuer", "site", "one_lane", "revoked", "expired", "unknown"],
)
def test_only_a_living_update_key_of_the_whole_site_signs(tmp_path: Path, keys: Keyset):
    assert refusal(tmp_path, signed(), keys) == "manifest_refused"


def test_what_is_not_signed_as_a_manifest_is_refused(tmp_path: Path):
    stranger = Ed25519PrivateKey.generate()
    assert refusal(tmp_path, seal_manifest(MANIFEST, key_id=KEY_ID, key=stranger)) == "manifest_refused"
    for raw in (b"", b"{}", signed()[:-2], json.dumps(FOUND).encode()):
        assert refusal(tmp_path, raw) == "manifest_refused"
    for payload in (b"{}", b"[]", canonical_json({"v": 1}), b"\xff"):
        raw = seal(payload, typ=MANIFEST_TYPE, key_id=KEY_ID, key=KEY)
        assert refusal(tmp_path, raw) == "manifest_refused"
    for other in (replace(MANIFEST, site="port"), replace(MANIFEST, environment="test")):
        assert refusal(tmp_path, signed(other)) == "manifest_refused"


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ManifestError) as error:
        check_start(tmp_path / "none", tmp_path, keyset=keyset(), site="yard", found=FOUND, utc=lambda: NOW)
    assert error.value.code == "manifest_unreadable"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"version": 9}',
        '{"version": 0, "root": "r"}',
        '{"version": "9", "root": "r"}',
        '{"version": 9, "root": 9}',
        "[" * 100_000,
    ],
)
def test_a_damaged_memory_of_versions_stops_the_start_until_it_is_moved_away(tmp_path: Path, text: str):
    (tmp_path / SEEN_FILE).write_text(text)
    assert refusal(tmp_path, signed()) == "manifest_seen_damaged"
    (tmp_path / SEEN_FILE).unlink()
    assert start(tmp_path, signed()) == 5
    assert refusal(tmp_path, None) == "manifest_missing"
