"""Small releases that install in a moment, and a service manager of our own that runs whichever is current.

A fake release is one file: it answers `--version` and `check`, and as `run` serves the control socket as its variant
tells: `good`, `degraded` (a lost device, named), `mute` (starting, names nothing), `broken` (ends at once), `moving` (a
boom in motion), `strict` (refuses every configuration), `unproved` (lacks the report of a device), `killer` (its
installation is killed), `orphan` (that too, and it goes on until somebody has written to the pipe `PREFIX/go`).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from edge.release.archive import FILES, Manifest, member_of, write_bundle
from edge.release.install import this_machine
from edge.release.layout import Releases
from edge.runtime.control import ControlError, ask
from edge.runtime.journal_file import SCHEMA_VERSION
from tests.support.sources import ROOT

PROGRAM = """\
import json, os, socket, sys
VARIANT, VERSION = {variant!r}, {version!r}
if sys.argv[1] == "--version":
    if VARIANT in ("killer", "orphan"):
        os.kill(os.getppid(), 9)
    if VARIANT == "orphan":
        open(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "go"), "rb").read()
    sys.exit(0)
if sys.argv[1] == "check":
    if VARIANT == "unproved" and "--brought-up" in sys.argv:
        print("bringup_missing")
        sys.exit(78)
    sys.exit(78 if VARIANT == "strict" else 0)
if VARIANT == "broken":
    sys.exit(1)
lane = {{"lane": "lane-1", "phase": "starting" if VARIANT in ("degraded", "mute") else "idle", "alarms": [],
        "lost_devices": ["barrier"] if VARIANT == "degraded" else [], "devices": {{}}}}
release = os.path.basename(os.path.dirname(os.path.realpath(__file__)))
status = {{"release": release, "pid": os.getpid(), "lanes": [lane]}}
drain = {{"drained": True, "moving": ["lane-1"] if VARIANT == "moving" else [], "unfinished": []}}
path = os.path.join(os.path.dirname(sys.argv[2]), "state", "control.sock")
os.makedirs(os.path.dirname(path), exist_ok=True)
partial = path + str(os.getpid())
server = socket.socket(socket.AF_UNIX)
server.bind(partial)
server.listen()
os.replace(partial, path)
while True:
    connection, _ = server.accept()
    asked = json.loads(connection.makefile().readline() or "{{}}")
    if asked:
        connection.sendall(json.dumps(drain if asked["verb"] == "drain" else status).encode() + b"\\n")
    connection.close()
"""


def fake_bundle(target: Path, version: str, variant: str = "good", *, schema: int = SCHEMA_VERSION) -> str:
    """Write a bundle; returns the name of its release."""
    content: dict[str, Path | bytes] = {
        f"{FILES}/kakou": PROGRAM.format(variant=variant, version=version).encode(),
        "__main__.py": b"",
    }
    members = {name: member_of(body) for name, body in content.items() if isinstance(body, bytes)}
    manifest = Manifest(version, None, *this_machine(), schema, members)
    write_bundle(target, manifest, content)
    return manifest.release


class FakeManager:
    """Runs `PREFIX/kakou run CONFIG` and runs it again whenever it ends, as the service unit asks of systemd."""

    def __init__(self, prefix: Path, config: Path) -> None:
        self._command = [sys.executable, str(prefix / "kakou"), "run", str(config)]
        self._pid_file = prefix / "service.pid"
        self._stop = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run)

    @property
    def restart_command(self) -> str:
        """What restarts the service."""
        return f"sh -c 'kill -TERM $(cat \"{self._pid_file}\") || true'"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._running is not None:
            self._running.kill()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with subprocess.Popen(self._command, stderr=subprocess.DEVNULL) as self._running:
                self._pid_file.write_text(str(self._running.pid), encoding="ascii")
                if self._stop.is_set():
                    self._running.kill()
            self._stop.wait(0.05)


class FakeBox:
    """A box with a first release that runs. `upgrade` and `resume` are processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.releases = Releases(folder / "opt")
        self.config = folder / "lane.yaml"
        text = (ROOT / "config" / "examples" / "demo.yaml").read_text(encoding="utf-8")
        self.config.write_text(text, encoding="utf-8")
        self.socket = folder / "state" / "control.sock"
        self.manager = FakeManager(self.releases.prefix, self.config)
        self.health_s = 60.0

    def install(self, version: str, variant: str = "good", **options: int) -> str:
        """Install a release as the first one; returns its name."""
        from edge.release.install import install

        bundle = self.bundle(version, variant, **options)
        release = install(bundle, self.releases).release
        self.releases.point("upgrader", release)
        self.releases.point("current", release)
        self.releases.publish_program()
        return release

    def bundle(self, version: str, variant: str = "good", **options: int) -> Path:
        path = self.folder / f"{version}-{variant}.zip"
        fake_bundle(path, version, variant, **options)
        return path

    def runs(self, *versions: str) -> None:
        """Wait until a release of one of these versions answers on the control socket."""

        async def look() -> None:
            async with asyncio.timeout(30):
                while True:
                    with contextlib.suppress(ControlError):
                        answer = await ask(self.socket, {"verb": "status"})
                        if str(answer["release"]).partition("-")[0] in versions:
                            return
                    await asyncio.to_thread(threading.Event().wait, 0.02)

        asyncio.run(look())

    def run(self, verb: str, *arguments: str, kill_at: str = "") -> tuple[int, str]:
        """Run a verb to its end; returns its status (negative for a signal) and what it printed."""
        options = ["--config", str(self.config), "--prefix", str(self.releases.prefix), "--drain-s", "5"]
        options += ["--health-s", str(self.health_s), "--settle-s", "0.1"]
        options += ["--restart-command", self.manager.restart_command]
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.fake_release", kill_at, verb, *arguments, *options],
            check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", cwd=ROOT, timeout=120,
            env={**os.environ, "KAKOU_LANG": "en"},
        )  # fmt: skip
        return done.returncode, done.stdout


@contextlib.contextmanager
def open_box(folder: Path) -> Iterator[FakeBox]:
    """A box whose service manager runs once a release is installed."""
    box = FakeBox(folder)
    try:
        yield box
    finally:
        if box.manager._thread.is_alive():
            box.manager.stop()


def main(kill_at: str, verb: str, arguments: list[str]) -> int:
    """Run a verb of the upgrade; the process dies, as of `kill -9`, at the step `kill_at`."""
    from edge.release import upgrade as machinery
    from edge.verbs import upgrade as verbs

    def die(step: str) -> None:
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    verbs.Upgrade = partial(machinery.Upgrade, at=die)  # type: ignore[misc, assignment]
    return verbs.rollback(arguments) if verb == "rollback" else verbs.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
