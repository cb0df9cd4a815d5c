"""A link to a broker that is kept up until cancelled: reconnecting, subscriptions, handlers."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable

from edge.mqtt.connection import Connection, topic_matches
from edge.mqtt.values import MAX_PAYLOAD_BYTES, LinkCounters, Message, MqttDown, MqttSettings

_log = logging.getLogger(__name__)

Handler = Callable[[Message], None]
_WILDCARDS = frozenset("+#")
_system_random = secrets.SystemRandom()


class MqttLink:
    """One connection to one broker. Nothing waits in memory: what cannot be sent now fails now.

    `on_up` is called after every connect, once all subscriptions are confirmed; `on_down` once per loss, and
    once where the first attempts fail, with the reason. `random_fraction` (0.0 to 1.0) spreads reconnects.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[MqttDown], None] | None = None,
        random_fraction: Callable[[], float] = _system_random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.counters = LinkCounters()
        self.on_up = on_up
        self.on_down = on_down
        self._random_fraction = random_fraction
        self._sleep = sleep
        self._monotonic_s = monotonic_s
        self._handlers: dict[str, Handler] = {}
        self._connection: Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_down = False

    @property
    def is_up(self) -> bool:
        """Say whether a publish would be sent now."""
        return self._connection is not None

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have `handler` called for each message under the filter, from now and after every connect.

        A second handler for the same filter replaces the first. A handler must not block; its exception is
        counted and logged and ends nothing.
        """
        known = topic_filter in self._handlers
        self._handlers[topic_filter] = handler
        if self._connection is not None and not known:
            # Sent before this returns, so that a publish after it cannot overtake it.
            sent = self._connection.request_subscription([topic_filter])
            task = asyncio.get_running_loop().create_task(self._await_yes(self._connection, sent))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "asyncio.Future[None]":
        """Send now. The future is done at PUBACK, or fails with MqttDown: at once where the link is down."""
        code = ""
        if self._connection is None:
            code = "not_connected"
        elif len(payload) > MAX_PAYLOAD_BYTES:
            code = "payload_too_large"
        else:
            return self._connection.publish(Message(topic, payload, retain, qos))
        refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        refused.set_exception(MqttDown(code, address=self.settings.address))
        refused.exception()  # marks it as seen: a caller may drop it
        return refused

    async def run(self) -> None:
        """Connect, serve and reconnect until cancelled."""
        attempt = 0
        while True:
            began_s = self._monotonic_s()
            reason = await self._serve_once()
            self._report_down(reason)
            stood = self._monotonic_s() - began_s >= self.settings.stable_s
            attempt = 0 if stood else attempt + 1
            await self._sleep(self._delay_s(attempt, reason))

    async def _serve_once(self) -> MqttDown:
        connection = Connection(self.settings, self._dispatch, self.counters)
        try:
            await connection.open()
            if self._handlers:
                await connection.confirmed(connection.request_subscription(list(self._handlers)))
            self._connection = connection
            self.counters.connects += 1
            self._told_down = False
            _log.info("mqtt_up", extra={"broker": self.settings.address})
            if self.on_up is not None:
                self.on_up()
            return await connection.lost()
        except MqttDown as down:
            return down
        finally:
            self._connection = None
            connection.close()

    async def _await_yes(self, connection: Connection, subscription: "asyncio.Future[None]") -> None:
        try:
            await connection.confirmed(subscription)
        except MqttDown as down:
            # The connection ended with this reason, and run() reports it.
            _log.debug("mqtt_subscribe_failed", extra={"reason": down.code})

    def _delay_s(self, attempt: int, reason: MqttDown) -> float:
        """Return the wait before the next attempt: doubling and bounded, between half and all of it by chance.

        After a takeover it is the longest at once: two controllers with one identity must not flap (C11).
        """
        settings = self.settings
        if reason.code == "session_taken_over":
            ceiling_s = settings.backoff_max_s
        else:
            ceiling_s = min(settings.backoff_max_s, settings.backoff_min_s * 2.0 ** min(attempt, 16))
        return ceiling_s * (0.5 + 0.5 * self._random_fraction())

    def _report_down(self, reason: MqttDown) -> None:
        self.counters.losses += 1
        if reason.code == "session_taken_over":
            self.counters.takeovers += 1
            _log.error("mqtt_session_taken_over", extra={"broker": self.settings.address})
        if self._told_down:
            return
        self._told_down = True
        _log.warning("mqtt_down", extra={"broker": self.settings.address, "reason": reason.code})
        if self.on_down is not None:
            self.on_down(reason)

    def _dispatch(self, message: Message) -> None:
        for topic_filter, handler in tuple(self._handlers.items()):
            # Most filters are a topic as it stands.
            if topic_filter != message.topic and not (
                _WILDCARDS.intersection(topic_filter) and topic_matches(topic_filter, message.topic)
            ):
                continue
            try:
                handler(message)
            except Exception:  # noqa: BLE001 - supervisor: one handler must never end the connection of all others
                self.counters.handler_errors += 1
                _log.exception("mqtt_handler_failed", extra={"topic_filter": topic_filter})
