"""The broker's access list against real Mosquitto with TLS and client certificates (hazards.md S4-S7, C6, C11)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edge.clearance.authority_link import grant_topic, request_topic
from edge.mqtt import MqttDown, MqttSettings, TlsSettings
from edge.runtime.security_watch import SecurityWatch
from edge.telemetry.topics import LaneTopics
from tests.support.broker_wall import LANES, SITE, Wall, wall
from tests.support.brokers import skip_without_mosquitto
from tests.support.clocks import StoodClock
from tests.support.mqtt import Probe, within

pytestmark = pytest.mark.mosquitto
LIMIT_S = 30.0
REQUEST, GRANT = request_topic(SITE, "in-1", "customs"), grant_topic(SITE, "in-1", "customs")
TOPICS = LaneTopics(SITE, "in-1")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Wall]:
    skip_without_mosquitto()
    with wall(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def connected(settings: MqttSettings, *filters: str) -> AsyncIterator[Probe]:
    """A link that is up; `filters` are subscribed before."""
    probe = Probe(settings)
    for one in filters:
        probe.listen(one)
    async with probe.running(wait_up=False):
        await within(probe.ups.get(), LIMIT_S)
        yield probe


async def refused(sender: Probe, topic: str, payload: bytes = b"x", *, retain: bool = False) -> None:
    """A publish that the broker does not take: MQTT 5 says so in PUBACK."""
    with pytest.raises(MqttDown) as down:
        await within(sender.link.publish(topic, payload, 1, retain), LIMIT_S)
    assert down.value.code == "publish_refused"


async def heard(probe: Probe, count: int) -> list[str]:
    return [(await within(probe.messages.get(), LIMIT_S)).topic for _ in range(count)]


@pytest.mark.hazard("S4")
async def test_what_is_permitted_passes_on_both_versions(broker: Wall) -> None:
    for version in ("3.1.1", "5"):
        asking = broker.settings("yard-in-1-clearance", version=version)
        telling = broker.settings("yard-in-1-telemetry", version=version)
        async with (
            connected(asking, GRANT) as lane,
            connected(telling, TOPICS.acknowledgement, TOPICS.alarms) as telemetry,
            connected(
                broker.settings("authority.customs", version=version), "gate/v1/+/+/clearance/customs/request"
            ) as customs,
            connected(broker.settings("central.ops", version=version), "gate/v1/+/+/event/#") as ops,
        ):
            await within(lane.link.publish(REQUEST, b"asked"), LIMIT_S)
            assert await heard(customs, 1) == [REQUEST]
            await within(customs.link.publish(GRANT, b"granted"), LIMIT_S)
            assert await heard(lane, 1) == [GRANT]
            await within(telemetry.link.publish(TOPICS.event("passage_ended"), b"{}"), LIMIT_S)
            assert await heard(ops, 1) == [TOPICS.event("passage_ended")]
            await within(ops.link.publish(TOPICS.acknowledgement, b"{}"), LIMIT_S)
            assert await heard(telemetry, 1) == [TOPICS.acknowledgement]


@pytest.mark.hazard("S4", "C17")
async def test_without_a_certificate_nobody_is_heard(broker: Wall) -> None:
    """Anonymous, or with one of another authority (S4, C17)."""
    ca = broker.authority.ca_file
    probe = Probe(MqttSettings("127.0.0.1", broker.port, "yard-in-1-clearance", version="5", tls=TlsSettings(ca)))
    async with probe.running(wait_up=False):
        assert (await within(probe.downs.get(), LIMIT_S)).code in {"tls_failed", "connection_lost"}
    plain = Probe(MqttSettings("127.0.0.1", broker.port, "yard-in-1-clearance", version="5"))
    async with plain.running(wait_up=False):
        assert (await within(plain.downs.get(), LIMIT_S)).code in {"connection_lost", "connect_timeout"}


@pytest.mark.hazard("S4", "S5", "C8")
@pytest.mark.threat("masquerade", "telemetry", "ack")
async def test_another_lane_publishes_and_hears_nothing_of_this_one(broker: Wall) -> None:
    """S4, S5, C8: neither as itself, nor under filters that would match everything."""
    async with (
        connected(broker.settings("yard-in-2-clearance"), "#", GRANT, grant_topic(SITE, "in-2", "customs")) as other,
        connected(broker.settings("yard-in-1-clearance"), GRANT) as lane,
        connected(broker.settings("authority.customs")) as customs,
    ):
        for topic in (REQUEST, GRANT, TOPICS.acknowledgement, TOPICS.availability, TOPICS.event("passage_ended")):
            await refused(other, topic)
        await within(lane.link.publish(REQUEST, b"plate"), LIMIT_S)
        await within(customs.link.publish(GRANT, b"granted"), LIMIT_S)
        assert await heard(lane, 1) == [GRANT]
        own = grant_topic(SITE, "in-2", "customs")
        await within(customs.link.publish(own, b"granted"), LIMIT_S)
        # The broker keeps the order of one sender: had it passed anything of the other lane, it would be first.
        assert set(await heard(other, 1)) == {own}


@pytest.mark.parametrize(
    ("identity", "sender", "sentinel"),
    [
        ("central.ops", "yard-in-1-telemetry", TOPICS.state),
        ("central.console", "yard-in-1-telemetry", TOPICS.state),
        ("clerk.customs", "yard-in-1-clearance", f"{TOPICS.root}/drill/customs/request"),
        ("authority.port", "yard-in-1-clearance", request_topic(SITE, "in-1", "port")),
        ("yard-in-2-telemetry", "central.ops", LaneTopics(SITE, "in-2").acknowledgement),
    ],
)
@pytest.mark.hazard("S5", "S16")
async def test_a_wildcard_subscription_shows_no_plate(broker: Wall, identity: str, sender: str, sentinel: str) -> None:
    """S5, S16: clearance and passage reach the authority alone."""
    async with (
        connected(broker.settings(identity), "#", "gate/v1/+/+/passage/+", "gate/v1/+/+/clearance/#") as curious,
        connected(broker.settings("authority.customs"), REQUEST, TOPICS.passage("customs")) as customs,
        contextlib.AsyncExitStack() as stack,
    ):
        names = {"yard-in-1-clearance", "yard-in-1-telemetry", sender}
        links = {name: (await stack.enter_async_context(connected(broker.settings(name)))).link for name in names}
        await within(links["yard-in-1-clearance"].publish(REQUEST, b"plate"), LIMIT_S)
        await within(links["yard-in-1-telemetry"].publish(TOPICS.passage("customs"), b"plate"), LIMIT_S)
        assert await heard(customs, 2) == [REQUEST, TOPICS.passage("customs")]
        await within(links[sender].publish(sentinel, b"seen"), LIMIT_S)
        # What passed before it would be here first.
        assert await heard(curious, 1) == [sentinel]


@pytest.mark.parametrize("identity", ["+", "#", "yard/in-1", "$SYS", "yard-+-clearance"])
@pytest.mark.hazard("S6")
async def test_an_identity_with_a_wildcard_is_nobody(broker: Wall, identity: str) -> None:
    """CVE-2017-7650 (S6): the name of a certificate never becomes part of a filter."""
    probe = Probe(broker.settings(identity, client_id="curious"))
    probe.listen("#")
    async with probe.running(wait_up=False), connected(broker.settings("central.ops")) as ops:
        waiting = {asyncio.ensure_future(one) for one in (probe.ups.get(), probe.downs.get())}
        done, _ = await within(asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED), LIMIT_S)
        came_up = any(one.result() is None for one in done)
        for one in waiting:
            one.cancel()
        if came_up:
            for topic in (REQUEST, GRANT, TOPICS.acknowledgement):
                await refused(probe, topic)
        await within(ops.link.publish(TOPICS.acknowledgement, b"{}"), LIMIT_S)
        assert probe.messages.empty()


@pytest.mark.hazard("C11")
async def test_a_stranger_with_the_lane_s_client_id_does_not_end_its_connection(broker: Wall) -> None:
    """C11: the client id is the certificate's name, whatever CONNECT says."""
    async with connected(broker.settings("yard-in-1-clearance"), GRANT) as lane:
        thief = broker.settings("yard-in-2-clearance", client_id="yard-in-1-clearance")
        async with connected(thief) as other, connected(broker.settings("authority.customs")) as customs:
            await refused(other, REQUEST)
            await within(customs.link.publish(GRANT, b"granted"), LIMIT_S)
            assert await heard(lane, 1) == [GRANT]
        assert lane.downs.empty()
        assert lane.link.counters.takeovers == 0


@pytest.mark.hazard("C11", "C12")
async def test_two_holders_of_one_certificate_are_told(broker: Wall) -> None:
    """A copied key. Mosquitto 2.0.11 closes the older connection without the word 0x8E: the coming and going tells."""
    first, second = (Probe(broker.settings("yard-in-1-clearance")) for _ in range(2))
    alarms: dict[str, str | None] = {}

    class Alarms:
        def publish_alarm(self, code: str, detail: str | None) -> None:
            alarms[code] = detail

    watch = SecurityWatch(
        "in-1", clock=StoodClock(), alarms=Alarms(), note=lambda *_: None, links={"clearance": first.link.counters}
    )
    async with first.running(wait_up=False), second.running(wait_up=False):
        for _ in range(5):
            await within(first.ups.get(), LIMIT_S)
    watch.look()
    assert alarms.keys() & {"connection_flapping", "session_taken_over"}


@pytest.mark.hazard("C6", "S7")
async def test_a_retained_command_and_an_oversize_packet_change_nothing(broker: Wall) -> None:
    """C6, S7: nobody but the lane itself may leave a value for those who come later; nothing large passes."""
    async with (
        connected(broker.settings("yard-in-2-telemetry")) as other,
        connected(broker.settings("central.ops")) as ops,
    ):
        for topic in (f"gate/v1/{SITE}/in-1/cmd/open/request", GRANT):
            await refused(other, topic, retain=True)
            await refused(ops, topic, retain=True)
    raw = Probe(broker.settings("yard-in-1-clearance"))
    async with raw.running(wait_up=False):
        await within(raw.ups.get(), LIMIT_S)
        assert raw.link._connection is not None
        # Past the link's own check, as a stranger with a certificate would send it.
        raw.link._connection._client.publish(REQUEST, b"x" * 40_000, 1)
        assert (await within(raw.downs.get(), LIMIT_S)).code in {"disconnected_by_broker", "connection_lost"}


@pytest.mark.hazard("C6")
async def test_a_retained_grant_that_an_authority_leaves_comes_marked_as_such(broker: Wall) -> None:
    """C6: Mosquitto's list cannot forbid the flag, so the lane's own check must be able to see it."""
    async with connected(broker.settings("authority.customs")) as customs:
        await within(customs.link.publish(GRANT, b"old", 1, True), LIMIT_S)
    async with connected(broker.settings("yard-in-1-clearance"), GRANT) as lane:
        assert (await within(lane.messages.get(), LIMIT_S)).retain


@pytest.mark.hazard("C17")
async def test_a_withdrawn_certificate_is_refused(tmp_path: Path) -> None:
    """C17: with the list of withdrawn certificates that the file has a place for."""
    skip_without_mosquitto()
    broker = Wall(tmp_path)
    stolen = broker.settings("yard-in-1-clearance")
    assert stolen.tls is not None
    assert stolen.tls.certificate_file is not None
    broker.start(revoked=[stolen.tls.certificate_file])
    try:
        probe = Probe(stolen)
        async with probe.running(wait_up=False):
            assert (await within(probe.downs.get(), LIMIT_S)).code in {"tls_failed", "connection_lost"}
        async with connected(broker.settings(f"{SITE}-{LANES[1]}-clearance")):
            pass
    finally:
        broker.kill()
