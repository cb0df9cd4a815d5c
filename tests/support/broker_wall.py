"""Real Mosquitto with the files that `kakou broker` writes, TLS, and a certificate for every identity."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from config.broker_access import access_of
from config.broker_files import mosquitto_acl, mosquitto_conf
from config.loader import load_text
from config.schema import Configuration
from edge.mqtt import MqttSettings, TlsSettings
from simulators.ports import free_ports
from tests.support.brokers import mosquitto_binary
from tests.support.certificates import CertificateAuthority

SITE, LANES, AUTHORITIES = "yard", ("in-1", "in-2"), ("customs", "port")


def configuration() -> Configuration:
    """Return a box of two lanes and two authorities."""
    lanes = [
        f"  - {{id: {lane}, direction: in, barrier: {{id: b-{lane}, host: 127.0.0.1, port: {5020 + number}}}, "
        f"tag_reader: {{id: r-{lane}, port: /dev/ttyUSB{number}}}, must_match: [tag]}}"
        for number, lane in enumerate(LANES)
    ]
    authorities = ", ".join(f"{{id: {one}}}" for one in AUTHORITIES)
    tls = '{ca_file: ca.pem, cert_file: "{client}.pem", key_file: "{client}.key"}'
    head = f"site: {SITE}\nstate_dir: state\nkeys_dir: keys\nbroker: {{host: 127.0.0.1, port: 8883, tls: {tls}}}\n"
    loaded = load_text(f"{head}authorities: [{authorities}]\nlanes:\n" + "\n".join(lanes))
    assert isinstance(loaded, Configuration), loaded
    return loaded


class Wall:
    """The broker: start it, take settings for an identity, kill it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_ports(1)[0]
        self.authority = CertificateAuthority(folder)
        server, server_key = self.authority.issue("127.0.0.1")
        server.rename(folder / "broker.pem")
        server_key.rename(folder / "broker.key")
        self.access = access_of([configuration()])
        (folder / "acl").write_text(mosquitto_acl(self.access))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, revoked: Sequence[Path] | None = None) -> None:
        """Start it, with a list of withdrawn certificates where one is given."""
        text = mosquitto_conf(str(self.folder), port=self.port, passwords=False)
        text = text.replace("persistence true", "persistence false").replace("/var/lib/mosquitto", str(self.folder))
        if revoked is not None:
            self.authority.revoke(*revoked)
            text = text.replace("#crlfile", "crlfile")
        path, log = self.folder / "mosquitto.conf", self.folder / "mosquitto.log"
        # Debian's Mosquitto gives root up before it reads its files, unless told so.
        path.write_text(text + "user root\nlog_dest stderr\nlog_type all\n")
        binary = mosquitto_binary()
        assert binary is not None
        with log.open("wb") as output:
            self._process = subprocess.Popen([binary, "-c", str(path)], stdout=output, stderr=output)
        deadline_s = time.monotonic() + 30
        while time.monotonic() < deadline_s:
            assert self._process.poll() is None, log.read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=0.5):
                return
        raise AssertionError(log.read_text())

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def settings(self, identity: str, *, client_id: str | None = None, **changes: object) -> MqttSettings:
        """Return settings with a certificate of this name, and this client id where it is another."""
        file = identity if identity.replace(".", "").replace("-", "").isalnum() else "strange"
        certificate, key = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        if not certificate.exists() or file == "strange":
            certificate, key = self.authority.issue_client(identity, file=file)
        tls = TlsSettings(self.authority.ca_file, certificate, key)
        fast: dict[str, object] = {"version": "5", "tls": tls, "backoff_min_s": 0.05, "backoff_max_s": 0.4}
        return MqttSettings("127.0.0.1", self.port, client_id or identity, **(fast | changes))  # type: ignore[arg-type]


@contextlib.contextmanager
def wall(folder: Path) -> Iterator[Wall]:
    """Start it in `folder`; it ends with the block."""
    broker = Wall(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
