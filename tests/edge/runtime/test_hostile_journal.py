"""A journal that somebody edited: `kakou replay` names every such record and ends in order, whatever stands there."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.core.events import Started
from edge.runtime.checkpoints import contradictions
from edge.runtime.journal_file import JournalRecord
from edge.runtime.notes import NOTE
from edge.runtime.recovery import UNREADABLE
from edge.verbs.replay import main
from tests.support.lane_parts import running
from tests.support.replayed import replayed


@pytest.fixture
async def finished(path: Path) -> Path:
    """The journal of a lane that started, became ready and took in a vehicle."""
    async with running(path) as lane:
        lane.runner.take(Started(lane.clock.now_ms(), "boot-1", "seed-1"))
        lane.scan()
        lane.scan(arrival_loop=True)
    return path


def edit(path: Path, change: Callable[[str], str], *, column: str = "body") -> None:
    """Change a column of the newest record."""
    with closing(sqlite3.connect(path)) as database, database:
        row, value = database.execute(f"SELECT id, {column} FROM record ORDER BY id DESC LIMIT 1").fetchone()
        database.execute(f"UPDATE record SET {column}=? WHERE id=?", (change(value), row))


BODIES: dict[str, Callable[[str], str]] = {
    "no_json": lambda _: "{",
    "no_object": lambda _: "[]",
    "empty": lambda _: "{}",
    "deep": lambda _: "[" * 100_000,
    "foreign_event": lambda body: body.replace('"InputsSampled"', '"Opened"'),
    "event_of_another_phase": lambda body: json.dumps(
        json.loads(body) | {"event": {"type": "RequestPrepared", "at_ms": 1, "passage": 7}}
    ),
    "no_effects": lambda body: json.dumps({key: value for key, value in json.loads(body).items() if key != "effects"}),
}


async def test_an_untouched_journal_is_reproduced(finished: Path):
    assert replayed(finished)[1]["same"] is True


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_no_lane_wrote_is_named(finished: Path, name: str):
    edit(finished, BODIES[name])
    status, shown = replayed(finished)
    (lane,) = shown["lanes"]
    assert (status, shown["same"]) == (1, False)
    assert lane["chain_broken_at"] == lane["records"]
    assert [one["event"] for one in lane["differences"]] == [UNREADABLE]


@pytest.mark.hazard("S21")
async def test_an_edited_effect_is_a_difference(finished: Path):
    edit(finished, lambda body: body.replace('"StartCapture"', '"StopCapture"'))
    status, shown = replayed(finished)
    assert status == 1
    assert [one["event"] for one in shown["lanes"][0]["differences"]] == ["InputsSampled"]


@pytest.mark.hazard("S21", "I13")
async def test_an_edited_time_breaks_the_chain_alone(finished: Path):
    edit(finished, lambda _: "2020-01-01T00:00:00.000Z", column="written_at")
    status, shown = replayed(finished)
    assert (status, shown["lanes"][0]["differences"]) == (1, [])
    assert shown["lanes"][0]["chain_broken_at"] == shown["lanes"][0]["records"]


async def test_what_was_edited_commands_no_terminal(finished: Path, capsys: pytest.CaptureFixture[str]):
    edit(finished, lambda body: body.replace('"StartCapture"', '"\\x9b2J\\u202e"'))
    with closing(sqlite3.connect(finished)) as database, database:
        database.execute("UPDATE lane SET name='lane\x1b[2J'")
    assert main([str(finished)]) == 1
    printed = capsys.readouterr().out
    assert "HASH CHAIN BROKEN" in printed
    assert all(one.isprintable() or one == "\n" for one in printed)


@pytest.mark.parametrize(
    "body", ["[" * 50_000, '{"note": "checkpoint"}', '{"note": "checkpoint", "data": {"signature": "zz"}}']
)
def test_a_note_that_nobody_can_read_is_no_checkpoint(body: str):
    note = JournalRecord(7, NOTE, body, "0" * 64, "2026-03-01T08:00:00Z")
    found = list(contradictions([note], Ed25519PrivateKey.generate().public_key()))
    assert [(one.seq, one.code) for one in found] == [(7, "bad_checkpoint")]
