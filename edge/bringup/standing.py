"""Whether what was tried of a lane's devices still is what it has: one finding for each device (hazards.md O8)."""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256

from config.devices import Barrier, Camera, Configured
from config.schema import Configuration, Lane
from edge.bringup.kept import KeptError, KeptReport, kept_file, read_kept
from edge.doctor.finding import Finding, Status

PASSED = "bringup_passed"
# How often a device is asked, how long is waited, how much of what it says is believed, and who may log in there:
# none of that changes which device it is, where it is, and what its signals mean. Every other key does, a new one too.
NOT_PROVED = frozenset(
    {
        "id", "poll_ms", "timeout_ms", "comm_loss_ms", "silent_ms", "late_ms", "heartbeat_s", "frame_stale_ms",
        "frames_needed", "frames_max", "min_reads", "min_rssi_dbm", "dwell_ms", "stable_readings", "stable_ms",
        "tolerance_kg", "min_kg", "empty_weights", "min_confidence", "volume",
        "user", "password_file", "auth", "ca_file", "spool",
    }
)  # fmt: skip
_ALWAYS = ("connected", "kept")
_MOVED = ("raises", "lowers")


class BringupError(Exception):
    """A lane that asks for the reports of its devices lacks one of them. `code` is that of the first of `findings`."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        told = (f"{one.code}: {one.subject}: {one.message('en')}; next: {one.next_step('en')}" for one in findings)
        super().__init__("; ".join(told))
        self.findings, self.code = tuple(findings), findings[0].code


def devices_of(lane: Lane) -> Iterator[tuple[str, Configured]]:
    """Yield the devices that the lane works with, each with its kind. What stands in its shadow decides nothing."""
    yield "barrier", lane.barrier
    for camera in lane.cameras:
        yield "camera", camera
    yield from lane.on_lines
    for path, device in lane.over_http:
        yield str(path[-1]), device


def is_real(lane: Lane, configured: Configured) -> bool:
    """Say whether a trial of it counts: not where it is simulated, or the lane is so by its own word."""
    others = any(use.endswith("sim") for _, use in lane.not_real)
    return configured.use == "real" and (others or not lane.simulated)


def digest_of(configured: Configured) -> str:
    """Return the SHA-256 (hex) of what was proved of a device by trying it as it is configured.

    Defaults are left out, so that a release which adds a key leaves the reports of a site in force; the map of a
    barrier's module is in it as a whole.
    """
    values = configured.model_dump(mode="json", exclude_defaults=True, exclude=set(NOT_PROVED))
    if isinstance(configured, Barrier):
        values["map"] = configured.map.model_dump(mode="json", exclude_none=True)
    return sha256(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def address_of(configured: Configured) -> str:
    """Return where a device is: a line, or an address."""
    if isinstance(configured, Barrier):
        return configured.line
    if isinstance(configured, Camera):
        return configured.url
    return str(getattr(configured, "port", "") or getattr(configured, "url", None) or "-")


def standings(configuration: Configuration, lane: Lane) -> list[Finding]:
    """Return how it stands with the report of each real device of a lane, in the configuration's order."""
    devices = ((kind, one) for kind, one in devices_of(lane) if is_real(lane, one))
    return [standing(configuration, lane, kind, configured) for kind, configured in devices]


def standing(configuration: Configuration, lane: Lane, kind: str, configured: Configured) -> Finding:
    """Return how it stands with the report of one device: `PASSED`, or why it does not count.

    Codes beside it: bringup_missing, bringup_unreadable, bringup_damaged, bringup_elsewhere, bringup_outdated,
    bringup_failed, bringup_unmoved.
    """
    try:
        report = read_kept(configuration.state_dir, configured.id)
    except KeptError as error:
        code, got, begun, digest = f"bringup_{error.code}", error.got, "", ""
    else:
        code, got = _judged(report, configuration.site, lane, kind, configured)
        begun, digest = report.begun, report.sha256
    wanting: Status = "FAIL" if lane.require_bringup and not lane.simulated else "WARN"
    fields = {
        "device": configured.id,
        "address": address_of(configured),
        "file": kept_file(configuration.state_dir, configured.id),
        "move": " --move" if kind == "barrier" else "",
        "got": got,
        "begun": begun,
        "sha256": digest,
    }
    return Finding("OK" if code == PASSED else wanting, code, f"{lane.id}/{configured.id}", fields)


def _judged(report: KeptReport, site: str, lane: Lane, kind: str, configured: Configured) -> tuple[str, str]:
    of = (report.site, report.lane, report.device, report.kind)
    # The ids of `kakou init` are the same on every box.
    if of != (site, lane.id, configured.id, kind):
        return "bringup_elsewhere", " ".join(of)
    if report.digest != digest_of(configured):
        return "bringup_outdated", report.address
    # A trial that broke off has no steps that passed: these two are there in each that did not.
    if report.failed or not report.passed(*_ALWAYS):
        return "bringup_failed", ", ".join(report.failed) or "-"
    if kind == "barrier" and not report.passed(*_MOVED):
        return "bringup_unmoved", "-"
    return PASSED, report.address


def check_bringup(configuration: Configuration) -> dict[str, list[Finding]]:
    """Return how it stands with each lane that works with production keys, by its id.

    Raises BringupError where one of them asks for the reports of its devices and does not have them.
    """
    real = [lane for lane in configuration.lanes if not lane.simulated]
    found = {lane.id: standings(configuration, lane) for lane in real}
    if wanting := [one for findings in found.values() for one in findings if one.status == "FAIL"]:
        raise BringupError(wanting)
    return found
