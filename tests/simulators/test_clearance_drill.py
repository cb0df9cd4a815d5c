"""A drill's requests and grants on their own topics, between a lane and a clerk who plays the authority."""

import asyncio
from dataclasses import replace

import pytest

from edge.clearance.authority_link import ClearanceLink, grant_topic
from edge.clearance.grant import Grant, GrantRefusal, check_grant, grant_claims
from edge.clearance.keyset import Keyset
from edge.clearance.request import RequestHead, SignedRequest, build_request
from edge.field_policy import FieldPolicy
from simulators.clearance import ClearanceService
from simulators.clearance_faults import sign_grant
from simulators.release_notes import ReleaseNotes
from tests.simulators.test_clearance import HandClock
from tests.support.brokers import BrokerCase
from tests.support.clearance import AUTHORITY, GRANT, IDENTITY, LANE, NOTE, NOW, SITE, World, grant_key, make_world
from tests.support.mqtt import Probe, serving, within


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("keys"))


def with_clerk(world: World) -> Keyset:
    """The keyset in which the authority's key is that of a clerk in drills."""
    clerk = grant_key(world.authority_key, role="drill")
    return replace(world.keyset, keys={**world.keyset.keys, clerk.key_id: clerk})


def request(world: World, *, drill: bool) -> SignedRequest:
    head = RequestHead(AUTHORITY, SITE, LANE, "boot1", 1, "passage1", "nonce1", 1)
    return build_request(
        head, IDENTITY, key=world.lane_key, key_id=world.lane_key_id, policy=FieldPolicy(), config_hash="c" * 64,
        model_hash="d" * 64, simulated=True, drill=drill,
    )  # fmt: skip


class Bench:
    """One lane and one clerk of a drill."""

    def __init__(self, broker: BrokerCase, world: World, keyset: Keyset) -> None:
        self.grants: asyncio.Queue[Grant] = asyncio.Queue()
        self.refused: asyncio.Queue[str] = asyncio.Queue()
        self.up, self.clerk_up = asyncio.Event(), asyncio.Event()
        self.link = ClearanceLink(
            broker.settings("lane1-clearance"),
            site=SITE,
            lane=LANE,
            authorities=[AUTHORITY],
            keyset=lambda: keyset,
            clock=HandClock(),
            on_grant=self.grants.put_nowait,
            on_refused=lambda _, refusal: self.refused.put_nowait(refusal.reason),
            on_up=self.up.set,
        )
        self.clerk = ClearanceService(
            broker.settings("clerk"),
            authority=AUTHORITY,
            site=SITE,
            key=world.authority_key,
            keyset=keyset,
            utc=lambda: NOW,
            notes=ReleaseNotes.of([NOTE]),
            on_up=self.clerk_up.set,
            drill=True,
        )


async def test_a_drill_is_answered_by_its_clerk_alone(broker: BrokerCase, world: World) -> None:
    bench = Bench(broker, world, with_clerk(world))
    authority = Probe(broker.settings("authority"))
    authority.listen(f"gate/v1/{SITE}/+/clearance/{AUTHORITY}/request")
    async with serving(bench.link.run), serving(bench.clerk.run), authority.running():
        await within(bench.up.wait())
        await within(bench.clerk_up.wait())
        await within(bench.link.send(AUTHORITY, request(world, drill=True), drill=True))
        grant = await within(bench.grants.get())
        assert (grant.verdict, grant.drill) == ("release", True)
        # What the authority hears next is this one: the drill's never came to it.
        real = request(world, drill=False)
        await within(bench.link.send(AUTHORITY, real))
        assert (await within(authority.messages.get())).payload == real.raw


async def test_a_clerks_grant_counts_on_no_real_topic(broker: BrokerCase, world: World) -> None:
    bench = Bench(broker, world, with_clerk(world))
    stranger = Probe(broker.settings("stranger"))
    grant = replace(GRANT, key_id=world.authority_key_id)
    async with serving(bench.link.run), stranger.running():
        await within(bench.up.wait())
        await within(stranger.link.publish(grant_topic(SITE, LANE, AUTHORITY), sign_grant(grant, world.authority_key)))
        assert await within(bench.refused.get()) == "key_role"


async def test_a_clerk_answers_no_request_that_is_none_of_a_drill(broker: BrokerCase, world: World) -> None:
    bench = Bench(broker, world, with_clerk(world))
    async with serving(bench.link.run), serving(bench.clerk.run):
        await within(bench.up.wait())
        await within(bench.clerk_up.wait())
        await within(bench.link.send(AUTHORITY, request(world, drill=False), drill=True))
        await within(bench.link.send(AUTHORITY, request(world, drill=True), drill=True))
        await within(bench.grants.get())
    assert bench.clerk.refused == ["request_drill"]
    assert len(bench.clerk.answered) == 1


@pytest.mark.parametrize("drill", [False, True])
def test_the_role_of_a_key_decides_where_it_counts(world: World, drill: bool) -> None:
    raw = world.sign(world.claims())
    for keyset, role_is_drill in ((world.keyset, False), (with_clerk(world), True)):
        outcome = check_grant(
            raw, retained=False, authority=AUTHORITY, keyset=keyset, site=SITE, lane=LANE, now_utc=NOW, drill=drill
        )
        if role_is_drill is drill:
            assert isinstance(outcome, Grant)
            assert outcome.drill is drill
        else:
            assert outcome == GrantRefusal("key_role")


@pytest.mark.parametrize(("appointment", "counts"), [("YY-20260301-7", True), ("", False), (7, False), (None, False)])
def test_a_release_note_may_name_an_appointment(world: World, appointment: object, counts: bool) -> None:
    claims = world.claims()
    raw = world.sign(claims | {"note": claims["note"] | {"appointment": appointment}})
    outcome = check_grant(
        raw, retained=False, authority=AUTHORITY, keyset=world.keyset, site=SITE, lane=LANE, now_utc=NOW
    )
    if counts:
        assert isinstance(outcome, Grant)
        assert outcome.note == replace(NOTE, appointment=appointment)
        assert grant_claims(outcome)["note"]["appointment"] == appointment
    else:
        assert outcome == GrantRefusal("field_value", "note")
