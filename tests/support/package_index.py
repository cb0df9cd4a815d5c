"""A package index on loopback with small wheels made here, and a checkout that installs from it."""

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from tests.support.sources import ROOT

# Stands in for the program: shows how it was called and what the bootstrap left in its environment.
PROGRAM = """
import json, os, sys
import edge, tiny
names = ("PYTHONSAFEPATH", "PYTHONPATH")
print(json.dumps({"arguments": sys.argv[1:], "edge": edge.__file__, "tiny": tiny.VERSION, "folder": os.getcwd(),
                  "environment": {name: os.environ.get(name) for name in names}}))
"""


def wheel(name: str, version: str) -> bytes:
    """A wheel of one module with one constant."""
    info = f"{name}-{version}.dist-info"
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return content.getvalue()


def pip_wheel() -> tuple[str, bytes]:
    """The pip that runs here, packed again as a wheel, with its version."""
    distribution = importlib.metadata.distribution("pip")
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in distribution.files or []:
            if file.parts[0] != ".." and file.suffix != ".pyc":
                archive.write(str(file.locate()), file.as_posix())
    return distribution.version, content.getvalue()


class PackageIndex:
    """Serves `files` (name of a wheel to its bytes) as a simple index, HTML or JSON, and keeps the paths asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.as_json = False
        self.wheel_asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.url = ""

    def page(self, project: str) -> bytes:
        names = [name for name in self.files if name.startswith(f"{project}-")]
        if self.as_json:
            entries = [{"filename": name, "url": f"../../files/{name}", "hashes": {}} for name in names]
            return json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": entries}).encode()
        return "".join(f'<a href="../../files/{name}#sha256=0">{name}</a>\n' for name in names).encode()

    def answer(self, path: str) -> bytes | None:
        self.asked.append(path)
        kind, _, rest = path.strip("/").partition("/")
        if kind == "simple":
            return self.page(rest)
        if rest.startswith("tiny"):
            self.wheel_asked.set()
            self.may_answer.wait(30)
        return self.files.get(rest)


@contextmanager
def serve(index: PackageIndex) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = index.answer(self.path)
            self.send_response(404 if body is None else 200)
            json_page = index.as_json and self.path.startswith("/simple")
            self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json" if json_page else "text/html")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *arguments: object) -> None:
            """Stay silent."""

        def handle(self) -> None:
            # A client that the test killed does not wait for its answer.
            try:
                super().handle()
            except OSError:
                self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        index.url = f"http://127.0.0.1:{server.server_port}/simple"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            index.may_answer.set()
            server.shutdown()
            thread.join()


class Checkout:
    """A copy of the bootstrap in a folder of its own, whose locks name the wheels of a `PackageIndex`."""

    def __init__(self, root: Path, home: Path, index: PackageIndex) -> None:
        self.root, self.home, self.index = root, home, index
        shutil.copytree(ROOT / "edge" / "text", root / "edge" / "text", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(ROOT / "kakou", root / "kakou")
        (root / "edge" / "__init__.py").touch()
        (root / "edge" / "cli.py").write_text(PROGRAM, encoding="utf-8")
        (root / "requirements").mkdir()
        version, pip = pip_wheel()
        self.lock("pip", "pip", version, pip)
        self.lock("runtime", "tiny", "1.0", wheel("tiny", "1.0"))
        self.lock("dev", "tinydev", "1.0", wheel("tinydev", "1.0"))

    def lock(self, lock: str, name: str, version: str, content: bytes) -> None:
        self.index.files[f"{name}-{version}-py3-none-any.whl"] = content
        pin = f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n"
        (self.root / "requirements" / f"{lock}.txt").write_text(pin, encoding="ascii")

    def start(self, *arguments: str, command: list[str] | None = None, **variables: str) -> subprocess.Popen[str]:
        """Start `kakou` with an empty home and the test's interpreter, as on a machine where `ensurepip` is missing."""
        blocker = self.home.parent / "blocker"
        blocker.mkdir(exist_ok=True)
        (blocker / "ensurepip.py").write_text("raise ImportError('not on Debian')\n", encoding="ascii")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(blocker),
            "NO_PROXY": "127.0.0.1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.index.url,
            "PIP_USER": "1",
            **variables,
        }
        whole = [*(command or [sys.executable, str(self.root / "kakou")]), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(whole, env=environment, cwd=self.home, stdout=pipe, stderr=pipe, encoding="utf-8")

    def run(self, *arguments: str, command: list[str] | None = None, **variables: str) -> tuple[int, str, str]:
        """Start, wait for the end, and return exit status, stdout and stderr."""
        with self.start(*arguments, command=command, **variables) as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err
