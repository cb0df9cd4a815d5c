"""Pictures from a lane to the bridge over TLS: by signed address and digest, and every way in which that fails."""

import asyncio
import contextlib
import hashlib
import os
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.clearance.bridge import pictures
from edge.clearance.bridge.pictures import PictureError, PictureFolder, fetch
from edge.clearance.picture_access import PictureAccess, address_of
from edge.core.readings import Identity, Reading
from edge.core.tag import Tag
from edge.runtime import picture_server
from edge.runtime.evidence import EvidenceLimits, EvidenceStore
from edge.runtime.picture_server import PictureServer, PictureServerSettings
from tests.support.bridge_bench import BridgeBench, until
from tests.support.certificates import CertificateAuthority
from tests.support.mqtt import serving, within

SECRET = b"s" * 32
PICTURE = b"\xff\xd8" + b"truck" * 1000
DIGEST = hashlib.sha256(PICTURE).hexdigest()
HOST = "127.0.0.1"


class Served:
    """A running picture server of the site `yard` with one picture, and the requests that name it."""

    def __init__(self, folder: Path, ca: CertificateAuthority) -> None:
        certificate, key = ca.issue(HOST)
        self.ca_file = ca.ca_file
        self.folder = folder / "evidence"
        limits = EvidenceLimits(1 << 20, 100.0, 1000.0)
        self.store = EvidenceStore(self.folder, limits, utc=lambda: datetime.now(UTC))
        settings = PictureServerSettings(HOST, 0, certificate, key)
        self.server = PictureServer(settings, self.store, secret=SECRET, site="yard", utc=lambda: datetime.now(UTC))

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    def claims(self, *digests: str, secret: bytes = SECRET) -> dict[str, Any]:
        access = PictureAccess(secret, f"https://{HOST}:{self.server.port}")
        now_s = datetime.now(UTC).timestamp()
        return {
            "site": "yard", "lane": "lane1", "authority": "customs", "passage": "p1", "evidence": list(digests),
            "pictures": access.claims("yard", "lane1", "customs", "p1", now_s),
        }  # fmt: skip

    async def fetch(self, digest: str = DIGEST, **options: Any) -> bytes:
        return await within(fetch(address_of(self.claims(**options), digest), digest, self.tls))  # type: ignore[no-any-return]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    served = Served(tmp_path, CertificateAuthority(tmp_path))
    await served.store.open()
    await served.store.keep(PICTURE, DIGEST, "p1")
    async with serving(served.server.run):
        await within(served.server.listening.wait())
        yield served
    await served.store.close()


async def failure(work: Any) -> str:
    with pytest.raises(PictureError) as failed:
        await within(work)
    return failed.value.reason


async def test_a_picture_comes_by_its_address(served: Served) -> None:
    assert await served.fetch() == PICTURE
    assert served.server.counts == {200: 1}


async def test_without_the_right_there_is_none(served: Served) -> None:
    assert await failure(served.fetch(secret=b"t" * 32)) == "status_403"
    assert await failure(served.fetch("b" * 64)) == "status_404"
    next(served.folder.rglob("*.jpg")).write_bytes(b"damaged")
    assert await failure(served.fetch()) == "status_503"


async def test_another_servers_certificate_is_refused(served: Served, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = ssl.create_default_context(cafile=CertificateAuthority(tmp_path / "other").ca_file)
    assert await failure(fetch(address_of(served.claims(), DIGEST), DIGEST, stranger)) == "tls"


async def raw(served: Served, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, served.server.port, ssl=served.tls)
    writer.write(data)
    try:
        return await within(reader.read())  # type: ignore[no-any-return]
    except OSError:
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("head", [b"POST / HTTP/1.1", b"GET /", b"\xff\xff", b"GET /\xff HTTP/1.1", b""])
async def test_what_is_no_get_is_a_bad_request(served: Served, head: bytes) -> None:
    assert (await raw(served, head + b"\r\n\r\n")).startswith(b"HTTP/1.1 400")


async def test_a_long_a_slow_and_a_cut_request_get_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await raw(served, b"GET /" + b"x" * 20_000) == b""
    with monkeypatch.context() as short:
        short.setattr(picture_server, "REQUEST_S", 0.1)
        assert await raw(served, b"GET / HTTP/1.1\r\n") == b""
    assert await served.fetch() == PICTURE


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_who_is_many_and_silent_takes_no_more_of_the_process(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await served.fetch() == PICTURE
    monkeypatch.setattr(picture_server, "MAX_CONNECTIONS", 2)
    # Long enough for the handshake of a fetch on a busy machine.
    monkeypatch.setattr(picture_server, "REQUEST_S", 0.5)
    before = open_files()
    # Connected, and never a byte of a handshake.
    silent = [(await asyncio.open_connection(HOST, served.server.port))[1] for _ in range(10)]
    assert await served.fetch() == PICTURE
    assert open_files() - before - len(silent) <= 2
    assert len(served.server._connections) <= 2
    for writer in silent:
        writer.transport.abort()


async def test_a_flood_of_handshakes_is_taken_one_after_another(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(picture_server, "MOST_PER_S", 20)
    began = loop.time()
    assert await within(asyncio.gather(*(served.fetch() for _ in range(6)))) == [PICTURE] * 6
    assert loop.time() - began >= 4 / 20


async def test_a_renewed_certificate_is_taken_without_a_restart(served: Served, tmp_path: Path) -> None:
    (tmp_path / "next").mkdir()
    ca = CertificateAuthority(tmp_path / "next")
    certificate, key = ca.issue(HOST)
    settings = served.server._settings
    settings.certificate_file.write_bytes(certificate.read_bytes())
    assert await served.fetch() == PICTURE, "a certificate without its key is not taken yet"
    settings.key_file.write_bytes(key.read_bytes())
    assert await failure(served.fetch()) == "tls"
    served.ca_file = ca.ca_file
    assert await served.fetch() == PICTURE


@contextlib.asynccontextmanager
async def lying(ca: CertificateAuthority, answer: bytes) -> AsyncIterator[str]:
    """A server that answers whatever it likes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue(HOST))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    try:
        yield f"https://{HOST}:{server.sockets[0].getsockname()[1]}/x"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "wrong_digest"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "too_large"),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", "head_form"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "head_form"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\n\r\n", "status_302"),
        (b"SSH-2.0\r\n\r\n", "head_form"),
        (b"x" * 20_000, "cut"),
    ],
)
async def test_what_comes_is_believed_by_its_digest_alone(tmp_path: Path, answer: bytes, reason: str) -> None:
    ca = CertificateAuthority(tmp_path)
    async with lying(ca, answer) as address:
        assert await failure(fetch(address, DIGEST, ssl.create_default_context(cafile=ca.ca_file))) == reason


async def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "FETCH_S", 0.2)
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: writers.append(writer), HOST, 0)
    address = f"https://{HOST}:{server.sockets[0].getsockname()[1]}/x"
    assert await failure(fetch(address, DIGEST, ssl.create_default_context())) == "timeout"
    server.close()
    for writer in writers:
        writer.transport.abort()
    assert await failure(fetch("https://127.0.0.1:1/x", DIGEST, ssl.create_default_context())) == "unreachable"


async def test_a_folder_keeps_what_requests_name_and_tells_what_it_lacks(served: Served, tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path / "kept", served.ca_file, retry_s=0.01)
    folder.want({"evidence": [DIGEST]})
    folder.want(served.claims(DIGEST) | {"pictures": {"url": "http://x"}})
    assert list(folder.failed) == ["address_form"]
    folder.want(served.claims("b" * 64, DIGEST, DIGEST))
    async with serving(folder.run):
        await until(lambda: folder.fetched == 1)
        assert list(folder.failed) == ["address_form", "status_404"]
    assert (tmp_path / "kept" / f"{DIGEST}.jpg").read_bytes() == PICTURE


def test_a_ca_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"ca\.pem: expected certificates in PEM form"):
        PictureFolder(tmp_path / "kept", tmp_path / "ca.pem")
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(OSError, match=r"ca\.pem: expected certificates in PEM form"):
        PictureFolder(tmp_path / "kept", tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://127.0.0.1:99999", "address_form"),
        ("https://127.0.0.1:port", "address_form"),
        (f"https://{'a' * 64}.example.internal", "unreachable"),
    ],
)
async def test_an_address_that_no_connection_can_have_ends_no_bridge(
    served: Served, tmp_path: Path, url: str, reason: str
) -> None:
    folder = PictureFolder(tmp_path / "kept", served.ca_file, retry_s=0.01)
    wrong = served.claims("b" * 64)
    folder.want(wrong | {"pictures": wrong["pictures"] | {"url": url}})
    folder.want(served.claims(DIGEST))
    async with serving(folder.run):
        await until(lambda: folder.fetched == 1)
    assert list(folder.failed) == [reason]


async def test_what_waits_and_what_is_kept_is_bounded(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_KEPT", 2)
    monkeypatch.setattr(pictures, "MOST_WAITING", 2)
    kept = tmp_path / "kept"
    kept.mkdir()
    for age in range(4):
        (kept / f"{age}.jpg").touch()
        os.utime(kept / f"{age}.jpg", (1000 + age, 1000 + age))
    folder = PictureFolder(kept, served.ca_file)
    folder.want(served.claims("b" * 64, "c" * 64, "d" * 64))
    assert list(folder.failed) == ["too_many"]
    async with serving(folder.run):
        await until(lambda: {path.name for path in kept.iterdir()} == {"2.jpg", "3.jpg"})


async def test_a_folder_that_cannot_be_written_is_told(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any, **_options: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pictures, "write_whole", full)
    folder = PictureFolder(tmp_path / "kept", served.ca_file, retry_s=0.01)
    folder.want(served.claims(DIGEST))
    async with serving(folder.run):
        await until(lambda: list(folder.failed) == ["not_kept"])


async def test_the_bridge_fetches_after_it_asked(served: Served, bench: BridgeBench, tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path / "kept", served.ca_file, retry_s=0.01)
    identity = Identity(tag=Reading("read", Tag("E2801160600002054"), 1.0, evidence=(DIGEST,)))
    access = PictureAccess(SECRET, f"https://{HOST}:{served.server.port}")
    given = access.claims("yard", "lane1", "customs", "passage1", datetime.now(UTC).timestamp())
    async with bench.bridge(pictures=folder):
        await bench.ask(identity, pictures=given)
        await bench.grant()
        await until(lambda: folder.fetched == 1)
    assert bench.platform.asked[0].fields["pictures"] == DIGEST
