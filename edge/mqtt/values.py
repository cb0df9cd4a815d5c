"""Plain values of the MQTT link: settings, messages, errors, counters."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.secret import Secret

ProtocolVersion = Literal["3.1.1", "5"]

# hazards.md S7: nothing of ours is larger, so a larger payload is dropped before anything decodes it.
MAX_PAYLOAD_BYTES = 16 * 1024
# A frozen broker must be noticed within the time that a driver waits at a boom (hazards.md C2).
MAX_KEEPALIVE_S = 10


@dataclass(frozen=True, slots=True)
class Message:
    """One message as received or as it is to be sent. `retain` on a received one: it comes from the store."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """TLS with host name check. Files are PEM; a client certificate needs both of its files.

    With a list of withdrawn certificates, a broker whose own is on it, or a list that is too old, is refused.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    crl_file: Path | None = None


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where and how to connect. Times are seconds.

    `will` is asked once per connection, so that it may carry a session number. `backoff_*` bound the wait
    between attempts; it starts again from the minimum only after a connection stood for `stable_s`.
    Raises ValueError for a keepalive outside 1 to 10 s.
    """

    host: str
    port: int
    client_id: str
    version: ProtocolVersion = "3.1.1"
    username: str | None = None
    password: Secret | None = None
    tls: TlsSettings | None = None
    will: Callable[[], Message] | None = None
    keepalive_s: int = 5
    connect_timeout_s: float = 3.0
    publish_timeout_s: float = 10.0
    backoff_min_s: float = 0.2
    backoff_max_s: float = 15.0
    stable_s: float = 5.0
    max_unacknowledged: int = 256

    def __post_init__(self) -> None:
        if not 1 <= self.keepalive_s <= MAX_KEEPALIVE_S:
            raise ValueError(f"keepalive_s must be 1 to {MAX_KEEPALIVE_S}, got {self.keepalive_s}")

    @property
    def address(self) -> str:
        """Return host:port, for messages."""
        return f"{self.host}:{self.port}"


class MqttDown(Exception):  # noqa: N818 - a state of the link, not a mistake
    """The link cannot carry a message, or was lost. `code` is stable, `detail` is for people.

    Codes: not_connected, stopped, dns_failed, connect_refused, connect_timeout, connect_failed, tls_failed,
    refused_by_broker, subscription_refused, session_taken_over, disconnected_by_broker, keepalive_timeout,
    connection_lost, malformed_packet, publish_refused, publish_timeout, too_many_unacknowledged,
    payload_too_large, unread.
    """

    def __init__(self, code: str, *, address: str, detail: str = "") -> None:
        super().__init__(f"{code}: broker {address}" + (f": {detail}" if detail else ""))
        self.code = code
        self.address = address
        self.detail = detail


@dataclass(slots=True)
class LinkCounters:
    """What happened on a link since it was made; read by metrics, never reset."""

    connects: int = 0
    losses: int = 0
    takeovers: int = 0
    received: int = 0
    published: int = 0
    dropped_oversize: int = 0
    dropped_bad_topic: int = 0
    handler_errors: int = 0
