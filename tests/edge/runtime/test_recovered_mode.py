"""The mode outlives a restart, and journals of a version without modes stay readable."""

import json
from dataclasses import replace

import pytest

from edge.core.events import Started
from edge.core.modes import MODES, Mode
from edge.core.state import Phase
from edge.runtime.journal_file import JournalRecord
from edge.runtime.recovery import Difference, recover, replay
from tests.edge.runtime.test_recovery import records
from tests.support.lane_bench import LaneBench


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.WAITING, Phase.OPEN])
def test_the_last_mode_is_found(phase: Phase, mode: Mode) -> None:
    lane = LaneBench().go(phase)
    lane.order_mode("HEIGHTENED")
    lane.order_mode(mode)
    assert recover(records(lane.history)).mode == mode


def test_a_mode_that_was_refused_is_not_found() -> None:
    lane = LaneBench()
    lane.order_mode("DRILL", operator="")
    assert recover(records(lane.history)).mode == "NORMAL"


def test_the_mode_of_the_boot_before_is_found() -> None:
    lane = LaneBench()
    lane.state = replace(lane.state, boot="")
    lane.history.clear()
    lane.take(Started(lane.at_ms, "boot-2", "seed-2", mode="MAINTENANCE"))
    assert recover(records(lane.history)).mode == "MAINTENANCE"


def test_a_passage_of_a_drill_is_known_as_one() -> None:
    lane = LaneBench()
    lane.order_mode("DRILL")
    lane.arrive()
    assert recover(records(lane.history)).unfinished_drill


@pytest.mark.parametrize("ordered", ["SIESTA", None, 3])
def test_a_mode_of_another_version_holds(ordered: object) -> None:
    lane = LaneBench()
    made = records(lane.history)
    body = json.loads(made[0].body)
    body["event"]["mode"] = ordered
    assert recover([replace(made[0], body=json.dumps(body))]).mode == "EMERGENCY_HOLD"


NEW = {
    "Started": ("mode", "unfinished_drill"),
    "EndPassage": ("drill", "cargo_class", "direction"),
    "ConsumeAuthority": ("first_operator",),
    "Grant": ("drill",),
    "profile": ("calendar", "two_persons", "second_person_ms", "drill_moves_boom", "traffic", "guides"),
}


def of_an_earlier_version(record: JournalRecord) -> JournalRecord:
    """The record as the version before modes wrote it."""
    body = json.loads(record.body)
    body["effects"] = [one for one in body["effects"] if one["type"] != "Guide"]
    for one in (body["event"], *body["effects"]):
        for name in NEW.get(one["type"], ()):
            del one[name]
    if "profile" in body:
        for name in NEW["profile"]:
            del body["profile"][name]
    if body["event"]["type"] == "GrantReceived":
        del body["event"]["grant"]["drill"]
        del body["event"]["grant"]["note"]["appointment"]
    return replace(record, body=json.dumps(body))


def driven() -> list[JournalRecord]:
    lane = LaneBench()
    lane.open()
    lane.close()
    lane.fall()
    lane.scan()
    lane.order("open")
    return records(lane.history)


def test_a_journal_without_modes_is_recovered_and_replayed() -> None:
    made = [of_an_earlier_version(one) for one in driven()]
    found = recover(made)
    assert (found.passages, found.mode, found.unfinished_authority) == (2, "NORMAL", True)
    assert all(difference is None for difference in replay(made))


def test_effects_that_no_version_wrote_are_a_difference() -> None:
    made = driven()
    body = json.loads(made[-1].body)
    body["effects"] = [{"type": "Nonsense"}]
    differences = list(replay([*made[:-1], replace(made[-1], body=json.dumps(body))]))
    assert isinstance(differences[-1], Difference)
