"""Drivers of somebody else: loaded only where the configuration names the distribution and its version.

Such a package declares an entry point of the group `kakou.drivers` whose object is a `PackagedDriver`. Only the named
distribution's metadata is looked at, and nothing of it is imported before its version is the one that was asked for,
and before it is known that not everybody on the box can write what would be imported (S22).
"""

import importlib.util
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from config.devices import Package, Packaged
from config.problems import path_text
from config.schema import Configuration
from edge.log import logger

GROUP = "kakou.drivers"

# The version of each module that this process has imported: it keeps it, whatever is installed over it meanwhile.
_imported_from: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class PackagedDriver:
    """What an entry point gives: the kind that it drives, and a constructor as the lines of `edge/registry.py` have."""

    kind: str
    construct: Callable[[Any, Any, Any], Any]


class PackageError(Exception):
    """A configured package cannot be used. `code` is stable; the text says what was expected, found and comes next."""

    def __init__(self, code: str, package: Package, found: str, next_step: str) -> None:
        wanted = f"{package.entry_point} of {package.distribution} {package.version}"
        super().__init__(f"{code}: driver {wanted}: {found}; next: {next_step}")
        self.code, self.found, self.next_step = code, found, next_step


def find(package: Package) -> metadata.EntryPoint:
    """Return where exactly that package has its driver; nothing of it is imported.

    Raises PackageError: `driver_package_missing`, `_version`, `_entry_point`, `_writable`.
    """
    try:
        distribution = metadata.distribution(package.distribution)
    except (metadata.PackageNotFoundError, ValueError) as error:
        raise PackageError("driver_package_missing", package, "not installed", "install it on this box") from error
    if distribution.version != package.version:
        found = f"version {distribution.version} is installed"
        raise PackageError("driver_package_version", package, found, "install the version, or name the other one")
    points = [one for one in distribution.entry_points if (one.group, one.name) == (GROUP, package.entry_point)]
    if len(points) != 1:
        found = f"{len(points)} entry points of that name in {GROUP}"
        raise PackageError("driver_package_entry_point", package, found, "correct entry_point in the configuration")
    running = _imported_from.get(_module(points[0]), package.version)
    if running != package.version:
        found = f"version {running} was installed before and runs in this process"
        raise PackageError("driver_package_version", package, found, "restart the service")
    if (open_to_all := next(filter(_everybody_writes, _imported(points[0])), None)) is not None:
        found = f"everybody on this box can write {open_to_all}"
        raise PackageError("driver_package_writable", package, found, f"sudo chmod -R o-w {open_to_all}")
    return points[0]


def not_of_root(point: metadata.EntryPoint) -> Path | None:
    """Return something that is imported with a driver and that another user than root can write; None for nothing.

    Where the service runs as that user, whoever gets into the service can leave something behind in it.
    """
    return next(filter(_another_writes, _imported(point)), None)


def _imported(point: metadata.EntryPoint) -> Iterator[Path]:
    """Yield the files and folders of a driver's package, and those above it. Nothing is imported."""
    spec = importlib.util.find_spec(_module(point))
    if spec is None:
        return
    # A package, or a module of one file.
    folders = spec.submodule_search_locations
    for place in [spec.origin or ""] if folders is None else folders:
        path = Path(place).resolve()
        if path.exists():
            yield from (path, *path.parents, *path.rglob("*"))


def _module(point: metadata.EntryPoint) -> str:
    return point.module.partition(".")[0]


def _everybody_writes(path: Path) -> bool:
    mode = path.stat().st_mode
    # What lies in a folder like /tmp is its owner's alone.
    return bool(mode & stat.S_IWOTH) and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX)


def _another_writes(path: Path) -> bool:
    found = path.stat()
    return found.st_uid != 0 or bool(found.st_gid != 0 and found.st_mode & stat.S_IWGRP)


def packages_of(configuration: Configuration) -> list[tuple[str, Package]]:
    """Return the packages that a configuration names, each with its key."""
    return [
        (path_text(("lanes", index, *place, "package")), device.package)
        for index, lane in enumerate(configuration.lanes)
        for place, device in (*lane.every_camera, *lane.every_line, *lane.over_http)
        if device.package is not None
    ]


def load_driver(package: Package, kind: str) -> PackagedDriver:
    """Return the driver of exactly that package. Raises PackageError: those of `find`; `_broken`, `_kind`."""
    point = find(package)
    if (loose := not_of_root(point)) is not None:
        logger().warning("driver_package_not_of_root", distribution=package.distribution, path=str(loose))
    _imported_from[_module(point)] = package.version
    try:
        driver = point.load()
    except Exception as error:
        # Whatever a stranger's module raises while it is imported: the box does not start with it.
        found = f"its import failed with {error!r}"
        raise PackageError("driver_package_broken", package, found, "ask its maker") from error
    if not isinstance(driver, PackagedDriver) or driver.kind != kind:
        found = f"it is {driver!r}, not a PackagedDriver of the kind {kind}"
        raise PackageError("driver_package_kind", package, found, "correct entry_point, or ask its maker")
    return driver


def build_packaged(kind: str, configured: Packaged, clock: Any, deliver: Any) -> Any:
    """Return the device that the driver of its package makes. Raises PackageError: those of `load_driver`.

    `driver_package_broken` also where it makes none, or one that the lane would not know by its configured name and an
    address.
    """
    package = configured.package
    assert package is not None, "the configuration was checked"
    driver = load_driver(package, kind)
    try:
        device = driver.construct(configured, clock, deliver)
        name, _ = device.name, device.address
    except Exception as error:
        # As at its import. A changed configuration with it leaves the one before in force.
        raise PackageError("driver_package_broken", package, f"it failed with {error!r}", "ask its maker") from error
    if name != configured.id:
        found = f"its device is named {name!r}, configured is {configured.id!r}"
        raise PackageError("driver_package_broken", package, found, "ask its maker")
    return device
