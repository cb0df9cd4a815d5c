"""A lane's two connections to its broker, apart from each other: a backlog of events never delays a grant.

What the centre sends it unasked over the first of them, and the address at which a box gives its pictures.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from config.clients import client_id
from config.schema import Configuration, Lane
from edge.broker_settings import mqtt_settings
from edge.clearance.acknowledgement import Acknowledgements
from edge.clearance.authority_link import ClearanceLink
from edge.clearance.door import GrantDoor
from edge.clearance.feeds import OFFLINE_LISTS, SAMPLING_PLANS, IssuedFeed, lane_feed
from edge.clearance.keyset import Keyset
from edge.clearance.picture_access import PictureAccess
from edge.core.events import Event
from edge.field_policy import FieldPolicy
from edge.mqtt import MqttLink
from edge.ports import Clock
from edge.runtime.evidence import EvidenceStore
from edge.runtime.notes import Alarms
from edge.runtime.outbox import Outbox
from edge.runtime.picture_server import PictureServer, PictureServerSettings
from edge.runtime.supervisor import keep_going
from edge.telemetry.publisher import TelemetryPublisher
from edge.telemetry.session import TelemetrySession
from edge.telemetry.topics import LaneTopics

PICTURES_NOT_SERVED = "pictures_not_served"


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


def lane_feeds(
    configuration: Configuration,
    lane: Lane,
    link: ClearanceLink,
    keyset: Callable[[], Keyset],
    clock: Clock,
    take: Callable[[Event], None],
) -> list[IssuedFeed[Any]]:
    """Return what brings a lane its lists and plans, where it may use them. Raises KeyFileError."""
    feed = partial(
        lane_feed,
        link=link,
        keyset=keyset,
        keys_dir=configuration.keys_dir,
        state_dir=configuration.state_dir,
        clock=clock,
        take=take,
    )
    lists = [] if lane.limited_offline is None else [feed(OFFLINE_LISTS, issuer=lane.limited_offline.authority)]
    plans = [] if lane.sampling is None else [feed(SAMPLING_PLANS, issuer=lane.sampling.authority)]
    return [*lists, *plans]


def picture_access(configuration: Configuration, secret: bytes) -> PictureAccess | None:
    """Return what hands out addresses of pictures, where the box serves any."""
    served = configuration.evidence.serve
    return None if served is None else PictureAccess(secret, served.url)


def picture_service(
    configuration: Configuration, store: EvidenceStore, secret: bytes, clock: Clock, lanes: Sequence[Alarms]
) -> list[Coroutine[Any, Any, None]]:
    """Return what serves pictures to holders of an address; it fails without the lanes, which tell of it."""
    served = configuration.evidence.serve
    if served is None:
        return []
    settings = PictureServerSettings(served.host, served.port, served.cert_file, served.key_file)
    server = PictureServer(settings, store, secret=secret, site=configuration.site, utc=clock.utc)

    told: str | None = None

    def tell(why: str | None) -> None:
        nonlocal told
        # It is tried again every few seconds.
        if why == told:
            return
        told = why
        what = f"no authority can look at pictures: {why}; check host, port and certificate of evidence.serve"
        for alarms in lanes:
            alarms.publish_alarm(PICTURES_NOT_SERVED, why and what)

    server.on_state = tell
    return [keep_going("picture_server", server.run, clock)]


@dataclass(frozen=True, slots=True)
class LaneTelemetry:
    """The connection on which a lane tells, and what it tells there."""

    link: MqttLink
    publisher: TelemetryPublisher


def lane_telemetry(
    configuration: Configuration,
    lane: str,
    outbox: Outbox,
    clock: Clock,
    policies: Mapping[str, FieldPolicy],
    keyset: Callable[[], Keyset],
) -> LaneTelemetry:
    """Return a lane's telemetry; `policies` say what each authority may see of an event's detail."""
    signed = Acknowledgements(keyset=keyset, site=configuration.site, lane=lane, clock=clock).opened
    topics = LaneTopics(configuration.site, lane)
    session = TelemetrySession(topics, clock.utc)
    name = client_id(configuration.site, lane, "telemetry")
    link = MqttLink(mqtt_settings(configuration, name, will=session.will))
    opened = signed if configuration.signed_acknowledgements else None
    publisher = TelemetryPublisher(link, outbox, session, topics, utc=clock.utc, policies=policies, signed=opened)
    return LaneTelemetry(link, publisher)
