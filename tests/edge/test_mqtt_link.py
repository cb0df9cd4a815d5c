"""The link over real brokers, both protocol versions each."""

import asyncio
import socket
from typing import Any

import pytest

from edge.mqtt import MAX_PAYLOAD_BYTES, Message, MqttDown
from tests.support.brokers import BrokerCase
from tests.support.mqtt import Probe, within


async def test_publish_is_acknowledged_and_delivered(broker: BrokerCase) -> None:
    sender, receiver = Probe(broker.settings("sender")), Probe(broker.settings("receiver"))
    receiver.listen("a/+/c")
    async with sender.running(), receiver.running():
        await within(sender.link.publish("a/b/c", b"hello"))
        assert await within(receiver.messages.get()) == Message("a/b/c", b"hello", retain=False, qos=1)
        await within(sender.link.publish("a/b/c", b"again", qos=0))
        assert (await within(receiver.messages.get())).payload == b"again"
    assert sender.link.counters.published == 2
    assert receiver.link.counters.received == 2


async def test_socket_sends_at_once(broker: BrokerCase) -> None:
    probe = Probe(broker.settings("tuned"))
    async with probe.running():
        assert probe.link._connection is not None
        sock = probe.link._connection._client.socket()
        assert isinstance(sock, socket.socket)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_retained_message_is_marked(broker: BrokerCase) -> None:
    sender = Probe(broker.settings("sender"))
    async with sender.running():
        await within(sender.link.publish("kept", b"old", retain=True))
        late = Probe(broker.settings("late"))
        late.listen("kept")
        async with late.running():
            message = await within(late.messages.get())
    assert (message.payload, message.retain) == (b"old", True)


async def test_a_filter_added_while_up_is_subscribed(broker: BrokerCase) -> None:
    probe = Probe(broker.settings("one"))
    async with probe.running():
        probe.listen("later")
        probe.link.publish("later", b"x")
        assert (await within(probe.messages.get())).payload == b"x"


@pytest.mark.hazard("C3")
async def test_broker_killed_and_restarted_empty_is_subscribed_again(broker: BrokerCase) -> None:
    probe = Probe(broker.settings("one"))
    probe.listen("topic")
    async with probe.running():
        for round_number in range(3):
            broker.broker.kill()
            assert (await within(probe.downs.get())).code in {"connection_lost", "disconnected_by_broker"}
            with pytest.raises(MqttDown, match="not_connected"):
                await probe.link.publish("topic", b"lost")
            await asyncio.to_thread(broker.broker.start)
            await within(probe.ups.get())
            await within(probe.link.publish("topic", b"%d" % round_number))
            assert (await within(probe.messages.get())).payload == b"%d" % round_number
    assert probe.downs.empty()
    assert probe.link.counters.connects == 4


async def test_unacknowledged_publishes_fail_with_the_connection_and_are_not_sent_later(broker: BrokerCase) -> None:
    probe = Probe(broker.settings("one"))
    probe.listen("topic")
    async with probe.running():
        broker.broker.kill()
        # The loss is not noticed yet, or was: either way each future ends, and nothing waits in memory.
        futures = [probe.link.publish("topic", b"x") for _ in range(20)]
        for future in futures:
            with pytest.raises(MqttDown):
                await within(future)
        await asyncio.to_thread(broker.broker.start)
        await within(probe.ups.get())
        await within(probe.link.publish("topic", b"fresh"))
        assert (await within(probe.messages.get())).payload == b"fresh"
    assert probe.messages.empty()


async def test_a_failing_handler_ends_nothing(broker: BrokerCase) -> None:
    probe = Probe(broker.settings("one"))

    def fail(message: Message) -> None:
        raise RuntimeError("handler")

    probe.link.subscribe("bad", fail)
    probe.listen("good")
    async with probe.running():
        await within(probe.link.publish("bad", b"x"))
        await within(probe.link.publish("good", b"x"))
        await within(probe.messages.get())
    assert probe.link.counters.handler_errors == 1
    assert probe.downs.empty()


async def test_own_payload_over_the_limit_is_refused(broker: BrokerCase) -> None:
    probe = Probe(broker.settings("one"))
    async with probe.running():
        await within(probe.link.publish("topic", b"x" * MAX_PAYLOAD_BYTES))
        with pytest.raises(MqttDown, match="payload_too_large"):
            await probe.link.publish("topic", b"x" * (MAX_PAYLOAD_BYTES + 1))


@pytest.mark.hazard("C1")
async def test_will_is_sent_for_a_killed_client_and_not_for_a_stopped_one(broker: BrokerCase) -> None:
    watcher = Probe(broker.settings("watcher"))
    watcher.listen("will/+")
    numbers = iter(range(10))

    def settings(name: str) -> object:
        return broker.settings(name, will=lambda: Message(f"will/{name}", b"%d" % next(numbers)))

    async with watcher.running():
        stopped, killed = Probe(settings("stopped")), Probe(settings("killed"))  # type: ignore[arg-type]
        async with stopped.running():
            pass
        async with killed.running():
            assert killed.link._connection is not None
            sock = killed.link._connection._client.socket()
            assert isinstance(sock, socket.socket)
            sock.shutdown(socket.SHUT_RDWR)  # the peer sees the end of the stream, without a DISCONNECT
            message = await within(watcher.messages.get())
    assert (message.topic, message.payload) == ("will/killed", b"1")
    assert watcher.messages.empty()


@pytest.mark.hazard("C11", "C12")
async def test_two_clients_of_one_name_do_not_flap(broker: BrokerCase) -> None:
    """Neither Mosquitto 2.0.11 nor rumqttd sends 0x8E: the older one sees an end, and waits longer each time."""
    waits: asyncio.Queue[float] = asyncio.Queue()
    again = asyncio.Semaphore(0)

    async def held(seconds: float) -> None:
        waits.put_nowait(seconds)
        await again.acquire()

    def options() -> dict[str, Any]:
        return {"sleep": held, "random_fraction": lambda: 1.0}

    settings = broker.settings("same", backoff_min_s=1.0, backoff_max_s=9.0, stable_s=60.0)
    first, second = Probe(settings, **options()), Probe(settings, **options())
    seen = []
    async with first.running(), second.running():
        for _ in range(5):
            seen.append(await within(waits.get()))
            again.release()
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]
