"""A configuration and `kakou bringup` with it, while the simulators live on the test's loop."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.verbs.bringup import main
from simulators.devices.barrier import BarrierSimulator

CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
authorities: [{{id: customs}}]
lanes:
  - id: lane-1
    direction: in
    simulated: true
    barrier: {{id: barrier, host: 127.0.0.1, port: {barrier}, poll_ms: 20}}
{devices}    must_match: [tag]
    timing: {{open_ms: 4000, close_ms: 4000}}
"""


def now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


class Box:
    """A configuration, and `bringup` with it in a thread: the simulators live on the loop."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.config = folder / "kakou.yaml"
        self.write()

    def write(self, barrier: int = 5020, devices: str = "") -> None:
        if "tag_reader" not in devices:
            devices += "    tag_reader: {id: reader, port: 'socket://127.0.0.1:1'}\n"
        self.config.write_text(CONFIG.format(barrier=barrier, devices=devices))

    async def bringup(self, device: str, *more: str, status: int = 0) -> dict[str, Any]:
        arguments = [device, str(self.config), "--json", *more]
        assert await asyncio.to_thread(main, arguments) == status
        report: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        assert report["ok"] is (status == 0)
        return report


def statuses(report: dict[str, Any]) -> dict[str, str]:
    return {one["code"] + one["subject"]: one["status"] for one in report["steps"]}


@asynccontextmanager
async def beside(act: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """What the technician does at the device meanwhile."""
    doing = asyncio.ensure_future(act())
    try:
        yield
        # Where everything was seen, nobody waits for the rest of what the technician had in mind.
        if doing.done():
            await doing
    finally:
        doing.cancel()


def asked_of(barrier: BarrierSimulator) -> int:
    return sum(barrier.server.requests.values())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(lambda: None))])
