"""Failpoints: refused beside real devices, inert without the variable, deadly at the named hit."""

import os
import signal
from collections.abc import Iterator

import pytest

from edge.core.effects import ConsumeAuthority, EndPassage, LowerBoom, SendRequest
from edge.core.readings import Identity
from edge.runtime import failpoints
from edge.runtime.failpoints import BRIDGE_NAMES, ENVIRONMENT, NAMES, FailpointError, arm, hit, hit_record

SEND = SendRequest("p", "customs", "n", "h")
CONSUME = ConsumeAuthority("p", "grant", ("n",), 1)
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
    [("request_record_durable", SEND), ("consume_record_durable", CONSUME), ("terminal_record_durable", END)],
)
def test_a_record_is_named_by_what_it_holds(deaths: list[tuple[int, int]], name: str, effect: object):
    arm({ENVIRONMENT: name}, simulated=True)
    hit_record("durable", (LowerBoom(1000, 10),))
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


def test_there_are_at_least_ten_of_them():
    assert len(set(NAMES)) == len(NAMES) >= 10
