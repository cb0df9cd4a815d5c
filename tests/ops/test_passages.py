from typing import Any

import pytest

from ops.envelope import Lane
from ops.figures import GROUPINGS, counted, grouping
from ops.histogram import MOST_MS, Histogram
from ops.passages import UNKNOWN, Cell, cell_of, how, in_order, stage_times
from ops.period import Days, offset_of
from ops.tally import Period, Tally

L1 = Lane("S1", "L1")
NOON = "2026-03-01T12:34:56.789Z"


def passed(**more: Any) -> dict[str, Any]:
    return {"terminal": "PASSED", "decision": "release", "touched": False, "reasons": []} | more


@pytest.mark.parametrize(
    ("data", "way"),
    [
        (passed(), "clean"),
        (passed(terminal="OFFLINE_PASSED", reasons=["no_answer:customs", "offline"]), "clean"),
        (passed(touched=True), "manual"),
        (passed(terminal="MANUAL_PASSED"), "manual"),
        (passed(terminal="FAULT"), "manual"),
        (passed(terminal="TIMEOUT", decision="hold"), "manual"),
        (passed(terminal="ABANDONED", decision="hold"), "manual"),
        (passed(terminal="REFERRED", decision="refer"), "referred"),
        (passed(terminal="ABANDONED", decision="refer"), "referred"),
        (passed(terminal="MANUAL_PASSED", decision="refer"), "manual"),
        (passed(terminal="DENIED", decision="deny"), "other"),
        (passed(terminal="ABORTED_RESTART", decision=None), "other"),
        # A lane of an earlier version.
        ({"terminal": "PASSED", "decision": "release", "reasons": ["opened_by_person"]}, "manual"),
        ({"terminal": "PASSED", "decision": "release"}, "clean"),
        # Anything at all.
        ({}, "other"),
        ({"terminal": ["PASSED"], "decision": {}, "reasons": "by_person", "touched": 1}, "other"),
        ({"terminal": "PASSED", "reasons": [None, 3, {}]}, "clean"),
    ],
)
def test_clean_referred_and_manual_are_told_apart(data: dict[str, Any], way: str) -> None:
    assert how(data) == way


def test_a_passage_counts_in_its_hour_of_utc() -> None:
    cell = cell_of(L1, NOON, passed(direction="in", cargo_class="tank", simulated=True))
    assert cell == Cell("2026-03-01T12", "S1", "L1", "in", "tank", "clean", "PASSED", "release", True, False)
    assert cell_of(L1, "2026-03-01T01:00:00+08:00", {}).hour == "2026-02-28T17"


@pytest.mark.parametrize("time", ["", "yesterday", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-13-01"])
def test_a_time_that_is_none_has_no_hour(time: str) -> None:
    assert cell_of(L1, time, {}).hour == UNKNOWN


@pytest.mark.parametrize("value", [None, "", "IN", "x" * 33, "a b", 3, ["in"], {"in": 1}])
def test_what_a_lane_does_not_say_is_unknown(value: object) -> None:
    cell = cell_of(L1, NOON, {"direction": value, "cargo_class": value, "drill": "yes", "simulated": 1})
    assert (cell.direction, cell.cargo_class, cell.drill, cell.simulated) == (UNKNOWN, UNKNOWN, False, False)


def test_only_times_are_taken_for_times() -> None:
    times = {"opened": 9.6, "a": -1, "b": MOST_MS + 1, "c": True, "d": None, "e": "7", "x y": 1, "answered_customs": 3}
    assert stage_times({"stages_ms": times}) == {"opened": 10, "answered_customs": 3}
    assert stage_times({"stages_ms": [1]}) == {}
    assert len(stage_times({"stages_ms": {f"s{number}": 1 for number in range(100)}})) == 32


def test_stages_stand_in_a_vehicles_order() -> None:
    assert in_order({"cleared", "answered_b", "answered_a", "odd"}) == [
        "arrived", "identified", "requested", "answered_a", "answered_b", "granted", "opened", "cleared", "odd",
    ]  # fmt: skip


CELL = cell_of(L1, NOON, passed(direction="in", cargo_class="tank"))


@pytest.mark.parametrize(
    ("by", "offset", "name"),
    [
        ("lane", "+08:00", "S1/L1"),
        ("hour", "+08:00", "20:00"),
        ("hour", "-13:00", "23:00"),
        ("direction", "+08:00", "in"),
        ("cargo", "+08:00", "tank"),
        ("outcome", "+08:00", "PASSED"),
    ],
)
def test_passages_are_grouped(by: str, offset: str, name: str) -> None:
    assert by in GROUPINGS
    found = counted([(CELL, Tally(2, {"opened": Histogram.of([1, 2])}))], grouping(by, offset_of(offset)))
    assert list(found.groups) == [name]
    assert found.groups[name].as_data() == found.all.as_data()


def test_a_drill_is_counted_apart_and_nowhere_else() -> None:
    found = counted([(CELL._replace(drill=True), Tally(3))], grouping("lane", offset_of("+08:00")))
    assert (found.drills, found.all.total, found.groups, found.outcomes) == (3, 0, {}, {})
    assert found.all.human_touch_per_100 is None


def test_every_way_is_counted_for_itself_and_together() -> None:
    cells = [
        (CELL, Tally(3, {"opened": Histogram.of([10, 20, 30])})),
        (CELL._replace(how="manual", hour=UNKNOWN), Tally(1, {"opened": Histogram.of([100])})),
        (CELL._replace(how="referred", simulated=True), Tally(1)),
    ]
    found = counted(cells)
    data = found.all.as_data()
    assert (data["passages"], data["simulated"], data["human_touch_per_100"], found.undated) == (5, 1, 20.0, 1)
    assert data["stages_ms"]["opened"] == {"n": 4, "p50": 20, "p90": 100, "p95": 100, "p99": 100}
    assert data["how"]["clean"]["stages_ms"]["opened"] == {"n": 3, "p50": 20, "p90": 30, "p95": 30, "p99": 30}
    assert data["how"]["referred"] == {
        "passages": 1,
        "stages_ms": {
            stage: {"n": 0, "p50": None, "p90": None, "p95": None, "p99": None} for stage in data["stages_ms"]
        },
    }


def test_a_month_is_its_local_days() -> None:
    days = Days.of_month("2026-02", "+08:00")
    assert days.period == Period("2026-01-31T16", "2026-02-28T16")
    assert days.as_data() == {"first_day": "2026-02-01", "last_day": "2026-02-28", "utc_offset": "+08:00"}
    assert Days.of_month("2025-12", "-05:00").period == Period("2025-12-01T05", "2026-01-01T05")


def test_hours_are_in_a_period_or_not() -> None:
    period = Days.of_month("2026-02", "+08:00").period
    assert "2026-01-31T16" in period
    assert "2026-02-28T15" in period
    assert "2026-01-31T15" not in period
    assert "2026-02-28T16" not in period
    assert UNKNOWN not in period
    assert UNKNOWN in Period()
    assert "2999-12-31T23" in Period("2026-01-31T16")
    assert UNKNOWN not in Period("2026-01-31T16")


@pytest.mark.parametrize("text", ["", "8", "+8:00", "+08:30", "+15:00", "08:00", "+08:00 "])
def test_an_offset_is_of_whole_hours(text: str) -> None:
    with pytest.raises(ValueError):
        offset_of(text)
