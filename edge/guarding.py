"""What guards a lane beside its core: manifest and key at the start, security and opening hours while it runs."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from config.schema import Configuration, Lane
from edge.clearance.keys import KeyFileError
from edge.clearance.keyset import Keyset
from edge.clearance.manifest import check_start
from edge.core.events import Event
from edge.log import logger
from edge.mqtt import MqttLink
from edge.ports import Clock
from edge.profiles import core_calendar, utc_offset
from edge.runtime.journal import Journal
from edge.runtime.notes import security_note
from edge.runtime.opening_hours import OpeningHours
from edge.runtime.security_watch import Alarms, SecurityWatch


def check_manifest(
    configuration: Configuration, keyset: Keyset, config_hash: str, model_hash: str, clock: Clock
) -> None:
    """Refuse to start with a configuration or models that are not the signed ones. Raises ManifestError, OSError."""
    check_start(
        configuration.manifest_file,
        configuration.state_dir,
        keyset=keyset,
        site=configuration.site,
        found={"configuration": config_hash, "models": model_hash},
        utc=clock.utc,
    )


def check_lane_key(path: Path, key_id: str, keyset: Keyset, *, simulated: bool) -> None:
    """Refuse a key that is not of the keyset beside simulated devices: it may be a production key (I20).

    Raises KeyFileError (key_file_foreign). A real lane with such a key asks in vain, and starts: it opens by hand.
    """
    if key_id in keyset.keys:
        return
    if simulated:
        raise KeyFileError(
            "key_file_foreign",
            path,
            expected=f"a key of the {keyset.environment} keyset",
            got="another one",
            next_step="make keys for the simulated lane in a folder of their own: kakou keys",
        )
    logger().error("lane_key_not_in_keyset", path=str(path))


def security_watch(
    lane: str, clock: Clock, journal: Journal, clearance: MqttLink, telemetry: MqttLink, alarms: Alarms
) -> SecurityWatch:
    """Return the watch of one lane over its two connections and their certificates."""
    links = {"clearance": clearance, "telemetry": telemetry}
    tls = [link.settings.tls for link in links.values() if link.settings.tls is not None]
    return SecurityWatch(
        lane,
        clock=clock,
        alarms=alarms,
        note=lambda code, stands, detail: security_note(journal, lane, code, stands, detail),
        links={name: link.counters for name, link in links.items()},
        certificates=[file for one in tls for file in (one.ca_file, one.certificate_file) if file is not None],
    )


def opening_hours(
    lane: Lane, take: Callable[[Event], None], clock: Clock
) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    """Return what keeps a lane's hours, where it has a calendar."""
    if lane.calendar is None:
        return []
    hours = OpeningHours(core_calendar(lane.calendar), utc_offset(lane.calendar), clock)
    return [("opening_hours", partial(hours.run, take))]
