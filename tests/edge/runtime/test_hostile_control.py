"""The control socket against those who mean harm: forged lines, hoarded connections, one that stays at the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.core.events import Event, PersonDecided, Started
from edge.core.state import Phase
from edge.runtime import control as module
from edge.runtime.control import MOST_CONNECTIONS, MOST_OPERATOR, MOST_REASON, ControlServer, ask
from edge.text import plain
from tests.support.lane_parts import LIMIT_S, Running, running

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


async def test_hoarded_connections_end_and_others_are_served_again(
    server: ControlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "IDLE_TIMEOUT_S", 0.3)
    path = str(tmp_path / "control.sock")
    hoard = [await asyncio.open_unix_connection(path) for _ in range(MOST_CONNECTIONS)]
    reader, writer = await asyncio.open_unix_connection(path)
    async with asyncio.timeout(LIMIT_S):
        # One too many is hung up on at once, the silent ones after their time.
        assert await reader.read() == b""
        for held, _ in hoard:
            assert await held.read() == b""
    assert (await ask(tmp_path / "control.sock", {"verb": "status"}))["lanes"]
    for _, one in [*hoard, (reader, writer)]:
        one.close()


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


def test_a_devices_words_command_no_terminal():
    assert plain("status \x1b[2J line\r\n 状态") == "status \ufffd[2J line\ufffd\ufffd 状态"
