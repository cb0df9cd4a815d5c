"""An authority's word about a referral: taken where it is authentic, refused with its own reason otherwise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.desk import ReferralDesk, result_topic
from edge.clearance.envelope import canonical_json, seal
from edge.clearance.grant import GRANT_TYPE, GrantRefusal
from edge.clearance.keys import key_id_of
from edge.clearance.referral_report import REPORT_TYPE, ReportError, open_report, report_claims
from edge.core.events import Event, ReferralReported
from edge.core.referral import ReferralReport
from edge.mqtt import Message
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE, World, grant_key
from tests.support.clocks import StoodClock

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY_ID = key_id_of(KEY.public_key())
REPORT = ReferralReport(AUTHORITY, KEY_ID, SITE, LANE, "referral1", "clear", 3, "2026-03-01T08:00:00Z", "no_findings")


@pytest.fixture
def yard(world: World) -> World:
    """The world with a key that may say results."""
    return with_key(world)


def with_key(world: World, **changes: Any) -> World:
    key = grant_key(KEY, **({"role": "result"} | changes))
    return replace(world, keyset=replace(world.keyset, keys={**world.keyset.keys, KEY_ID: key}))


def sealed(typ: str = REPORT_TYPE, **changes: Any) -> bytes:
    return seal(canonical_json(report_claims(REPORT) | changes), typ=typ, key_id=KEY_ID, key=KEY)


def opened(world: World, raw: bytes, **changes: Any) -> ReferralReport:
    given: dict[str, Any] = {"retained": False, "authority": AUTHORITY, "site": SITE, "lane": LANE, "now_utc": NOW}
    return open_report(raw, keyset=world.keyset, **(given | changes))


def test_an_authentic_report_reads_back_equal(yard: World) -> None:
    assert opened(yard, sealed()) == REPORT


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a grant": ({}, {"typ": GRANT_TYPE}, "header_type"),
    "version": ({"v": 2}, {}, "version"),
    "extra": ({"more": 1}, {}, "field_unknown"),
    "word": ({"says": "release"}, {}, "field_value"),
    "sequence": ({"rseq": 0}, {}, "field_value"),
    "referral": ({"referral": "../1"}, {}, "field_value"),
    "issuer": ({"iss": "port"}, {}, "issuer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_malformed_is_refused(yard: World, case: str) -> None:
    changes, options, reason = REFUSED[case]
    with pytest.raises(ReportError) as refused:
        opened(yard, sealed(**options, **changes))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"role": "grant"}, "key_role"), ({"sites": ("other",)}, "key_scope"), ({"lanes": ("lane9",)}, "key_scope"),
     ({"issuer": "port"}, "key_authority"), ({"status": "revoked"}, "key_revoked")],
)  # fmt: skip
def test_a_key_that_may_not_say_results_is_refused(world: World, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ReportError) as refused:
        opened(with_key(world, **changes), sealed())
    assert refused.value.reason == reason


def test_a_retained_report_and_a_broken_signature_are_refused(yard: World) -> None:
    raw = sealed()
    for given, retained, reason in ((raw, True, "retained"), (raw[:-4] + b"AAAA", False, "signature_invalid")):
        with pytest.raises(ReportError) as refused:
            opened(yard, given, retained=retained)
        assert refused.value.reason == reason


class Link:
    """What the desk needs of a clearance link."""

    def __init__(self) -> None:
        self.site, self.lane, self.authorities = SITE, LANE, (AUTHORITY,)
        self.link = self
        self.handlers: dict[str, Callable[[Message], None]] = {}

    def subscribe(self, topic: str, handler: Callable[[Message], None]) -> None:
        self.handlers[topic] = handler


def test_the_desk_passes_reports_on_refuses_the_rest_and_ends_a_flood(yard: World) -> None:
    taken: list[Event] = []
    refused: list[tuple[str, str]] = []
    link, clock = Link(), StoodClock(NOW)

    def refuse(authority: str, refusal: GrantRefusal) -> None:
        refused.append((authority, refusal.reason))

    ReferralDesk(
        link,  # type: ignore[arg-type]
        keyset=lambda: yard.keyset,
        clock=clock,
        take=taken.append,
        on_refused=refuse,
    )
    topic = result_topic(SITE, LANE, AUTHORITY)
    handler = link.handlers[topic]
    handler(Message(topic, sealed()))
    assert taken == [ReferralReported(clock.now_ms(), REPORT)]
    for _ in range(50):
        handler(Message(topic, b"no"))
    assert refused == [(AUTHORITY, "result_not_compact")] * 19
    clock.ms += 1_000
    handler(Message(topic, sealed()))
    assert len(taken) == 2
