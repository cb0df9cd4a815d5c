"""What the lanes trust and are trusted by.

Which box this is, keys, keyset, manifest, packages of drivers, certificates, named files.
"""

import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from config.clients import client_ids, for_client
from config.named_files import missing_files
from config.schema import Configuration
from edge.app import environment_of, hash_of
from edge.clearance.keys import KeyFileError, key_id_of, load_private_key
from edge.clearance.keyset import Environment, Keyset, KeysetError
from edge.clearance.manifest import ManifestError, check_start
from edge.clearance.trust import Trust
from edge.doctor.finding import Finding
from edge.extras import extras_of
from edge.guarding import camera_authorities
from edge.hardware import HardwareError, bound_to, check_hardware, fingerprints, of_root_alone
from edge.mqtt.certificates import lifetime
from edge.packages import PackageError, find, not_of_root, packages_of
from edge.runtime.clock_memory import ClockMemory
from edge.runtime.end_watch import Ending, Life
from edge.times import rfc3339
from models.registry import registry_hash


def look_at_credentials(configuration: Configuration, config_file: Path, now_utc: datetime) -> Iterator[Finding]:
    """Yield what is found of everything that a start would check, and of what ends soon."""
    for problem in missing_files(configuration):
        yield Finding("FAIL", "file_not_readable", problem.key_path, {"file": problem.value})
    yield _box(configuration)
    with tempfile.TemporaryDirectory() as copy:
        # A start writes down the versions it has seen; here a copy takes them.
        for seen in configuration.state_dir.glob("*.json"):
            shutil.copy(seen, copy)
        yield from _keys(configuration, config_file, Path(copy), now_utc)
    yield from _packages(configuration)
    yield from _certificates(configuration, now_utc)
    yield from _picture_certificate(configuration, now_utc)


def _box(configuration: Configuration) -> Finding:
    folders = (configuration.keys_dir, configuration.state_dir)
    present = fingerprints()
    try:
        check_hardware(configuration.hardware, folders, present)
        bound = [one for one in (configuration.hardware, *map(bound_to, folders)) if one]
    except HardwareError as error:
        return Finding("FAIL", "hardware_refused", "hardware", {"cause": error})
    seen = set(present) - set(of_root_alone())
    if not all(seen & set(one) for one in bound):
        return Finding("WARN", "hardware_root_alone", "hardware")
    return Finding("OK", "hardware_good" if bound else "hardware_not_bound", "hardware")


def _keys(configuration: Configuration, config_file: Path, state_dir: Path, now_utc: datetime) -> Iterator[Finding]:
    keysets: dict[Environment, Keyset] = {}
    memory = ClockMemory(configuration.state_dir, lambda: now_utc)
    for environment in dict.fromkeys(environment_of(lane) for lane in configuration.lanes):
        try:
            trust = Trust(
                configuration.keys_dir, state_dir, environment=environment, utc=lambda: now_utc, known=memory.known
            )
        except (KeyFileError, KeysetError, OSError) as error:
            yield Finding("FAIL", "keyset_refused", str(configuration.keys_dir), {"cause": error})
            continue
        keysets[environment] = keyset = trust.current()
        if (over := keyset.behind(now_utc)) is not None:
            moments = {"now": rfc3339(now_utc), "over": rfc3339(over), "file": memory.path}
            yield Finding("FAIL", "clock_behind", "clock", moments)
        life, warn = Life(keyset.issued, keyset.expires), timedelta(days=configuration.warn_before.keyset_days)
        yield _lasting("keyset", str(configuration.keys_dir), life, warn, now_utc, version=keyset.version)
    for lane in configuration.lanes:
        path = configuration.keys_dir / f"lane-{lane.id}.key.pem"
        warn = timedelta(days=configuration.warn_before.key_days)
        yield _lane_key(path, keysets.get(environment_of(lane)), warn, now_utc)
    first = keysets.get(environment_of(configuration.lanes[0]))
    if first is not None:
        yield _manifest(configuration, config_file, state_dir, first, now_utc)


def _lasting(what: str, subject: str, life: Life, warn: timedelta, now_utc: datetime, **fields: object) -> Finding:
    """Judge what counts for a time as the running controller does."""
    fields["days"] = (life.ends - now_utc).days
    if now_utc >= life.ends:
        return Finding("FAIL", f"{what}_ended", subject, fields)
    if Ending(what, what, life, warn).step(now_utc) is not None:
        return Finding("WARN", f"{what}_ends_soon", subject, fields)
    return Finding("OK", f"{what}_good", subject, fields)


def _lane_key(path: Path, keyset: Keyset | None, warn: timedelta, now_utc: datetime) -> Finding:
    try:
        key_id = key_id_of(load_private_key(path).public_key())
    except (KeyFileError, OSError) as error:
        return Finding("FAIL", "lane_key_refused", str(path), {"cause": error})
    if keyset is None:
        return Finding("OK", "lane_key_readable", str(path))
    entry = keyset.keys.get(key_id)
    if entry is None or entry.status == "revoked":
        return Finding("FAIL", "lane_key_foreign", str(path))
    return _lasting("lane_key", str(path), Life(entry.not_before, entry.not_after), warn, now_utc)


def _manifest(
    configuration: Configuration, config_file: Path, state_dir: Path, keyset: Keyset, now_utc: datetime
) -> Finding:
    found = {"configuration": hash_of(config_file), "models": registry_hash()}
    manifest = configuration.manifest_file
    subject = str(manifest or "manifest_file")
    try:
        version = check_start(
            manifest, state_dir, keyset=keyset, site=configuration.site, found=found, utc=lambda: now_utc
        )
    except (ManifestError, OSError) as error:
        return Finding("FAIL", "manifest_refused", subject, {"cause": error})
    return Finding("OK", "manifest_not_used" if version is None else "manifest_good", subject)


def _packages(configuration: Configuration) -> Iterator[Finding]:
    """Look at what is installed. Nothing is imported: whoever asks the doctor is often root."""
    for key, package in packages_of(configuration):
        try:
            point = find(package)
        except PackageError as error:
            yield Finding("FAIL", "driver_package_refused", key, {"cause": error})
        else:
            named = {"distribution": package.distribution, "version": package.version}
            yield Finding("OK", "driver_package_good", key, named)
            if (path := not_of_root(point)) is not None:
                yield Finding("WARN", "driver_package_not_of_root", key, {"path": path})
    for key, extra in extras_of(configuration):
        named = {"distribution": extra.distribution, "version": extra.found}
        if extra.is_there:
            yield Finding("OK", "driver_package_good", key, named)
        else:
            fields = {**named, "series": extra.series, "install": extra.install}
            yield Finding("FAIL", "driver_extra_missing", key, fields)


def _certificates(configuration: Configuration, now_utc: datetime) -> Iterator[Finding]:
    tls = configuration.broker.tls
    named = [] if tls is None else [tls.ca_file]
    if tls is not None and tls.cert_file is not None:
        named += [for_client(tls.cert_file, client) for client in client_ids(configuration)]
    for lane in configuration.lanes:
        named += camera_authorities(lane)
    warn = timedelta(days=configuration.warn_before.certificate_days)
    for file in dict.fromkeys(named):
        try:
            life = Life(*lifetime(file))
        except OSError:
            # A named file that cannot be read was told above.
            continue
        except ValueError as error:
            yield Finding("FAIL", "certificate_malformed", str(file), {"cause": error})
        else:
            yield _lasting("certificate", str(file), life, warn, now_utc)


def _picture_certificate(configuration: Configuration, now_utc: datetime) -> Iterator[Finding]:
    served = configuration.evidence.serve
    # A named file that cannot be read was told above.
    if served is None or not all(os.access(file, os.R_OK) for file in (served.cert_file, served.key_file)):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(served.cert_file, served.key_file)
        life = Life(*lifetime(served.cert_file))
    except (OSError, ValueError) as error:
        yield Finding("FAIL", "picture_certificate_refused", str(served.cert_file), {"cause": error})
    else:
        warn = timedelta(days=configuration.warn_before.certificate_days)
        yield _lasting("picture_certificate", str(served.cert_file), life, warn, now_utc)
