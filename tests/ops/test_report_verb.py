"""`kakou ops report`: what it prints, exports, merges and publishes."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from ops.cli import main
from ops.envelope import Lane, LaneEvent
from ops.store import EventStore
from tests.support.central import ended

PLATE = "粤BF3871"


def passage(
    seq: int, ms: int, *, lane: str = "in-1", site: str = "S1", hour: str = "2026-03-01T12", **more: Any
) -> LaneEvent:
    stages = {"arrived": 0, "identified": ms // 4, "answered_customs": ms // 2, "granted": ms // 2, "opened": ms}
    made = ended(seq, stages_ms=stages, passage=f"secret-{seq}", plate=PLATE, **more)
    return LaneEvent(Lane(site, lane), 5, seq, 1, made.type, f"{hour}:10:00.000Z", made.hash, made.data)


def written(path: Path, *events: LaneEvent) -> Path:
    store = EventStore(path)
    store.store(events, "2026-03-01T12:00:00.000+00:00")
    store.close()
    return path


def twenty(**more: Any) -> list[LaneEvent]:
    """Ten clean passages, six by hand, three referred, one drill."""
    clean = [passage(seq, 100 * seq, **more) for seq in range(1, 11)]
    manual = [passage(seq, 9_000, touched=True, cargo_class="empty", **more) for seq in range(11, 17)]
    referred = {"terminal": "REFERRED", "decision": "refer", "direction": "out"} | more
    return [
        *clean,
        *manual,
        *(passage(seq, 70, **referred) for seq in range(17, 20)),
        passage(20, 1, drill=True, **more),
    ]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return written(tmp_path / "ops.sqlite", *twenty())


def reported(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["report", *map(str, arguments), "--json"]) == 0
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    return data


def test_the_ways_are_told_apart_and_drills_left_out(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = reported(capsys, "--database", database)
    assert (data["passages"], data["drills_excluded"], data["human_touch_per_100"]) == (19, 1, 31.58)
    assert {how: one["passages"] for how, one in data["how"].items()} == {
        "clean": 10, "referred": 3, "manual": 6, "other": 0,
    }  # fmt: skip
    clean = data["how"]["clean"]["stages_ms"]
    assert list(clean) == ["arrived", "identified", "requested", "answered_customs", "granted", "opened", "cleared"]
    assert clean["opened"] == {"n": 10, "p50": 502, "p90": 900, "p95": 1004, "p99": 1004}
    assert clean["answered_customs"]["n"] == 10
    assert data["how"]["referred"]["stages_ms"]["opened"]["n"] == 3
    assert data["period"] == {"first_day": None, "last_day": None, "utc_offset": "+08:00"}


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("lane", {"S1/in-1": 19}),
        ("hour", {"20:00": 19}),
        ("direction", {"in": 16, "out": 3}),
        ("cargo", {"empty": 6, "tank": 13}),
        ("outcome", {"PASSED": 16, "REFERRED": 3}),
    ],
)
def test_groups(database: Path, by: str, groups: dict[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    data = reported(capsys, "--database", database, "--by", by)
    assert {name: group["passages"] for name, group in data["groups"].items()} == groups
    assert sum(group["how"]["manual"]["passages"] for group in data["groups"].values()) == 6
    assert main(["report", "--database", str(database), "--by", by]) == 0
    assert "31.58 of 100" in capsys.readouterr().out


def test_days_are_local(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hours = ("2026-01-31T15", "2026-01-31T16", "2026-02-28T15", "2026-02-28T16")
    database = written(tmp_path / "ops.sqlite", *(passage(seq, 5, hour=hour) for seq, hour in enumerate(hours, 1)))
    assert reported(capsys, "--database", database, "--month", "2026-02")["passages"] == 2
    assert reported(capsys, "--database", database, "--month", "2026-02", "--utc-offset", "+00:00")["passages"] == 2
    assert reported(capsys, "--database", database, "--from", "2026-02-01")["passages"] == 3
    assert reported(capsys, "--database", database, "--to", "2026-01-31")["passages"] == 1
    days = ("--from", "2026-02-28", "--to", "2026-02-28")
    assert reported(capsys, "--database", database, *days)["passages"] == 1
    assert main(["report", "--database", str(database), "--from", "2026-02-01"]) == 0
    assert "2026-02-01 to ..., UTC+08:00" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--month", "2026-13"],
        ["--month", "March"],
        ["--month", "2026-03", "--from", "2026-03-01"],
        ["--from", "2026-03-02", "--to", "2026-03-01"],
        ["--from", "yesterday"],
        ["--utc-offset", "+08:30"],
        ["--publish", "report.pdf"],
        ["--by", "plate"],
    ],
)
def test_what_cannot_be_reported_is_refused(database: Path, arguments: list[str]) -> None:
    try:
        status = main(["report", "--database", str(database), *arguments])
    except SystemExit as stopped:
        status = int(str(stopped.code))
    assert status == 64


def test_centres_add_up_to_what_one_would_have_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    north = written(tmp_path / "north.sqlite", *twenty())
    south = written(tmp_path / "south.sqlite", *twenty(lane="out-1"), passage(25, 33, lane="out-1"))
    both = written(tmp_path / "both.sqlite", *twenty(), *twenty(lane="out-1"), passage(25, 33, lane="out-1"))
    file = tmp_path / "south.json"
    reported(capsys, "--database", south, "--export", file)
    assert "secret" not in file.read_text(encoding="utf-8")
    merged = reported(capsys, "--database", north, "--merge", file, "--by", "lane")
    assert merged == reported(capsys, "--database", both, "--by", "lane")
    again = tmp_path / "again.json"
    reported(capsys, "--database", north, "--merge", file, "--export", again)
    empty = written(tmp_path / "empty.sqlite")
    assert reported(capsys, "--database", empty, "--merge", again, "--by", "lane") == merged


def test_files_alone_need_no_database(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.json"
    whole = reported(capsys, "--database", database, "--export", file)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert reported(capsys, "--merge", file) == whole
    assert reported(capsys, "--merge", file, "--month", "2026-03")["passages"] == 19
    assert reported(capsys, "--merge", file, "--month", "2026-04")["passages"] == 0
    assert main(["report", "--database", "named.sqlite", "--merge", str(file)]) == 75
    assert "no database at named.sqlite" in capsys.readouterr().err


def test_a_lane_is_never_counted_twice_in_an_hour(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "one.json"
    reported(capsys, "--database", database, "--export", file)
    for arguments in (["--database", database, "--merge", file], ["--merge", file, file]):
        assert main(["report", *map(str, arguments)]) == 65
        said = capsys.readouterr().err
        assert "S1/in-1, 2026-03-01T12: counted in" in said
        assert "next:" in said


def change(data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return data | {"cells": [max(data["cells"], key=lambda one: one["passages"]) | more]}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: [],
        lambda data: data | {"format": "kakou-passages-2"},
        lambda data: {name: one for name, one in data.items() if name != "gaps"},
        lambda data: data | {"events": -1},
        lambda data: data | {"cells": 3},
        lambda data: data | {"gaps": [{"site": "x"}]},
        lambda data: change(data, how="clever"),
        lambda data: change(data, site=3),
        lambda data: change(data, site="x" * 200),
        lambda data: change(data, drill=0),
        lambda data: change(data, passages=True),
        lambda data: change(data, passages=1),
        lambda data: change(data, stages_ms={"opened": {"x": 1}}),
        lambda data: change(data, stages_ms=[]),
    ],
)
def test_a_file_of_any_other_form_is_not_added(
    spoil: Any, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "one.json"
    reported(capsys, "--database", database, "--export", file)
    file.write_text(json.dumps(spoil(json.loads(file.read_text(encoding="utf-8")))), encoding="utf-8")
    assert main(["report", "--merge", str(file)]) == 65
    assert "next: name a file that --export wrote" in capsys.readouterr().err


def test_a_file_that_is_cut_off_too_large_or_missing_is_named(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.json"
    reported(capsys, "--database", database, "--export", file)
    assert main(["report", "--merge", str(tmp_path / "none.json")]) == 65
    monkeypatch.setattr("ops.exchange._MOST_BYTES", 10)
    assert main(["report", "--merge", str(file)]) == 65
    monkeypatch.undo()
    file.write_bytes(file.read_bytes()[:-20])
    assert main(["report", "--merge", str(file)]) == 65
    for option in ("--export", "--publish"):
        nowhere = str(tmp_path / "none" / "file.csv")
        assert main(["report", "--database", str(database), option, nowhere]) == 65
    assert capsys.readouterr().err.count("next:") == 5


def test_the_gaps_of_all_centres_are_told(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = written(tmp_path / "other.sqlite", passage(1, 5, lane="x"), passage(3, 5, lane="x"))
    file = tmp_path / "other.json"
    reported(capsys, "--database", other, "--export", file)
    data = reported(capsys, "--database", database, "--merge", file)
    assert (data["passages"], data["events"]) == (21, 22)
    assert [(one["lane"], one["first_seq"], one["lost"]) for one in data["gaps"]] == [("x", 2, False)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("form", ["html", "csv"])
def test_what_is_published_names_nobody_and_no_few(
    form: str, language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAKOU_LANG", language)
    rare = passage(30, 123_456, cargo_class="reefer")
    odd = [passage(seq, 50, cargo_class="unheard_of", simulated=True) for seq in range(31, 37)]
    database = written(tmp_path / "ops.sqlite", *twenty(), rare, *odd)
    page = tmp_path / f"report.{form}"
    reported(capsys, "--database", database, "--publish", page, "--month", "2026-03")
    text = page.read_text(encoding="utf-8-sig")
    assert "secret" not in text
    assert PLATE not in text
    assert "p30" not in text
    assert "123" not in text, "the one reefer is told of nowhere by itself"
    assert "unheard_of" in text
    assert "2026-03-01" in text
    assert {"en": "simulated", "zh": "模拟"}[language] in text
    for word in {"en": ("Release times", "reefer", "manual"), "zh": ("放行时间公布", "冷藏箱", "人工处理")}[language]:
        assert word in text


def test_a_published_table_holds_the_figures(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.csv"
    reported(capsys, "--database", database, "--publish", page)
    rows = list(csv.reader(page.read_text(encoding="utf-8-sig").splitlines()))
    assert ["Passages of 100 that needed a person", "31.6"] in rows
    assert ["clean", "opened", "10", "0.50", "-", "-", "-"] in rows
    assert ["tank container", "clean", "10", "0.50", "-", "-", "-"] in rows
    assert ["out", "referred", "-", "-", "-", "-", "-"] in rows
    assert ["S1/in-1", "manual", "6", "-", "-", "-", "-"] in rows


def test_words_from_the_wire_are_neither_markup_nor_formulas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [passage(seq, 50) for seq in range(1, 7)]
    for one in many:
        one.data["stages_ms"] = {"answered_customs": 5, "-x": 7, "opened": 9}
    database = written(tmp_path / "ops.sqlite", *many)
    reported(capsys, "--database", database, "--publish", tmp_path / "report.csv")
    rows = list(csv.reader((tmp_path / "report.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert ["clean", "'-x", "6", "-", "-", "-", "-"] in rows
    reported(capsys, "--database", database, "--publish", tmp_path / "report.html")
    assert "<script" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_to_report_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = written(tmp_path / "ops.sqlite")
    assert main(["report", "--database", str(database), "--publish", str(tmp_path / "report.html")]) == 0
    assert "no passages (all days)" in capsys.readouterr().out
    assert "<strong>Passages of 100 that needed a person: -</strong>" in (tmp_path / "report.html").read_text()


def test_late_releases_are_published_where_they_are_not_few(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = written(tmp_path / "ops.sqlite", *twenty(direction=None))
    for late in (4, 5):
        monkeypatch.setattr(EventStore, "late_releases", lambda self, period, late=late: (late, []))
        assert (
            main(["report", "--database", str(database), "--publish", str(tmp_path / "r.csv"), "--by", "direction"])
            == 0
        )
        text = (tmp_path / "r.csv").read_text(encoding="utf-8-sig")
        assert ("5 releases took longer than promised" in text) is (late == 5)
        assert "unknown,clean,10" in text
        shown = capsys.readouterr().out
        assert f"{late} releases took longer" in shown
        assert "unknown" in shown
