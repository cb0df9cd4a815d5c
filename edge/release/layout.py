"""Where releases lie: `releases/NAME` side by side, and links that are switched as one.

- `PREFIX/releases/0.1.0-0123456789ab/`: a whole release with its environment
- `PREFIX/current`: what the service starts; a link, like the next two
- `PREFIX/previous`: what it goes back to
- `PREFIX/upgrader`: whose code finishes an upgrade that was cut off: the one that began it
- `PREFIX/kakou`: what a person and the service unit call; leads to `current/kakou`
- `PREFIX/upgrade.json`: an upgrade under way
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.files import sync_folder

CURRENT, PREVIOUS, UPGRADER = "current", "previous", "upgrader"
PROGRAM = "kakou"
DEFAULT_PREFIX = Path("/opt/kakou")
# Two pip runs of one box, or two upgrades, must not meet.
_LOCK = ".upgrade.lock"


class BusyError(Exception):
    """Another process installs or upgrades below this prefix."""

    code = "upgrade_busy"

    def __init__(self, prefix: Path) -> None:
        super().__init__(f"{self.code}: {prefix}: expected no other upgrade, got one; next: wait for its end")


@dataclass(frozen=True, slots=True)
class Releases:
    """The releases below one prefix."""

    prefix: Path

    @classmethod
    def of_this_program(cls) -> "Releases":
        """Return those among which this program lies; the default ones for a checkout."""
        root = Path(__file__).resolve().parents[2]
        return cls(root.parent.parent if root.parent.name == "releases" else DEFAULT_PREFIX)

    @property
    def folder(self) -> Path:
        """Where the releases lie side by side."""
        return self.prefix / "releases"

    @property
    def state_file(self) -> Path:
        """What an upgrade under way leaves behind for whoever finishes it."""
        return self.prefix / "upgrade.json"

    def path(self, release: str) -> Path:
        """The folder of one release, there or not."""
        return self.folder / release

    def staging(self, release: str) -> Path:
        """Where it is made before it gets its name."""
        return self.folder / f".{release}.partial"

    def named(self, link: str) -> str | None:
        """Return the release that a link names, None where the link or its release is missing."""
        try:
            release = (self.prefix / link).readlink().name
        except OSError:
            return None
        return release if self.is_installed(release) else None

    def is_installed(self, release: str) -> bool:
        """Whether it is there, whole: a release gets its name last."""
        return self.path(release).is_dir()

    def point(self, link: str, release: str) -> None:
        """Let `link` name `release`, durably; a reader sees the old or the new. Raises OSError."""
        self._link(link, Path("releases") / release)

    def publish_program(self) -> None:
        """Make `PREFIX/kakou`, which always starts the current release. Raises OSError."""
        self._link(PROGRAM, Path(CURRENT) / PROGRAM)

    def _link(self, link: str, target: Path) -> None:
        partial = self.prefix / f".{link}.new"
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
        partial.symlink_to(target)
        partial.replace(self.prefix / link)
        sync_folder(self.prefix)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this prefix; gone with the process, however it ends. Raises BusyError, OSError.

        A child that is started with it open (`close_fds=False`) holds it as well, for as long as it writes here.
        """
        import fcntl

        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.prefix / _LOCK).open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(self.prefix) from error
            os.set_inheritable(file.fileno(), True)
            yield


def this_release() -> str:
    """The name of the release that this program runs from; `checkout` where it is none."""
    root = Path(__file__).resolve().parents[2]
    return root.name if root.parent.name == "releases" else "checkout"
