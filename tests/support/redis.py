"""A Redis server for tests: our small one, and Debian's own, each on a free port and ended at will.

Fixture: `redis`, both.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from simulators.ports import free_ports
from simulators.redis_server import RedisServer
from tests.support.needs import program

PASSWORD = "a password of the bridge"


class RunningRedis(Protocol):
    """What tests need of a server; `start` brings it back on the same port."""

    @property
    def port(self) -> int: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class DebianRedis:
    """Debian's redis-server, which keeps nothing; with `password` its user `bridge` may say what `rights` allow."""

    def __init__(self, folder: Path, *, password: str | None = None, rights: str = "+@all allchannels") -> None:
        self.port = free_ports(1)[0]
        self._config = folder / f"redis-{self.port}.conf"
        users = "" if password is None else f'user default off\nuser bridge on ">{password}" {rights}\n'
        self._config.write_text(
            f'port {self.port}\nbind 127.0.0.1\nsave ""\nappendonly no\ndir "{folder}"\nlogfile ""\n{users}'
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        binary = program("redis-server")
        assert binary is not None
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = await asyncio.create_subprocess_exec(binary, str(self._config), **quiet)
        never = asyncio.Event()
        async with asyncio.timeout(10):
            while True:
                assert self._process.returncode is None, "redis-server exited"
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.transport.abort()
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await never.wait()

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


CASES = [pytest.param("ours", id="ours"), pytest.param("debian", id="redis-server", marks=pytest.mark.redis)]


@pytest.fixture(params=CASES)
async def redis(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningRedis]:
    server: RunningRedis = RedisServer() if request.param == "ours" else DebianRedis(tmp_path)
    await server.start()
    yield server
    await server.stop()
