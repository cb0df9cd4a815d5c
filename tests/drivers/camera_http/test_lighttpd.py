"""The driver against a camera of other people's programs: lighttpd's HTTP, TLS and passwords, GStreamer's pictures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.camera_http.driver import HttpCamera, HttpCameraSettings
from edge.ports import DeviceError
from simulators.ports import free_ports
from simulators.scene import encode_jpeg, render_empty_lane
from tests.support.camera_http import MonotonicClock
from tests.support.certificates import CertificateAuthority
from tests.support.needs import REPOSITORY, program

pytestmark = pytest.mark.lighttpd

CLOCK = MonotonicClock()
SCENE = render_empty_lane(1, width=320, height=240)
USER, PASSWORD = "viewer", "s3cr+t/ e%"
STREAM = REPOSITORY / "tests/support/mjpeg_stream.py"


class Lighttpd:
    """A web server over one folder, on its port from `start` to `stop`."""

    def __init__(self, folder: Path, *, ask: str = "", algorithm: str = "MD5", certificate: str = "") -> None:
        """`ask`: digest or basic, `certificate` the file with certificate and key where it speaks TLS."""
        (self.port,) = free_ports(1)
        self.root = folder / "pictures"
        self.root.mkdir()
        (folder / "users").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        (self.root / "stream.cgi").symlink_to(STREAM)
        self._binary = program("lighttpd") or ""
        self._modules = str(Path(self._binary).resolve().parents[1] / "lib" / "lighttpd")
        self._configuration = folder / "lighttpd.conf"
        modules = '"mod_auth", "mod_authn_file", "mod_cgi"' + (', "mod_openssl"' if certificate else "")
        lines = [
            f"server.modules = ({modules})",
            f'server.document-root = "{self.root}"',
            'server.bind = "127.0.0.1"',
            f"server.port = {self.port}",
            'mimetype.assign = (".jpg" => "image/jpeg")',
            'cgi.assign = (".cgi" => "/usr/bin/python3")',
            # As it comes, in chunks.
            "server.stream-response-body = 2",
        ]
        if ask:
            rule = f'"method" => "{ask}", "realm" => "camera", "require" => "valid-user", "algorithm" => "{algorithm}"'
            lines += [
                'auth.backend = "plain"',
                f'auth.backend.plain.userfile = "{folder / "users"}"',
                f'auth.require = ("/" => ({rule}))',
            ]
        if certificate:
            lines += ['ssl.engine = "enable"', f'ssl.pemfile = "{certificate}"']
        self._configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._process: asyncio.subprocess.Process | None = None
        # It shows the same picture for good.
        self.frozen = False

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            self._binary, "-D", "-f", str(self._configuration), "-m", self._modules
        )
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    await writer.wait_closed()
                    return
                await CLOCK.sleep(0.02)

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()

    async def renew(self) -> None:
        """Put another picture of the scene there, again and again."""
        number = 0
        while True:
            if not self.frozen:
                fresh = self.root / "fresh"
                fresh.write_bytes(encode_jpeg(SCENE, number := number + 1))
                fresh.replace(self.root / "snapshot.jpg")
            await CLOCK.sleep(0.03)


@asynccontextmanager
async def served(folder: Path, **how: str) -> AsyncIterator[Lighttpd]:
    server = Lighttpd(folder, **how)
    await server.start()
    renewing = asyncio.create_task(server.renew())
    try:
        async with asyncio.timeout(60):
            yield server
    finally:
        renewing.cancel()
        await asyncio.wait({renewing})
        await server.stop()


@asynccontextmanager
async def camera_at(server: Lighttpd, path: str, scheme: str = "http", **changes: object) -> AsyncIterator[HttpCamera]:
    url = f"{scheme}://127.0.0.1:{server.port}/{path}"
    mode = "mjpeg" if path.endswith(".cgi") else "snapshot"
    given = {"frame_stale_s": 3.0, "poll_interval_s": 0.05} | changes
    camera = HttpCamera(HttpCameraSettings("front", url, mode, **given), CLOCK)  # type: ignore[arg-type]
    try:
        yield camera
    finally:
        await camera.close()


@pytest.fixture
def password(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    return tmp_path / "password"


async def good_frames(camera: HttpCamera, count: int = 3, defect: str | None = None) -> None:
    for _ in range(count):
        while (await camera.capture(CLOCK.now_ms(), 5.0)).defect != defect:
            pass


@pytest.mark.hazard("D1", "D4")
async def test_pictures_of_lighttpd_are_seen_frozen_lost_and_back(tmp_path: Path) -> None:
    async with served(tmp_path) as server, camera_at(server, "snapshot.jpg") as camera:
        await camera.connect()
        await good_frames(camera)
        server.frozen = True
        await good_frames(camera, 1, defect="frozen")
        server.frozen = False
        await good_frames(camera)
        running = asyncio.create_task(camera.run())
        await server.stop()
        with pytest.raises(DeviceError) as lost:
            await running
        assert lost.value.code == "camera_unreachable"
        await server.start()
        await camera.connect()
        await good_frames(camera)


@pytest.mark.parametrize(("ask", "algorithm", "auth"), [
    ("digest", "MD5", "auto"), ("digest", "SHA-256", "auto"), ("basic", "MD5", "basic"),
])  # fmt: skip
async def test_lighttpd_asks_who_asks_and_is_told(
    tmp_path: Path, password: Path, ask: str, algorithm: str, auth: str
) -> None:
    (tmp_path / "another").write_text("another", encoding="utf-8")
    async with served(tmp_path, ask=ask, algorithm=algorithm) as server:
        async with camera_at(server, "snapshot.jpg", user=USER, password_file=password, auth=auth) as camera:
            await camera.connect()
            await good_frames(camera)
        wrong = {"user": USER, "password_file": tmp_path / "another", "auth": auth}
        async with camera_at(server, "snapshot.jpg", "http", **wrong) as camera:
            with pytest.raises(DeviceError) as refused:
                await camera.connect()
        assert refused.value.code == "camera_refused"


async def test_lighttpd_that_wants_the_password_as_it_is_hears_none_over_plain_http(
    tmp_path: Path, password: Path
) -> None:
    async with (
        served(tmp_path, ask="basic") as server,
        camera_at(server, "snapshot.jpg", user=USER, password_file=password) as camera,
    ):
        with pytest.raises(DeviceError) as refused:
            await camera.connect()
    assert (refused.value.code, "basic" in refused.value.got) == ("camera_refused", True)


async def test_lighttpd_over_tls_is_known_by_its_authority(tmp_path: Path, password: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    async with served(tmp_path, ask="basic", certificate=str(both)) as server:
        known = {"user": USER, "password_file": password, "ca_file": authority.ca_file}
        async with camera_at(server, "snapshot.jpg", "https", **known) as camera:
            await camera.connect()
            await good_frames(camera)


@pytest.mark.gstreamer
@pytest.mark.hazard("D2", "D4")
async def test_a_stream_of_gstreamer_behind_lighttpd_is_taken_apart(tmp_path: Path, password: Path) -> None:
    async with (
        served(tmp_path, ask="digest") as server,
        camera_at(server, "stream.cgi", user=USER, password_file=password) as camera,
    ):
        await camera.connect()
        await good_frames(camera, 10)
        running = asyncio.create_task(camera.run())
        await server.stop()
        with pytest.raises(DeviceError) as lost:
            await running
        assert lost.value.code == "camera_unreachable"
        await server.start()
        await camera.connect()
        await good_frames(camera)
