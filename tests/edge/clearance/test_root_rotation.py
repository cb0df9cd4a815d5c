"""S14: counters belong to a root; where the pinned root says that another follows it, they begin anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.keys import key_id_of, write_public_key
from edge.clearance.keyset import Keyset, KeysetError, seal_keyset
from edge.clearance.root_rotation import ROTATION_TYPE, seal_rotation
from edge.clearance.trust import KEYSET_FILE, ROOT_FILE, ROTATION_FILE
from tests.support.pinned_root import PinnedSite

pytestmark = pytest.mark.hazard("S14")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OLD, NEW, THIRD = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2, 3))
HUGE = 2**53 - 1


class Site(PinnedSite):
    """A lane whose pinned root is OLD."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, OLD)

    def issue(self, root: Ed25519PrivateKey, version: int) -> None:
        lasting = NOW - timedelta(hours=1), NOW + timedelta(days=20)
        keyset = Keyset(key_id_of(root.public_key()), version, "test", *lasting, {})
        self.put(KEYSET_FILE, seal_keyset(keyset, root))

    def rotate(self, old: Ed25519PrivateKey = OLD, new: Ed25519PrivateKey = NEW, environment: str = "test") -> bytes:
        raw = seal_rotation(
            new.public_key(), environment=environment, issued=NOW, key_id=key_id_of(old.public_key()), root=old
        )  # type: ignore[arg-type]
        self.put(ROTATION_FILE, raw)
        return raw


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_version_that_ran_ahead_stands_until_the_root_is_another(site: Site):
    site.issue(OLD, HUGE)
    running = site.trust()
    site.issue(OLD, 7)
    assert site.refusal() == "rolled_back"
    site.issue(NEW, 1)
    assert site.refusal() == "root_key_id"
    assert running.current().version == HUGE
    site.rotate()
    assert running.current().version == 1, "the running lane takes it too"
    assert site.trust().current().root_key_id == key_id_of(NEW.public_key())


def test_the_old_root_is_in_force_until_the_first_keyset_of_the_new_one_and_never_again(site: Site):
    site.issue(OLD, 3)
    site.rotate()
    assert site.trust().current().version == 3
    site.issue(NEW, 1)
    site.trust()
    site.issue(OLD, 4)
    assert site.refusal() == "root_key_id"
    (site.keys / ROTATION_FILE).unlink()
    assert site.refusal() == "root_retired"


def test_a_new_root_that_is_pinned_by_hand_needs_no_word_of_the_old_one(site: Site):
    site.issue(OLD, HUGE)
    site.rotate()
    site.issue(NEW, 2)
    site.trust()
    write_public_key(site.keys / ROOT_FILE, NEW.public_key())
    assert site.trust().current().version == 2
    site.issue(NEW, 1)
    assert site.refusal() == "rolled_back", "its own versions count on"


@pytest.mark.parametrize("case", ["stranger", "environment", "typ", "fields", "key", "bytes"])
def test_nobody_but_the_pinned_root_says_who_follows_it(site: Site, case: str):
    site.issue(NEW, 1)
    site.rotate()
    key_id = key_id_of(OLD.public_key())
    match case:
        case "stranger":
            forged = seal_rotation(NEW.public_key(), environment="test", issued=NOW, key_id=key_id, root=THIRD)
        case "environment":
            forged = site.rotate(environment="production")
        case "typ":
            forged = seal(b"{}", typ="gate-grant+jws", key_id=key_id, key=OLD)
        case "fields":
            forged = seal(canonical_json({"root": "x"}), typ=ROTATION_TYPE, key_id=key_id, key=OLD)
        case "key":
            named = {
                "v": 1,
                "typ": ROTATION_TYPE,
                "environment": "test",
                "root": "=" * 43,
                "issued": "2026-03-01T12:00:00Z",
            }
            forged = seal(canonical_json(named), typ=ROTATION_TYPE, key_id=key_id, key=OLD)
        case _:
            forged = b"."
    site.put(ROTATION_FILE, forged)
    assert site.refusal() in (
        "signature_invalid", "environment", "header_type", "version", "field_missing", "base64_not_canonical",
        "not_compact",
    )  # fmt: skip


def test_a_rotation_of_another_root_is_none_of_this_one(site: Site):
    site.issue(OLD, 1)
    site.rotate(old=THIRD)
    assert site.trust().current().version == 1
    site.issue(NEW, 1)
    assert site.refusal() == "root_key_id"


def test_a_keyset_without_form_is_refused_as_such(site: Site):
    site.put(KEYSET_FILE, b"no keyset")
    site.rotate()
    assert site.refusal() == "not_compact"


def test_a_damaged_memory_of_retired_roots_is_never_guessed(site: Site):
    site.rotate()
    site.issue(NEW, 1)
    site.trust()
    retired = site.state / "roots-retired-test.json"
    retired.write_text("[")
    asked = r"seen_versions_damaged: .*retired-test.json: .*root.pub.pem is the root in force, move this file"
    with pytest.raises(KeysetError, match=asked):
        site.trust()
    # After what it asks for, the old root is retired again.
    retired.unlink()
    assert site.trust().current().version == 1
    (site.keys / ROTATION_FILE).unlink()
    assert site.refusal() == "root_retired"
