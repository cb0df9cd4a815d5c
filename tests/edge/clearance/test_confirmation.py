"""Challenges and officers' answers (hazards.md S1, S2, S3, S7): each wrong one refused with its own reason."""

import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clearance.confirmation import (
    CHALLENGE_TYPE,
    ConfirmError,
    challenge_hash,
    open_challenge,
    open_confirmation,
    seal_confirmation,
)
from edge.clearance.envelope import canonical_json, seal
from edge.clearance.grant import GrantRefusal, check_grant
from edge.core.confirmation import Confirmation
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE
from tests.support.confirm_vectors import VECTORS
from tests.support.handhelds import ANSWER, ASKED, OFFICER, OfficerWorld, make_officer_world


@pytest.fixture(scope="module")
def officers(tmp_path_factory: pytest.TempPathFactory) -> OfficerWorld:
    folder: Path = tmp_path_factory.mktemp("keys")
    return make_officer_world(folder)


def opened(world: OfficerWorld, raw: bytes, **changes: Any) -> Confirmation:
    given: dict[str, Any] = {"retained": False, "keyset": world.keyset, "site": SITE, "lane": LANE, "now_utc": NOW}
    return open_confirmation(raw, **(given | changes))


def refused(world: OfficerWorld, raw: bytes, **changes: Any) -> str:
    with pytest.raises(ConfirmError) as caught:
        opened(world, raw, **changes)
    return caught.value.reason


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.hazard("S1", "S2", "S3", "S7", "C8", "C9")
@pytest.mark.threat("corruption", "masquerade", "handheld")
def test_vector_is_refused_with_its_own_reason(officers: OfficerWorld, name: str) -> None:
    reason, make = VECTORS[name]
    assert refused(officers, make(officers)) == reason


def test_there_are_at_least_60_vectors() -> None:
    assert len(VECTORS) >= 60


def test_the_good_answer_is_accepted_whole(officers: OfficerWorld) -> None:
    good = replace(ANSWER, key_id=officers.key_id())
    assert opened(officers, officers.sign(officers.claims())) == good
    assert opened(officers, seal_confirmation(good, officers.keys[OFFICER])) == good
    assert opened(officers, officers.sign(officers.claims(decision="refuse", drill=True))).drill


@pytest.mark.hazard("C6")
def test_retained_is_refused_before_anything_is_decoded(officers: OfficerWorld) -> None:
    assert refused(officers, officers.sign(officers.claims()), retained=True) == "retained"
    assert refused(officers, b"garbage", retained=True) == "retained"


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("key_role", {"role": "ops"}),
        ("key_revoked", {"status": "revoked"}),
        ("key_not_yet_valid", {"not_before": NOW + timedelta(seconds=1)}),
        ("key_expired", {"not_after": NOW}),
        ("key_scope", {"sites": ("elsewhere",)}),
        ("key_scope", {"lanes": ("lane2",)}),
        ("issuer", {"issuer": "li"}),
    ],
)
@pytest.mark.hazard("S20", "C8")
def test_key_that_may_not_sign_this(officers: OfficerWorld, reason: str, changes: dict[str, Any]) -> None:
    assert refused(officers, officers.sign(officers.claims()), keyset=officers.with_key(**changes)) == reason


def test_an_expired_keyset_ends_all_answers(officers: OfficerWorld) -> None:
    assert refused(officers, officers.sign(officers.claims()), now_utc=officers.keyset.expires) == "keyset_expired"


@pytest.mark.hazard("S20")
def test_an_officer_s_key_releases_as_no_authority(officers: OfficerWorld) -> None:
    found = check_grant(
        officers.sign(officers.claims()), retained=False, authority=AUTHORITY, keyset=officers.keyset, site=SITE,
        lane=LANE, now_utc=NOW,
    )  # fmt: skip
    assert found == GrantRefusal("header_type")


@settings(max_examples=200, deadline=None)
@given(position=st.integers(min_value=0), bit=st.integers(0, 7), cut=st.integers(0, 3))
@pytest.mark.hazard("S1")
def test_no_flipped_bit_is_accepted(officers: OfficerWorld, position: int, bit: int, cut: int) -> None:
    good = bytearray(officers.sign(officers.claims()))
    good[position % len(good)] ^= 1 << bit
    refused(officers, bytes(good[cut:]))


@given(st.binary(max_size=400))
@pytest.mark.hazard("C19", "I18")
def test_any_bytes_are_refused(officers: OfficerWorld, noise: bytes) -> None:
    refused(officers, noise)
    with pytest.raises(ConfirmError):
        open_challenge(noise, keyset=officers.keyset, site=SITE, now_utc=NOW)


@settings(max_examples=40, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s), max_leaves=5))
def test_any_value_of_any_claim_is_judged(officers: OfficerWorld, value: Any) -> None:
    for name, usual in officers.claims().items():
        with contextlib.suppress(UnicodeEncodeError, ConfirmError):
            opened(officers, officers.sign(officers.claims(**{name: value})))
            assert type(value) is type(usual)


# The challenge


def test_a_terminal_reads_what_the_lane_shows(officers: OfficerWorld) -> None:
    signed = officers.challenge()
    shown = open_challenge(signed.raw, keyset=officers.keyset, site=SITE, now_utc=NOW)
    assert (shown["passage"], shown["nonce"], shown["lane"]) == ("passage1", "nonce1", LANE)
    assert (shown["reasons"], shown["pictures"]) == (["customs_hold"], ["a" * 64, "b" * 64])
    assert (shown["ttl_ms"], shown["simulated"], shown["drill"]) == (300_000, True, False)
    assert signed.challenge_hash == challenge_hash(signed.raw)


def test_a_challenge_with_another_picture_has_another_hash(officers: OfficerWorld) -> None:
    other = officers.challenge(replace(ASKED, pictures=("a" * 64,)))
    assert other.challenge_hash != officers.challenge().challenge_hash


def test_a_challenge_of_64_pictures_fits_and_one_that_does_not_is_never_sent(officers: OfficerWorld) -> None:
    officers.challenge(replace(ASKED, pictures=tuple(f"{number:064x}" for number in range(64))))
    with pytest.raises(ValueError, match="exceeds"):
        officers.challenge(replace(ASKED, pictures=tuple(f"{number:064x}" for number in range(200))))


@pytest.mark.hazard("S1")
def test_a_terminal_signs_nothing_that_no_lane_of_its_site_asked(officers: OfficerWorld) -> None:
    def why(raw: bytes) -> str:
        with pytest.raises(ConfirmError) as caught:
            open_challenge(raw, keyset=officers.keyset, site=SITE, now_utc=NOW)
        return caught.value.reason

    def sealed(key: str = "lane", **changes: Any) -> bytes:
        good = open_challenge(officers.challenge().raw, keyset=officers.keyset, site=SITE, now_utc=NOW)
        payload = canonical_json(good | changes)
        return seal(payload, typ=CHALLENGE_TYPE, key_id=officers.key_id(key), key=officers.keys[key])

    assert why(sealed(OFFICER)) == "key_role"
    assert why(sealed(v=2)) == why(sealed(lane="lane2")) == why(sealed(site="dock")) == "challenge_form"
    assert why(officers.sign(officers.claims())) == "header_type"
