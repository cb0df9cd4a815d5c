"""The campaign that spoils grants: a small run of it here, and that it would notice."""

import base64
import binascii
import json
from pathlib import Path

import pytest

from edge.clearance import envelope, signed
from edge.clearance.envelope import Envelope, EnvelopeError
from tests.campaigns import grant_world, grants
from tests.campaigns.grant_mutations import MUTATIONS
from tests.campaigns.grant_world import GrantWorld

# Reasons of both halves of hazards.md 4.2 that even a small run meets.
REASONS = {
    "too_large", "retained", "not_compact", "base64_not_canonical", "header_json", "header_forbidden", "header_fields",
    "header_algorithm", "header_type", "header_key_id", "signature_length", "keyset_expired", "key_unknown", "key_role",
    "key_revoked", "key_not_yet_valid", "key_expired", "key_scope", "key_authority", "signature_invalid", "not_utf8",
    "byte_order_mark", "too_deep", "duplicate_key", "number", "syntax", "not_an_object", "text", "version",
    "field_unknown", "field_missing", "field_value", "target", "issuer", "wrong_lane", "wrong_boot", "wrong_passage",
    "not_waiting", "unknown_authority", "real_for_drill", "drill_for_real", "wrong_nonce", "wrong_request_hash",
    "sequence_not_newer", "already_answered", "late",
}  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "MUTATIONS_A_RUN", 500)


@pytest.mark.hazard("S1", "S2", "S3", "C7", "C8", "C9", "C10")
def test_ten_thousand_spoilt_grants_are_refused_for_every_reason() -> None:
    run = grants.one_run("7/0")
    assert (run["mutations"], run["accepted"], run["violations"]) == (grants.MUTATIONS_A_RUN, 0, [])
    assert run["drawn"].keys() == {mutation.__name__ for mutation in MUTATIONS}
    assert run["reasons"].keys() >= REASONS, REASONS - run["reasons"].keys()


def test_a_signature_that_nobody_checks_is_found(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def unchecked(found: Envelope, _key: object) -> bytes:
        return found.payload

    monkeypatch.setattr(signed, "verify", unchecked)
    run = grants.one_run("7/0")
    assert run["accepted"] > len(run["violations"]) == grants.MOST_TOLD


def test_base64_that_is_spelt_otherwise_is_found(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very same envelope in other bytes counts as accepted."""

    def lenient(part: bytes) -> bytes:
        try:
            return base64.urlsafe_b64decode(part + b"==")
        except binascii.Error as error:
            raise EnvelopeError("base64_not_canonical") from error

    monkeypatch.setattr(envelope, "decode_base64url", lenient)
    found = grants.one_run("7/0")["violations"]
    assert any("spell_otherwise" in violation for violation in found)


def test_a_core_that_binds_nothing_is_found(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grant_world, "refusal", lambda *_: None)
    found = grants.one_run("7/0")["violations"]
    assert any("not_now" in violation or "not_ours" in violation for violation in found)


def test_good_grants_that_are_refused_prove_nothing(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grant_world, "refusal", lambda *_: "late")
    assert grants.one_run("7/0")["violations"] == ["good_grant_refused"]


def test_the_same_seed_spoils_the_same_way(small: None) -> None:
    first, second, third = (GrantWorld(name) for name in ("7/1", "7/1", "7/2"))
    assert [one.raw for one in first.good] == [one.raw for one in second.good]
    assert not {one.raw for one in first.good} & {one.raw for one in third.good}
    runs = [grants.one_run("7/1"), grants.one_run("7/1")]
    assert runs[0]["reasons"] == runs[1]["reasons"]


def test_a_campaign_goes_on_and_its_count_adds_up(
    small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--mutations", "1500", "--seed", "7", "--json", "--ledger", str(tmp_path / "grants.ledger")]
    assert grants.main([*command, "--limit", "2"]) == 75
    told = capsys.readouterr()
    assert json.loads(told.out)["mutations"] == 1000
    assert "to go on:" in told.err
    assert grants.main(command) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["mutations"], figures["accepted"], figures["left"]) == (1500, 0, 0)
    assert sum(figures["reasons"].values()) == sum(figures["drawn"].values()) == 1500
