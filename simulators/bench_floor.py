"""The floor: the least that a careful hand would write for one release, in as many processes as the product's.

`python -m simulators.bench_floor box|authority FILE` is either end of it: a tag frame read from a pty, a signed
request, a durable commit, request and grant through the broker, the grant's signature verified, a second durable
commit, one coil written over Modbus TCP. Signatures both ways are part of what is promised, so they are part of
the floor. No event loop, no strict parsing, no supervision, no telemetry: everything that this lacks and the
product has is the overhead.
"""

import hashlib
import json
import secrets
import selectors
import socket
import sqlite3
import struct
import sys
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

REQUEST_TOPIC = "floor/request"
GRANT_TOPIC = "floor/grant"
_SIGNATURE_BYTES = 64
_TICK_S = 0.5
_READ_BYTES = 4096
_WRITE_COIL = struct.Struct(">HHHBBHH")
_EPC = slice(7, -2)


def settings_of_both_ends(host: str, port: int, box: dict[str, Any]) -> dict[str, Any]:
    """Return what FILE holds: the broker, fresh keys for either end, and `box` (pty, modbus_port, journal)."""
    keys = {"box": Ed25519PrivateKey.generate(), "authority": Ed25519PrivateKey.generate()}
    secret = {role: key.private_bytes_raw().hex() for role, key in keys.items()}
    public = {role: key.public_key().public_bytes_raw().hex() for role, key in keys.items()}
    broker = {"host": host, "port": port}
    return {
        "box": {**broker, **box, "own_key": secret["box"], "peer_key": public["authority"]},
        "authority": {**broker, "own_key": secret["authority"], "peer_key": public["box"]},
    }


class _Mqtt:
    """paho driven by hand, tuned as platform.md asks. `inbox` holds payloads that came."""

    def __init__(self, host: str, port: int, topic: str, selector: selectors.BaseSelector) -> None:
        self.inbox: list[bytes] = []
        self.subscribed = False
        self._topic = topic
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect(host, port)
        opened = self._client.socket()
        assert isinstance(opened, socket.socket)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: socket.socket = opened
        selector.register(self.socket, selectors.EVENT_READ, self)

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe(self._topic, 1)

    def _on_subscribe(self, *_: Any) -> None:
        self.subscribed = True

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self.inbox.append(bytes(message.payload))

    def read(self) -> None:
        self._client.loop_read()
        # What a callback sends is queued until here.
        if self._client.want_write():
            self._client.loop_write()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def tick(self) -> None:
        self._client.loop_misc()

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, 1)


class _Ends:
    """What both ends have: the broker, the keys, a selector that ends when the parent closes our input."""

    def __init__(self, settings: dict[str, Any], topic: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.selector.register(sys.stdin.buffer, selectors.EVENT_READ, None)
        self.mqtt = _Mqtt(settings["host"], settings["port"], topic, self.selector)
        self.key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(settings["own_key"]))
        self.peer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(settings["peer_key"]))
        while not self.mqtt.subscribed:
            self.wait()

    def wait(self) -> list[Any]:
        """What became readable besides the broker; raises EOFError when the parent wants us to end."""
        others = []
        ready = self.selector.select(_TICK_S)
        if not ready:
            self.mqtt.tick()
        for key, _ in ready:
            if key.data is None:
                raise EOFError
            if key.data is self.mqtt:
                self.mqtt.read()
            else:
                others.append(key.data)
        return others

    def sealed(self, claims: dict[str, Any]) -> bytes:
        body = json.dumps(claims).encode()
        return self.key.sign(body) + body

    def opened(self, raw: bytes) -> dict[str, Any]:
        body = raw[_SIGNATURE_BYTES:]
        self.peer.verify(raw[:_SIGNATURE_BYTES], body)
        claims: dict[str, Any] = json.loads(body)
        return claims


class _Box:
    """The controller's end. `marks` are the times of each release's stages, nanoseconds of the monotonic clock."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._ends = _Ends(settings, GRANT_TOPIC)
        self._line = open(settings["pty"], "r+b", buffering=0)  # noqa: SIM115, PTH123 - as long as the process
        self._ends.selector.register(self._line, selectors.EVENT_READ, self._line)
        self._module = socket.create_connection(("127.0.0.1", settings["modbus_port"]))
        self._module.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._journal = sqlite3.connect(settings["journal"], isolation_level=None)
        self._journal.execute("PRAGMA journal_mode=WAL")
        self._journal.execute("PRAGMA synchronous=FULL")
        self._journal.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, body TEXT)")
        self.marks: list[list[int]] = []

    def run(self) -> None:
        """Release whenever a tag is read; raises EOFError at the end."""
        pending = b""
        while True:
            while not self._ends.wait():
                pass
            pending += self._line.read(_READ_BYTES)
            if len(pending) >= 2 and len(pending) >= pending[1] + 2:
                frame, pending = pending[: pending[1] + 2], pending[pending[1] + 2 :]
                if sum(frame) & 0xFF == 0:
                    self._release(frame[_EPC].hex().upper())

    def _release(self, epc: str) -> None:
        marks = [time.monotonic_ns()]
        nonce = secrets.token_hex(16)
        request = self._ends.sealed({"nonce": nonce, "tag": epc})
        digest = hashlib.sha256(request).hexdigest()
        self._record({"sent": nonce, "digest": digest})
        marks.append(time.monotonic_ns())
        self._ends.mqtt.publish(REQUEST_TOPIC, request)
        while not self._ends.mqtt.inbox:
            self._ends.wait()
        grant = self._ends.opened(self._ends.mqtt.inbox.pop())
        marks.append(time.monotonic_ns())
        if (grant["nonce"], grant["digest"], grant["tag"]) != (nonce, digest, epc):
            return
        self._record({"consumed": nonce})
        marks.append(time.monotonic_ns())
        frame = _WRITE_COIL.pack(len(self.marks) & 0xFFFF, 0, 6, 1, 5, 0, 0xFF00)
        self._module.sendall(frame)
        if self._module.recv(_READ_BYTES) == frame:
            marks.append(time.monotonic_ns())
        self.marks.append(marks)

    def _record(self, body: dict[str, str]) -> None:
        self._journal.execute("BEGIN")
        self._journal.execute("INSERT INTO record (body) VALUES (?)", (json.dumps(body),))
        self._journal.execute("COMMIT")


def _answer(settings: dict[str, Any]) -> None:
    ends = _Ends(settings, REQUEST_TOPIC)
    _say("ready")
    while True:
        ends.wait()
        while ends.mqtt.inbox:
            raw = ends.mqtt.inbox.pop()
            asked = ends.opened(raw)
            digest = hashlib.sha256(raw).hexdigest()
            ends.mqtt.publish(GRANT_TOPIC, ends.sealed({**asked, "digest": digest, "verdict": "release"}))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Be one end until standard input closes; the box then prints its marks as JSON."""
    role, file = arguments
    settings = json.loads(Path(file).read_text(encoding="utf-8"))[role]
    if role == "authority":
        try:
            _answer(settings)
        except EOFError:
            return 0
    box = _Box(settings)
    _say("ready")
    try:
        box.run()
    except EOFError:
        _say(json.dumps(box.marks))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
