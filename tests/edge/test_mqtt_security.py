"""TLS, passwords and access lists against real Mosquitto (hazards.md C17, S4, S5)."""

import subprocess
from pathlib import Path

import pytest

from edge.mqtt import MqttSettings, TlsSettings
from edge.secret import Secret
from tests.support.brokers import Mosquitto, skip_without_mosquitto
from tests.support.certificates import CertificateAuthority
from tests.support.mqtt import Probe, within

pytestmark = pytest.mark.mosquitto


@pytest.fixture(autouse=True)
def needs_mosquitto() -> None:
    skip_without_mosquitto()


def started(folder: Path, extra: str) -> Mosquitto:
    folder.chmod(0o755)  # Mosquitto gives up root before it reads its files
    for parent in folder.parents:
        if parent.owner() == folder.owner() and parent.stat().st_mode & 0o777 == 0o700:
            parent.chmod(0o711)
    for file in folder.iterdir():
        file.chmod(0o644)
    broker = Mosquitto(folder, extra)
    broker.start()
    return broker


def password_file(folder: Path) -> Path:
    """Write one with mosquitto's own tool: user lane1, password right."""
    path = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(path), "lane1", "right"], check=True)
    return path


async def connects(settings: MqttSettings) -> str:
    """Return 'up', or the code of the reason."""
    probe = Probe(settings)
    async with probe.running(wait_up=False):
        if settings.client_id == "good":
            await within(probe.ups.get())
            probe.listen("echo")
            await within(probe.link.publish("echo", b"x" * 10_000))
            assert len((await within(probe.messages.get())).payload) == 10_000
            return "up"
        return str((await within(probe.downs.get())).code)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.hazard("C17")
async def test_tls_with_a_client_certificate(tmp_path: Path, version: str) -> None:
    authority = CertificateAuthority(tmp_path)
    server, server_key = authority.issue("127.0.0.1")
    client, client_key = authority.issue("127.0.0.2")
    broker = started(
        tmp_path, f"cafile {authority.ca_file}\ncertfile {server}\nkeyfile {server_key}\nrequire_certificate true\n"
    )
    try:
        tls = TlsSettings(authority.ca_file, client, client_key)
        assert await connects(MqttSettings("127.0.0.1", broker.port, "good", version=version, tls=tls)) == "up"  # type: ignore[arg-type]
        without = TlsSettings(authority.ca_file)
        code = await connects(MqttSettings("127.0.0.1", broker.port, "bare", version=version, tls=without))  # type: ignore[arg-type]
        assert code in {"tls_failed", "connection_lost"}
    finally:
        broker.kill()


@pytest.mark.parametrize("fault", ["unknown_authority", "other_host", "expired", "not_yet_valid", "withdrawn"])
@pytest.mark.hazard("C17", "C16")
async def test_a_server_that_does_not_prove_itself_is_refused(tmp_path: Path, fault: str) -> None:
    authority = CertificateAuthority(tmp_path)
    address = "127.0.0.9" if fault == "other_host" else "127.0.0.1"
    days = -1 if fault == "expired" else 2
    server, server_key = authority.issue(address, days=days, from_days=1 if fault == "not_yet_valid" else -10)
    trusted = CertificateAuthority(tmp_path, "stranger") if fault == "unknown_authority" else authority
    crl_file = authority.revoke(server) if fault == "withdrawn" else None
    broker = started(tmp_path, f"certfile {server}\nkeyfile {server_key}\n")
    try:
        tls = TlsSettings(trusted.ca_file, crl_file=crl_file)
        assert await connects(MqttSettings("127.0.0.1", broker.port, "wary", tls=tls)) == "tls_failed"
    finally:
        broker.kill()


@pytest.mark.hazard("C17")
async def test_a_list_of_withdrawn_certificates_stops_no_other(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    server, server_key = authority.issue("127.0.0.1")
    withdrawn, _ = authority.issue("127.0.0.3")
    tls = TlsSettings(authority.ca_file, crl_file=authority.revoke(withdrawn))
    broker = started(tmp_path, f"certfile {server}\nkeyfile {server_key}\n")
    try:
        assert await connects(MqttSettings("127.0.0.1", broker.port, "good", tls=tls)) == "up"
    finally:
        broker.kill()


@pytest.mark.hazard("S4")
async def test_wrong_password_is_refused_and_the_right_one_is_not(tmp_path: Path) -> None:
    passwords = password_file(tmp_path)
    broker = started(tmp_path, f"password_file {passwords}\n")
    broker_settings = {"host": "127.0.0.1", "port": broker.port, "username": "lane1"}
    try:
        assert (
            await connects(MqttSettings(client_id="bad", password=Secret("wrong"), **broker_settings))
            == "refused_by_broker"
        )  # type: ignore[arg-type]
        assert await connects(MqttSettings(client_id="good", password=Secret("right"), **broker_settings)) == "up"  # type: ignore[arg-type]
    finally:
        broker.kill()
