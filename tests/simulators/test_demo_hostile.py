"""Strangers who write to the demo's broker: ignored and counted, never a traceback."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.mqtt import Message
from simulators.demo_box import LANE, DemoBox
from simulators.demo_journey import Journey, Pictures
from simulators.demo_score import Passage, score
from simulators.demo_view import View
from simulators.trucks import rendered_trucks

ROOT = f"gate/v1/demo/{LANE}"
ENDED = {
    "passage": "p1", "terminal": "PASSED", "decision": "release", "inspections": [], "stages_ms": {"opened": 5},
}  # fmt: skip
EVENT = {"id": "1", "epoch": 1, "seq": 1, "type": "passage_ended", "data": ENDED}

STRANGE = {
    "no_json": ("state", b"\xff{"),
    "deep": ("state", b"[" * 100_000),
    "no_object": ("state", b"[1]"),
    "sign_unknown": ("state", b'{"guidance": ["x"], "guidance_target": null, "drill": false}'),
    "sign_half": ("state", b'{"guidance": "stop"}'),
    "ack_text": ("ack", b'{"epoch": "x", "seq": 1}'),
    "ack_empty": ("ack", b"{}"),
    "event_without_id": ("event/decided", b"{}"),
    "event_list_id": ("event/decided", b'{"id": []}'),
    "event_text": ("event/decided", b'"x"'),
    "event_kind": ("event/decided", json.dumps(EVENT | {"type": []}).encode()),
    "event_data": ("event/decided", json.dumps(EVENT | {"data": []}).encode()),
    "end_stages": ("event/passage_ended", json.dumps(EVENT | {"data": ENDED | {"stages_ms": 5}}).encode()),
    "end_half": ("event/passage_ended", json.dumps(EVENT | {"data": {"passage": "p1", "terminal": "X"}}).encode()),
    "identity": (
        "passage/customs",
        json.dumps(EVENT | {"data": {"passage": "p1", "identity": {"plates": 5}}}).encode(),
    ),
}


@pytest.fixture
def box() -> DemoBox:
    plan: Any = SimpleNamespace(folder=None, site="demo", host="", port=0, version="5")
    unused = cast("Any", None)
    return DemoBox(plan, unused, unused, unused)


@pytest.fixture
def journey(box: DemoBox) -> Journey:
    one = Journey(box, View(live=True), Pictures(), lambda: 0.0)
    one.passages.append(Passage(next(iter(rendered_trucks(1, 5))), id="p1"))
    one._current = one.passages[0]
    return one


@pytest.mark.parametrize("name", STRANGE)
def test_what_no_lane_sends_is_counted_and_changes_no_passage(box: DemoBox, journey: Journey, name: str):
    topic, payload = STRANGE[name]
    box.hear(Message(f"{ROOT}/{topic}", payload))
    assert box.strange == 1
    assert journey.passages[0].terminals == []
    # The lane's own words are heard as ever, and what came of the trucks can be counted.
    box.hear(Message(f"{ROOT}/event/passage_ended", json.dumps(EVENT | {"id": "2"}).encode()))
    assert (box.strange, journey.passages[0].terminals) == (1, ["PASSED"])
    assert score(journey.passages, 1)["passages"][0]["terminal"] == "PASSED"


def test_the_level_above_and_what_it_does_not_follow_are_no_words_of_a_lane(box: DemoBox, journey: Journey):
    for topic in (ROOT, f"{ROOT}/cmd/x/request", f"{ROOT}/state/more"):
        box.hear(Message(topic, b"{}"))
    box.hear(Message(f"{ROOT}/state", b""))
    assert box.strange == 0
