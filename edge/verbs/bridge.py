"""`kakou bridge customs CONFIG`: the customs authority of a site, which asks the customs platform by its protocol."""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from config.broker_access import authority_identity
from config.customs import CustomsBridge as BridgeConfiguration
from config.customs import RedisAccess
from config.loader import load
from config.schema import Configuration
from edge import log
from edge.broker_settings import mqtt_settings
from edge.clearance.bridge.book import BridgeBook
from edge.clearance.bridge.connecting import WaySettings
from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.messages import Channel
from edge.clearance.bridge.pass_reports import PassReports, Reporting
from edge.clearance.bridge.pictures import PictureFolder
from edge.clearance.bridge.platform_link import PlatformSettings
from edge.clearance.bridge.pubsub_link import PubSubSettings
from edge.clearance.bridge.service import BridgeSite, CustomsBridge
from edge.clearance.bridge.trusting import server_tls
from edge.clearance.keys import KeyFileError, key_id_of, load_private_key
from edge.clearance.keyset import Environment, KeysetError
from edge.clearance.trust import Trust
from edge.lifeline import stop_when_stdin_closes
from edge.runtime import failpoints
from edge.runtime.failpoints import FailpointError
from edge.secret import Secret
from edge.text import say
from edge.text.arguments import Parser

EXIT_TEMPORARY = 75
EXIT_CONFIG = 78
_MISSED_PINGS = 3


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop; 78 for a bad configuration or one without a bridge, 75 where it cannot start."""
    parser = Parser("kakou bridge", say("verb_bridge"))
    parser.add_argument("platform", choices=("customs",), help=say("bridge_platform"))
    parser.add_argument("config", type=Path, help=say("option_config"))
    levels = ("debug", "info", "warning", "error")
    parser.add_argument("--log-level", default="info", choices=levels, help=say("option_log_level"))
    parser.add_argument("--until-stdin-closes", action="store_true", help=say("option_until_stdin"))
    given = parser.parse_args(arguments)
    loaded = load(given.config)
    if isinstance(loaded, list):
        for problem in loaded:
            print(problem, file=sys.stderr)
        return EXIT_CONFIG
    if loaded.customs_bridge is None:
        print(say("bridge_not_configured", file=given.config), file=sys.stderr)
        return EXIT_CONFIG
    if given.until_stdin_closes:
        stop_when_stdin_closes()
    log.configure(given.log_level, readable=sys.stderr.isatty())
    # What customs was asked and said is personal data, whatever mode the state directory was made with.
    before = os.umask(0o077)
    try:
        failpoints.arm(os.environ, simulated=all(lane.simulated for lane in loaded.lanes))
        asyncio.run(_serve(loaded, loaded.customs_bridge))
    except FailpointError as error:
        log.logger().error("start_refused", cause=str(error), code=error.code)
        return EXIT_CONFIG
    except (KeyFileError, KeysetError, sqlite3.Error, OSError) as error:
        log.logger().error("start_refused", cause=str(error), code=getattr(error, "code", type(error).__name__))
        return EXIT_TEMPORARY
    finally:
        os.umask(before)
    return 0


async def _serve(configuration: Configuration, bridge: BridgeConfiguration) -> None:
    # Apart from the controller's own state: it may run on the same box, and neither waits for the other's locks.
    folder = configuration.state_dir / f"bridge-{bridge.authority}"
    folder.mkdir(parents=True, exist_ok=True)
    site = _site(configuration, bridge)
    environment: Environment = "simulated" if site.simulated else "production"
    trust = Trust(configuration.keys_dir, folder, environment=environment, utc=_utc)
    key = load_private_key(configuration.keys_dir / f"authority-{bridge.authority}.key.pem")
    if key_id_of(key.public_key()) not in trust.current().keys:
        log.logger().error("authority_key_not_in_keyset", authority=bridge.authority)
    book = BridgeBook(folder / "bridge.sqlite", utc=_utc)
    try:
        service = CustomsBridge(
            site,
            mqtt_settings(configuration, authority_identity(bridge.authority)),
            _way(bridge),
            key=key,
            keyset=trust.current,
            book=book,
            utc=_utc,
            monotonic_s=time.monotonic,
            pictures=None if bridge.pictures_ca is None else PictureFolder(folder / "pictures", bridge.pictures_ca),
        )
        if bridge.pass_records is not None:
            PassReports(_reporting(configuration, bridge), folder / "dxp", book=book, utc=_utc).attach(service.link)
        await _until_told(service)
    finally:
        book.close()


def _way(bridge: BridgeConfiguration) -> WaySettings:
    """Return how the platform is reached. Raises OSError for files that it names."""
    if DIALECTS[bridge.dialect].pubsub is None:
        return PlatformSettings(bridge.host, bridge.port, bridge.heartbeat_s, bridge.silence_s)
    access = bridge.redis or RedisAccess()
    return PubSubSettings(
        bridge.host,
        bridge.port,
        bridge.heartbeat_s,
        # A Redis server answers each ping: one that does not is gone, whatever the platform behind it sends.
        bridge.silence_s or _MISSED_PINGS * bridge.heartbeat_s,
        user=access.user,
        password=None if access.password_file is None else Secret.read(access.password_file),
        tls=None if access.ca_file is None else server_tls(access.ca_file),
    )


def _reporting(configuration: Configuration, bridge: BridgeConfiguration) -> Reporting:
    assert bridge.pass_records is not None
    fields = next(one.fields for one in configuration.authorities if one.id == bridge.authority)
    return Reporting(
        site=configuration.site,
        authority=bridge.authority,
        lanes=frozenset(one.lane for one in bridge.lanes),
        sender=bridge.pass_records.sender_id,
        receiver=bridge.pass_records.receiver_id,
        simulated=any(lane.simulated for lane in configuration.lanes),
        cards=fields.driver == "allow",
    )


def _site(configuration: Configuration, bridge: BridgeConfiguration) -> BridgeSite:
    dialect = DIALECTS[bridge.dialect]
    if bridge.release_codes is not None:
        dialect = dialect.releasing(bridge.release_codes)
    directions = {lane.id: lane.direction for lane in configuration.lanes}
    channels = {
        one.lane: Channel(one.area_id or bridge.area_id, one.chnl_no, directions[one.lane]) for one in bridge.lanes
    }
    authority = next(one for one in configuration.authorities if one.id == bridge.authority)
    return BridgeSite(
        authority=bridge.authority,
        site=configuration.site,
        channels=channels,
        dialect=dialect,
        answer_ms=bridge.answer_ms,
        ttl_ms=authority.deadline_ms,
        simulated=any(lane.simulated for lane in configuration.lanes),
    )


async def _until_told(service: CustomsBridge) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # The loops that Windows makes itself have no signal handlers: there Ctrl-C arrives as KeyboardInterrupt.
        with suppress(NotImplementedError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
    serving, waiting = asyncio.ensure_future(service.run()), asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
    finally:
        for one in (serving, waiting):
            one.cancel()
        await asyncio.gather(serving, waiting, return_exceptions=True)


def _utc() -> datetime:
    return datetime.now(UTC)
