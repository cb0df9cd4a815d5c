"""Failpoints: refused beside real devices, inert without the variable, deadly at the named hit."""

import ast
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import edge
from edge.core.effects import ConsumeAuthority, EndPassage, KeepReferral, LowerBoom, Report, SendChallenge, SendRequest
from edge.core.events import CommandName
from edge.core.readings import Identity
from edge.core.referral import Referral
from edge.runtime import failpoints
from edge.runtime.failpoints import BRIDGE_NAMES, ENVIRONMENT, NAMES, FailpointError, arm, hit, hit_record

SEND = SendRequest("p", "customs", "n", "h")
CONSUME = ConsumeAuthority("p", "grant", ("n",), 1)
CHALLENGE = SendChallenge("p", "n", "h")
REFERRAL = KeepReferral(Referral("r", "p", "k", (), ("weigh",), ("customs",), 1, 2))
MODE = Report("mode_changed", None, (("mode", "DRILL"),))
END = EndPassage("p", "PASSED", None, None, (), (), Identity(), True)


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    died: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: died.append((pid, number)))
    yield died
    arm({}, simulated=True)


def test_without_the_variable_nothing_happens(deaths: list[tuple[int, int]]):
    arm({}, simulated=False)
    for name in (*NAMES, *BRIDGE_NAMES):
        hit(name)
    hit_record("before", (SEND, CONSUME, END))
    assert deaths == []


@pytest.mark.hazard("X1")
def test_the_nth_hit_kills_this_process(deaths: list[tuple[int, int]]):
    arm({ENVIRONMENT: "raise_before:2"}, simulated=True)
    hit("raise_before")
    hit("raise_after")
    assert deaths == []
    hit("raise_before")
    assert deaths == [(os.getpid(), signal.SIGKILL)]


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("request_record_durable", SEND),
        ("challenge_record_durable", CHALLENGE),
        ("consume_record_durable", CONSUME),
        ("referral_record_durable", REFERRAL),
        ("terminal_record_durable", END),
        ("mode_record_durable", MODE),
        ("boot_record_durable", Report("started")),
    ],
)
def test_a_record_is_named_by_what_it_holds(deaths: list[tuple[int, int]], name: str, effect: object):
    arm({ENVIRONMENT: name}, simulated=True)
    hit_record("durable", (LowerBoom(1000, 10), Report("decided")))
    hit_record("before", (effect,))  # type: ignore[arg-type]
    assert deaths == []
    hit_record("durable", (effect,))  # type: ignore[arg-type]
    assert len(deaths) == 1


@pytest.mark.parametrize("value", ["nowhere", "raise_before:x", "raise_before:-1", ":2"])
def test_an_unknown_point_is_refused(value: str):
    with pytest.raises(FailpointError, match="raise_before") as refused:
        arm({ENVIRONMENT: value}, simulated=True)
    assert refused.value.code == "failpoint_refused"
    assert failpoints._armed is None


def test_real_devices_refuse_all():
    with pytest.raises(FailpointError, match="real devices"):
        arm({ENVIRONMENT: "raise_before"}, simulated=False)


# What is put before `_before` and `_after` in `edge.runtime.barrier_commands`.
COMMANDS = (*get_args(CommandName), "light")


def points_in_the_code() -> set[str]:
    """Return every name that a call of `failpoints.hit` or `failpoints.hit_record` in the product may hit."""
    found: set[str] = set()
    for path in Path(edge.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith("failpoints.hit"):
                continue
            name = node.args[0]
            if isinstance(name, ast.JoinedStr):
                side = name.values[-1]
                assert isinstance(side, ast.Constant), path
                found |= {f"{command}{side.value}" for command in COMMANDS}
            elif ast.unparse(node.func) == "failpoints.hit_record":
                moment = ast.literal_eval(name)
                records = (*failpoints._RECORDS.values(), *failpoints._REPORTS.values())
                found |= {f"{record}_record_{moment}" for record in records}
            else:
                found.add(ast.literal_eval(name))
    return found


def test_every_name_is_hit_somewhere_and_every_point_has_a_name():
    assert len({*NAMES, *BRIDGE_NAMES}) == len(NAMES) + len(BRIDGE_NAMES)
    assert points_in_the_code() == {*NAMES, *BRIDGE_NAMES}


def test_every_report_that_names_a_record_is_one_of_the_core():
    reported = {
        node.args[0].value
        for path in (Path(edge.__path__[0]) / "core").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "draft.report"
        if isinstance(node.args[0], ast.Constant)
    }
    assert set(failpoints._REPORTS) <= reported
