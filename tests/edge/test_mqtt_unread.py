"""A broker that sends on and reads nothing: what waits for it is bounded."""

import asyncio
import socket

import pytest

from edge.mqtt.dialling import tune
from tests.edge.test_mqtt_hostile import CONNACK, packet, peer, settings
from tests.support.mqtt import Probe, within


@pytest.mark.hazard("S24")
async def test_a_broker_that_floods_and_reads_no_acknowledgement_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = b"\x32\x07\x00\x01t\x00\x01xx"

    def tuned(sock: socket.socket) -> None:
        tune(sock)
        # Of a machine that holds little for a connection; megabytes of acknowledgements take minutes.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    monkeypatch.setattr("edge.mqtt.connection.tune", tuned)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while True:
            writer.write(publish * 4096)
            await writer.drain()

    async with peer(serve) as port:
        probe = Probe(settings(port))
        async with probe.running():
            down = await within(probe.downs.get(), 20)
    assert down.code == "unread"
    assert "packets" in down.detail
