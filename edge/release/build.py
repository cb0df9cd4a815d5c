"""Make a bundle: the project's files, the wheels of the lock for one platform, the program that installs them.

Wheels come from wherever pip on this machine finds them; each must have a hash of the lock.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from packaging.markers import Marker

from edge import __version__
from edge.release.archive import FILES, BundleError, Manifest, Member, member_of, write_bundle
from edge.runtime.journal_file import SCHEMA_VERSION

ROOT = Path(__file__).resolve().parents[2]
PLATFORMS = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.12", "3.13")
FOLDERS = ("edge", "drivers", "models", "config", "simulators", "ops", "requirements")
TOP = ("kakou", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE")
LOCKS = ("pip", "runtime")
DOWNLOAD_TIMEOUT_S = 1800
# Debian 12 has glibc 2.36; a wheel may ask for that or for any older one.
_OLDEST_GLIBC, _GLIBC = 5, 36
_LOCK_ENTRY = re.compile(
    r"^(?P<pin>[a-z0-9][\w.-]*==\S+)(?: ; (?P<marker>[^\\\n]+?))? \\\n(?P<hashes>(?: .*\n?)+)", re.M
)
_SKIPPED = re.compile(r"(^|/)(__pycache__|\..*)(/|$)|\.pyc$")

# Runs on any Python, to say which one is needed. Everything else is in the release itself.
STARTER = b'''\
"""Install this bundle: python3 BUNDLE [--prefix DIR]. The standard library is enough; no network is used."""
import os
import sys

BUNDLE = os.path.abspath(sys.argv[0])
sys.path.insert(0, os.path.join(BUNDLE, "files"))
if sys.version_info < (3, 11):
    sys.stderr.write("Kakou needs Python 3.11 or newer / " + sys.version + "\\n")
    sys.exit(69)

from pathlib import Path

from edge.release.install import main

sys.exit(main(sys.argv[1:], Path(BUNDLE)))
'''


def build(target: Path, *, platform: str, python: str, root: Path = ROOT) -> tuple[Manifest, str]:
    """Write the bundle of the project in `root` to `target`; returns its manifest and its SHA-256 (hex).

    Raises BundleError where a wheel cannot be had, OSError.
    """
    wheels = target.with_name(f".{target.name}.wheels")
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir(parents=True)
    try:
        download(root, wheels, platform=platform, python=python)
        sources: dict[str, Path | bytes] = {f"{FILES}/wheels/{path.name}": path for path in wheels.iterdir()}
        sources |= {f"{FILES}/{name}": path for name, path in project_files(root).items()}
        sources["__main__.py"] = STARTER
        members = {name: _member(source) for name, source in sources.items()}
        manifest = Manifest(__version__, commit_of(root), platform, python, SCHEMA_VERSION, members)
        return manifest, write_bundle(target, manifest, sources)
    finally:
        shutil.rmtree(wheels, ignore_errors=True)


def _member(source: Path | bytes) -> Member:
    if isinstance(source, bytes):
        return member_of(source)
    return member_of(source.read_bytes(), executable=os.access(source, os.X_OK))


def project_files(root: Path) -> dict[str, Path]:
    """Return what a box needs of the project: the path inside the release, and the file."""
    found = [root / name for name in TOP if (root / name).is_file()]
    found += [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    named = {path.relative_to(root).as_posix(): path for path in found}
    return {name: path for name, path in named.items() if not _SKIPPED.search(name)}


def commit_of(root: Path) -> str | None:
    """Return the commit that is checked out, marked `-changed` where files differ; None where git cannot tell."""
    git = shutil.which("git")
    if git is None:
        return None

    def ask(*words: str) -> str | None:
        command = [git, "-C", str(root), *words]
        answer = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - git, our words
        return answer.stdout.strip() if answer.returncode == 0 else None

    head, changes = ask("rev-parse", "HEAD"), ask("status", "--porcelain")
    if head is None or changes is None:
        return None
    return f"{head}-changed" if changes else head


def lock_for(text: str, *, platform: str, python: str) -> dict[str, frozenset[str]]:
    """Return the pins of a lock file that count on that platform, with the hashes of each.

    pip itself would judge the markers by the interpreter that runs it.
    """
    environment: Mapping[str, str] = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": platform,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return {
        entry["pin"]: frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry["hashes"]))
        for entry in _LOCK_ENTRY.finditer(text)
        if entry["marker"] is None or Marker(entry["marker"]).evaluate(dict(environment))
    }


def download(root: Path, folder: Path, *, platform: str, python: str) -> None:
    """Fill `folder` with exactly one verified wheel for each pin. Raises BundleError."""
    pins: dict[str, frozenset[str]] = {}
    for name in LOCKS:
        text = (root / "requirements" / f"{name}.txt").read_text(encoding="ascii")
        pins |= lock_for(text, platform=platform, python=python)
    wanted = folder / "wanted.txt"
    lines = [" \\\n".join([pin, *(f"    --hash=sha256:{one}" for one in sorted(pins[pin]))]) for pin in sorted(pins)]
    wanted.write_text("\n".join(lines) + "\n", encoding="ascii")
    tag = "cp" + python.replace(".", "")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    command += ["--no-deps", "--no-input", "--disable-pip-version-check", "--requirement", str(wanted)]
    command += ["--dest", str(folder), "--python-version", python, "--implementation", "cp"]
    for abi in (tag, "abi3", "none"):
        command += ["--abi", abi]
    for name in _platform_tags(platform):
        command += ["--platform", name]
    try:
        got = subprocess.run(  # noqa: S603 - our own interpreter and our own words
            command, check=False, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError("bundle_wheels", folder, "wheels in time", repr(error), "check the package index") from error
    wanted.unlink()
    if got.returncode != 0:
        said = got.stderr.strip()[-2000:]
        raise BundleError("bundle_wheels", platform, "a wheel for each pin", said, "check the package index")
    hashes = frozenset().union(*pins.values())
    strange = [path.name for path in folder.iterdir() if _digest(path) not in hashes]
    if strange or len(list(folder.iterdir())) != len(pins):
        raise BundleError("bundle_wheels", platform, f"{len(pins)} pinned wheels", repr(strange), "empty pip's cache")


def _platform_tags(platform: str) -> list[str]:
    manylinux = [f"manylinux_2_{minor}_{platform}" for minor in range(_GLIBC, _OLDEST_GLIBC - 1, -1)]
    return [*manylinux, f"manylinux2014_{platform}", f"manylinux2010_{platform}", f"linux_{platform}"]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
