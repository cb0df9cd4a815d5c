"""O8: what a box does at its start, and with a changed configuration, where a device was not brought up."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from edge import app
from edge.bringup.kept import kept_file
from edge.bringup.standing import BringupError, check_bringup, standings
from edge.clearance.keys import create_keys
from edge.device_lock import DevicesHeldError, devices_held
from edge.guarding import note_start
from edge.runtime.journal import JournalReader
from edge.verbs import run
from edge.verbs.bringup import main
from edge.verbs.doctor import main as doctor
from simulators.ports import free_ports
from tests.support.bringup_site import Site
from tests.support.controller import spawn

pytestmark = pytest.mark.hazard("O8")
HASH = "0" * 64


@pytest.fixture
def keyed(site: Site) -> Site:
    """Its lane has keys of production, and a broker that is not there."""
    loaded = site.loaded()
    create_keys(
        loaded.keys_dir, site="yard", lanes=["lane-1"], authorities=["customs"], environment="production",
        now_utc=datetime.now(UTC),
    )  # fmt: skip
    return site


@asynccontextmanager
async def opened(site: Site) -> AsyncIterator[app.Box]:
    """The box, opened as `kakou run` does before it builds any lane, and its start noted."""
    loaded = site.loaded()
    async with app._open_box(loaded, HASH) as box:
        note_start(box.journal, loaded, check_bringup(loaded))
        yield box


def noted(site: Site) -> list[dict[str, str]]:
    """What the chain of the lane says of its reports."""
    reader = JournalReader(site.state / "journal.sqlite")
    try:
        bodies = [json.loads(one.body) for one in reader.records("lane-1")]
    finally:
        reader.close_reader()
    return [one["data"] for one in bodies if one.get("note") == "bringup"]


async def test_without_reports_a_lane_with_production_keys_does_not_start(keyed: Site) -> None:
    with pytest.raises(BringupError, match="bringup_missing: lane-1/barrier"):
        async with opened(keyed):
            pass
    assert not (keyed.state / "journal.sqlite").exists()
    keyed.record()
    kept_file(keyed.state, "reader").write_text("{}")
    # Refused as a bad configuration is, by name.
    log = keyed.box.folder / "log"
    with log.open("wb") as output:
        assert await (await spawn("run", str(keyed.box.config), output=output)).wait() == run.EXIT_CONFIG
    (refused,) = [one for line in log.read_text().splitlines() if (one := json.loads(line))["event"] == "start_refused"]
    assert refused["code"] == "bringup_damaged"
    assert "lane-1/reader: socket://127.0.0.1:" in refused["cause"]
    assert "next: kakou bringup reader CONFIG" in refused["cause"]


async def test_a_check_asks_for_reports_where_that_is_wanted(keyed: Site, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(keyed.box.config)
    assert run.check([file]) == 0
    capsys.readouterr()
    assert run.check([file, "--brought-up"]) == run.EXIT_CONFIG
    said = capsys.readouterr().out
    assert said.startswith("FAIL lane-1/barrier: 127.0.0.1:")
    assert "[bringup_missing]" in said
    assert run.check([file, "--brought-up", "--json"]) == run.EXIT_CONFIG
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], [one["code"] for one in told["problems"]]) == (False, ["bringup_missing"] * 2)
    keyed.record()
    assert run.check([file, "--brought-up"]) == 0


async def test_with_them_it_starts_and_the_chain_says_which_they_are(keyed: Site) -> None:
    keyed.record()
    async with opened(keyed):
        pass
    (told,) = noted(keyed)
    found = {str(one.fields["device"]): one for one in standings(keyed.loaded(), keyed.loaded().lanes[0])}
    assert list(told) == ["barrier", "reader"]
    assert told["reader"] == f"bringup_passed 2026-03-01T08:00:00.000Z {found['reader'].fields['sha256']}"


async def test_a_start_that_never_was_stands_in_no_chain(keyed: Site) -> None:
    keyed.record()
    keyed.state.mkdir(exist_ok=True)
    with devices_held(keyed.state), pytest.raises(DevicesHeldError):
        await app.serve(keyed.loaded(), config_hash=HASH)
    assert noted(keyed) == []


async def test_a_trial_that_ends_between_the_look_and_the_lock_counts(
    keyed: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed.record()

    @contextmanager
    def held_later(state_dir: Path) -> Iterator[None]:
        # Another process had them until now, and saw what is wrong.
        file = kept_file(state_dir, "barrier")
        file.write_text(file.read_text().replace("PASS", "FAIL"))
        with devices_held(state_dir):
            yield

    monkeypatch.setattr(app, "devices_held", held_later)
    with pytest.raises(BringupError, match="bringup_failed: lane-1/barrier"):
        await app.serve(keyed.loaded(), config_hash=HASH)
    assert noted(keyed) == []
    # Nor is it a start that failed: the next one need not wait for its turn.
    assert not (keyed.state / "starts.json").exists()


async def test_a_site_that_does_not_ask_for_them_goes_on_and_is_told(
    keyed: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    keyed.write(required=False)
    with capture_logs() as logged:
        async with opened(keyed):
            pass
    (warned,) = [one for one in logged if one["event"] == "bringup_not_proved"]
    assert warned["devices"] == ["bringup_missing lane-1/barrier", "bringup_missing lane-1/reader"]
    assert noted(keyed) == [{"barrier": "bringup_missing", "reader": "bringup_missing"}]
    await asyncio.to_thread(doctor, [str(keyed.box.config)])
    said = capsys.readouterr().out
    assert "WARN lane-1/barrier: 127.0.0.1:" in said
    assert "     -> kakou bringup barrier CONFIG --move" in said


async def test_simulated_lanes_ask_for_nothing(site: Site) -> None:
    text = site.box.config.read_text()
    site.box.config.write_text(text.replace("    require_bringup", "    simulated: true\n    require_bringup"))
    assert check_bringup(site.loaded()) == {}
    assert site.codes() == []
    assert await site.try_reader() == 0
    assert not site.state.exists()
    # One simulated device among real ones: theirs are for later, and keep no lane from starting.
    site.write(barrier=", use: sim")
    assert check_bringup(site.loaded()) == {}
    assert site.codes() == [("WARN", "missing")]
    assert await site.try_reader() == 0
    assert site.codes() == [("OK", "passed")]
    site.write()
    assert site.codes() == [("FAIL", "missing"), ("OK", "passed")]


async def test_a_changed_configuration_with_an_untried_device_is_not_taken(keyed: Site) -> None:
    keyed.record()
    async with opened(keyed) as box:
        admit = partial(app._admit, cast(Any, box))
        admit(keyed.loaded(), HASH)
        keyed.write(reader=", baud: 9600")
        with pytest.raises(BringupError, match="bringup_outdated: lane-1/reader"):
            admit(keyed.loaded(), HASH)


async def test_a_service_that_tries_again_and_again_lets_the_devices_be_brought_up(
    keyed: Site, typed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (broker,) = free_ports(1)
    keyed.box.config.write_text(keyed.box.config.read_text() + f"broker: {{port: {broker}}}\n")
    keyed.state.mkdir(mode=0o700)
    log = keyed.box.folder / "log"
    with devices_held(keyed.state), log.open("wb") as output:
        process = await spawn("run", str(keyed.box.config), output=output)
        # Not that another process has them: it did not even ask.
        assert await process.wait() == run.EXIT_CONFIG
    assert "bringup_missing" in log.read_text()
    assert await keyed.try_boom("--move", "--seconds", "30") == 0
    assert await keyed.try_reader() == 0
    with log.open("wb") as output:
        process = await spawn("run", str(keyed.box.config), output=output)
        ending = asyncio.ensure_future(process.wait())
        async with asyncio.timeout(60):
            while "clearance" not in log.read_text() and not ending.done():
                await asyncio.wait([ending], timeout=0.1)
        assert process.returncode is None, log.read_text()
        # The devices are the controller's now.
        assert await asyncio.to_thread(main, ["reader", str(keyed.box.config)]) == 75
        process.send_signal(signal.SIGTERM)
        assert await ending == 0
