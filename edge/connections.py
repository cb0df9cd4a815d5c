"""A lane's two connections to its broker, apart from each other: a backlog of events never delays a grant."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.clients import client_id
from config.schema import Configuration
from edge.broker_settings import mqtt_settings
from edge.clearance.authority_link import ClearanceLink
from edge.clearance.door import GrantDoor
from edge.clearance.keyset import Keyset
from edge.field_policy import FieldPolicy
from edge.mqtt import MqttLink
from edge.ports import Clock
from edge.runtime.outbox import Outbox
from edge.telemetry.publisher import TelemetryPublisher
from edge.telemetry.session import TelemetrySession
from edge.telemetry.topics import LaneTopics


def clearance_link(
    configuration: Configuration, lane: str, keyset: Callable[[], Keyset], clock: Clock, door: GrantDoor
) -> ClearanceLink:
    """Return the connection on which a lane asks its authorities; what comes back goes to `door`."""
    return ClearanceLink(
        mqtt_settings(configuration, client_id(configuration.site, lane, "clearance")),
        site=configuration.site,
        lane=lane,
        authorities=[one.id for one in configuration.authorities],
        keyset=keyset,
        clock=clock,
        on_grant=door.on_grant,
        on_refused=door.on_refused,
    )


@dataclass(frozen=True, slots=True)
class LaneTelemetry:
    """The connection on which a lane tells, and what it tells there."""

    link: MqttLink
    publisher: TelemetryPublisher


def lane_telemetry(
    configuration: Configuration, lane: str, outbox: Outbox, clock: Clock, policies: Mapping[str, FieldPolicy]
) -> LaneTelemetry:
    """Return a lane's telemetry; `policies` say what each authority may see of an event's detail."""
    topics = LaneTopics(configuration.site, lane)
    session = TelemetrySession(topics, clock.utc)
    name = client_id(configuration.site, lane, "telemetry")
    link = MqttLink(mqtt_settings(configuration, name, will=session.will))
    return LaneTelemetry(link, TelemetryPublisher(link, outbox, session, topics, utc=clock.utc, policies=policies))
