"""What `kakou doctor` says of broker and devices, on real sockets and lines."""

import os
import pty
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.loader import load
from config.schema import Configuration
from edge.doctor.finding import Finding
from edge.doctor.wires import listenable, look_at_wires, serial_finding
from simulators.ports import free_ports

CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
broker: {{{broker}}}
authorities: [{{id: customs}}]
lanes:
  - id: lane-1
    direction: in
    must_match: [tag]
    barrier: {{id: barrier, {barrier}}}
    cameras: [{{id: plate, url: "http://127.0.0.1:{camera_port}/x", place: front, reads: [plate]}}]
    tag_reader: {{id: reader, port: "{reader}"}}
"""


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that is taken and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def found(folder: Path, barrier_port: int = 502, more: str = "", **values: object) -> dict[str, Finding]:
    config = folder / "kakou.yaml"
    config.write_text(
        CONFIG.format(**({"reader": "/dev/ttyS0", "barrier": f"host: 127.0.0.1, port: {barrier_port}"} | values)) + more
    )
    loaded = load(config)
    assert isinstance(loaded, Configuration), loaded
    return {one.subject: one for one in await look_at_wires(loaded)}


async def test_what_answers_and_what_does_not(tmp_path: Path, listening: int, deaf: int) -> None:
    seen = await found(
        tmp_path, broker=f"port: {listening}", barrier_port=listening, camera_port=deaf,
        reader=f"socket://127.0.0.1:{listening}",
    )  # fmt: skip
    codes = {subject: one.code for subject, one in seen.items()}
    assert codes == {
        f"127.0.0.1:{listening}": "broker_reached",
        str(tmp_path / "state" / "control.sock"): "service_not_running",
        "lane-1/barrier": "device_reached",
        "lane-1/plate": "device_refused",
        "lane-1/reader": "device_reached",
    }
    assert f"127.0.0.1:{deaf}" in seen["lane-1/plate"].message("en")


async def test_a_device_that_gives_no_answer(
    tmp_path: Path, listening: int, deaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.doctor.wires.ANSWER_TIMEOUT_S", 0.05)
    with socket.socket() as full:
        # A queue of nobody takes no second connection: the packet is dropped, as by a firewall.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        seen = await found(tmp_path, broker=f"port: {deaf}", barrier_port=address[1], camera_port=listening)
        for one in waiting:
            one.close()
    assert seen["lane-1/barrier"].code == "device_silent"
    assert seen[f"127.0.0.1:{deaf}"].code == "broker_connect_refused"
    assert seen[f"127.0.0.1:{deaf}"].next_step("en").startswith("start the broker")


async def test_where_a_device_pushes_to_is_listened_at_and_let_go(listening: int) -> None:
    (free,) = free_ports(1)
    assert [(await listenable("lane-1/plate", "127.0.0.1", free)).code for _ in range(2)] == ["device_port_free"] * 2
    for host, port in (("127.0.0.1", listening), ("192.0.2.1", free)):
        taken = await listenable("lane-1/plate", host, port)
        assert (taken.status, taken.code) == ("FAIL", "device_port_taken")
        assert f"{host}:{port}" in taken.message("en")
        assert taken.next_step("en")


@pytest.mark.parametrize(
    ("driver", "code"),
    [
        ("driver: ocr_push, spool: spool", "device_port_taken"),
        ('driver: package, package: {distribution: d, version: "1", entry_point: e}', "device_reached"),
    ],
)
async def test_who_pushes_is_listened_for_and_who_answers_is_reached(
    tmp_path: Path, listening: int, deaf: int, driver: str, code: str
) -> None:
    engine = f'    container_engine: {{id: engine, {driver}, url: "http://127.0.0.1:{listening}/"}}\n'
    seen = await found(tmp_path, more=engine, broker=f"port: {deaf}", barrier_port=listening, camera_port=listening)
    assert seen["lane-1/engine"].code == code


@pytest.mark.parametrize(
    ("driver", "url", "port"),
    [
        ("rtsp_camera", "rtsp://127.0.0.1/x", 554),
        ("onvif_camera", "rtsp://127.0.0.1/x", 554),
        ('package, package: {distribution: d, version: "1", entry_point: e}', "rtsp://127.0.0.1/x", 554),
        ("http_camera", "http://127.0.0.1/x", 80),
    ],
)
async def test_a_camera_without_a_port_is_reached_at_the_usual_one(
    tmp_path: Path, listening: int, driver: str, url: str, port: int
) -> None:
    shadow = f"    shadow: {{cameras: [{{id: eye, driver: {driver}, url: '{url}', place: front, reads: [plate]}}]}}\n"
    seen = await found(tmp_path, more=shadow, broker=f"port: {listening}", camera_port=listening)
    assert f"127.0.0.1:{port}" in seen["lane-1/eye"].message("en")


async def test_a_broker_that_speaks_no_tls_or_has_no_password(tmp_path: Path, listening: int) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("no certificate")
    seen = await found(
        tmp_path, broker=f"port: {listening}, tls: {{ca_file: {ca}}}", barrier_port=listening, camera_port=listening
    )
    assert seen[f"127.0.0.1:{listening}"].code == "broker_tls_failed"
    broker = f"port: {listening}, username: box, password_file: {tmp_path / 'secret'}"
    seen = await found(tmp_path, broker=broker, barrier_port=listening, camera_port=listening)
    assert seen[str(tmp_path / "secret")].code == "broker_password_unreadable"


async def test_a_barrier_on_a_serial_line(tmp_path: Path, listening: int) -> None:
    barrier = f"transport: rtu, serial_port: {tmp_path / 'none'}, comm_loss_ms: 2000"
    seen = await found(tmp_path, broker=f"port: {listening}", barrier=barrier, camera_port=listening)
    assert seen["lane-1/barrier"].code == "serial_missing"


def test_serial_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert serial_finding("reader", tmp_path / "none").code == "serial_missing"
    (tmp_path / "file").touch()
    assert serial_finding("reader", tmp_path / "file").code == "serial_no_line"
    master, slave = pty.openpty()
    line = Path(os.ttyname(slave))
    assert serial_finding("reader", line).status == "OK"
    # Tests may run as root, whom no permission stops.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    denied = serial_finding("reader", line)
    assert denied.code == "serial_denied"
    assert denied.next_step("en").startswith("sudo usermod -aG ")

    def refuse(self: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "stat", refuse)
    assert "dialout" in serial_finding("reader", line).next_step("zh")
    monkeypatch.undo()
    os.close(master)
    os.close(slave)
