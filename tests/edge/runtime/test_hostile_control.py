"""The control socket against those who mean harm: forged lines, hoarded connections, one that stays at the end."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.core.events import Event, PersonDecided, Started
from edge.core.state import Phase
from edge.runtime import control as module
from edge.runtime.control import MOST_CONNECTIONS, MOST_OPERATOR, MOST_REASON, ControlError, ControlServer, ask
from edge.text import plain
from tests.support.lane_parts import LIMIT_S, Running, running
from tests.support.r2000 import until

ORDER = {"verb": "order", "lane": "lane-1", "action": "open", "operator": "chen", "reason": "checked"}
STATUS = b'{"verb":"status"}\n'


@pytest.fixture
async def lane(path: Path) -> AsyncIterator[Running]:
    async with running(path) as opened:
        opened.runner.take(Started(opened.clock.now_ms(), "boot-1", "seed-1"))
        opened.scan()
        yield opened


@pytest.fixture
async def server(lane: Running, tmp_path: Path) -> AsyncIterator[ControlServer]:
    one = ControlServer(tmp_path / "control.sock", {"lane-1": lane.runner})
    await one.start()
    yield one
    await one.close()


@pytest.mark.parametrize("field", ["operator", "reason"])
@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\x00b", "\u202eab", "a\x9b31m", "a\u200eb"])
@pytest.mark.hazard("S17")
async def test_words_that_could_forge_a_line_are_refused(
    server: ControlServer, lane: Running, tmp_path: Path, field: str, text: str
):
    answer = await ask(tmp_path / "control.sock", ORDER | {field: text})
    assert answer == {"error": "operator_and_reason_needed"}
    assert lane.runner.state.phase is Phase.IDLE


async def test_words_are_kept_on_one_line(
    server: ControlServer, lane: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    taken: list[Event] = []
    monkeypatch.setattr(lane.runner, "take", taken.append)
    order = ORDER | {"action": "refuse", "operator": " 陈\u3000伟 ", "reason": "a\nb\r\n\tc"}
    assert "error" not in await ask(tmp_path / "control.sock", order)
    (event,) = taken
    assert isinstance(event, PersonDecided)
    assert (event.operator, event.reason) == ("陈 伟", "a b c")


@pytest.mark.parametrize(("field", "longest"), [("operator", MOST_OPERATOR), ("reason", MOST_REASON)])
async def test_words_have_an_end(server: ControlServer, tmp_path: Path, field: str, longest: int):
    refused = await ask(tmp_path / "control.sock", ORDER | {"action": "retry", field: "x" * (longest + 1)})
    assert refused["error"] == "too_long"
    assert "error" not in await ask(tmp_path / "control.sock", ORDER | {"action": "retry", field: "x" * longest})


async def test_hoarded_connections_end_after_their_time(
    server: ControlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "IDLE_TIMEOUT_S", 0.3)
    hoard = [await asyncio.open_unix_connection(str(tmp_path / "control.sock")) for _ in range(MOST_CONNECTIONS)]
    async with asyncio.timeout(LIMIT_S):
        for held, _ in hoard:
            assert await held.read() == b""
    for _, one in hoard:
        one.close()


async def test_whoever_is_silent_longest_makes_room_for_a_person(server: ControlServer, tmp_path: Path):
    path = str(tmp_path / "control.sock")
    hoard = [await asyncio.open_unix_connection(path) for _ in range(MOST_CONNECTIONS)]
    async with asyncio.timeout(LIMIT_S):
        # All but the first speak, that one begins a line and does not end it.
        hoard[0][1].write(STATUS[:-1])
        for reader, writer in hoard[1:]:
            writer.write(STATUS)
            assert json.loads(await reader.readline())["lanes"]
        for number in range(3):
            hoard.append(await asyncio.open_unix_connection(path))
            hoard[-1][1].write(STATUS)
            assert json.loads(await hoard[-1][0].readline())["lanes"]
            assert await hoard[number][0].read() == b""
    for _, one in hoard:
        one.close()


async def test_where_all_have_something_under_way_one_more_is_told_so(
    server: ControlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def answer(_server: ControlServer, _line: bytes) -> dict[str, object]:
        asked.release()
        await go_on.wait()
        return {"lanes": "at last"}

    monkeypatch.setattr(ControlServer, "_answer", answer)
    hoard = [await asyncio.open_unix_connection(str(tmp_path / "control.sock")) for _ in range(MOST_CONNECTIONS)]
    async with asyncio.timeout(LIMIT_S):
        for _, writer in hoard:
            writer.write(STATUS)
            await asked.acquire()
        with pytest.raises(ControlError, match="control_socket_busy"):
            await ask(tmp_path / "control.sock", {"verb": "status"})
        go_on.set()
        for reader, writer in hoard:
            assert json.loads(await reader.readline()) == {"lanes": "at last"}
            writer.close()


async def test_many_lines_at_once_leave_every_other_its_turn(
    server: ControlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    turn, turns = 0, []
    loop = asyncio.get_running_loop()

    def tick() -> None:
        nonlocal turn
        turn += 1
        if len(turns) < 100:
            loop.call_soon(tick)

    def noting(_runner: object) -> dict[str, object]:
        turns.append(turn)
        return {}

    monkeypatch.setattr(module, "describe", noting)
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control.sock"))
    tick()
    writer.write(STATUS * 100)
    async with asyncio.timeout(LIMIT_S):
        for _ in range(100):
            await reader.readline()
    writer.close()
    assert len(set(turns)) == 100


@pytest.mark.parametrize("words", [b"[]\n", b"{" * 5000 + b"\n", b"x" * 3_000_000, b"[" * 100_000 + b"\n"])
async def test_a_controller_that_answers_nonsense_is_told(tmp_path: Path, words: bytes):
    async def answering(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        writer.close()

    listening = await asyncio.start_unix_server(answering, str(tmp_path / "control.sock"))
    async with listening:
        with pytest.raises(ControlError, match="control_socket_nonsense") as raised:
            await ask(tmp_path / "control.sock", {"verb": "status"})
        assert len(str(raised.value)) < 1000


async def test_a_connection_that_stays_does_not_disturb_the_end(server: ControlServer, tmp_path: Path):
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control.sock"))
    writer.write(STATUS + b'{"verb":')
    async with asyncio.timeout(LIMIT_S):
        assert json.loads(await reader.readline())["lanes"]
        await server.close()
        assert await reader.read() == b""
    writer.close()
    assert complaints == []


async def test_whoever_may_not_ask_is_told_as_whom_to_ask(server: ControlServer, tmp_path: Path):
    (tmp_path / "control.sock").chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(
            ControlError, match=r"control_socket_forbidden: .*control.sock.*as the user that `kakou run`"
        ):
            await ask(tmp_path / "control.sock", {"verb": "status"})
    finally:
        os.seteuid(user)


def test_a_devices_words_command_no_terminal():
    assert plain("status \x1b[2J line\r\n 状态") == "status \ufffd[2J line\ufffd\ufffd 状态"


@pytest.mark.hazard("S24")
async def test_who_asks_on_and_never_reads_holds_nothing_beyond_its_time(
    server: ControlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "IDLE_TIMEOUT_S", 0.5)
    answered: list[int] = []

    async def answer(_server: ControlServer, _line: bytes) -> dict[str, object]:
        answered.append(1)
        return {"lanes": "x" * 50_000}

    monkeypatch.setattr(ControlServer, "_answer", answer)
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control.sock"))
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(STATUS * 200)
    await until(lambda: bool(answered) and not server._serving)
    async with asyncio.timeout(LIMIT_S):
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        read = 0
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                read += data.count(b"\n")
    writer.close()
    assert 0 < read < len(answered), "what it did not read in time is gone"
