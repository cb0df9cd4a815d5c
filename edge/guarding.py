"""What guards a lane beside its core: manifest and key at the start, security and opening hours while it runs."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from config.schema import Configuration, Lane
from edge.clearance.feeds import OFFLINE_LISTS, SAMPLING_PLANS, IssuedFeed
from edge.clearance.keys import KeyFileError
from edge.clearance.keyset import Keyset
from edge.clearance.manifest import check_start
from edge.core.events import Event
from edge.doctor.finding import Finding
from edge.hardware import bind, bound_to, check_hardware, fingerprints
from edge.log import logger
from edge.mqtt import MqttLink
from edge.mqtt.certificates import lifetime
from edge.portable import POSIX
from edge.ports import Clock
from edge.profiles import core_calendar, utc_offset
from edge.runtime.clock_memory import ClockMemory
from edge.runtime.end_watch import Ending, EndWatch, Life, keyset_endings
from edge.runtime.fault_watch import FaultWatch, Reports
from edge.runtime.journal import Journal
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.notes import Alarms, append_note, security_note
from edge.runtime.opening_hours import OpeningHours
from edge.runtime.security_watch import SecurityWatch
from edge.times import rfc3339


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


def check_box(configuration: Configuration, present: Sequence[str]) -> None:
    """Refuse to act on another box than the one that configuration and folders are bound to (O7).

    Where the configuration names the box, the state directory is bound to it from the first start on. Raises
    HardwareError, OSError.
    """
    folders = (configuration.keys_dir, configuration.state_dir)
    check_hardware(configuration.hardware, folders, present)
    if configuration.hardware and bound_to(configuration.state_dir) is None:
        bind(configuration.state_dir, configuration.hardware)


def note_start(journal: Journal, configuration: Configuration, brought_up: Mapping[str, Sequence[Finding]]) -> None:
    """Keep in each lane's chain, and tell central, on which box it starts, with which devices and reports of them.

    Called once the devices are this process's own, so that no chain tells of a start that never was.
    """
    note_box(journal, [lane.id for lane in configuration.lanes], configuration.state_dir, fingerprints())
    for lane in configuration.lanes:
        _note_devices(journal, lane)
    _note_bringup(journal, brought_up)


def note_box(journal: Journal, lanes: Iterable[str], state_dir: Path, present: Sequence[str]) -> None:
    """Keep in the chain of each lane, and tell central, on which box it acts, where that is bound."""
    if bound_to(state_dir) is not None:
        for lane in lanes:
            append_note(journal, lane, "hardware", {"fingerprints": ",".join(present)})


def _note_devices(journal: Journal, lane: Lane) -> None:
    """Keep in the lane's chain, and tell central, which of its devices are simulated or in its shadow, if any are."""
    if lane.not_real:
        append_note(journal, lane.id, "devices_not_real", dict(lane.not_real))


def _note_bringup(journal: Journal, found: Mapping[str, Sequence[Finding]]) -> None:
    """Keep in the chain of each lane with production keys, and tell central, with which reports it starts.

    Whoever makes a report up leaves its digest there. What lacks is logged as well: a lane that does not ask for its
    reports starts without them.
    """
    for lane, findings in found.items():
        told = {one.fields["device"]: f"{one.code} {one.fields['begun']} {one.fields['sha256']}" for one in findings}
        append_note(journal, lane, "bringup", {str(name): text.rstrip() for name, text in told.items()})
        if wanting := [f"{one.code} {one.subject}" for one in findings if one.status != "OK"]:
            logger().warning("bringup_not_proved", lane=lane, devices=wanting, next="kakou doctor")


def check_lane_key(path: Path, key_id: str, keyset: Keyset, *, simulated: bool) -> None:
    """Refuse a key that is not of the keyset beside simulated devices: it may be a production key (I20).

    Raises KeyFileError (key_file_foreign). A real lane with such a key asks in vain, and starts: it opens by hand.
    Where nobody can tell who else reads its files, and its orders come over a port, no real lane starts
    (key_file_unguarded): a laptop has simulated ones.
    """
    if not simulated and not POSIX:
        raise KeyFileError(
            "key_file_unguarded",
            path,
            expected="a lane box with Linux, which keeps the files of a lane from others",
            got="another system",
            next_step="run the lane there; here, one with a simulated device (use: sim)",
        )
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
    lane: str,
    clock: Clock,
    journal: Journal,
    clearance: MqttLink,
    telemetry: MqttLink,
    alarms: Alarms,
    behind: Callable[[], str],
) -> SecurityWatch:
    """Return the watch of one lane over its two connections and their certificates, and over the clock's beginning."""
    links = {"clearance": clearance, "telemetry": telemetry}
    return SecurityWatch(
        lane,
        clock=clock,
        alarms=alarms,
        note=lambda code, stands, detail: security_note(journal, lane, code, stands, detail),
        links={name: link.counters for name, link in links.items()},
        behind=behind,
    )


def clock_behind(clock: Clock, keyset: Callable[[], Keyset], memory: ClockMemory) -> str:
    """Return why the wall clock must be wrong, and what to do; empty where nothing tells (X19)."""
    now_utc = clock.utc()
    over = keyset().behind(now_utc)
    if over is None:
        return ""
    what = f"the clock shows {rfc3339(now_utc)}, but {rfc3339(over)} is over: no key is believed; set the clock"
    # A keyset's date is its issuer's word; the file is this box's own, and a clock that was ahead may have written it.
    return what if over == keyset().issued else f"{what}, or where it is right move {memory.path} away, and start again"


def fault_watch(barrier: Reports, runner: LaneRunner, clock: Clock, journal: Journal, alarms: Alarms) -> FaultWatch:
    """Return the watch of what one lane's barrier reports of itself; `kakou status` shows it beside the device."""
    lane = runner.state.profile.lane

    def show(faults: str | None) -> None:
        known = runner.devices.get(barrier.name, {})
        if faults is not None and known.get("state") == "up":
            known["cause"] = faults
        elif known.get("state") == "up":
            known.pop("cause", None)

    return FaultWatch(
        barrier,
        clock=clock,
        alarms=alarms,
        note=lambda code, stands, detail: security_note(journal, lane, code, stands, detail),
        show=show,
    )


def end_watch(
    configuration: Configuration,
    lane: str,
    *,
    clock: Clock,
    journal: Journal,
    keyset: Callable[[], Keyset],
    feeds: Iterable[IssuedFeed[Any]],
    links: Iterable[MqttLink],
    alarms: Alarms,
) -> EndWatch:
    """Return what watches over all that one lane trusts for a time only."""
    warn = configuration.warn_before
    before = {
        OFFLINE_LISTS.name: timedelta(minutes=warn.offline_list_minutes),
        SAMPLING_PLANS.name: timedelta(days=warn.sampling_plan_days),
    }

    def keys() -> list[Ending]:
        days, key_days = timedelta(days=warn.keyset_days), timedelta(days=warn.key_days)
        return keyset_endings(keyset(), site=configuration.site, lane=lane, warn=days, warn_key=key_days)

    def issued(feed: IssuedFeed[Any]) -> list[Ending]:
        life, name = feed.life(), feed.name
        return [Ending(f"{name}_expires", name.replace("_", " "), life and Life(*life), before[name])]

    tls = [link.settings.tls for link in links if link.settings.tls is not None]
    named = [file for one in tls for file in (one.ca_file, one.certificate_file) if file is not None]
    if configuration.evidence.serve is not None:
        named.append(configuration.evidence.serve.cert_file)
    named += [file for one in configuration.lanes if one.id == lane for file in camera_authorities(one)]
    certificates = Certificates(tuple(dict.fromkeys(named)), timedelta(days=warn.certificate_days))
    return EndWatch(
        lane,
        clock=clock,
        alarms=alarms,
        note=lambda code, stands, detail: security_note(journal, lane, code, stands, detail),
        sources=[keys, *(partial(issued, feed) for feed in feeds), certificates.endings],
    )


def camera_authorities(lane: Lane) -> list[Path]:
    """The `ca_file` of each camera over HTTPS that has one: when it ends, its camera is trusted no more."""
    return [camera.ca_file for _, camera in lane.every_camera if camera.ca_file is not None]


class Certificates:
    """The certificates in PEM files, and when they end. One that cannot be read is logged once, until it can."""

    def __init__(self, files: Sequence[Path], warn: timedelta) -> None:
        self._files, self._warn = files, warn
        self._unreadable: set[Path] = set()

    def endings(self) -> list[Ending]:
        """Return those that can be read, as they lie there now."""
        return [ending for file in self._files if (ending := self._ending(file)) is not None]

    def _ending(self, file: Path) -> Ending | None:
        try:
            life = Life(*lifetime(file))
        except (OSError, ValueError) as error:
            if file not in self._unreadable:
                logger().warning("certificate_unreadable", file=str(file), cause=str(error))
            self._unreadable.add(file)
            return None
        self._unreadable.discard(file)
        return Ending("certificate_expires", str(file), life, self._warn)


def opening_hours(
    lane: Lane, take: Callable[[Event], None], clock: Clock
) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    """Return what keeps a lane's hours, where it has a calendar."""
    if lane.calendar is None:
        return []
    hours = OpeningHours(core_calendar(lane.calendar), utc_offset(lane.calendar), clock)
    return [("opening_hours", partial(hours.run, take))]
