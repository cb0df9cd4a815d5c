"""A driver of somebody else is loaded where distribution and version are the configured ones, and nowhere else."""

import os
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.devices import Package, TagReader
from edge import packages
from edge.packages import GROUP, PackageError, find, load_driver, not_of_root
from edge.registry import DRIVERS, PACKAGE, TAG_READER, Driver, build
from tests.support.r2000 import RealClock

MODULE = """
from edge.packages import PackagedDriver


class Reader:
    def __init__(self, name, address):
        self.name, self.address = name, address


def construct(configured, clock, on_tag):
    return Reader(configured.id, configured.port)


def fail(configured, clock, on_tag):
    raise KeyError("profile")


ACME = PackagedDriver("tag_reader", construct)
WEIGHBRIDGE = PackagedDriver("weighbridge", construct)
DRIVER_IDENTITY = PackagedDriver("driver_identity", construct)
SEAL_READER = PackagedDriver("seal_reader", construct)
CONTAINER_ENGINE = PackagedDriver("container_engine", construct)
SIGN = PackagedDriver("sign", construct)
VOICE = PackagedDriver("voice", lambda configured, *_: Reader(configured.id, configured.package.options["phrases"]))
CAMERA = PackagedDriver("camera", lambda configured, *_: Reader(configured.id, configured.url))
NONE = "no driver"
FAILING = PackagedDriver("tag_reader", fail)
NAMELESS = PackagedDriver("tag_reader", lambda *_: None)
NOWHERE = PackagedDriver("tag_reader", lambda configured, *_: type("Device", (), {"name": configured.id})())
STRANGE = PackagedDriver("tag_reader", lambda configured, *_: Reader("acme", configured.port))
"""
POINTS = """
[kakou.drivers]
acme = acme_readers:ACME
tag_reader = acme_readers:ACME
camera = acme_readers:CAMERA
weighbridge = acme_readers:WEIGHBRIDGE
driver_identity = acme_readers:DRIVER_IDENTITY
seal_reader = acme_readers:SEAL_READER
container_engine = acme_readers:CONTAINER_ENGINE
sign = acme_readers:SIGN
voice = acme_readers:VOICE
none = acme_readers:NONE
failing = acme_readers:FAILING
nameless = acme_readers:NAMELESS
nowhere = acme_readers:NOWHERE
strange = acme_readers:STRANGE
broken = acme_readers:MISSING

[console_scripts]
other = acme_readers:ACME
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution as pip leaves it."""
    information = tmp_path / "acme_readers-1.2.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-readers\nVersion: 1.2.0\n")
    (information / "entry_points.txt").write_text(POINTS)
    (tmp_path / "acme_readers.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(packages, "_imported_from", {})
    yield
    sys.modules.pop("acme_readers", None)


def package(entry_point: str = "acme", version: str = "1.2.0", distribution: str = "acme-readers") -> Package:
    return Package(distribution=distribution, version=version, entry_point=entry_point)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("line", [one for one in DRIVERS if one.protocol == PACKAGE], ids=lambda one: one.kind.name)
def test_a_device_of_every_kind_but_the_barrier_can_come_from_a_package(line: Driver[Any, Any, Any]) -> None:
    own = {"reads": ("plate",), "place": "front", "url": "http://127.0.0.1:1/"} if line.kind.name == "camera" else {}
    named = package(line.kind.name).model_dump() | {"options": {"phrases": 12}}
    settings = {"driver": "package", "package": named, "id": "acme-1", "port": "socket://127.0.0.1:1"} | own
    known = {key: value for key, value in settings.items() if key in line.settings.model_fields}
    device = build(line.kind, line.settings.model_validate(known), RealClock(), None)
    assert device.name == "acme-1"
    assert device.address == {"camera": "http://127.0.0.1:1/", "voice": 12}.get(line.kind.name, "socket://127.0.0.1:1")


def test_the_barrier_is_never_a_strangers() -> None:
    kinds = {one.kind.name for one in DRIVERS}
    assert kinds - {one.kind.name for one in DRIVERS if one.protocol == PACKAGE} == {"barrier"}


@pytest.mark.usefixtures("installed")
def test_the_named_package_builds_the_reader() -> None:
    configured = TagReader(driver="package", package=package(), id="rfid-1", port="socket://127.0.0.1:1")
    reader = build(TAG_READER, configured, RealClock(), lambda _: None)
    assert (type(reader).__name__, reader.name, reader.address) == ("Reader", "rfid-1", "socket://127.0.0.1:1")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("named", "code"),
    [
        (package(version="1.2.1"), "driver_package_version"),
        (package(distribution="acme-cameras"), "driver_package_missing"),
        (package(distribution=" "), "driver_package_missing"),
        (package("other"), "driver_package_entry_point"),
    ],
)
def test_nothing_is_imported_of_a_package_that_is_not_the_named_one(named: Package, code: str) -> None:
    with pytest.raises(PackageError, match=code) as refused:
        load_driver(named, "tag_reader")
    assert refused.value.code == code
    assert "next:" in str(refused.value)
    assert "acme_readers" not in sys.modules


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("entry_point", "code"),
    [("broken", "driver_package_broken"), ("camera", "driver_package_kind"), ("none", "driver_package_kind")],
)
def test_what_is_no_driver_of_the_kind_is_refused(entry_point: str, code: str) -> None:
    with pytest.raises(PackageError, match=code):
        load_driver(package(entry_point), "tag_reader")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("entry_point", "found"),
    [
        ("failing", "KeyError"),
        ("nameless", "AttributeError"),
        ("nowhere", "address"),
        ("strange", "named 'acme', configured is 'rfid-1'"),
    ],
)
def test_a_driver_that_makes_no_device_of_the_lane_is_refused(entry_point: str, found: str) -> None:
    named = package(entry_point)
    configured = TagReader(driver="package", package=named, id="rfid-1", port="socket://127.0.0.1:1")
    with pytest.raises(PackageError, match=f"driver_package_broken.*{found}"):
        build(TAG_READER, configured, RealClock(), lambda _: None)


@pytest.mark.usefixtures("installed")
@pytest.mark.hazard("S22")
def test_a_version_that_was_installed_over_a_running_one_waits_for_a_restart(tmp_path: Path) -> None:
    """Python would go on with what it imported once, and the configuration would name another."""
    load_driver(package(), "tag_reader")
    load_driver(package("camera"), "camera")
    metadata = tmp_path / "acme_readers-1.2.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.2.0", "1.3.0"))
    for refusing in (find, lambda named: load_driver(named, "tag_reader")):
        with pytest.raises(PackageError, match=r"1\.2\.0 .*restart the service") as refused:
            refusing(package(version="1.3.0"))
        assert refused.value.code == "driver_package_version"


@pytest.mark.usefixtures("installed")
@pytest.mark.hazard("S22")
@pytest.mark.parametrize("opened", ["acme_readers.py", "."])
def test_nothing_is_imported_that_everybody_on_the_box_can_write(tmp_path: Path, opened: str) -> None:
    path = tmp_path / opened
    path.chmod(0o777)
    with pytest.raises(PackageError, match=f"driver_package_writable.*{path.resolve()}"):
        load_driver(package(), "tag_reader")
    assert "acme_readers" not in sys.modules
    # A folder like /tmp: only its owner puts another file in the place of one.
    path.chmod(0o1777 if path.is_dir() else 0o644)
    load_driver(package(), "tag_reader")


@pytest.mark.hazard("S22")
def test_a_folder_of_modules_is_looked_at_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "acme_folder"
    (folder / "deep").mkdir(parents=True)
    for file in (folder / "__init__.py", folder / "deep" / "wire.py"):
        file.write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("acme", "acme_folder.deep.wire:ACME", GROUP)
    monkeypatch.setattr(packages, "_another_writes", lambda path: path.name == "wire.py")
    assert not_of_root(point) == folder.resolve() / "deep" / "wire.py"
    assert "acme_folder" not in sys.modules
    assert not_of_root(EntryPoint("acme", "acme_gone:ACME", GROUP)) is None


@pytest.mark.parametrize(
    ("uid", "gid", "mode", "loose"),
    [(0, 0, 0o100664, False), (0, 50, 0o100644, False), (0, 50, 0o100664, True), (1000, 0, 0o100444, True)],
)
def test_whoever_but_root_can_write_is_told(uid: int, gid: int, mode: int, loose: bool) -> None:
    class File:
        def stat(self) -> os.stat_result:
            return os.stat_result((mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))

    assert packages._another_writes(File()) is loose  # type: ignore[arg-type]


@pytest.mark.usefixtures("installed")
def test_a_driver_that_its_user_can_write_is_loaded_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_another_writes", lambda path: path.name == "acme_readers.py")
    with capture_logs() as logged:
        load_driver(package(), "tag_reader")
    assert [line["event"] for line in logged] == ["driver_package_not_of_root"]
