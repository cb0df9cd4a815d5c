"""Cameras over HTTPS: known by their authority or by their certificate, and told nothing before they are known."""

import asyncio
import contextlib
import hashlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.camera_http.driver import HttpCamera, HttpCameraSettings
from drivers.camera_http.source import Source
from drivers.kit.camera.address import parse_url
from drivers.kit.camera.dial import Dialler, SourceError, Trust
from drivers.kit.camera.digest import Authenticator
from drivers.kit.camera.pipe import ProblemMessage
from simulators.devices.camera import CameraCertificates, CameraFault, CameraSimulator
from simulators.devices.camera_door import CameraDoor
from tests.support.camera_http import MonotonicClock
from tests.support.certificates import CertificateAuthority

CLOCK = MonotonicClock()
PASSWORD = "s3cret"


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path)


@pytest.fixture
def certificates(authority: CertificateAuthority, tmp_path: Path) -> CameraCertificates:
    expired = authority.issue("127.0.0.1", days=-1)
    moved = (expired[0].rename(tmp_path / "expired.pem"), expired[1].rename(tmp_path / "expired.key"))
    return CameraCertificates(authority.issue("127.0.0.1"), moved, authority.issue("127.0.0.2"))


@asynccontextmanager
async def camera_with(
    certificates: CameraCertificates | None, fault: CameraFault = "none"
) -> AsyncIterator[tuple[CameraSimulator, CameraDoor]]:
    door = CameraDoor("viewer", PASSWORD)
    simulator = CameraSimulator(lambda: None, frames_per_s=20.0, door=door, certificates=certificates)
    await simulator.start()
    await simulator.set_fault(fault)
    try:
        async with asyncio.timeout(30):
            yield simulator, door
    finally:
        await simulator.stop()


def digest_of(certificate_file: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate_file.read_text("ascii"))).hexdigest()


def source_at(url: str, trust: Trust, wait_s: float = 5.0) -> Source:
    address = parse_url(url)
    asking = Authenticator("viewer", PASSWORD, "basic", secured=True, new_cnonce=lambda: "c")
    return Source(Dialler(address, trust, wait_s), asking, wait_s=wait_s, max_bytes=1 << 20)


async def problem_of(url: str, trust: Trust, wait_s: float = 5.0) -> ProblemMessage:
    with pytest.raises(SourceError) as caught:
        await asyncio.to_thread(source_at(url, trust, wait_s).snapshot)
    return caught.value.message


@pytest.mark.parametrize("mode", ["snapshot", "mjpeg"])
async def test_frames_come_over_https_with_digest(
    mode: str, authority: CertificateAuthority, certificates: CameraCertificates, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    async with camera_with(certificates) as (simulator, _):
        url = simulator.stream_url if mode == "mjpeg" else simulator.snapshot_url
        assert url.startswith("https://")
        settings = HttpCameraSettings(
            "front", url, mode, user="viewer", password_file=secret, ca_file=authority.ca_file, poll_interval_s=0.05
        )  # type: ignore[arg-type]
        camera = HttpCamera(settings, CLOCK)
        try:
            await camera.connect()
            for _ in range(3):
                assert (await camera.capture(CLOCK.now_ms(), 5.0)).defect is None
        finally:
            await camera.close()


Trusting = Callable[[CertificateAuthority, CameraCertificates], Trust]


@pytest.mark.parametrize(
    ("trusting", "fault"),
    [
        (lambda _, files: Trust(ca_file=str(files.good[0])), "none"),
        (lambda _, files: Trust(certificate_sha256=digest_of(files.good[0])), "none"),
        (lambda _, files: Trust(certificate_sha256=digest_of(files.expired[0])), "expired_certificate"),
        (lambda _, files: Trust(certificate_sha256=digest_of(files.wrong_host[0])), "wrong_host"),
    ],
)
async def test_camera_is_known_by_its_own_certificate(
    trusting: Trusting, fault: CameraFault, authority: CertificateAuthority, certificates: CameraCertificates
) -> None:
    async with camera_with(certificates, fault) as (simulator, door):
        # Known: the password is told, and refused, as this camera knows no basic authentication.
        problem = await problem_of(simulator.snapshot_url, trusting(authority, certificates))
        assert problem.code == "camera_refused"
        assert len(door.heard) == 1


@pytest.mark.parametrize(
    ("trusting", "fault", "got", "next_step"),
    [
        (lambda ca, _: Trust(ca_file=str(ca.ca_file)), "expired_certificate", "expired", "clock"),
        (lambda ca, _: Trust(ca_file=str(ca.ca_file)), "wrong_host", "mismatch", "certificate_sha256"),
        (lambda _, files: Trust(ca_file=str(files.wrong_host[0])), "none", "issuer", "who signed it"),
        (lambda _, files: Trust(certificate_sha256=digest_of(files.good[0])), "wrong_host", "one with", "who answers"),
    ],
)
async def test_who_is_not_the_camera_is_named_and_told_nothing(
    trusting: Trusting,
    fault: CameraFault,
    got: str,
    next_step: str,
    authority: CertificateAuthority,
    certificates: CameraCertificates,
) -> None:
    async with camera_with(certificates, fault) as (simulator, door):
        problem = await problem_of(simulator.snapshot_url, trusting(authority, certificates))
        assert problem.code == "camera_not_trusted"
        assert got in problem.got
        assert next_step in problem.next_step
        assert door.heard == []


async def test_what_speaks_no_tls_is_named(authority: CertificateAuthority) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        # Closed by the other end: a reset could overtake these bytes.
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/a"
        problem = await problem_of(url, Trust(ca_file=str(authority.ca_file)))
    assert (problem.code, "TLS 1.2" in problem.next_step) == ("camera_tls_failed", True)


@pytest.mark.hazard("D4")
async def test_a_handshake_without_an_answer_has_an_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/a"
        problem = await problem_of(url, Trust(certificate_sha256="0a" * 32), 0.2)
    assert (problem.code, problem.expected) == ("camera_unreachable", "a TLS handshake within 0.2 s")


async def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    for file in (empty, tmp_path / "absent.pem"):
        problem = await problem_of("https://127.0.0.1:9/a", Trust(ca_file=os.fspath(file)))
        assert problem.code == "camera_trust_unreadable"
        assert str(file) in problem.expected


@pytest.mark.parametrize(
    ("url", "ca_file", "certificate_sha256"),
    [
        ("https://10.0.0.7/a", None, None),
        ("https://10.0.0.7/a", Path("/ca.pem"), "0a" * 32),
        ("http://10.0.0.7/a", Path("/ca.pem"), None),
    ],
)
def test_https_and_what_is_trusted_go_together(url: str, ca_file: Path | None, certificate_sha256: str | None) -> None:
    settings = HttpCameraSettings("front", url, ca_file=ca_file, certificate_sha256=certificate_sha256)
    with pytest.raises(ValueError, match="ca_file and certificate_sha256"):
        HttpCamera(settings, CLOCK)
