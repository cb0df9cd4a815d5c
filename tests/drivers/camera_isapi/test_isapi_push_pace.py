"""How fast heartbeats of a camera that pushes come is known beyond a connection: what was held up vouches for none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drivers.camera_isapi.wire import encode_heartbeat
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.events import TOGETHER_MS
from drivers.kit.camera.given import Picture
from drivers.kit.camera.pipe import AliveMessage
from simulators.ports import free_ports
from tests.drivers.camera_isapi.test_isapi_push import CLOCK, beat, event_body, pushed, reception, settings_for


def held_up_beat(ago_s: float) -> bytes:
    return encode_heartbeat(datetime.now(UTC) - timedelta(seconds=ago_s))


@pytest.mark.hazard("D3", "D35")
async def test_a_heartbeat_that_was_held_up_while_nobody_listened_vouches_for_no_event_of_then(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = settings_for(tmp_path, port, late_ms=3_000)
    async with reception(settings) as it:
        assert await beat(port) == 200
    # A cable was out for a minute: what the camera had begun to send then comes at once, its heartbeat before all.
    async with reception(settings) as it:
        assert await pushed(port, held_up_beat(63), "application/xml") == 200
        assert await pushed(port, event_body("u-1", ago_s=62)) == 200
        assert await it.given() == AliveMessage("heartbeat")
        given = await it.given()
        assert isinstance(given, Picture)
        assert given.fault == "late"
        # Nor does anything count before a heartbeat of this connection.
        assert await pushed(port, event_body("u-2")) == 200
        assert [await beat(port), await pushed(port, event_body("u-3"))] == [200, 200]
        then = [await it.given() for _ in range(3)]
        assert [one.fault for one in then if isinstance(one, Picture)] == ["late", None]


async def test_a_clock_that_was_set_back_while_nobody_listened_is_taken_as_it_is(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = settings_for(tmp_path, port, late_ms=3_000)
    async with reception(settings) as it:
        assert await beat(port) == 200
    async with reception(settings) as it:
        answers = [await pushed(port, held_up_beat(300), "application/xml") for _ in range(3)]
        assert answers == [200, 200, 503]
    async with reception(settings) as it:
        assert await pushed(port, held_up_beat(300), "application/xml") == 200
        # It could be one that was held up: the next shows that time goes on at the camera as it does here.
        assert await pushed(port, event_body("u-1", ago_s=300)) == 200
        await CLOCK.sleep(TOGETHER_MS / 1000)
        assert await pushed(port, held_up_beat(300), "application/xml") == 200
        assert await pushed(port, event_body("u-2", ago_s=300)) == 200
        given = [await it.given() for _ in range(4)]
        assert [one.fault for one in given if isinstance(one, Picture)] == ["late", None]


@pytest.mark.hazard("D3", "D35")
async def test_the_first_heartbeat_of_a_start_of_the_machine_vouches_for_none_that_was_held_up_beside_it(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port, late_ms=3_000)) as it:
        assert await pushed(port, held_up_beat(63), "application/xml") == 200
        assert await pushed(port, event_body("u-1", ago_s=62)) == 200
        assert [await beat(port), await pushed(port, event_body("u-2"))] == [200, 200]
        given = [await it.given() for _ in range(4)]
        assert [one.fault for one in given if isinstance(one, Picture)] == ["late", None]


async def test_a_spool_that_fails_under_a_first_heartbeat_ends_the_connection(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port)) as it:
        assert it._spool is not None
        it._spool.close()
        assert await beat(port) == 503
        with pytest.raises(SourceError, match="camera_spool_failed"):
            await it.given()
