"""O4, S13: what a lane trusts for a time only is told well before its end, and the alarm goes with the new one."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.loader import load
from config.schema import Configuration
from edge.clearance.feeds import OFFLINE_LISTS, SAMPLING_PLANS, IssuedFeed
from edge.clearance.keys import create_keys, key_id_of, load_private_key, load_shared_secret
from edge.clearance.keyset import Keyset, KeysetKey, Role
from edge.clearance.offline_list import list_claims, seal_list
from edge.clearance.sampling_plan import plan_claims, seal_plan
from edge.clearance.seen import SeenVersions
from edge.clearance.trust import Trust
from edge.core.sampling_plan import SampledClass
from edge.guarding import Certificates, end_watch
from edge.runtime.end_watch import GRACE_MS, KEYSET_EXPIRES, Ending, EndWatch, Life, keyset_endings
from edge.runtime.journal import Journal
from edge.runtime.notes import append_note
from tests.support.certificates import CertificateAuthority
from tests.support.clocks import StoodClock, looks_until_cancelled

pytestmark = pytest.mark.hazard("O4")
DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
authorities: [{id: customs}]
lanes:
  - id: lane-1
    direction: in
    simulated: true
    barrier: {id: barrier, host: 127.0.0.1, port: 1502}
    tag_reader: {id: reader, port: ./reader}
    must_match: [tag]
    sampling: {authority: customs}
    limited_offline: {authority: customs}
"""


class Bench:
    """The watch of a configured lane over its own files; `start` is a restart of the controller."""

    def __init__(self, folder: Path, journal: Journal, more: str = "") -> None:
        (folder / "kakou.yaml").write_text(more + CONFIG, encoding="utf-8")
        loaded = load(folder / "kakou.yaml")
        assert isinstance(loaded, Configuration), loaded
        self.config, self.journal, self.clock = loaded, journal, StoodClock()
        self.config.state_dir.mkdir()
        self.alarms: dict[str, str] = {}
        self.make_keys()
        self.start()

    def make_keys(self) -> None:
        create_keys(
            self.config.keys_dir, site="yard", lanes=["lane-1"], authorities=["customs"], environment="simulated",
            now_utc=self.clock.utc(), list_issuers=["customs"], sampling_issuers=["customs"],
        )  # fmt: skip

    def start(self) -> None:
        keys, state = self.config.keys_dir, self.config.state_dir
        trust = Trust(keys, state, environment="simulated", utc=self.clock.utc)
        self.feeds: dict[str, IssuedFeed[Any]] = {
            kind.word: IssuedFeed(
                kind, site="yard", lane="lane-1", authority="customs", keyset=trust.current,
                secret=load_shared_secret(kind.secret_file(keys, "lane-1")),
                seen=SeenVersions(kind.seen_file(state, "lane-1")), file=kind.file(state, "lane-1"),
                clock=self.clock, take=lambda _event: None,
            )
            for kind in (OFFLINE_LISTS, SAMPLING_PLANS)
        }  # fmt: skip
        for feed in self.feeds.values():
            feed.look()
        self.watch = end_watch(
            self.config, "lane-1", clock=self.clock, journal=self.journal, keyset=trust.current,
            feeds=self.feeds.values(), links=[], alarms=self,
        )  # fmt: skip
        self.look()

    async def noted(self) -> list[tuple[str, bool]]:
        """What the journal keeps of it."""
        await append_note(self.journal, "lane-1", "last", {}).durable
        bodies = [json.loads(one.body) for one in self.journal.records("lane-1") if one.kind == "note"]
        return [(one["data"]["code"], one["data"]["stands"]) for one in bodies if one["note"] == "security_alarm"]

    def publish_alarm(self, code: str, detail: str | None) -> None:
        self.alarms.pop(code, None)
        if detail is not None:
            self.alarms[code] = detail

    def look(self, after_ms: int = 0) -> set[str]:
        self.clock.ms += after_ms
        for feed in self.feeds.values():
            feed.look()
        self.watch.look()
        return set(self.alarms)

    def issue(self, word: str, version: int, life: timedelta) -> None:
        now, keys = self.clock.utc(), self.config.keys_dir
        key = load_private_key(keys / f"{word}-customs.key.pem")
        secret = load_shared_secret(keys / f"lane-lane-1.{word}.key")
        signer = {"key_id": key_id_of(key.public_key()), "key": key}
        times = {"secret": secret, "issued": now, "not_after": now + life}
        where = ("customs", "yard", "lane-1", version)
        if word == "list":
            raw = seal_list(list_claims(*where, (), **times), **signer)
            OFFLINE_LISTS.file(self.config.state_dir, "lane-1").write_bytes(raw)
        else:
            raw = seal_plan(plan_claims(*where, (SampledClass("general", 1, "bay"),), **times), **signer)
            SAMPLING_PLANS.file(self.config.state_dir, "lane-1").write_bytes(raw)


@pytest.fixture
def bench(tmp_path: Path, journal: Journal) -> Bench:
    return Bench(tmp_path, journal)


@pytest.mark.hazard("S13")
async def test_a_keyset_is_told_two_weeks_before_its_end_and_again_as_it_comes_near(bench: Bench):
    for day in range(30):
        bench.issue("sampling", day + 1, timedelta(days=30))
        bench.issue("list", day + 1, timedelta(hours=4))
        # Made with an hour behind it: thirty days end an hour early.
        assert bench.look() == ({KEYSET_EXPIRES} if day >= 16 else set()), day
        bench.clock.ms += DAY_MS
    bench.look()
    assert "keyset version 1 ended at 2026-03-31T11:00" in bench.alarms[KEYSET_EXPIRES]
    assert (await bench.noted()).count((KEYSET_EXPIRES, True)) == 4, "at 14, 7 and 1 days, and at the end"
    bench.make_keys()
    bench.look()
    assert KEYSET_EXPIRES not in bench.alarms
    assert (await bench.noted())[-1] == (KEYSET_EXPIRES, False)


def test_an_alarm_stands_again_after_a_restart(bench: Bench):
    bench.issue("sampling", 1, timedelta(days=20))
    bench.issue("list", 1, timedelta(hours=4))
    assert bench.look() == set()
    bench.clock.ms += 15 * DAY_MS
    bench.issue("list", 2, timedelta(hours=4))
    assert bench.look() == {"sampling_plan_expires"}
    bench.alarms.clear()
    bench.start()
    # Of the plan in the file: when it was issued is not forgotten either.
    assert bench.alarms["sampling_plan_expires"].startswith("sampling plan ends at 2026-03-21T12:00")
    bench.issue("sampling", 2, timedelta(days=20))
    bench.make_keys()
    assert bench.look() == set()


def test_a_list_is_told_an_hour_before_its_end_and_one_that_is_not_there_after_a_minute(bench: Bench):
    bench.issue("sampling", 1, timedelta(days=30))
    assert bench.look() == set()
    assert bench.look(GRACE_MS) == {"offline_list_expires"}
    assert bench.alarms["offline_list_expires"] == "no offline list is in force"
    bench.issue("list", 1, timedelta(hours=4))
    assert bench.look() == set()
    assert bench.look(3 * HOUR_MS - 1) == set()
    assert bench.look(1) == {"offline_list_expires"}
    bench.issue("list", 2, timedelta(hours=4))
    assert bench.look() == set()
    assert {(one["code"], one["alarm"]) for one in bench.watch.shown()} == {
        ("keyset_expires", False), ("key_expires", False), ("sampling_plan_expires", False),
        ("offline_list_expires", False),
    }  # fmt: skip


def test_the_configuration_says_how_long_before(tmp_path: Path, journal: Journal):
    bench = Bench(tmp_path, journal, "warn_before: {keyset_days: 2, sampling_plan_days: 3, offline_list_minutes: 1}\n")
    bench.issue("list", 1, timedelta(hours=4))
    bench.issue("sampling", 1, timedelta(days=20))
    assert bench.look(4 * HOUR_MS - 60_001) == set()
    assert bench.look(1) == {"offline_list_expires"}
    bench.clock.ms += 17 * DAY_MS - 4 * HOUR_MS
    bench.issue("list", 2, timedelta(hours=4))
    assert bench.look() == set()
    assert bench.look(2 * MINUTE_MS) == {"sampling_plan_expires"}


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def key(role: Role, issuer: str, days: float, **changes: Any) -> KeysetKey:
    public = Ed25519PrivateKey.generate().public_key()
    ends = NOW + timedelta(days=days)
    made = KeysetKey(key_id_of(public), issuer, public, role, ("*",), ("lane-1",), NOW - timedelta(days=60), ends)
    return replace(made, **changes)


def told(*keys: KeysetKey) -> list[str]:
    keyset = Keyset("root", 3, "test", NOW, NOW + timedelta(days=30), {one.key_id: one for one in keys})
    warn = {"warn": timedelta(days=14), "warn_key": timedelta(days=7)}
    found = keyset_endings(keyset, site="yard", lane="lane-1", **warn)
    return [one.name for one in found if one.step(NOW) is not None]


def test_a_key_without_successor_is_told_and_one_that_rotates_is_not():
    assert told(key("grant", "customs", 6.9), key("request", "lane-1", 7.1)) == ["the grant key of customs"]
    assert told(key("grant", "customs", 2), key("grant", "customs", 90)) == []
    assert told(key("grant", "customs", 90), key("grant", "customs", 2)) == []
    assert told(key("grant", "customs", 90), key("list", "customs", 2)) == ["the list key of customs"]
    # What does not count here is no successor, and nothing to tell.
    elsewhere = [key("grant", "customs", 90, **one) for one in ({"lanes": ("lane-2",)}, {"sites": ("port",)})]
    revoked = key("grant", "customs", 90, status="revoked")
    assert told(key("grant", "customs", 2), *elsewhere, revoked) == ["the grant key of customs"]
    assert told(key("grant", "customs", 2, status="revoked"), key("grant", "port", 2, lanes=("lane-2",))) == []


def test_what_lives_shortly_is_told_at_half_of_its_life():
    plan = Ending("code", "plan", Life(NOW, NOW + timedelta(days=2)), timedelta(days=14))
    assert plan.step(NOW + timedelta(hours=23)) is None
    assert plan.step(NOW + timedelta(hours=24)) == timedelta(days=1)
    assert plan.step(NOW + timedelta(hours=48)) == timedelta(0)


@pytest.mark.hazard("C17")
def test_four_hundred_days_of_certificates_warn_at_30_14_7_1_and_the_end(tmp_path: Path):
    authority = CertificateAuthority(tmp_path)
    certificate, _ = authority.issue_client("lane", days=100)
    clock, alarms, notes = StoodClock(datetime.now(UTC)), {}, []
    files = Certificates((certificate, tmp_path / "missing.pem"), timedelta(days=30))

    class Telemetry:
        def publish_alarm(self, code: str, detail: str | None) -> None:
            alarms[code] = detail

    watch = EndWatch(
        "in-1", clock=clock, alarms=Telemetry(), sources=[files.endings],
        note=lambda code, stands, _detail: notes.append((code, stands)),
    )  # fmt: skip
    days: list[int] = []
    for day in range(110):
        before = len(notes)
        watch.look()
        if len(notes) > before:
            days.append(100 - day)
        clock.ms += DAY_MS
    # Issued a moment before day 0, so each step is crossed within a day of its number.
    assert days == pytest.approx([30, 14, 7, 1, 0], abs=1)
    assert "ended" in str(alarms["certificate_expires"])
    # Renewed in place: the alarm ends by itself.
    renewed, _ = authority.issue_client("renewed", days=400)
    certificate.write_bytes(renewed.read_bytes())
    watch.look()
    assert alarms["certificate_expires"] is None


async def test_it_looks_until_it_is_cancelled(bench: Bench):
    await looks_until_cancelled(bench.watch, bench.clock)


def test_the_certificate_of_the_picture_server_is_watched_too(tmp_path: Path, journal: Journal):
    certificate, key = CertificateAuthority(tmp_path).issue("127.0.0.1", days=5)
    served = f"host: 127.0.0.1, url: 'https://127.0.0.1:8443', cert_file: {certificate}, key_file: {key}"
    bench = Bench(tmp_path, journal, f"evidence: {{serve: {{{served}}}}}\n")
    bench.clock.ms += int((datetime.now(UTC) - bench.clock.utc()).total_seconds() * 1000)
    assert "certificate_expires" in bench.look()
    assert str(certificate) in bench.alarms["certificate_expires"]


def test_who_vouches_for_a_camera_is_watched(bench: Bench, tmp_path: Path):
    authority = CertificateAuthority(tmp_path)
    camera = f"{{id: c, url: 'https://h/a', ca_file: '{authority.ca_file}', place: front, reads: [plate]}}"
    (tmp_path / "kakou.yaml").write_text(CONFIG + f"    cameras: [{camera}]\n", encoding="utf-8")
    loaded = load(tmp_path / "kakou.yaml")
    assert isinstance(loaded, Configuration), loaded
    bench.config = loaded
    bench.start()
    assert "certificate_expires" in {one["code"] for one in bench.watch.shown()}
