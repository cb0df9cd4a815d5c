"""X12: descriptors that are kept are free when there are no more, and kept again later."""

import asyncio
import errno
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from edge.runtime import spare
from edge.runtime.spare import SPARE, SpareDescriptors
from tests.support.lane_parts import LIMIT_S

pytestmark = pytest.mark.hazard("X12")


@contextmanager
def keeping(**options: float) -> Iterator[SpareDescriptors]:
    spares = SpareDescriptors(**options)
    spares.keep()
    yield spares
    spares.close()


def no_more() -> dict[str, object]:
    error = OSError(errno.EMFILE, "Too many open files")
    return {"message": "socket.accept() out of system resource", "exception": error}


async def all_kept(spares: SpareDescriptors) -> None:
    async with asyncio.timeout(LIMIT_S):
        while spares.kept < SPARE:
            await asyncio.wait({asyncio.ensure_future(_turn())})


async def _turn() -> None:
    turned = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, turned.set_result, None)
    await turned


async def test_they_are_free_when_the_loop_finds_none_and_kept_again_later() -> None:
    loop = asyncio.get_running_loop()
    with keeping(again_s=0.01) as spares:
        assert spares.kept == SPARE
        with capture_logs() as logged:
            loop.call_exception_handler(no_more())
        assert spares.kept == 0
        assert [(one["event"], one["freed"]) for one in logged] == [("descriptors_exhausted", SPARE)]
        await all_kept(spares)
    assert spares.kept == 0
    assert loop.get_exception_handler() is None


async def test_where_there_are_none_to_keep_it_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(spare.os, "open", refuse)
        spares = SpareDescriptors(again_s=0.01)
        spares.keep()
        assert spares.kept == 0
        told: list[object] = []
        patched.setattr(asyncio.get_running_loop(), "default_exception_handler", told.append)
        asyncio.get_running_loop().call_exception_handler(no_more())
        assert len(told) == 1, "there was nothing left to free"
    await all_kept(spares)
    spares.close()


async def test_whatever_else_the_loop_tells_is_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "default_exception_handler", told.append)
    with keeping() as spares:
        loop.call_exception_handler({"message": "a task died", "exception": ValueError("x")})
        loop.call_exception_handler({"message": "without an error"})
        assert (len(told), spares.kept) == (2, SPARE)
        with capture_logs():
            loop.call_exception_handler(no_more())
    assert spares.kept == 0
