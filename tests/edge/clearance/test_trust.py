"""The keyset in force: newer ones are taken, older and damaged ones refused (hazards.md 4.3, S12, S13)."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.clearance.keys import create_keys
from edge.clearance.keyset import MOST_BEHIND, KeyRefusedError, Keyset, KeysetError
from edge.clearance.trust import KEYSET_FILE, Trust

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Site:
    """A site's keys on disk, and the lane's own state."""

    def __init__(self, folder: Path) -> None:
        self.keys, self.state, self.now = folder / "keys", folder / "state", NOW
        self.state.mkdir()
        self.issue()

    @property
    def keyset(self) -> Path:
        return self.keys / KEYSET_FILE

    def issue(self, *lanes: str) -> bytes:
        """Sign a keyset for one more lane; returns its bytes."""
        create_keys(
            self.keys,
            site="yard",
            lanes=("in-1", *lanes),
            authorities=["customs"],
            environment="test",
            now_utc=self.now,
        )
        return self.keyset.read_bytes()

    def replace(self, content: bytes) -> None:
        """Write the keyset anew, with another time stamp, as an update does."""
        self.keyset.write_bytes(content)
        later = self.keyset.stat().st_mtime_ns + 1_000_000_000
        os.utime(self.keyset, ns=(later, later))

    def trust(self) -> Trust:
        return Trust(self.keys, self.state, environment="test", utc=lambda: self.now)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_newer_keyset_is_taken_at_the_next_question(site: Site) -> None:
    trust = site.trust()
    first = trust.current()
    assert trust.current() is first
    site.replace(site.issue("in-2"))
    assert trust.current().version == first.version + 1
    assert site.trust().current().version == first.version + 1


def test_s12_an_older_one_is_refused_now_and_after_a_restart(site: Site) -> None:
    old = site.keyset.read_bytes()
    trust = site.trust()
    site.replace(site.issue("in-2"))
    newest = trust.current()
    site.replace(old)
    assert trust.current() is newest
    with pytest.raises(KeysetError, match="rolled_back"):
        site.trust()


def test_a_damaged_or_missing_one_leaves_the_old_in_force(site: Site) -> None:
    trust = site.trust()
    first: Keyset = trust.current()
    site.replace(b"not a keyset")
    assert trust.current() is first
    site.keyset.unlink()
    assert trust.current() is first
    with pytest.raises(KeysetError, match="keyset_unreadable"):
        site.trust()


def test_s13_a_withheld_keyset_ends(site: Site) -> None:
    trust = site.trust()
    site.now += timedelta(days=31)
    assert site.now > trust.current().expires
    with pytest.raises(KeysetError, match="expired"):
        site.trust()


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "[1]", '{"root": "1"}', '{"root": true}'])
def test_what_was_seen_is_never_guessed(site: Site, content: str) -> None:
    site.trust()
    (seen,) = site.state.glob("keyset-seen-*.json")
    assert list(json.loads(seen.read_text(encoding="utf-8")).values()) == [1]
    seen.write_text(content, encoding="utf-8")
    with pytest.raises(KeysetError, match="seen_versions_damaged") as refused:
        site.trust()
    # What it says to do works: after it no older keyset is taken either.
    assert f"{seen}: " in refused.value.detail
    assert "keyset.jws is the newest" in refused.value.detail
    assert "move this file away" in refused.value.detail
    seen.rename(seen.with_suffix(".aside"))
    site.trust()
    assert list(json.loads(seen.read_text(encoding="utf-8")).values()) == [1]


@pytest.mark.hazard("X19")
def test_a_clock_before_what_is_over_makes_every_key_refused(site: Site) -> None:
    keyset = Trust(site.keys, site.state, environment="test", utc=lambda: site.now, known=NOW).current()
    key = next(one for one in keyset.keys.values() if one.role == "grant")
    key = replace(key, not_before=NOW - timedelta(days=40))
    keyset = replace(keyset, keys={key.key_id: key}, issued=NOW - timedelta(days=20))

    def asked(now: datetime, known: datetime) -> None:
        trusted = replace(keyset, known=known)
        trusted.key_for(key.key_id, role="grant", issuer="customs", site="yard", lane="in-1", now_utc=now)

    asked(NOW - MOST_BEHIND, NOW)
    for now, known in (
        (NOW - MOST_BEHIND - timedelta(seconds=1), NOW),
        (keyset.issued - MOST_BEHIND - timedelta(seconds=1), NOW - timedelta(days=30)),
    ):
        with pytest.raises(KeyRefusedError, match="clock_behind"):
            asked(now, known)
    assert keyset.behind(NOW - timedelta(days=1)) == NOW
    assert keyset.behind(NOW) is None
