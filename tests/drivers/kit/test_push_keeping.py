"""A disk that is slower than a device waits: it is answered 503 in time, and what it sent is not lost."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.camera_isapi import push_worker
from drivers.kit.camera.given import Picture
from drivers.kit.camera.pipe import AliveMessage
from drivers.kit.push.head import PushRefusedError
from drivers.kit.push.keeping import Keeping
from drivers.kit.push.listener import MOST_CONNECTIONS
from drivers.ocr_lines import push_driver
from simulators.ports import free_ports
from tests.drivers.camera_isapi.test_isapi_push import beat, event_body, pushed, reception, settings_for
from tests.drivers.ocr_lines.test_push_driver import heard, result, stand
from tests.support.r2000 import until


@contextlib.contextmanager
def slow_disk(spool: Path) -> Iterator[None]:
    """Nothing is committed to it meanwhile."""
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        yield
        held.execute("ROLLBACK")


def hasty() -> Keeping:
    return Keeping(0.2)


@pytest.mark.hazard("X3")
async def test_a_camera_is_told_in_time_and_the_lane_gets_its_event_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_worker, "Keeping", hasty)
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port)) as it:
        assert await beat(port) == 200
        assert await it.given() == AliveMessage("heartbeat")
        with slow_disk(tmp_path / "spool"):
            begun_s = time.monotonic()
            assert await pushed(port, event_body("u-1")) == 503
            assert time.monotonic() - begun_s < 4
        assert isinstance(await it.given(), Picture)
        assert await pushed(port, event_body("u-1")) == 200, "sent again it is known"
        assert await it.given() == AliveMessage("repeated")


@pytest.mark.hazard("X3")
async def test_an_engine_is_told_in_time_and_the_lane_gets_its_codes_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_driver, "Keeping", hasty)
    async with stand(tmp_path, silence_s=20.0) as it, heard(it):
        with slow_disk(it.spool):
            assert await it.post(result("r-1")) == 503
        await until(lambda: len(it.results) == 1)
        assert await it.post(result("r-1")) == 200
        assert it.driver.results.repeated == 1


async def test_no_more_wait_for_the_disk_than_there_may_be_connections() -> None:
    keeping, disk = Keeping(0.01), asyncio.Event()

    async def work() -> None:
        await disk.wait()
        raise PushRefusedError(507, "full")

    for _ in range(MOST_CONNECTIONS):
        with pytest.raises(PushRefusedError, match="the disk is slow"):
            await keeping.keep(work())
    with pytest.raises(PushRefusedError, match="503: pushes wait"):
        await keeping.keep(work())
    disk.set()
    await keeping.end()
    with pytest.raises(PushRefusedError, match="507"):
        await keeping.keep(work())
