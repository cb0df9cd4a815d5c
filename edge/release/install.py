"""Unpack a bundle beside the other releases and make its environment. Standard library alone, no network.

`python3 BUNDLE [--prefix DIR]` runs `main` here: the first installation. `kakou upgrade` uses `install`.
"""

import argparse
import contextlib
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.files import sync_folder
from edge.release.archive import BundleError, Manifest, discard, read_manifest, unpack
from edge.release.layout import CURRENT, DEFAULT_PREFIX, UPGRADER, BusyError, Releases
from edge.text import say

EXIT_FAILED = 1
MAKE_TIMEOUT_S = 1800.0
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# The bootstrap takes packages from the release's own folder `wheels`. What could send pip elsewhere is not passed on;
# whoever asks an index in spite of that meets a closed port.
_DROPPED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
_OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_CACHE_DIR": "1",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "no_proxy": "",
}


def this_machine() -> tuple[str, str]:
    """Return platform and Python version (`3.11`) of this machine as a bundle names them."""
    machine = platform.machine().lower()
    return _MACHINES.get(machine, machine), "{}.{}".format(*sys.version_info[:2])


def check_fits(manifest: Manifest, bundle: Path) -> None:
    """Raise BundleError where the wheels of a bundle are for another machine or Python."""
    wanted, here = (manifest.platform, manifest.python), this_machine()
    if wanted != here:
        raise BundleError(
            "bundle_platform", bundle, "{} with Python {}".format(*wanted), "{} with Python {}".format(*here),
            "use that Python, or make a bundle for this machine (--platform, --python)",
        )  # fmt: skip


def install(bundle: Path, releases: Releases) -> Manifest:
    """Put the bundle's release beside the others, whole or not at all; one that is there already stays as it is.

    Nothing is switched. Raises BundleError, OSError.
    """
    manifest = read_manifest(bundle)
    check_fits(manifest, bundle)
    if releases.is_installed(manifest.release):
        return unpack(bundle, None)
    staging = releases.staging(manifest.release)
    discard(staging)
    # The service is another user than the one who installs.
    before = os.umask(0o022)
    try:
        staging.mkdir(parents=True)
        unpack(bundle, staging)
        _make_environment(staging)
        _compile(staging, releases.path(manifest.release))
    finally:
        os.umask(before)
    os.sync()
    staging.rename(releases.path(manifest.release))
    sync_folder(releases.folder)
    return manifest


def _make_environment(staging: Path) -> None:
    """Let the release's own bootstrap make its environment from the wheels beside it. Raises BundleError."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PIP_") and name not in _DROPPED
    }
    command = [sys.executable, str(staging / "kakou"), "--version"]
    try:
        made = subprocess.run(  # noqa: S603 - our interpreter and a file that the manifest vouches for
            command, env={**environment, **_OFFLINE}, cwd=staging, check=False, timeout=MAKE_TIMEOUT_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            # It keeps the lock of the prefix: where this process is killed, it still writes, and nobody may beside it.
            close_fds=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BundleError("bundle_environment", staging, "an environment", repr(error), "free the machine") from error
    if made.returncode != 0:
        said = made.stdout.decode("utf-8", "replace")[-2000:]
        raise BundleError("bundle_environment", staging, "status 0", f"{made.returncode}: {said}", "free disk space")


def _compile(staging: Path, final: Path) -> None:
    """Compile the release where it lies: the service may not write beside it, and would compile it at every start.

    Tracebacks name the files by their `final` place; those that the bootstrap compiled are compiled again for it. What
    cannot be compiled costs time alone.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-f", "-s", str(staging), "-p", str(final), str(staging)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603 - our interpreter and our own files
            command, cwd=staging, check=False, timeout=MAKE_TIMEOUT_S,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def main(arguments: Sequence[str], bundle: Path) -> int:
    """Install the first release of a box and make it the current one; 0, or 1 with what stood in the way.

    A box that has a current release is told to upgrade: nobody would drain it here.
    """
    parser = argparse.ArgumentParser(prog=f"python3 {bundle.name}", description=say("install_description"))
    parser.add_argument("--prefix", type=Path, default=DEFAULT_PREFIX, help=say("install_prefix"))
    given = parser.parse_args(arguments)
    releases = Releases(given.prefix.absolute())
    try:
        with releases.locked():
            current, release = releases.named(CURRENT), read_manifest(bundle).release
            if current not in (None, release):
                sys.stderr.write(say("install_use_upgrade", current=current, bundle=bundle) + "\n")
                return EXIT_FAILED
            install(bundle, releases)
            releases.point(UPGRADER, release)
            releases.point(CURRENT, release)
            releases.publish_program()
    except (BundleError, BusyError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    sys.stdout.write(say("install_done", release=release, prefix=releases.prefix) + "\n")
    return 0
