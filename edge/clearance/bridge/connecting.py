"""Which way leads to the platform: TCP, or the topics of a Redis server, as the settings say."""

from collections.abc import Callable

from edge.clearance.bridge.dialects import Dialect
from edge.clearance.bridge.link import PlatformDown, PlatformSide
from edge.clearance.bridge.messages import Channel, heartbeat_frame
from edge.clearance.bridge.platform_link import PlatformLink, PlatformSettings
from edge.clearance.bridge.pubsub_link import PubSubLink, PubSubSettings
from edge.clearance.bridge.wire import Frame

WaySettings = PlatformSettings | PubSubSettings


def way_to_platform(
    settings: WaySettings,
    channels: list[Channel],
    dialect: Dialect,
    *,
    on_frame: Callable[[Frame], None],
    on_down: Callable[[PlatformDown], None],
    on_unheard: Callable[[Frame], None],
) -> PlatformSide:
    """Return the way of these settings. Raises ValueError where the dialect is not spoken on it."""
    if isinstance(settings, PubSubSettings) != (dialect.pubsub is not None):
        raise ValueError(f"{dialect.name} is not spoken on the way of {type(settings).__name__}")
    if isinstance(settings, PlatformSettings):
        return PlatformLink(
            settings,
            heartbeats=lambda: [heartbeat_frame(one, dialect) for one in channels],
            on_frame=on_frame,
            on_down=on_down,
        )
    assert dialect.pubsub is not None
    codes = [(one.area, one.channel, dialect.direction(one.direction)) for one in channels]
    return PubSubLink(settings, dialect.pubsub, codes, on_frame=on_frame, on_down=on_down, on_unheard=on_unheard)
