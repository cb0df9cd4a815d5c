"""One MQTT connection, from dialling to its loss: paho's codec and state machine driven from asyncio.

The only module that names paho (2.x, callback API v2). A client object lives for one connection, so nothing
that paho queued can be sent again later: the caller's durable outbox alone repeats.
"""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.mqtt.dialling import dial, quick_acknowledge, tune
from edge.mqtt.values import MAX_PAYLOAD_BYTES, LinkCounters, Message, MqttDown, MqttSettings

_log = logging.getLogger(__name__)

SESSION_TAKEN_OVER = 0x8E  # MQTT 5.0, 3.14.2.1
# A packet is a payload with topic and properties around it.
MAX_PACKET_BYTES = MAX_PAYLOAD_BYTES + 2048
_READ_CHUNK_BYTES = 16 * 1024
# paho asks for the first bytes of each packet one by one: so much is read with them.
_READ_AHEAD_BYTES = 4 * 1024
# So many packets of those that came together are taken in one turn of the loop: an answer with the acknowledgement that
# comes before it, yet no flood.
_MOST_AT_ONCE = 4
# Packets that may wait to be written beside our own publishes.
_MOST_UNREAD = 256
_TICK_S = 0.5


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Say whether a topic falls under a filter with `+` and `#` (MQTT 3.1.1, 4.7)."""
    return bool(paho.topic_matches_sub(topic_filter, topic))


class _Client(paho.Client):
    """paho's client on a socket that we dialled, with its memory bounded.

    Both overrides are of private methods; `tests/edge/test_mqtt_link.py` would fail if paho renamed them.
    """

    ready_socket: socket.socket | None = None
    # What was read and not asked for yet.
    ahead = b""
    # So many packets may yet begin in this turn: paho takes one for each publish that waits, however many those are.
    may_begin = 0

    def _create_socket(self) -> Any:
        sock, self.ready_socket = self.ready_socket, None
        if sock is None:
            raise OSError("the socket of this connection was already used")
        return sock

    def _sock_recv(self, bufsize: int) -> bytes:
        # MQTT 3.1.1 knows no maximum packet size: keep the front of an oversize packet, which is enough for
        # its topic, and let the rest pass by (hazards.md S7, I18).
        packet = self._in_packet["packet"]
        if not self._in_packet["command"]:
            if not self.may_begin:
                raise BlockingIOError
            self.may_begin -= 1
        if len(packet) > 4 * MAX_PACKET_BYTES:
            del packet[2 * MAX_PACKET_BYTES :]
        if not self.ahead:
            self.ahead = super()._sock_recv(min(max(bufsize, _READ_AHEAD_BYTES), _READ_CHUNK_BYTES))
        data, self.ahead = self.ahead[:bufsize], self.ahead[bufsize:]
        return data


class Connection:
    """One connection. `open`, then `subscribe` and `publish` at will, and `lost` says when and why it ended."""

    def __init__(self, settings: MqttSettings, deliver: Callable[[Message], None], counters: LinkCounters) -> None:
        self._settings = settings
        self._deliver = deliver
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[MqttDown] = self._loop.create_future()
        self._unacknowledged: dict[int, tuple[asyncio.Future[None], float]] = {}
        self._subscribing: dict[int, asyncio.Future[None]] = {}
        self._tick: asyncio.TimerHandle | None = None
        self._driving = self._awaits_room = self._reads_on = False
        self._client = self._make_client()

    async def open(self) -> None:
        """Dial and be accepted by the broker within the connect time-out each; raises MqttDown."""
        sock = await dial(self._settings)
        self._client.ready_socket = sock
        try:
            self._client.reconnect()
            self._await_room()
            self._schedule_tick()
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await self._first(self._accepted)
        except TimeoutError as late:
            raise self._end(self._down("connect_timeout", "no CONNACK")) from late
        finally:
            if self._client.ready_socket is not None:
                sock.close()

    async def lost(self) -> MqttDown:
        """Wait until the connection ended and return the reason."""
        return await asyncio.shield(self._lost)

    def request_subscription(self, filters: Sequence[str]) -> asyncio.Future[None]:
        """Send SUBSCRIBE with QoS 1; the future ends with the broker's yes, or the connection with its no."""
        future: asyncio.Future[None] = self._loop.create_future()
        code, mid = self._client.subscribe([(name, self._options()) for name in filters])
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS and mid is not None:
            self._subscribing[mid] = future
        else:
            self._end(self._down("connection_lost", "SUBSCRIBE not sent"))
        self._await_room()
        return future

    async def confirmed(self, subscription: asyncio.Future[None]) -> None:
        """Wait for a requested subscription; raises MqttDown (subscription_refused), and the connection ends."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await self._first(subscription)
        except TimeoutError as late:
            raise self._end(self._down("subscription_refused", "no SUBACK")) from late

    def publish(self, message: Message) -> asyncio.Future[None]:
        """Send; the future ends at PUBACK (QoS 0: at once) or with MqttDown."""
        future: asyncio.Future[None] = self._loop.create_future()
        future.add_done_callback(_retrieve)
        if self._lost.done():
            future.set_exception(self._lost.result())
        elif len(self._unacknowledged) >= self._settings.max_unacknowledged:
            future.set_exception(self._down("too_many_unacknowledged", str(len(self._unacknowledged))))
        else:
            self._send(message, future)
        return future

    def close(self) -> None:
        """Say DISCONNECT, so that no will is sent, and end. May be called at any time and repeatedly."""
        if not self._lost.done() and self._client.is_connected():
            self._client.disconnect()
            self._client.loop_write()
        self._end(self._down("stopped"))
        self._client._sock_close()

    def _send(self, message: Message, future: asyncio.Future[None]) -> None:
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            future.set_exception(self._down("connection_lost", paho.error_string(info.rc)))
        elif message.qos == 0:
            self._counters.published += 1
            future.set_result(None)
        else:
            self._unacknowledged[info.mid] = (future, time.monotonic() + self._settings.publish_timeout_s)
        self._await_room()

    async def _first(self, wanted: asyncio.Future[None]) -> None:
        waiting: set[asyncio.Future[Any]] = {wanted, self._lost}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if self._lost.done():
            raise self._lost.result()
        wanted.result()

    def _down(self, code: str, detail: str = "") -> MqttDown:
        return MqttDown(code, address=self._settings.address, detail=detail)

    def _end(self, reason: MqttDown) -> MqttDown:
        """End once: the first reason stays, everything that waits fails with it."""
        if self._lost.done():
            return self._lost.result()
        self._lost.set_result(reason)
        if self._tick is not None:
            self._tick.cancel()
        for future, _ in self._unacknowledged.values():
            if not future.done():
                future.set_exception(reason)
        self._unacknowledged.clear()
        # paho holds a plain lock during its callbacks, and closing a socket is one of them: close later.
        self._loop.call_soon(self._client._sock_close)
        return reason

    # -- driving paho --------------------------------------------------------------------------------------

    def _schedule_tick(self) -> None:
        self._tick = self._loop.call_later(_TICK_S, self._on_tick)

    def _on_tick(self) -> None:
        self._drive(self._client.loop_misc)
        if self._lost.done():
            return
        oldest = next(iter(self._unacknowledged.values()), None)
        if oldest is not None and oldest[1] < time.monotonic():
            self._end(self._down("publish_timeout", "no PUBACK"))
            return
        self._schedule_tick()

    def _on_readable(self) -> None:
        if self._reads_on:
            # This turn has read already.
            return
        self._drive(self._read)
        sock = self._client.socket()
        if sock is None:
            return
        if isinstance(sock, socket.socket):
            quick_acknowledge(sock)
        # Neither what was read ahead nor the decrypted bytes that TLS may hold can be seen by the selector.
        if not self._reads_on and (self._client.ahead or (isinstance(sock, ssl.SSLSocket) and sock.pending())):
            self._reads_on = True
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._reads_on = False
        self._on_readable()

    def _read(self) -> None:
        self._client.may_begin = _MOST_AT_ONCE
        while self._client.may_begin:
            self._client.loop_read()
            if not self._client.ahead or self._lost.done():
                return

    def _drive(self, step: Callable[[], Any]) -> None:
        self._driving = True
        try:
            step()
            # What its callbacks sent was queued until here.
            if self._client.want_write():
                self._client.loop_write()
        except Exception as error:  # noqa: BLE001 - supervisor: paho parses hostile bytes, only this connection may end
            _log.warning("mqtt_malformed_packet", extra={"broker": self._settings.address, "error": repr(error)})
            self._end(self._down("malformed_packet", repr(error)))
        finally:
            self._driving = False
        self._await_room()

    def _await_room(self) -> None:
        """Have the rest written once the socket takes it, where it does not take everything now.

        paho writes at once, not at the loop's next turn: a request and its answer each save one.
        """
        unread = len(self._client._out_packet)
        if unread > self._settings.max_unacknowledged + _MOST_UNREAD:
            # An acknowledgement for each message of a broker that sends on and reads nothing would fill the memory.
            self._end(self._down("unread", f"{unread} packets wait for it to read"))
            return
        sock = self._client.socket()
        if self._driving or sock is None or self._client.want_write() is self._awaits_room:
            return
        self._awaits_room = not self._awaits_room
        if self._awaits_room:
            self._loop.add_writer(sock, self._drive, self._client.loop_write)
        else:
            self._loop.remove_writer(sock)

    # -- paho's callbacks ----------------------------------------------------------------------------------

    def _on_socket_open(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        tune(sock)
        self._loop.add_reader(sock, self._on_readable)

    def _on_socket_close(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _on_connect(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self._end(self._down("refused_by_broker", str(code)))
        elif not self._accepted.done():
            self._accepted.set_result(None)

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, flags: paho.DisconnectFlags, code: ReasonCode, _properties: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            taken = code.value == SESSION_TAKEN_OVER
            self._end(self._down("session_taken_over" if taken else "disconnected_by_broker", str(code)))
        else:
            late = "eep alive" in str(code)
            self._end(self._down("keepalive_timeout" if late else "connection_lost", str(code)))

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        future, _ = self._unacknowledged.pop(mid, (None, 0.0))
        if future is None or future.done():
            return
        if code.is_failure:
            future.set_exception(self._down("publish_refused", str(code)))
        else:
            self._counters.published += 1
            future.set_result(None)

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, mid: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        future = self._subscribing.pop(mid, None)
        if refused:
            self._end(self._down("subscription_refused", ", ".join(refused)))
        elif future is not None and not future.done():
            future.set_result(None)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._counters.received += 1
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            self._counters.dropped_oversize += 1
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            self._counters.dropped_bad_topic += 1
            return
        self._deliver(Message(topic, bytes(message.payload), message.retain, message.qos))

    # -- making paho's client ------------------------------------------------------------------------------

    def _options(self) -> Any:
        # With MQTT 5 a retained grant stays recognisable even when it is delivered live.
        return SubscribeOptions(qos=1, retainAsPublished=True) if self._settings.version == "5" else 1

    def _make_client(self) -> _Client:
        settings = self._settings
        five = settings.version == "5"
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password.reveal() if settings.password else None)
        if settings.will is not None:
            will = settings.will()
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        # Without its callbacks for a socket that is to be written, paho writes at once where it can.
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        properties = None
        if five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = MAX_PACKET_BYTES
        client.connect_async(
            settings.host, settings.port, settings.keepalive_s, clean_start=True, properties=properties
        )
        return client


def _retrieve(future: asyncio.Future[None]) -> None:
    # A caller that gave up on its future must not make asyncio complain about an unread exception.
    if not future.cancelled():
        future.exception()
