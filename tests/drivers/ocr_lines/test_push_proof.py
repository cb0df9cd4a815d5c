"""An engine that pushes with user and password: who does not prove itself tells the lane nothing, and is told of."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from config.devices import ContainerEngine as ConfiguredEngine
from edge.ports import DeviceError
from edge.registry import CONTAINER_ENGINE, build
from simulators.ports import free_ports
from tests.drivers.ocr_lines.test_push_driver import ALIVE
from tests.support.r2000 import RealClock

USER, PASSWORD = "engine", "of the engine"


def told_as(port: int, password: str) -> int:
    """The answer to a sign of life of a client that is not ours."""
    answered = requests.post(
        f"http://127.0.0.1:{port}/codes", data=ALIVE, auth=HTTPBasicAuth(USER, password), timeout=20
    )
    return answered.status_code


async def test_only_an_engine_that_proves_itself_is_there(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    secret = tmp_path / "password"
    configured = ConfiguredEngine(
        driver="ocr_push", id="engine-1", url=f"http://127.0.0.1:{port}/codes", spool=tmp_path / "spool",
        user=USER, password_file=secret, auth="basic", heartbeat_s=1,
    )  # fmt: skip
    driver = build(CONTAINER_ENGINE, configured, RealClock(), lambda _: None)
    with pytest.raises(DeviceError) as unreadable:
        await driver.connect()
    assert unreadable.value.code == "engine_password_unreadable"
    # Nor does an empty one make an engine without a password one that has proved itself.
    secret.write_text("\n", encoding="utf-8")
    with pytest.raises(DeviceError) as empty:
        await driver.connect()
    assert empty.value.code == "engine_password_unreadable"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    assert set(await pushing(driver.connect(), port, "other")) == {401}
    assert set(await pushing(driver.connect(), port, PASSWORD)) == {200}
    await driver.close()


async def pushing(connecting: Coroutine[Any, Any, None], port: int, password: str) -> list[int]:
    """Push until it ended; the answers."""
    answers: list[int] = []
    task = asyncio.create_task(connecting)
    while not task.done():
        try:
            answers.append(await asyncio.to_thread(told_as, port, password))
        except requests.ConnectionError:
            await RealClock().sleep(0.02)
    error = task.exception()
    if password == PASSWORD:
        assert error is None
    else:
        assert isinstance(error, DeviceError)
        assert error.code == "engine_unproved"
        assert "401" in error.got
    return answers
