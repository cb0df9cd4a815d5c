"""The control socket: who may use it, what it answers, and that no line that is sent to it does harm."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.core.events import Started
from edge.core.state import Phase
from edge.runtime import control as module
from edge.runtime.control import MOST_BYTES, ControlError, ControlServer, ask
from tests.support.lane_bench import UP
from tests.support.lane_parts import LIMIT_S, Running, running

ORDER = {"verb": "order", "lane": "lane-1", "action": "open", "operator": "chen", "reason": "checked"}


@pytest.fixture
async def lane(path: Path) -> AsyncIterator[Running]:
    async with running(path) as opened:
        opened.runner.take(Started(opened.clock.now_ms(), "boot-1", "seed-1"))
        opened.scan()
        yield opened


@pytest.fixture
async def socket(lane: Running, tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "control.sock"
    server = ControlServer(path, {"lane-1": lane.runner})
    await server.start()
    yield path
    await server.close()
    assert not path.exists()
    await server.close()


async def send(socket: Path, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(line)
    async with asyncio.timeout(LIMIT_S):
        answer = await reader.readline()
    writer.close()
    return answer


async def test_only_its_owner_may_connect(socket: Path):
    assert stat.S_IMODE(os.stat(socket).st_mode) == 0o600  # noqa: PTH116 - nothing else waits


async def test_status_shows_the_lane_without_personal_data(socket: Path):
    shown = (await ask(socket, {"verb": "status"}))["lanes"][0]
    assert shown.pop("since_s") >= 0
    assert shown == {
        "lane": "lane-1", "phase": "idle", "passage": None, "reasons": [], "boom": "down", "light": "red",
        "alarms": [], "siren": [], "lost_devices": [], "devices": {}, "simulated": True,
        "mode": "NORMAL", "hours": "open", "awaits_second": None, "challenge": None, "alarms_beside": {}, "ends": [],
    }  # fmt: skip


async def test_an_order_to_open_is_answered_with_its_outcome(lane: Running, socket: Path):
    lane.scan(arrival_loop=True)

    async def rise() -> None:
        await lane.phase(Phase.OPENING)
        lane.scan(arrival_loop=True, **UP)

    rising = asyncio.create_task(rise())
    answer = await ask(socket, ORDER)
    await rising
    assert (answer["accepted"], answer["phase"]) == (True, "open")
    assert answer["lane"]["reasons"] == ["opened_by_person"]


async def test_an_opening_without_outcome_is_answered_in_time(
    lane: Running, socket: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_OUTCOME_TIMEOUT_S", 0.05)
    answer = await ask(socket, ORDER)
    assert (answer["accepted"], answer["phase"]) == (True, "opening")


async def test_an_order_that_the_phase_does_not_allow_is_refused(socket: Path):
    answer = await ask(socket, ORDER | {"action": "retry"})
    assert (answer["accepted"], answer["phase"]) == (False, "idle")


async def test_an_order_for_a_passage_that_ended_moves_nothing(lane: Running, socket: Path):
    lane.scan(arrival_loop=True)
    (shown,) = (await ask(socket, {"verb": "status"}))["lanes"]
    answer = await ask(socket, ORDER | {"passage": "0" * 32})
    assert (answer["accepted"], answer["lane"]["passage"]) == (False, shown["passage"])
    answer = await ask(socket, ORDER | {"action": "refuse", "passage": shown["passage"]})
    assert (answer["accepted"], answer["phase"]) == (True, "turning_back")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "lane": ({"lane": "lane-9"}, "unknown_lane"),
    "action": ({"action": "explode"}, "unknown_action"),
    "operator": ({"operator": " \t"}, "operator_and_reason_needed"),
    "reason": ({"reason": ""}, "operator_and_reason_needed"),
    "undecodable": ({"operator": "\udcff"}, "operator_and_reason_needed"),
    "long": ({"operator": "x" * 500}, "too_long"),
    "type": ({"operator": 7}, "unknown_request"),
    "passage": ({"passage": 7}, "passage_malformed"),
    "passage undecodable": ({"action": "refuse", "passage": "\udcff"}, "passage_malformed"),
    "passage long": ({"passage": "a" * 65}, "passage_malformed"),
    "verb": ({"verb": "dance"}, "unknown_request"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_orders_that_are_no_orders(lane: Running, socket: Path, name: str):
    changes, error = REFUSED[name]
    assert (await ask(socket, ORDER | changes))["error"] == error
    assert lane.runner.state.phase is Phase.IDLE
    assert not lane.runner.state.journal_lost


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"[" * 4000 + b"\n", b"{}x\n", b"[]\n", b"null\n"])
async def test_lines_that_are_no_requests_are_answered(socket: Path, line: bytes):
    assert json.loads(await send(socket, line))["error"] in ("not_json", "unknown_request")


async def test_a_line_without_end_is_cut_off(socket: Path):
    assert await send(socket, b"x" * (2 * MOST_BYTES)) == b""
    assert (await ask(socket, {"verb": "status"}))["lanes"]


async def test_a_dead_controllers_socket_is_replaced(lane: Running, tmp_path: Path):
    path = tmp_path / "control.sock"
    path.touch()
    server = ControlServer(path, {"lane-1": lane.runner})
    await server.start()
    assert (await ask(path, {"verb": "status"}))["lanes"]
    path.unlink()
    await server.close()


async def test_nobody_listens(tmp_path: Path):
    with pytest.raises(ControlError, match="control_socket_unreachable"):
        await ask(tmp_path / "nothing.sock", {"verb": "status"})


async def test_somebody_else_listens(tmp_path: Path):
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"hello\n")
        writer.close()

    server = await asyncio.start_unix_server(babble, str(tmp_path / "s"))
    with pytest.raises(ControlError, match="control_socket_nonsense"):
        await ask(tmp_path / "s", {"verb": "status"})
    server.close()


async def test_closing_before_the_start(tmp_path: Path):
    await ControlServer(tmp_path / "s", {}).close()
