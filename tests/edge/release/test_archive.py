"""The bundle's file: the same bytes for the same content, and nothing in it that its manifest does not vouch for."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.release.archive import (
    FILES,
    MANIFEST,
    BundleError,
    Manifest,
    decoded,
    member_of,
    read_manifest,
    unpack,
    write_bundle,
)

CONTENT: dict[str, Path | bytes] = {
    "__main__.py": b"print('install')\n",
    f"{FILES}/kakou": b"#!/usr/bin/env python3\n",
    f"{FILES}/edge/text/zh.json": b"{}",
}


def manifest(content: dict[str, Path | bytes] = CONTENT) -> Manifest:
    members = {
        name: member_of(body, executable=name.endswith("kakou"))
        for name, body in content.items()
        if isinstance(body, bytes)
    }
    return Manifest("0.1.0", "c0ffee", "x86_64", "3.11", 1, members)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "kakou.zip"
    write_bundle(path, manifest(), CONTENT)
    return path


def test_the_same_content_gives_the_same_bytes(tmp_path: Path, bundle: Path):
    again = tmp_path / "again.zip"
    digest = write_bundle(again, manifest(), dict(reversed(CONTENT.items())))
    assert again.read_bytes() == bundle.read_bytes()
    assert len(digest) == 64
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.zip", "kakou.zip"]


def test_a_release_is_named_by_its_content(bundle: Path):
    found = read_manifest(bundle)
    assert found == manifest()
    assert found.release.startswith("0.1.0-")
    assert found.release != manifest({**CONTENT, "__main__.py": b"changed"}).release


def test_unpacked_are_the_release_and_its_modes(tmp_path: Path, bundle: Path):
    unpack(bundle, tmp_path / "release")
    found = {path.relative_to(tmp_path / "release").as_posix() for path in (tmp_path / "release").rglob("*.*")}
    assert found == {"edge/text/zh.json", MANIFEST}
    assert (tmp_path / "release" / "kakou").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "release" / "edge/text/zh.json").stat().st_mode & 0o777 == 0o644


def changed(bundle: Path, change: Callable[[dict[str, bytes]], None], method: int = zipfile.ZIP_STORED) -> None:
    """Write the bundle anew with other members, as a forger would."""
    with zipfile.ZipFile(bundle) as archive:
        members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    change(members)
    with zipfile.ZipFile(bundle, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def retold(members: dict[str, bytes], change: Callable[[dict[str, object]], None]) -> None:
    """Change the manifest's own values."""
    values = json.loads(members[MANIFEST])
    change(values)
    members[MANIFEST] = json.dumps(values).encode()


def lies_about(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    """A forger who also makes the manifest fit."""

    def change(members: dict[str, bytes]) -> None:
        members[name] = content
        bodies: dict[str, Path | bytes] = {one: body for one, body in members.items() if one != MANIFEST}
        members[MANIFEST] = manifest(bodies).encoded()

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda members: members.update({f"{FILES}/kakou": b"#!/usr/bin/env evil\n"}), "bundle_digest"),
        (lambda members: members.update({f"{FILES}/kakou": b"short"}), "bundle_digest"),
        (lambda members: members.update({f"{FILES}/more": b""}), "bundle_member"),
        (lambda members: members.pop(f"{FILES}/kakou"), "bundle_member"),
        (lambda members: members.pop(MANIFEST), "bundle_manifest"),
        (lambda members: members.update({MANIFEST: b"{}"}), "bundle_manifest"),
        (lambda members: members.update({MANIFEST: b"[" * 10_000}), "bundle_manifest"),
        (lambda members: retold(members, lambda values: values.update(format=2)), "bundle_manifest"),
        (lambda members: retold(members, lambda values: values.update(release="../../etc")), "bundle_manifest"),
        (lambda members: retold(members, lambda values: values.update(version="../x")), "bundle_manifest"),
        (lambda members: retold(members, lambda values: values.update(members=[])), "bundle_manifest"),
        (lies_about(f"{FILES}/../../../etc/passwd", b""), "bundle_member"),
        (lies_about("/etc/passwd", b""), "bundle_member"),
        (lies_about(f"{FILES}/a\\b", b""), "bundle_member"),
    ],
)
def test_a_bundle_that_is_not_what_it_says_is_refused(tmp_path: Path, bundle: Path, change, code: str):
    changed(bundle, change)
    with pytest.raises(BundleError, match=f"^{code}: ") as caught:
        unpack(bundle, tmp_path / "release")
    assert caught.value.code == code
    assert not (tmp_path / "etc").exists()


def test_a_member_twice_is_refused(tmp_path: Path, bundle: Path):
    with zipfile.ZipFile(bundle, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"{FILES}/kakou", b"another")
    with pytest.raises(BundleError, match="bundle_member"):
        unpack(bundle, tmp_path / "release")


def test_what_is_compressed_is_refused_before_it_grows(tmp_path: Path, bundle: Path):
    changed(bundle, lambda members: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(BundleError, match="bundle_manifest"):
        unpack(bundle, tmp_path / "release")


@pytest.mark.parametrize("keep", [0, 10, -40, -400])
def test_a_half_copied_bundle_is_refused(tmp_path: Path, bundle: Path, keep: int):
    bundle.write_bytes(bundle.read_bytes()[:keep])
    with pytest.raises(BundleError, match="bundle_unreadable"):
        unpack(bundle, tmp_path / "release")


def test_one_flipped_byte_anywhere_is_refused_or_changes_nothing(tmp_path: Path, bundle: Path):
    """Of what the archive says about itself some bytes mean nothing; no flip may reach what is installed."""
    whole = bundle.read_bytes()
    first = read_manifest(bundle)
    refused = 0
    for place in range(0, len(whole), 7):
        bundle.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            found = unpack(bundle, None)
        except BundleError:
            refused += 1
        else:
            assert found.members == first.members
    assert refused > len(whole) // 14


@pytest.mark.parametrize("flag", [0x01, 0x20, 0x40])
@pytest.mark.parametrize("number", [0, 1])
def test_what_our_zipfile_cannot_read_is_refused(tmp_path: Path, bundle: Path, number: int, flag: int):
    """Encrypted or patched: the flags of a member, of the manifest first."""
    whole = bytearray(bundle.read_bytes())
    with zipfile.ZipFile(bundle) as archive:
        entry = archive.infolist()[number]
    head = whole.index(b"PK\x01\x02")
    for _ in range(number):
        head = whole.index(b"PK\x01\x02", head + 1)
    whole[entry.header_offset + 6] |= flag
    whole[head + 8] |= flag
    bundle.write_bytes(whole)
    with pytest.raises(BundleError):
        unpack(bundle, tmp_path / "release")


def test_a_member_whose_name_is_no_text_is_refused(tmp_path: Path, bundle: Path):
    """UTF-8 is promised by a flag, and not kept."""
    whole = bytearray(bundle.read_bytes())
    with zipfile.ZipFile(bundle) as archive:
        start = archive.getinfo("manifest.json").header_offset
    whole[start + 7] |= 0x08
    whole[start + 30] = 0xBE
    bundle.write_bytes(whole)
    with pytest.raises(BundleError):
        unpack(bundle, tmp_path / "release")


def test_a_member_that_would_begin_behind_the_end_is_refused(tmp_path: Path, bundle: Path):
    whole = bytearray(bundle.read_bytes())
    head = whole.index(b"PK\x01\x02")
    whole[head + 42 : head + 46] = (len(whole) - 10).to_bytes(4, "little")
    bundle.write_bytes(whole)
    with pytest.raises(BundleError):
        unpack(bundle, tmp_path / "release")


@pytest.mark.parametrize("schema", ["Infinity", "1e999"])
def test_a_manifest_with_a_number_that_is_none(schema: str):
    spelled = re.sub(rb'"journal_schema": \d+', f'"journal_schema": {schema}'.encode(), manifest().encoded())
    with pytest.raises(BundleError, match="bundle_manifest"):
        decoded(spelled, "here")


def test_a_manifest_that_is_no_json(tmp_path: Path):
    with pytest.raises(BundleError, match="bundle_manifest"):
        decoded(b"\xff", "here")
