"""The lane's clearance link and the authority's service over real brokers: every way an answer can go."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge.clearance.authority_link import FLOOD_BURST, ClearanceLink, grant_topic, request_topic
from edge.clearance.envelope import canonical_json, seal
from edge.clearance.grant import GrantRefusal
from edge.clearance.request import REQUEST_TYPE, RequestHead, SignedRequest, build_request
from edge.core.container import Container
from edge.core.grant import Grant
from edge.core.readings import Identity, Reading
from edge.field_policy import FieldPolicy
from edge.mqtt import Message, MqttDown, MqttSettings
from simulators.clearance import AnsweredRequest, ClearanceService
from simulators.clearance_faults import Behaviour, BehaviourKind, sign_grant
from simulators.release_notes import ReleaseNotes
from tests.support.brokers import BrokerCase
from tests.support.clearance import AUTHORITY, GRANT, IDENTITY, LANE, NOTE, NOW, SITE, World, make_world
from tests.support.mqtt import Probe, serving, within


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("keys"))


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        return self.ms

    def utc(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here sleeps on the lane's clock")


class Bench:
    """One lane, one authority, one broker."""

    def __init__(self, broker: BrokerCase, world: World, **service: Any) -> None:
        self.broker, self.world, self.clock = broker, world, HandClock()
        self.grants: asyncio.Queue[Grant] = asyncio.Queue()
        self.refusals: asyncio.Queue[tuple[str, GrantRefusal]] = asyncio.Queue()
        self.lane_up, self.service_up = asyncio.Event(), asyncio.Event()
        self.lane_down: asyncio.Queue[MqttDown] = asyncio.Queue()
        self.answered: asyncio.Queue[AnsweredRequest] = asyncio.Queue()
        self.link = ClearanceLink(
            broker.settings("lane1-clearance"),
            site=SITE,
            lane=LANE,
            authorities=[AUTHORITY],
            keyset=lambda: world.keyset,
            clock=self.clock,
            on_grant=self.grants.put_nowait,
            on_refused=lambda authority, refusal: self.refusals.put_nowait((authority, refusal)),
            on_up=self.lane_up.set,
            on_down=self.lane_down.put_nowait,
        )
        self.service = ClearanceService(
            broker.settings("customs"),
            authority=AUTHORITY,
            site=SITE,
            key=world.authority_key,
            keyset=world.keyset,
            utc=self.clock.utc,
            on_up=self.service_up.set,
            on_answered=self.answered.put_nowait,
            **({"notes": ReleaseNotes.of([NOTE])} | service),
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Bench"]:
        async with serving(self.link.run), serving(self.service.run):
            await within(self.lane_up.wait())
            await within(self.service_up.wait())
            yield self

    def request(self, passage: str = "passage1", identity: Identity = IDENTITY) -> SignedRequest:
        head = RequestHead(AUTHORITY, SITE, LANE, "boot1", 1, passage, f"nonce-{passage}", 1)
        return build_request(
            head,
            identity,
            key=self.world.lane_key,
            key_id=self.world.lane_key_id,
            policy=FieldPolicy(),
            config_hash="c" * 64,
            model_hash="d" * 64,
            simulated=True,
        )

    async def ask(self, passage: str = "passage1", identity: Identity = IDENTITY) -> SignedRequest:
        request = self.request(passage, identity)
        await within(self.link.send(AUTHORITY, request))
        return request

    async def inject(self, raw: bytes, *, retain: bool = False, times: int = 1) -> None:
        """Publish on the lane's grant topic as somebody who can write there."""
        stranger = Probe(self.broker.settings("stranger"))
        async with stranger.running():
            for future in [
                stranger.link.publish(grant_topic(SITE, LANE, AUTHORITY), raw, retain=retain) for _ in range(times)
            ]:
                await within(future)


async def test_release_is_bound_to_its_request(broker: BrokerCase, world: World) -> None:
    async with Bench(broker, world).running() as bench:
        request = await bench.ask()
        grant = await within(bench.grants.get())
    assert grant.verdict == "release"
    assert grant.request_hash == request.request_hash
    assert (grant.site, grant.lane, grant.boot, grant.passage, grant.nonce) == (
        SITE,
        LANE,
        "boot1",
        "passage1",
        "nonce-passage1",
    )
    assert grant.note == NOTE
    assert bench.refusals.empty()


@pytest.mark.parametrize("kind", ["refer", "deny", "hold"])
async def test_other_verdicts(broker: BrokerCase, world: World, kind: BehaviourKind) -> None:
    async with Bench(broker, world, default=Behaviour(kind, target="weigh")).running() as bench:
        await bench.ask()
        grant = await within(bench.grants.get())
    assert grant.verdict == kind
    assert grant.target == ("weigh" if kind == "refer" else None)


async def test_silent_late_and_duplicate(broker: BrokerCase, world: World) -> None:
    async with Bench(broker, world).running() as bench:
        bench.service.behave(Behaviour("silent"), passage="quiet")
        bench.service.behave(Behaviour("late", delay_ms=500), passage="slow")
        bench.service.behave(Behaviour("duplicate"), passage="thrice")
        await bench.ask("slow")
        await bench.ask("quiet")
        await bench.ask("thrice")
        order = [(await within(bench.grants.get())).passage for _ in range(4)]
    assert order[:3] == ["thrice"] * 3
    assert order[3] == "slow"
    assert bench.grants.empty()
    # The last may be here before its acknowledgement is there.
    assert bench.service.link.counters.published in (3, 4)


@pytest.mark.parametrize(("kind", "reason"), [("forged", "signature_invalid"), ("malformed", "not_compact")])
async def test_attacks_on_the_signature(broker: BrokerCase, world: World, kind: BehaviourKind, reason: str) -> None:
    async with Bench(broker, world, default=Behaviour(kind)).running() as bench:
        await bench.ask()
        authority, refusal = await within(bench.refusals.get())
    assert authority == AUTHORITY
    assert refusal.reason in {reason, "base64_not_canonical", "signature_length"}
    assert bench.grants.empty()


async def test_authentic_grants_that_only_the_core_can_refuse_say_what_they_are_for(
    broker: BrokerCase, world: World
) -> None:
    async with Bench(broker, world).running() as bench:
        bench.service.behave(Behaviour("wrong_lane"), passage="p1")
        await bench.ask("p1")
        assert (await within(bench.grants.get())).lane == f"{LANE}-not"
        await bench.ask("p2")
        first = await within(bench.grants.get())
        bench.service.behave(Behaviour("replayed"), passage="p3")
        request = await bench.ask("p3")
        replayed = await within(bench.grants.get())
    assert replayed == first
    assert replayed.request_hash != request.request_hash


async def test_replay_without_an_earlier_release_names_another_passage(broker: BrokerCase, world: World) -> None:
    async with Bench(broker, world, default=Behaviour("replayed")).running() as bench:
        await bench.ask()
        assert (await within(bench.grants.get())).passage == "earlier"


async def test_retained_grant_is_refused_when_it_comes_from_the_store(broker: BrokerCase, world: World) -> None:
    bench = Bench(broker, world)
    await bench.inject(world.sign(world.claims()), retain=True)
    async with bench.running():
        _, refusal = await within(bench.refusals.get())
    assert refusal.reason == "retained"
    assert bench.grants.empty()


async def test_service_leaves_a_retained_grant_behind(broker: BrokerCase, world: World) -> None:
    async with Bench(broker, world, default=Behaviour("retained")).running() as bench:
        await bench.ask()
        await within(bench.answered.get())
        later = Probe(broker.settings("later"))
        later.listen(grant_topic(SITE, LANE, AUTHORITY))
        async with later.running():
            assert (await within(later.messages.get())).retain


async def test_a_grant_of_another_lane_by_a_key_without_this_scope(
    broker: BrokerCase, world: World, tmp_path: Path
) -> None:
    elsewhere = make_world(tmp_path, lanes=("lane9",))
    bench = Bench(broker, replace(world, keyset=elsewhere.keyset))
    async with serving(bench.link.run):
        await within(bench.lane_up.wait())
        await bench.inject(elsewhere.sign(world.claims()))
        _, refusal = await within(bench.refusals.get())
    assert refusal.reason == "key_scope"


async def test_grant_on_another_lanes_topic_is_not_even_received(broker: BrokerCase, world: World) -> None:
    async with Bench(broker, world).running() as bench:
        stranger = Probe(broker.settings("stranger"))
        async with stranger.running():
            for topic in (grant_topic(SITE, "lane2", AUTHORITY), grant_topic(SITE, LANE, "port")):
                await within(stranger.link.publish(topic, world.sign(world.claims())))
        await bench.ask()
        assert (await within(bench.grants.get())).passage == "passage1"
    assert bench.link.link.counters.received == 1


async def test_broker_killed_and_emptied_between_request_and_grant(broker: BrokerCase, world: World) -> None:
    async with Bench(broker, world, default=Behaviour("silent")).running() as bench:
        await bench.ask("lost")
        await within(bench.answered.get())
        bench.lane_up.clear()
        bench.service_up.clear()
        broker.broker.kill()
        await within(bench.lane_down.get())
        with pytest.raises(MqttDown, match="not_connected"):
            await bench.link.send(AUTHORITY, bench.request("down"))
        assert not bench.link.is_up
        await asyncio.to_thread(broker.broker.start)
        await within(bench.lane_up.wait())
        await within(bench.service_up.wait())
        bench.service.behave(Behaviour())
        await bench.ask("again")
        assert (await within(bench.grants.get())).passage == "again"


@pytest.mark.hazard("C20")
async def test_flood_is_cut_told_once_and_ends(broker: BrokerCase, world: World) -> None:
    bench = Bench(broker, world)
    receive, drained = bench.link._receiver(AUTHORITY), asyncio.Event()

    def count(message: Message) -> None:
        receive(message)
        if bench.link.link.counters.received == 200:
            drained.set()

    bench.link.link.subscribe(grant_topic(SITE, LANE, AUTHORITY), count)
    async with bench.running():
        await bench.inject(b"noise", times=200)
        await within(drained.wait())
        for _ in range(FLOOD_BURST):
            assert (await within(bench.refusals.get()))[1].reason == "not_compact"
        assert (await within(bench.refusals.get()))[1].reason == "flood"
        bench.clock.ms += 2000
        await bench.ask()
        assert (await within(bench.grants.get())).verdict == "release"
    assert bench.refusals.empty()
    assert bench.link.dropped_by_flood == 200 - FLOOD_BURST


def test_ids_that_are_no_topic_level_are_refused(broker_settings: Callable[[], Any], world: World) -> None:
    for changes in ({"site": "a/b"}, {"lane": "+"}, {"authorities": ["#"]}):
        given: dict[str, Any] = {"site": SITE, "lane": LANE, "authorities": [AUTHORITY]} | changes
        with pytest.raises(ValueError, match="not an id"):
            ClearanceLink(
                broker_settings(),
                keyset=lambda: world.keyset,
                clock=HandClock(),
                on_grant=lambda _: None,
                on_refused=lambda *_: None,
                **given,
            )


@pytest.fixture
def broker_settings() -> Callable[[], Any]:
    return lambda: MqttSettings("127.0.0.1", 1, "c")


class OfflineService:
    """The service fed by hand: what it refuses needs no broker."""

    def __init__(self, world: World, **options: Any) -> None:
        self.service = ClearanceService(
            MqttSettings("127.0.0.1", 1, "c"),
            authority=AUTHORITY,
            site=SITE,
            key=world.authority_key,
            keyset=world.keyset,
            utc=lambda: NOW,
            **options,
        )

    def hear(self, raw: bytes, *, lane: str = LANE, retain: bool = False) -> None:
        self.service._receive(Message(request_topic(SITE, lane, AUTHORITY), raw, retain))


@pytest.mark.threat("insertion", "request")
async def test_requests_that_are_not_answered(world: World, caplog: pytest.LogCaptureFixture) -> None:
    offline = OfflineService(world)

    def signed(**claims: Any) -> bytes:
        base = {"v": 1, "typ": REQUEST_TYPE, "site": SITE, "lane": LANE, "authority": AUTHORITY}
        return seal(canonical_json(base | claims), typ=REQUEST_TYPE, key_id=world.lane_key_id, key=world.lane_key)

    offline.hear(b"noise")
    offline.hear(signed(), retain=True)
    offline.hear(signed(), lane="a b")
    offline.hear(signed(authority="port"))
    offline.hear(signed(lane="lane2"))
    offline.hear(signed())
    offline.hear(signed(passage="p", readings=7))
    offline.hear(signed(passage="p", readings={"plates": [{"place": "front", "value": "x"}]}))
    offline.hear(signed(passage="p", readings=[]))
    offline.hear(signed(passage="p", readings={"plates": ["x"]}))
    assert offline.service.refused == [
        "not_compact",
        "retained",
        "request_lane",
        "request_authority",
        "request_lane",
        "request_form_keyerror",
        *["request_form_typeerror"] * 4,
    ]
    assert offline.service.answered == []
    # Each reason is told once: a flood of requests is none of the log.
    told = [record.reason for record in caplog.records]  # type: ignore[attr-defined]
    assert sorted(told) == sorted(set(offline.service.refused))


async def test_sequence_grows_over_a_restart_of_the_service(broker: BrokerCase, world: World, tmp_path: Path) -> None:
    file = tmp_path / "sequences.json"
    seen = []
    for round_number in range(2):
        async with Bench(broker, world, sequence_file=file, default=Behaviour("deny")).running() as bench:
            for passage in ("a", "b"):
                await bench.ask(f"{passage}{round_number}")
                seen.append((await within(bench.grants.get())).sequence)
    assert seen == [1, 2, 3, 4]


@pytest.mark.threat("repetition", "request")
async def test_the_same_request_twice_gets_the_same_answer(broker: BrokerCase, world: World) -> None:
    async with Bench(broker, world).running() as bench:
        await bench.ask()
        first = await within(bench.grants.get())
        await bench.ask()
        assert await within(bench.grants.get()) == first
    assert len(bench.service.answered) == 1


async def test_behaviour_by_plate_and_by_default(broker: BrokerCase, world: World) -> None:
    nobody = Identity(containers=Reading("read", (Container("CSQU3054383", "verified"),), 0.9))
    async with Bench(broker, world).running() as bench:
        bench.service.behave(Behaviour("deny"), plate="沪A12345")
        bench.service.behave(Behaviour("hold"))
        await bench.ask("by-plate")
        assert (await within(bench.grants.get())).verdict == "deny"
        await bench.ask("by-default", nobody)
        assert (await within(bench.grants.get())).verdict == "hold"


def test_signed_grants_are_the_bytes_that_the_world_signs(world: World) -> None:
    grant = replace(GRANT, key_id=world.authority_key_id)
    assert sign_grant(grant, world.authority_key) == world.sign(world.claims())
