import asyncio

import pytest

from edge.telemetry.retained import RetainedValues


class FakeLink:
    """Hands out futures that the test ends: the order of PUBACKs and losses is what is tested."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, asyncio.Future[None]]] = []

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((payload, future))
        return future


async def settled() -> None:
    turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turn.set_result, None)
    await turn


async def test_the_newest_value_follows_the_one_under_way() -> None:
    link = FakeLink()
    values = RetainedValues(link.publish)
    values.set("t", b"0")
    assert link.sent == []
    values.connected()
    values.set("t", b"1")
    values.set("t", b"2")
    assert [payload for payload, _ in link.sent] == [b"0"]
    link.sent[0][1].set_result(None)
    await settled()
    assert [payload for payload, _ in link.sent] == [b"0", b"2"]


async def test_a_value_lost_with_its_connection_goes_again_after_the_next() -> None:
    link = FakeLink()
    values = RetainedValues(link.publish)
    values.connected()
    values.set("t", b"1")
    link.sent[0][1].set_exception(OSError("lost"))
    await settled()
    values.disconnected()
    assert len(link.sent) == 1
    values.connected()
    assert [payload for payload, _ in link.sent] == [b"1", b"1"]


async def test_a_value_that_was_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.telemetry.retained._RETRY_S", 0.0)
    link = FakeLink()
    values = RetainedValues(link.publish)
    values.connected()
    values.set("t", b"1")
    link.sent[0][1].set_exception(OSError("too many"))
    async with asyncio.timeout(10):
        while len(link.sent) < 2:
            await settled()
    assert link.sent[1][0] == b"1"


async def test_the_end_of_an_old_connections_publish_changes_nothing() -> None:
    link = FakeLink()
    values = RetainedValues(link.publish)
    values.connected()
    values.set("t", b"1")
    values.disconnected()
    values.connected()
    values.set("t", b"2")
    link.sent[0][1].set_result(None)
    await settled()
    assert [payload for payload, _ in link.sent][:2] == [b"1", b"1"]
    link.sent[1][1].set_result(None)
    await settled()
    assert link.sent[-1][0] == b"2"
