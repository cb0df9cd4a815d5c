"""A lane is recorded while it works, and played back: the same, or what another configuration makes of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from edge.verbs.playback import main as playback
from edge.verbs.record import main as record
from tests.support.system_lane import TAG, SystemLane

BY = ["--operator", "chen", "--reason", "loop looks wrong"]
SIGNALS = (
    "map: {signals: {arrival_loop: {address: 'discrete:0', inverted: true}, safety_loop: 'discrete:2',"
    " boom_up: 'discrete:7', boom_down: 'discrete:8', exit_loop: 'discrete:3', safety_beam: 'discrete:4',"
    " boom_broken: 'discrete:9', emergency_stop: 'discrete:10', fire_alarm: 'discrete:11'}}"
)


async def recorded(lane: SystemLane, capsys: pytest.CaptureFixture[str], *more: str, status: int = 0) -> Any:
    arguments = ["lane-1", "--config", str(lane.config), "--json", *BY, *more]
    assert await asyncio.to_thread(record, arguments) == status
    return json.loads(capsys.readouterr().out)


async def played(file: Path, config: Path, capsys: pytest.CaptureFixture[str], status: int) -> dict[str, Any]:
    assert await asyncio.to_thread(playback, [str(file), str(config), "--json"]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["same"] is (status == 0)
    return found


@pytest.fixture
async def passage(lane: SystemLane, capsys: pytest.CaptureFixture[str]) -> Path:
    """A recording of one released truck."""
    await lane.start_controller()
    assert await recorded(lane, capsys, "--stop", status=1) == {"error": "not_recording"}
    assert await recorded(lane, capsys, "--seconds", "90000", status=1) == {"error": "record_out_of_range"}
    begun = await recorded(lane, capsys)
    assert await recorded(lane, capsys, status=1) == {"error": "already_recording"}
    await lane.pass_one()
    assert await recorded(lane, capsys, "--stop") == begun
    told = await lane.event("recording_begun")
    assert (told["operator"], told["reason"]) == ("chen", "loop looks wrong")
    assert (await lane.event("recording_ended"))["lost"] == 0
    await lane.controller.stop()
    return Path(begun["file"])


async def test_a_passage_comes_out_as_it_was(
    lane: SystemLane, passage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (await asyncio.to_thread(passage.stat)).st_mode & 0o777 == 0o600
    found = await played(passage, lane.config, capsys, 0)
    assert found["steps"] > 20
    assert found["readings"] > 20
    # It may have begun between the bytes of a scan and its step.
    assert found["not_anew"] <= 1
    decisions = found["decisions"]
    assert decisions["recorded"] == decisions["played"]
    assert [one.partition(": ")[2] for one in decisions["played"]] == ["release", "PASSED"]


async def test_what_another_configuration_makes_of_it(
    lane: SystemLane, passage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = lane.config.read_text()
    other = lane.folder / "other.yaml"
    # The tags are read as they were, but none is strong enough to count.
    other.write_text(text.replace("tag_reader: {id: tag-reader,", "tag_reader: {id: tag-reader, min_rssi_dbm: -30,"))
    found = await played(passage, other, capsys, 1)
    assert found["differing_readings"] == []
    assert found["differing_steps"]
    assert found["decisions"]["recorded"] != found["decisions"]["played"]
    # For people, in their language.
    assert await asyncio.to_thread(playback, [str(passage), str(other)]) == 1
    out = capsys.readouterr().out
    assert "different: 0 readings" in out
    assert "\n  ! " in out
    assert TAG in (await asyncio.to_thread(passage.read_text)).upper()
    # A loop that is wired the other way round: each scan reads otherwise.
    other.write_text(text.replace("timeout_ms: 1500", f"timeout_ms: 1500, {SIGNALS}"))
    found = await played(passage, other, capsys, 1)
    kinds = {one["what"] for one in found["differing_readings"]}
    assert kinds == {"InputsSampled"}
    first = found["differing_readings"][0]
    assert first["recorded"]["inputs"]["arrival_loop"] is not first["played"]["inputs"]["arrival_loop"]


async def test_what_is_no_recording_of_this_lane(
    lane: SystemLane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.jsonl"
    for content, said in (
        ("", "state of a lane"),
        ("{}\n", "format 1"),
        ("no json\n", "no JSON"),
        ('{"kakou_recording": 1}\n', "state of a lane"),
        ('{"kakou_recording": 1, "lane": "lane-9", "state": {}}\n', "not in this configuration"),
        ('{"kakou_recording": 1, "lane": "lane-1", "state": {}}\n', "Error"),
    ):
        file.write_text(content)
        assert await asyncio.to_thread(playback, [str(file), str(lane.config)]) == 66
        assert said in capsys.readouterr().err
    assert await asyncio.to_thread(playback, [str(tmp_path / "nothing"), str(lane.config)]) == 66
    lane.config.write_text("site: x\n")
    assert await asyncio.to_thread(playback, [str(file), str(lane.config)]) == 78
