import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from edge.clearance.keys import (
    KeyFileError,
    KeyFiles,
    create_keys,
    key_id_of,
    load_private_key,
    load_public_key,
    load_shared_secret,
    write_private_key,
    write_public_key,
)
from edge.clearance.keyset import open_keyset
from tests.support.clearance import NOW


def make(folder: Path, *, lanes: tuple[str, ...] = ("lane1",), days: int = 0) -> KeyFiles:
    return create_keys(
        folder,
        site="yard",
        lanes=lanes,
        authorities=("customs",),
        environment="test",
        now_utc=NOW + timedelta(days=days),
    )


def test_keys_survive_their_files(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    write_private_key(tmp_path / "a.pem", key)
    write_public_key(tmp_path / "a.pub", key.public_key())
    assert load_private_key(tmp_path / "a.pem").private_bytes_raw() == key.private_bytes_raw()
    assert load_public_key(tmp_path / "a.pub") == key.public_key()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.pem", "a.pub"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.hazard("S15")
def test_private_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    files = make(tmp_path / "keys")
    for path in (files.root_private, *files.lanes.values(), *files.authorities.values()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files.root_private.chmod(0o640)
    with pytest.raises(KeyFileError) as refusal:
        load_private_key(files.root_private)
    assert refusal.value.code == "key_file_readable_by_others"
    assert "chmod 600" in str(refusal.value)


def test_files_that_are_no_keys_are_named(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    for load in (load_private_key, load_public_key):
        path.unlink(missing_ok=True)
        with pytest.raises(KeyFileError) as refusal:
            load(path)
        assert refusal.value.code == "key_file_missing"
        path.write_bytes(b"-----BEGIN NOTHING-----")
        path.chmod(0o600)
        with pytest.raises(KeyFileError) as refusal:
            load(path)
        assert refusal.value.code == "key_file_format"


def test_keys_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="Ed25519"):
        load_private_key(path)
    path.write_bytes(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(KeyFileError, match="Ed25519"):
        load_public_key(path)


def test_a_key_over_which_openssl_stumbles_is_of_a_wrong_format(tmp_path: Path) -> None:
    # Found by fuzzing: cryptography has an error of its own for what OpenSSL does not explain.
    path = tmp_path / "k.pem"
    path.write_bytes(
        bytes.fromhex(
            "2d2d2d2d2d424547494e2050524956415445204b45592d2d2d2d2d0a4d433443415141774251590a444b3256764243494549423959755252"
            "624a4e45493339773469484d34732b6f794b594d386e423542676c4130503542372f5242480a2d2d2d2d2d454e442050524956415445204b"
            "45592d2d2d2d2d0a"
        )
    )
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as refusal:
        load_private_key(path)
    assert refusal.value.code == "key_file_format"


def test_making_keys_again_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert make(tmp_path, days=1).keyset_version == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_keyset_is_signed_anew_for_a_new_lane_and_before_it_expires(tmp_path: Path) -> None:
    make(tmp_path)
    assert make(tmp_path, lanes=("lane1", "lane2")).keyset_version == 2
    assert make(tmp_path, lanes=("lane1", "lane2"), days=16).keyset_version == 3
    files = make(tmp_path, lanes=("lane1", "lane2"), days=90)
    assert files.keyset_version == 4
    root = load_public_key(files.root_public)
    keyset = open_keyset(
        files.keyset.read_bytes(),
        root_key_id=key_id_of(root),
        root=root,
        environment="test",
        now_utc=NOW + timedelta(days=90),
    )
    assert {(key.role, key.issuer, key.lanes) for key in keyset.keys.values()} == {
        ("request", "lane1", ("lane1",)),
        ("request", "lane2", ("lane2",)),
        ("grant", "customs", ("lane1", "lane2")),
        ("drill", "customs", ("lane1", "lane2")),
        ("result", "customs", ("lane1", "lane2")),
    }


def test_who_issues_lists_and_plans_gets_keys_of_its_own_and_a_secret_with_each_lane(tmp_path: Path) -> None:
    given: dict[str, Any] = {"site": "yard", "lanes": ["lane1"], "environment": "test", "now_utc": NOW}
    create_keys(tmp_path, authorities=["customs"], sampling_issuers=["customs"], **given)
    assert not (tmp_path / "lane-lane1.list.key").exists()
    secret = load_shared_secret(tmp_path / "lane-lane1.sampling.key")
    create_keys(tmp_path, authorities=["customs"], sampling_issuers=["customs"], list_issuers=["customs"], **given)
    assert load_shared_secret(tmp_path / "lane-lane1.sampling.key") == secret
    assert load_shared_secret(tmp_path / "lane-lane1.list.key") != secret
    keys = [load_private_key(tmp_path / f"{role}-customs.key.pem") for role in ("list", "sampling", "result")]
    assert len({key_id_of(key.public_key()) for key in keys}) == 3


def test_a_keyset_of_another_root_is_not_written_over(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "root.key.pem").unlink()
    with pytest.raises(KeyFileError) as refusal:
        make(tmp_path)
    assert refusal.value.code == "key_file_format"


def test_ids_that_could_leave_their_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not an id"):
        make(tmp_path, lanes=("../evil",))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "k.pem").mkdir()
    with pytest.raises(OSError):
        write_private_key(tmp_path / "k.pem", Ed25519PrivateKey.generate())
    assert [path.name for path in tmp_path.iterdir()] == ["k.pem"]


def test_an_officer_s_key_stays_in_the_keyset_once_it_was_made(tmp_path: Path) -> None:
    def made(*officers: str) -> dict[str, str]:
        files = create_keys(
            tmp_path, site="yard", lanes=("lane1",), authorities=("customs",), environment="test", now_utc=NOW,
            officers=officers,
        )  # fmt: skip
        root = load_public_key(files.root_public)
        keyset = open_keyset(
            files.keyset.read_bytes(), root_key_id=key_id_of(root), root=root, environment="test", now_utc=NOW
        )
        return {one.issuer: one.role for one in keyset.keys.values() if one.role == "officer"}

    assert made() == {}
    assert made("chen") == made() == {"chen": "officer"}
    assert made("li") == {"chen": "officer", "li": "officer"}
    (tmp_path / "officer-no id.key.pem").write_text("a stray file", encoding="utf-8")
    assert set(made()) == {"chen", "li"}
    with pytest.raises(ValueError, match="not an id"):
        made("chen wang")


@pytest.mark.parametrize("content", ["no hex", "ab" * 31, "ab" * 33])
def test_a_shared_secret_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lane-lane1.sampling.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as refusal:
        load_shared_secret(path)
    assert refusal.value.code == "key_file_format"
