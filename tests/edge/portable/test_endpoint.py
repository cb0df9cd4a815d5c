"""The control endpoint where there are no Unix sockets: who has not the secret orders nothing and hears nothing."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.core.events import Started
from edge.portable import endpoint as module
from edge.portable.endpoint import LOOPBACK, PROFILE, NotLetInError, PortEndpoint, card_of, connect
from edge.runtime.control import MOST_CONNECTIONS, ControlError, ControlServer, ask
from tests.support.lane_parts import LIMIT_S, Running, running

ORDER = {"verb": "order", "lane": "lane-1", "action": "retry", "operator": "chen", "reason": "checked"}
LINE = json.dumps(ORDER).encode() + b"\n"


@pytest.fixture(autouse=True)
def no_unix_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PROFILE, str(tmp_path / "profile"))
    monkeypatch.delattr(asyncio, "start_unix_server")
    monkeypatch.delattr(asyncio, "open_unix_connection")


@pytest.fixture
async def lane(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path / "journal.sqlite") as opened:
        opened.runner.take(Started(opened.clock.now_ms(), "boot-1", "seed-1"))
        opened.scan()
        yield opened


@pytest.fixture
async def place(lane: Running, tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "control.sock"
    server = ControlServer(path, {"lane-1": lane.runner})
    await server.start()
    yield path
    await server.close()
    assert not card_of(path).exists()
    await server.close()


def port_of(place: Path) -> int:
    port: int = json.loads(card_of(place).read_bytes())["port"]
    return port


async def test_who_has_read_the_secret_is_answered_and_obeyed(place: Path, lane: Running) -> None:
    assert (await ask(place, {"verb": "status"}))["lanes"][0]["lane"] == "lane-1"
    assert "lane" in await ask(place, ORDER)


async def test_the_secret_is_for_its_user_alone_and_new_at_each_start(place: Path, lane: Running) -> None:
    card = card_of(place)
    assert card.stat().st_mode & 0o077 == 0
    assert card.parent.stat().st_mode & 0o077 == 0
    first = card.read_bytes()
    second = ControlServer(place, {"lane-1": lane.runner})
    await second.start()
    assert card.read_bytes() != first
    await second.close()
    assert not card.exists()


@pytest.mark.parametrize(
    "said",
    [
        LINE,
        b"\n",
        b"x" * 64 + b" " + b"0" * 64 + b"\n",
        b"0" * 64 + b"\n",
        b"\xff\xfe " * 40 + b"\n",
        b"x" * 9000 + b"\n",
    ],
)
async def test_who_has_not_is_told_nothing_and_moves_nothing(place: Path, lane: Running, said: bytes) -> None:
    before = lane.runner.state
    reader, writer = await asyncio.open_connection(LOOPBACK, port_of(place))
    async with asyncio.timeout(LIMIT_S):
        assert len(await reader.readline()) == 65
        writer.write(said + LINE)
        try:
            heard = await reader.read()
        except ConnectionError:
            heard = b""
    assert heard == b""
    assert lane.runner.state is before
    writer.close()


async def test_a_proof_that_was_overheard_opens_no_second_time(place: Path) -> None:
    overheard: list[bytes] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port_of(place))
        writer.write(await inner_reader.readline())
        overheard.append(await reader.readline())
        await gone(writer)
        await gone(inner_writer)
        done.set()

    done = asyncio.Event()
    server = await asyncio.start_server(relay, LOOPBACK, 0)
    card = json.loads(card_of(place).read_bytes())
    between = place.with_name("between.sock")
    card_of(between).write_text(json.dumps({**card, "port": server.sockets[0].getsockname()[1]}), encoding="utf-8")
    with pytest.raises(ControlError, match="not the controller"):
        await ask(between, {"verb": "status"})
    async with asyncio.timeout(LIMIT_S):
        await done.wait()
    reader, writer = await asyncio.open_connection(LOOPBACK, port_of(place))
    async with asyncio.timeout(LIMIT_S):
        await reader.readline()
        writer.write(overheard[0] + LINE)
        try:
            heard = await reader.read()
        except ConnectionError:
            heard = b""
    assert heard == b""
    writer.close()
    server.close()


@pytest.mark.parametrize("answer", [b"", b"hello\n", b"0" * 64 + b"\n", b"0" * 64 + b"\n" + b"1" * 64 + b"\n"])
async def test_what_listens_in_the_controllers_place_is_believed_in_nothing(tmp_path: Path, answer: bytes) -> None:
    heard: list[bytes] = []

    async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if len(answer) > 100:
            heard.append(await reader.readline())
        writer.write(b'{"accepted": true}\n')
        await gone(writer)
        done.set()

    done = asyncio.Event()
    server = await asyncio.start_server(impostor, LOOPBACK, 0)
    place, secret = tmp_path / "control.sock", secrets.token_hex(32)
    card_of(place).parent.mkdir(parents=True)
    card_of(place).write_text(json.dumps({"port": server.sockets[0].getsockname()[1], "secret": secret}))
    with pytest.raises(ControlError, match="control_socket_unreachable"):
        await ask(place, ORDER)
    assert not any(secret.encode() in line or b"chen" in line for line in heard)
    async with asyncio.timeout(LIMIT_S):
        await done.wait()
    server.close()


@pytest.mark.parametrize(
    "card",
    [b"", b"[]", b"{}", b"\xff", b'{"port": 1}', b'{"port": "1", "secret": "00"}', b'{"port": 1, "secret": "zz"}',
     json.dumps({"port": 0, "secret": "00" * 32}).encode(), b"[" * 100_000],
)  # fmt: skip
async def test_a_card_that_is_none_is_told(tmp_path: Path, card: bytes) -> None:
    place = tmp_path / "control.sock"
    card_of(place).parent.mkdir(parents=True)
    card_of(place).write_bytes(card)
    with pytest.raises(NotLetInError, match="expected port and secret"):
        await connect(place, 4096)


async def test_where_no_controller_runs_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="control_socket_unreachable"):
        await ask(tmp_path / "control.sock", {"verb": "status"})


async def test_without_a_profile_nothing_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROFILE)
    with pytest.raises(OSError, match=PROFILE):
        ControlServer(tmp_path / "control.sock", {})


async def test_a_card_that_cannot_be_written_leaves_nobody_listening(tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("no folder")
    one = PortEndpoint(card_of(tmp_path / "control.sock"))
    with pytest.raises(OSError, match="profile"):
        await one.start(_unserved, 4096)
    await one.close()


async def test_a_port_that_cannot_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of a network that this machine has not.
    monkeypatch.setattr(module, "LOOPBACK", "192.0.2.1")
    with pytest.raises(OSError, match="assign"):
        await PortEndpoint(tmp_path / "card.json").start(_unserved, 4096)


async def test_strangers_who_say_nothing_keep_nobody_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hoard = [await asyncio.open_connection(LOOPBACK, port_of(place)) for _ in range(MOST_CONNECTIONS)]
    async with asyncio.timeout(LIMIT_S):
        for reader, _ in hoard:
            await reader.readline()
        assert "lanes" in await ask(place, {"verb": "status"})
        assert await hoard[0][0].read() == b""
    for _, one in hoard:
        one.close()


async def test_who_never_proves_anything_is_sent_away(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROVE_TIMEOUT_S", 0.05)
    reader, writer = await asyncio.open_connection(LOOPBACK, port_of(place))
    async with asyncio.timeout(LIMIT_S):
        await reader.readline()
        assert await reader.read() == b""
    writer.close()


async def gone(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _unserved(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    raise AssertionError("nobody connects")
