"""What `kakou doctor` says of keys, keyset, manifest and certificates. Nothing on the box changes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from config.loader import load
from config.schema import Configuration
from edge.clearance.keys import create_keys, key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import open_keyset, seal_keyset
from edge.doctor.credentials import look_at_credentials
from edge.doctor.finding import Finding
from edge.extras import Extra
from edge.runtime.clock_memory import ClockMemory
from edge.times import rfc3339
from tests.support.certificates import CertificateAuthority

NOW = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
CAMERA = "    cameras: [{{id: c, url: 'https://h/a', ca_file: '{}', place: front, reads: [plate]}}]\n"
CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
{more}
authorities: [{{id: customs}}]
lanes:
  - id: lane-1
    direction: in
    simulated: true
    must_match: [tag]
    barrier: {{id: barrier, host: 127.0.0.1}}
    tag_reader: {{{reader}, port: 'socket://10.0.0.9:5084'}}
"""
Look = Callable[..., dict[str, Finding]]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Look at a box whose lane has its keys since `NOW`; returns the findings by code."""
    (tmp_path / "state").mkdir()
    make_keys(tmp_path, NOW)

    def at(
        after: timedelta = timedelta(), more: str = "", package: str = "id: reader", devices: str = ""
    ) -> dict[str, Finding]:
        config = tmp_path / "kakou.yaml"
        config.write_text(CONFIG.format(more=more, reader=package) + devices)
        loaded = load(config)
        assert isinstance(loaded, Configuration), loaded
        return {one.code: one for one in look_at_credentials(loaded, config, NOW + after)}

    return at


def make_keys(folder: Path, now: datetime) -> None:
    create_keys(
        folder / "keys", site="yard", lanes=["lane-1"], authorities=["customs"], environment="simulated", now_utc=now
    )


def status_of(found: dict[str, Finding]) -> set[str]:
    return {one.status for one in found.values()}


def test_a_good_box_is_good_and_stays_as_it_is(look: Look, tmp_path: Path) -> None:
    found = look()
    assert status_of(found) == {"OK"}
    assert {"keyset_good", "lane_key_good", "manifest_not_used"} <= found.keys()
    assert "version 1, good for 29 more days" in found["keyset_good"].message("en")
    # A start would have written down which keyset it saw.
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.hazard("X19")
def test_a_clock_before_what_this_box_knows_to_be_over_is_told(look: Look, tmp_path: Path) -> None:
    assert look(timedelta(days=-2))["clock_behind"].status == "FAIL"
    ClockMemory(tmp_path / "state", lambda: NOW + timedelta(days=3)).remember()
    told = look()["clock_behind"]
    assert rfc3339(NOW + timedelta(days=3)) in told.message("en")
    assert str(tmp_path / "state" / "clock.json") in told.next_step("en")


def test_what_ends_soon_is_told_before_it_ends(look: Look) -> None:
    assert look(timedelta(days=17))["keyset_ends_soon"].status == "WARN"
    ended = look(timedelta(days=31))
    assert "expired" in ended["keyset_refused"].message("en")
    assert ended["lane_key_readable"].status == "OK"


@pytest.mark.parametrize(("days", "code"), [(-1, "lane_key_ended"), (7, "lane_key_ends_soon"), (15, "lane_key_good")])
def test_a_lane_key_ends_too(look: Look, tmp_path: Path, days: int, code: str) -> None:
    keys = tmp_path / "keys"
    root, lane = (
        load_private_key(keys / "root.key.pem"),
        key_id_of(load_private_key(keys / "lane-lane-1.key.pem").public_key()),
    )
    keyset = open_keyset(
        (keys / "keyset.jws").read_bytes(),
        root_key_id=key_id_of(root.public_key()), root=root.public_key(), environment="simulated", now_utc=NOW,
    )  # fmt: skip
    entry = replace(keyset.keys[lane], not_before=NOW - timedelta(days=90), not_after=NOW + timedelta(days=days))
    (keys / "keyset.jws").write_bytes(seal_keyset(replace(keyset, keys={**keyset.keys, lane: entry}), root))
    assert code in look()
    revoked = replace(keyset.keys[lane], status="revoked")
    (keys / "keyset.jws").write_bytes(seal_keyset(replace(keyset, keys={**keyset.keys, lane: revoked}), root))
    assert "lane_key_foreign" in look()


def test_an_older_keyset_than_the_one_seen_is_refused(look: Look, tmp_path: Path) -> None:
    seen = {key_id_of(load_public_key(tmp_path / "keys" / "root.pub.pem")): 7}
    (tmp_path / "state" / "keyset-seen-simulated.json").write_text(json.dumps(seen))
    assert "rolled_back" in look()["keyset_refused"].message("en")


def test_keys_that_are_missing_open_to_others_or_of_elsewhere(look: Look, tmp_path: Path) -> None:
    key = tmp_path / "keys" / "lane-lane-1.key.pem"
    key.chmod(0o644)
    refused = look()["lane_key_refused"]
    assert "readable_by_others" in refused.message("en")
    assert f"sudo chmod 600 {key}" in refused.next_step("en")
    key.unlink()
    assert "key_file_missing" in look()["lane_key_refused"].message("zh")
    create_keys(
        tmp_path / "other", site="yard", lanes=["lane-1"], authorities=["customs"], environment="simulated", now_utc=NOW
    )
    key.write_bytes((tmp_path / "other" / key.name).read_bytes())
    key.chmod(0o600)
    assert look()["lane_key_foreign"].status == "FAIL"
    (tmp_path / "keys" / "root.pub.pem").unlink()
    assert "keyset_refused" in look()


def test_a_manifest_that_was_in_force_may_not_go(look: Look, tmp_path: Path) -> None:
    more = f"manifest_file: {tmp_path / 'manifest.jws'}"
    (tmp_path / "manifest.jws").write_text("nonsense")
    assert look(more=more)["manifest_refused"].status == "FAIL"
    (tmp_path / "manifest.jws").unlink()
    found = look(more=more)
    assert {"file_not_readable", "manifest_refused"} <= found.keys()


def test_a_box_that_another_one_was_copied_to(look: Look, tmp_path: Path) -> None:
    assert look()["hardware_not_bound"].status == "OK"
    assert look(more=f"hardware: ['{'0' * 16}']")["hardware_refused"].status == "FAIL"
    (tmp_path / "state" / "hardware.json").write_text(json.dumps(["0" * 16]))
    refused = look()["hardware_refused"]
    assert "hardware_foreign" in refused.message("en")
    assert "kakou hardware CONFIG --bind" in refused.next_step("zh")


def test_a_folder_that_is_bound_to_this_box(look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.doctor.credentials.fingerprints", lambda: ("a" * 16,))
    (tmp_path / "state" / "hardware.json").write_text(json.dumps(["a" * 16]))
    assert look()["hardware_good"].status == "OK"
    monkeypatch.setattr("edge.doctor.credentials.of_root_alone", lambda: ("a" * 16,))
    assert look()["hardware_root_alone"].status == "WARN"


def test_a_drivers_package_is_looked_for(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    package = "driver: package, package: {distribution: pytest, version: '%s', entry_point: acme}, id: reader"
    found = look(package=package % "0.0.1")["driver_package_refused"]
    assert (found.status, found.subject) == ("FAIL", "lanes[0].tag_reader.package")
    assert "driver_package_version" in found.message("en")
    monkeypatch.setattr("edge.doctor.credentials.find", lambda _package: None)
    monkeypatch.setattr("edge.doctor.credentials.not_of_root", lambda _point: Path("/opt/acme"))
    found_now = look(package=package % "1.2.0")
    assert found_now["driver_package_good"].message("en") == "pytest 1.2.0 is installed"
    assert found_now["driver_package_not_of_root"].status == "WARN"
    assert "/opt/acme" in found_now["driver_package_not_of_root"].next_step("en")


def test_a_library_that_a_driver_wants_is_looked_for(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    llrp = "driver: uhf_llrp, id: reader"
    assert look(package=llrp)["driver_package_good"].message("en") == f"llrpkit {version('llrpkit')} is installed"
    monkeypatch.setattr("edge.extras.EXTRAS", {"uhf_llrp": Extra("no-such-llrp", "0.3")})
    found = look(package=llrp)["driver_extra_missing"]
    assert (found.status, found.subject) == ("FAIL", "lanes[0].tag_reader.driver")
    assert found.message("en") == "wanted is no-such-llrp 0.3, found: not installed"
    assert "-m pip install --no-deps 'no-such-llrp==0.3.*'" in found.next_step("en")


def test_the_certificate_of_the_picture_server(look: Look, tmp_path: Path) -> None:
    certificate, key = CertificateAuthority(tmp_path).issue("127.0.0.1", days=40)
    served = f"host: 127.0.0.1, url: 'https://127.0.0.1:8443', cert_file: {certificate}, key_file: {key}"
    more = f"evidence: {{serve: {{{served}}}}}"
    real = datetime.now(UTC) - NOW
    assert look(real, more)["picture_certificate_good"].status == "OK"
    assert look(real + timedelta(days=20), more)["picture_certificate_ends_soon"].status == "WARN"
    assert look(real + timedelta(days=41), more)["picture_certificate_ended"].status == "FAIL"
    _, other = CertificateAuthority(tmp_path, "other").issue("127.0.0.2")
    key.write_bytes(other.read_bytes())
    refused = look(real, more)["picture_certificate_refused"]
    assert "evidence.serve.key_file" in refused.next_step("en")
    key.unlink()
    # Nor is one that it may not even look for the end of the doctor.
    for named in (more, more.replace(str(key), f"/{'k' * 300}")):
        gone = look(real, named)
        assert "file_not_readable" in gone
        assert not [code for code in gone if code.startswith("picture_certificate")]


def test_certificates_of_the_broker_connection(look: Look, tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    certificate, _ = authority.issue_client("yard-lane-1-clearance", days=40)
    authority.issue_client("yard-lane-1-telemetry", days=5)
    names = f"cert_file: '{tmp_path}/{{client}}.pem', key_file: '{tmp_path}/{{client}}.key'"
    more = f"broker: {{tls: {{ca_file: {authority.ca_file}, {names}}}}}"
    real = datetime.now(UTC) - NOW
    found = look(real, more)
    assert found["certificate_good"].status == "OK", found
    assert found["certificate_ends_soon"].status == "WARN"
    assert look(real + timedelta(days=6), more)["certificate_ended"].status == "FAIL"
    certificate.write_text("no certificate")
    assert look(real, more)["certificate_malformed"].status == "FAIL"
    certificate.unlink()
    gone = look(real, more)
    assert "file_not_readable" in gone
    assert "certificate_malformed" not in gone


def test_who_vouches_for_a_camera_is_looked_at_like_who_vouches_for_the_broker(look: Look, tmp_path: Path) -> None:
    camera = CAMERA.format(CertificateAuthority(tmp_path).ca_file)
    real = datetime.now(UTC) - NOW
    assert look(real, devices=camera)["certificate_ends_soon"].status == "WARN"
    assert look(real + timedelta(days=2), devices=camera)["certificate_ended"].status == "FAIL"
