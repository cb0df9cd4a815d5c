"""Opening hours in the configuration, down to the core's calendar and the verb that shows it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from config.loader import load_text
from config.schema import Configuration
from edge.core.hours import Date, Window
from edge.profiles import core_calendar, lane_profile, utc_offset
from edge.verbs import calendar as verb
from tests.config.test_loader import GOOD, problems

CALENDAR = """\
    calendar:
      week:
        mon: ["08:00-18:00", "18:00-22:00 appointments"]
        sat: ["00:00-24:00"]
      exceptions:
        - {date: 2026-10-01, windows: []}
        - {date: "2026-10-04", windows: ["09:00-12:00"]}
"""
LIMITS = "    second_person_ms: 60000\n    drill_moves_boom: true\n    supplement_opens: true\n"
GATES = GOOD + "    two_persons: [open, mode]\n" + LIMITS + CALENDAR


def loaded(text: str) -> Configuration:
    configuration = load_text(text, "lane.yaml")
    assert isinstance(configuration, Configuration), configuration
    return configuration


def test_the_core_reads_what_was_configured() -> None:
    configuration = loaded(GATES)
    lane = configuration.lanes[0]
    profile = lane_profile(configuration, lane)
    assert (profile.calendar, profile.two_persons, profile.second_person_ms) == (True, ("open", "mode"), 60_000)
    assert profile.drill_moves_boom
    assert profile.supplement_opens
    assert lane.calendar is not None
    assert utc_offset(lane.calendar) == timedelta(hours=8)
    calendar = core_calendar(lane.calendar)
    assert calendar.week[0] == (Window(480, 1080), Window(1080, 1320, appointments_only=True))
    assert calendar.week[5] == (Window(0, 1440),)
    assert calendar.at(Date(2026, 10, 1, 3), 600) == "closed"
    assert calendar.at(Date(2026, 10, 4, 6), 600) == "open"


def test_without_a_calendar_the_lane_is_open_and_one_person_is_enough() -> None:
    configuration = loaded(GOOD)
    profile = lane_profile(configuration, configuration.lanes[0])
    assert (profile.calendar, profile.two_persons, profile.drill_moves_boom) == (False, (), False)
    # A person opens, unless a site says otherwise.
    assert not profile.supplement_opens


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("08:00-18:00", "18:00-08:00", "bad_window"),
        ("08:00-18:00", "08:00-08:00", "bad_window"),
        ("08:00-18:00", "8:00-18:00", "bad_window"),
        ("08:00-18:00", "08:00-24:30", "bad_window"),
        ("22:00 appointments", "22:00 perhaps", "bad_window"),
        ("2026-10-01", "2026-13-01", "bad_date"),
        ("2026-10-01", "20261001x", "bad_date"),
        ('date: "2026-10-04"', "date: 2026-10-01", "duplicate_value"),
        ("    calendar:\n", "    calendar:\n      utc_offset: CST\n", "bad_offset"),
        ("[open, mode]", "[open, open]", "duplicate_value"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, code: str) -> None:
    assert GATES.count(old) == 1
    assert [one.code for one in problems(GATES.replace(old, new))] == [code]


@pytest.mark.parametrize(("text", "minutes"), [("-03:30", -210), ("+00:00", 0), ("+14:00", 840)])
def test_offsets(text: str, minutes: int) -> None:
    lane = loaded(GATES.replace("    calendar:\n", f'    calendar:\n      utc_offset: "{text}"\n')).lanes[0]
    assert lane.calendar is not None
    assert utc_offset(lane.calendar) == timedelta(minutes=minutes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kakou.yaml"
    second = GOOD[GOOD.index("  - id: in-1") :]
    for old, new in (("in-1", "in-2"), ("b1", "b2"), ("10.0.0.1", "10.0.0.9"), ("c1,", "c3,"), ("c2,", "c4,")):
        second = second.replace(old, new)
    second = second.replace("r1", "r2").replace("ttyUSB0", "ttyUSB1")
    path.write_text(GATES + second, encoding="utf-8")
    return path


def test_the_verb_shows_now_and_the_next_turns(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.main(["in-1", "--config", str(file), "--at", "2026-09-28T12:00", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lanes"] == [
        {
            "lane": "in-1",
            "calendar": True,
            "local_time": "2026-09-28T12:00",
            "hours": "open",
            "turns": [
                {"at": "2026-09-28T18:00", "hours": "appointments"},
                {"at": "2026-09-28T22:00", "hours": "closed"},
                {"at": "2026-10-03T00:00", "hours": "open"},
                {"at": "2026-10-04T00:00", "hours": "closed"},
                {"at": "2026-10-04T09:00", "hours": "open"},
                {"at": "2026-10-04T12:00", "hours": "closed"},
            ],
        }
    ]


def test_the_verb_shows_every_lane_as_text(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.main(["--config", str(file), "--at", "2026-09-28T23:00"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("in-1: 2026-09-28T23:00")
    assert printed[1] == "  2026-10-03T00:00 open"
    assert printed[-1].startswith("in-2: ")


def test_the_verb_reads_the_clock_where_no_moment_is_given(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.main(["in-1", "--config", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lanes"][0]["hours"] in ("open", "appointments", "closed")


@pytest.mark.parametrize(("arguments", "status"), [(["in-9"], 1), (["--at", "tomorrow"], 64)])
def test_what_the_verb_cannot_show(
    file: Path, arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verb.main([*arguments, "--config", str(file)]) == status
    assert capsys.readouterr().err


def test_a_bad_configuration_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kakou.yaml"
    path.write_text("site: 1\n", encoding="utf-8")
    assert verb.main(["--config", str(path)]) == 78
    assert capsys.readouterr().err
