"""The link against a broker that reads nothing more (hazards.md C18)."""

import asyncio
import socket

import pytest

from edge.mqtt import MAX_PAYLOAD_BYTES, MqttDown
from tests.edge.test_mqtt_hostile import CONNACK, settings
from tests.support.mqtt import Probe, within


@pytest.mark.hazard("C18", "C2")
async def test_a_broker_that_takes_no_more_bytes_is_left_and_what_was_queued_fails() -> None:
    """Its window is closed for good: slower than any byte a second."""
    loop, taken = asyncio.get_running_loop(), list[socket.socket]()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)

    async def deaf() -> None:
        while True:
            connection, _ = await loop.sock_accept(listener)
            taken.append(connection)
            connection.setblocking(False)
            await loop.sock_recv(connection, 4096)
            await loop.sock_sendall(connection, CONNACK)

    serving = loop.create_task(deaf())
    try:
        wanted = settings(listener.getsockname()[1], keepalive_s=1, publish_timeout_s=0.5, max_unacknowledged=1000)
        probe = Probe(wanted)
        async with probe.running():
            # More than the buffers of both ends hold.
            sent = [probe.link.publish("t", bytes(MAX_PAYLOAD_BYTES)) for _ in range(1000)]
            outcomes = await within(asyncio.gather(*sent, return_exceptions=True))
            assert all(isinstance(one, MqttDown) for one in outcomes)
            assert (await within(probe.downs.get())).code == "publish_timeout"
            await within(probe.ups.get())
    finally:
        serving.cancel()
        for one in (listener, *taken):
            one.close()
    assert len(taken) >= 2
