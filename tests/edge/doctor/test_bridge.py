"""What `kakou doctor` says of a customs bridge."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.loader import load
from config.schema import Configuration
from edge.clearance.bridge.book import BridgeBook
from edge.clearance.keys import create_keys
from edge.doctor.bridge import look_at_bridge
from edge.doctor.finding import Finding

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
broker: {}
authorities: [{id: customs, deadline_ms: 10000}]
lanes:
  - {id: lane-1, direction: in, simulated: true, must_match: [front_plate], barrier: {id: barrier, host: h}, cameras: [
      {id: c1, url: "http://h/a", place: front, reads: [plate]}]}
"""
BRIDGE = """\
customs_bridge: {{authority: customs, host: 127.0.0.1, port: {port}, area_id: "7208100000",
  lanes: [{{lane: lane-1, chnl_no: "7208100001"}}]}}
"""


class Site:
    """A configuration and its keys, and a platform that may be there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.bridge = folder, 1, BRIDGE
        create_keys(
            folder / "keys", site="yard", lanes=["lane-1"], authorities=["customs"], environment="simulated",
            now_utc=NOW,
        )  # fmt: skip
        self.key = folder / "keys" / "authority-customs.key.pem"
        (folder / "seen").mkdir()

    async def look(self, after: timedelta = timedelta()) -> list[Finding]:
        config = self.folder / "kakou.yaml"
        config.write_text(CONFIG + self.bridge.format(port=self.port), encoding="utf-8")
        loaded = load(config)
        assert isinstance(loaded, Configuration), loaded
        found = await look_at_bridge(loaded, self.folder / "seen", NOW + after)
        assert all(one.message(language) for one in found for language in ("en", "zh"))
        return found

    async def codes(self, after: timedelta = timedelta()) -> list[tuple[str, str]]:
        return [(one.status, one.code) for one in await self.look(after)]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


async def test_a_site_without_a_bridge_and_a_box_without_its_key_have_nothing_to_mend(site: Site) -> None:
    site.key.unlink()
    assert await site.codes() == [("OK", "bridge_elsewhere")]
    site.bridge = ""
    assert await site.codes() == []


async def test_a_platform_that_answers_and_one_that_does_not(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as platform:
        site.port = platform.getsockname()[1]
        assert await site.codes() == [("OK", "bridge_key_good"), ("OK", "device_reached")]
    assert await site.codes() == [("OK", "bridge_key_good"), ("FAIL", "device_refused")]


async def test_a_bridge_that_runs_keeps_its_connection(site: Site) -> None:
    folder = site.folder / "state" / "bridge-customs"
    folder.mkdir(parents=True)
    book = BridgeBook(folder / "bridge.sqlite", utc=lambda: NOW)
    assert await site.codes() == [("OK", "bridge_key_good"), ("OK", "bridge_running")]
    book.close()
    assert (await site.codes())[1] == ("FAIL", "device_refused")
    (folder / "bridge.sqlite").write_bytes(b"no book")
    assert (await site.codes())[1] == ("FAIL", "bridge_book_damaged")


async def test_a_key_that_nobody_believes(site: Site) -> None:
    assert (await site.codes(-timedelta(days=90)))[0] == ("FAIL", "bridge_key_foreign")
    site.key.chmod(0o644)
    assert await site.codes() == [("FAIL", "bridge_key_refused")]
    site.key.chmod(0o600)
    site.key.write_bytes((site.folder / "keys" / "root.key.pem").read_bytes())
    assert (await site.codes())[0] == ("FAIL", "bridge_key_foreign")
