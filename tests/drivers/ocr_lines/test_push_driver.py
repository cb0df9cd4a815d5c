"""An engine that pushes, on real HTTP, kept by the product's own supervisor: kept before 200, told once, never late."""

import asyncio
import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.devices import ContainerEngine as ConfiguredEngine
from drivers.kit.push.head import encode_push
from drivers.kit.push.spool import Spool, Spooled, boot_id
from drivers.ocr_lines.push_driver import MOST_BYTES, NEXT_STEPS, STALE_MS, PushedEngine
from edge.core.readings import EngineResult
from edge.ports import DeviceError
from edge.registry import CONTAINER_ENGINE, build
from simulators.devices.container_engine import Vehicle
from simulators.devices.pushing_engine import FAULTS, PushingEngine
from simulators.ports import free_ports
from tests.drivers.test_quality import QUALITIES
from tests.support.asked import DRIVERS, supervised
from tests.support.r2000 import RealClock, until
from tests.support.sources import ROOT

LISTED = QUALITIES["ocr_lines"]["faults_of"]["ocr_push"]
CODE = "CSQU3054383"


def result(name: str, **changes: Any) -> bytes:
    return json.dumps({"id": name, "age_ms": 850, "boxes": [{"code": CODE, "confidence": 0.9}]} | changes).encode()


ALIVE = b'{"alive": true}'


class Stand:
    """An engine before which vehicles pass, the driver that it pushes to, and what was told."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.vehicle: Vehicle | None = None
        self.engine = PushingEngine(lambda: self.vehicle, port=free_ports(1)[0], every_s=0.02)
        self.results: list[EngineResult] = []
        self.spool = folder / "spool"
        given = {"peers": ("127.0.0.1",), "spool": self.spool, "silence_s": 1.0, "most_per_s": 1_000} | changes
        self.driver = PushedEngine(
            "engine-1", self.engine.url, clock=RealClock(), on_boxes=self.results.append, **given
        )

    async def post(self, body: bytes, *, to: str = "/codes") -> int:
        """Push this; the status of the answer, 0 where none comes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.engine.port)
        writer.write(encode_push(to, "application/json", body))
        try:
            answer = await reader.read(100)
        except ConnectionError:
            return 0
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return int(answer.split(b" ")[1]) if answer else 0

    async def pass_by(self, number: int) -> None:
        """Let another vehicle pass, and wait until its result is told."""
        told = len(self.results)
        self.vehicle = Vehicle(number, [CODE])
        await until(lambda: len(self.results) > told)

    def rows(self) -> int:
        with contextlib.closing(sqlite3.connect(self.spool)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM push").fetchone()
            return int(count)


@contextlib.asynccontextmanager
async def stand(folder: Path, **changes: Any) -> AsyncIterator[Stand]:
    it = Stand(folder, **changes)
    try:
        yield it
    finally:
        await it.engine.stop()
        await it.driver.close()


@contextlib.asynccontextmanager
async def heard(it: Stand) -> AsyncIterator[asyncio.Task[None]]:
    """The driver connected and running, without its simulator."""
    connecting = asyncio.create_task(it.driver.connect())
    while not connecting.done():
        with contextlib.suppress(OSError):
            await it.post(ALIVE)
    await connecting
    running = asyncio.create_task(it.driver.run())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.wait({running})


def test_the_switches_are_the_fault_list_and_the_readme_names_every_error() -> None:
    assert tuple(LISTED) == FAULTS
    codes = {f"engine_{code}" for code in NEXT_STEPS}
    text = (DRIVERS / "ocr_lines" / "README.md").read_text(encoding="utf-8")
    assert {code for code in codes if f"`{code}`" not in text} == set()
    assert set(LISTED.values()) - {"survived"} <= codes


@pytest.mark.hazard("C4", "D4")
async def test_lost_once_and_back_once(tmp_path: Path) -> None:
    async with stand(tmp_path) as it, supervised(it.driver) as watched:
        await it.engine.start()
        await watched.until_back()
        await it.pass_by(1)
        it.vehicle = None
        await it.engine.stop()
        await watched.until_lost()
        await it.engine.start()
        async with asyncio.timeout(5.0):
            await watched.until_back(2)
        await it.pass_by(2)
        assert [one.id for one in it.results] == ["r1", "r2"]
        assert watched.lost == ["engine_silent"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.hazard("D14", "C4")
async def test_each_fault_is_what_the_driver_says_of_it_and_passes(fault: str, tmp_path: Path) -> None:
    async with stand(tmp_path) as it, supervised(it.driver) as watched:
        await it.engine.start()
        await watched.until_back()
        await it.pass_by(1)
        await it.engine.turn_on(fault)
        if LISTED[fault] == "survived":
            await it.pass_by(2)
            await it.pass_by(3)
            pushed = it.engine.pushed
            await until(lambda: it.engine.pushed > pushed + 8)
            assert watched.lost == []
            await it.engine.turn_off(fault)
        else:
            await watched.until_lost()
            assert watched.lost[0] == LISTED[fault]
            await it.engine.turn_off(fault)
            await watched.until_back(2)
        await it.pass_by(4)
        # Each once, whatever came how often.
        assert len({one.id for one in it.results}) == len(it.results)


@pytest.mark.hazard("C4")
async def test_the_same_result_again_is_the_same_and_its_age_is_counted_from_when_it_came(tmp_path: Path) -> None:
    async with stand(tmp_path) as it, heard(it):
        before_ms = RealClock().now_ms()
        assert [await it.post(result("a")) for _ in range(3)] == [200] * 3
        # An engine that counts anew says something else under the same number.
        assert await it.post(result("b", picture="7.jpg")) == 200
        await until(lambda: len(it.results) == 2)
        assert [(one.id, one.picture) for one in it.results] == [("a", ""), ("b", "7.jpg")]
        assert -850 <= it.results[0].captured_at_ms - before_ms < 60_000 - 850
        assert it.driver.results.repeated == 2
        await until(lambda: it.rows() == 0)


@pytest.mark.hazard("D14")
async def test_what_is_none_is_refused_and_ends_the_connection_where_nothing_else_comes(tmp_path: Path) -> None:
    async with stand(tmp_path, silence_s=20.0) as it, heard(it) as running:
        assert await it.post(b'{"alive": "yes"}') == 400
        assert await it.post(ALIVE, to="/other") == 404
        assert await it.post(b" " * (MOST_BYTES + 1)) == 413
        assert {await it.post(b"\xff") for _ in range(6)} == {400}
        assert await it.post(ALIVE) == 200
        assert {await it.post(b"[]") for _ in range(8)} == {400}
        await until(running.done)
        with pytest.raises(DeviceError, match="engine_garbled"):
            await running


@pytest.mark.hazard("X3")
async def test_what_does_not_fit_is_refused_and_may_come_again(tmp_path: Path) -> None:
    async with stand(tmp_path) as it, heard(it) as running:
        spool = it.driver._spool
        assert spool is not None
        spool._most_rows = 0
        assert await it.post(result("a")) == 507
        spool._most_rows = 64
        assert await it.post(result("a")) == 200
        await until(lambda: len(it.results) == 1)
        spool.close()
        assert await it.post(result("b")) == 503
        it.driver._spool = None
        assert await it.post(result("b")) == 503
        it.driver._spool = spool
        with pytest.raises(DeviceError, match="engine_spool_failed"):
            await running


@pytest.mark.hazard("X3")
async def test_a_spool_that_fails_under_signs_of_life_is_told_and_there_is_another_next(tmp_path: Path) -> None:
    async with stand(tmp_path, silence_s=20.0) as it:
        async with heard(it) as running:
            it.spool.unlink()
            assert [await it.post(ALIVE), await it.post(result("1"))] == [200, 503]
            with pytest.raises(DeviceError, match="engine_spool_failed"):
                await running
        async with heard(it):
            assert await it.post(result("1")) == 200
            await until(lambda: len(it.results) == 1)


async def test_whoever_is_not_named_is_not_heard(tmp_path: Path) -> None:
    async with stand(tmp_path, peers=("192.0.2.9",), silence_s=0.3) as it:
        await it.engine.start()
        with pytest.raises(DeviceError, match="engine_silent") as silent:
            await it.driver.connect()
        assert silent.value.next_step == NEXT_STEPS["silent"]
        assert (it.results, it.engine.answers[200]) == ([], 0)


async def test_a_port_that_somebody_has_and_a_spool_that_cannot_be_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    async with stand(tmp_path, spool=tmp_path / "file" / "spool") as it:
        with pytest.raises(DeviceError, match="engine_spool_failed"):
            await it.driver.connect()
    async with stand(tmp_path) as it:
        taken = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", it.engine.port)
        with pytest.raises(DeviceError, match="engine_port_unavailable"):
            await it.driver.connect()
        taken.close()
        await taken.wait_closed()


# After a restart

KILLED = """
import asyncio, os, sys
from pathlib import Path
from drivers.ocr_lines.push_driver import PushedEngine
from tests.support.r2000 import RealClock

def told(_):
    # Between the commit and whatever the lane makes of it.
    os.kill(os.getpid(), 9)

async def main():
    engine = PushedEngine("engine-1", sys.argv[1], peers=("127.0.0.1",), spool=Path(sys.argv[2]), clock=RealClock(),
                          on_boxes=told, silence_s=60.0)
    await engine.connect()
    await engine.run()

asyncio.run(main())
"""


@pytest.mark.hazard("D35", "D26")
async def test_a_kill_between_the_commit_and_the_lane_loses_no_result(tmp_path: Path) -> None:
    async with stand(tmp_path) as it:
        arguments = [sys.executable, "-c", KILLED, it.engine.url, str(it.spool)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, env=environment)
        status = 0
        while status != 200:
            with contextlib.suppress(OSError):
                status = await it.post(ALIVE)
        assert await it.post(result("a")) in (0, 200)
        assert await process.wait() == -9
        assert it.rows() == 1
        async with heard(it):
            await until(lambda: len(it.results) == 1)
            # Whoever had no answer pushes it again.
            assert await it.post(result("a")) == 200
            await until(lambda: it.rows() == 0)
        assert [one.id for one in it.results] == ["a"]


@pytest.mark.hazard("D3")
async def test_what_is_old_or_of_another_start_of_the_machine_is_never_told(tmp_path: Path) -> None:
    now_ms = RealClock().now_ms()
    spool = Spool(tmp_path / "spool")
    for name, at_ms, boot in (("old", now_ms - STALE_MS - 1, boot_id()), ("other", now_ms, "b")):
        spool.put(Spooled(name, boot, at_ms, at_ms, "", result(name)), int(RealClock().utc().timestamp()))
    spool.close()
    with capture_logs() as logged:
        async with stand(tmp_path) as it, heard(it):
            assert await it.post(result("new")) == 200
            await until(lambda: len(it.results) == 1)
            assert [one.id for one in it.results] == ["new"]
            await until(lambda: it.rows() == 2)
    assert [one["count"] for one in logged if one["event"] == "engine_results_stale"] == [2]


@pytest.mark.hazard("D3")
async def test_what_waited_too_long_for_the_lane_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stand(tmp_path) as it, heard(it):
        with monkeypatch.context() as slow:
            slow.setattr("drivers.ocr_lines.push_driver.STALE_MS", -1)
            assert await it.post(result("late")) == 200
            await until(lambda: it.rows() == 0)
        assert await it.post(result("new")) == 200
        await until(lambda: len(it.results) == 1)
        assert [one.id for one in it.results] == ["new"]


async def test_what_crosses_is_shown_and_can_be_heard_again(tmp_path: Path) -> None:
    crossed: list[tuple[bool, bytes]] = []
    words: list[str] = []

    class Tap:
        wants_words = True

        def crossed(self, sent: bool, data: bytes) -> None:
            crossed.append((sent, data))

        def understood(self, _: bool, said: str) -> None:
            words.append(said)

    async with stand(tmp_path) as it:
        it.driver.tap = Tap()
        async with heard(it):
            assert await it.post(result("a")) == 200
            assert await it.post(b"no") == 400
            await until(lambda: len(it.results) == 1)
        assert (crossed[-2:], words[-1]) == ([(False, result("a")), (False, b"no")], "no result")
    again = Stand(tmp_path)
    for sent, data in [*crossed, (True, result("b"))]:
        again.driver.hear_again(sent, data, wanted=True)
    assert [one.id for one in again.results] == ["a"]


def test_the_registry_builds_it_from_the_configuration(tmp_path: Path) -> None:
    given = {"driver": "ocr_push", "id": "e-1", "url": "http://10.0.0.7:8602/c?x=1", "spool": str(tmp_path / "s")}
    engine = build(CONTAINER_ENGINE, ConfiguredEngine.model_validate(given), RealClock(), lambda _: None)
    assert isinstance(engine, PushedEngine)
    assert (engine.name, engine.address) == ("e-1", "http://10.0.0.7:8602/c")
