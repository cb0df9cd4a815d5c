"""What a lane's topics may carry to hurt the person who reads the table or the report."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edge.mqtt import Message, MqttLink, MqttSettings
from ops.envelope import Lane, RefusedError, parse_event, shown
from ops.ingest import _MAX_OUTCOMES, Ingest
from ops.period import Days
from ops.report import centre_of, print_report, report
from ops.store import EventStore
from ops.table import lane_table

TERMINAL_COMMANDS = "\x1b[2J\x9b31m\r\n\u202e"


def message(seq: int, data: str, time: str = "2026-01-01T00:00:00Z") -> Message:
    root = "gate/v1/yard/lane-1"
    head: dict[str, Any] = {
        "specversion": "1.0", "type": "passage_ended", "source": root, "time": time, "hash": "a" * 64, "epoch": 1,
        "seq": seq, "oldestseq": 1,
    }  # fmt: skip
    return Message(f"{root}/event/passage_ended", (json.dumps(head)[:-1] + f', "data": {data}}}').encode())


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400, "0." + "9" * 400, "NaN"])
def test_numbers_that_no_report_could_add_up_are_refused(number: str):
    hostile = message(1, f'{{"stages_ms": {{"opened": {number}}}}}')
    with pytest.raises(RefusedError, match="not_json"):
        parse_event(hostile.topic, hostile.payload)


def test_what_is_shown_moves_no_cursor():
    assert shown("PASSED") == "PASSED"
    assert shown("放行") == "放行"
    assert shown({"a": TERMINAL_COMMANDS}).isprintable()
    assert all(one == "\N{REPLACEMENT CHARACTER}" or one.isprintable() for one in shown(TERMINAL_COMMANDS))


def test_table_and_report_survive_terminal_commands_and_markup(tmp_path: Path):
    store = EventStore(tmp_path / "ops.sqlite")
    ingest = Ingest(MqttLink(MqttSettings("127.0.0.1", 1, "ops")), store, utc=lambda: datetime.now(UTC))
    hostile = [json.dumps({"terminal": text, "decision": text}) for text in (TERMINAL_COMMANDS, "[/x]", "[bold]")]
    messages = [message(seq, data, time=TERMINAL_COMMANDS) for seq, data in enumerate(hostile, start=1)]
    events = [parse_event(one.topic, one.payload) for one in messages]
    store.store(events, "2026-01-01T00:00:00Z")
    for event in events:
        ingest._show(event)
    view = ingest.lanes[Lane("yard", "lane-1")]
    view.online, view.state = True, {"phase": TERMINAL_COMMANDS}
    printed = io.StringIO()
    console = Console(file=printed, width=200)
    console.print(lane_table(ingest))
    print_report(report(centre_of(store, Days()), Days(), "outcome"), console)
    store.close()
    assert "[/x]" in printed.getvalue()
    assert not set(TERMINAL_COMMANDS) - {"\n"} - set("[2J31m") & set(printed.getvalue())


def test_ever_new_outcomes_do_not_grow_the_receiver(tmp_path: Path):
    store = EventStore(tmp_path / "ops.sqlite")
    ingest = Ingest(MqttLink(MqttSettings("127.0.0.1", 1, "ops")), store, utc=lambda: datetime.now(UTC))
    for seq in range(1, 100):
        one = message(seq, json.dumps({"terminal": f"T{seq}"}))
        ingest._show(parse_event(one.topic, one.payload))
    store.close()
    outcomes = ingest.lanes[Lane("yard", "lane-1")].outcomes
    assert len(outcomes) <= _MAX_OUTCOMES + 1
    assert outcomes.total() == 99


def test_of_a_lane_that_says_all_it_may_only_what_is_shown_is_kept(tmp_path: Path):
    store = EventStore(tmp_path / "ops.sqlite")
    ingest = Ingest(MqttLink(MqttSettings("127.0.0.1", 1, "ops")), store, utc=lambda: datetime.now(UTC))
    much = [[]] * 3_000
    ingest._on_state(Message("gate/v1/yard/lane-1/state", json.dumps({"phase": "idle", "much": much}).encode()))
    view = ingest.lanes[Lane("yard", "lane-1")]
    assert view.state == {"phase": "idle"}
    ingest._on_state(Message("gate/v1/yard/lane-1/state", json.dumps({"phase": much}).encode()))
    assert len(view.state["phase"]) <= 64
    hostile = message(1, json.dumps({"terminal": much, "decision": "release", "drill": True, "more": 5}))
    ingest._show(parse_event(hostile.topic, hostile.payload))
    assert (view.last_ended["decision"], view.last_ended["drill"], "more" in view.last_ended) == (
        "release",
        True,
        False,
    )
    assert len(view.last_ended["terminal"]) <= 64
    store.close()


async def test_a_lane_that_contradicts_itself_over_and_over_is_told_once_a_batch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    store = EventStore(tmp_path / "ops.sqlite")
    ingest = Ingest(MqttLink(MqttSettings("127.0.0.1", 1, "ops")), store, utc=lambda: datetime.now(UTC))
    first = message(1, "{}")
    event = parse_event(first.topic, first.payload)
    store.store([event], "2026-01-01T00:00:00Z")
    others = [replace(event, hash=f"{number:064x}") for number in range(100)]
    ingest._acknowledge(store.store(others, "2026-01-01T00:00:01Z"))
    assert ingest.counters["conflicts"] == 100
    assert [record.message for record in caplog.records] == ["event_conflict"]
    store.close()
