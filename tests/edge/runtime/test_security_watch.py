"""Refused grants, taken-over sessions and clocks that disagree become alarms, once, and end."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.lane_clearance import LaneClearance
from edge.core.effects import Report
from edge.core.events import GrantReceived
from edge.core.readings import Identity
from edge.field_policy import FieldPolicy
from edge.mqtt import LinkCounters
from edge.runtime.journal import Journal, JournalReader
from edge.runtime.notes import security_note
from edge.runtime.recovery import recover, replay
from edge.runtime.security_watch import (
    CLOCK_BEHIND,
    CLOCK_SKEWED,
    CONNECTION_FLAPPING,
    GRANTS_REFUSED,
    OPENINGS_FREQUENT,
    SESSION_TAKEN_OVER,
    SecurityWatch,
)
from edge.times import rfc3339
from tests.support.clocks import StoodClock, looks_until_cancelled
from tests.support.journal_facts import read_facts
from tests.support.lane_bench import LaneBench


class Bench:
    """A watch with all that it needs; `alarms` are those that stand at the broker, `notes` what was journaled."""

    def __init__(self) -> None:
        self.clock = StoodClock()
        self.alarms: dict[str, str | None] = {}
        self.notes: list[tuple[str, bool]] = []
        self.links = {"clearance": LinkCounters(), "telemetry": LinkCounters()}
        self.behind = ""
        self.watch = SecurityWatch(
            "in-1", clock=self.clock, alarms=self, links=self.links, behind=lambda: self.behind,
            note=lambda code, stands, _detail: self.notes.append((code, stands)),
        )  # fmt: skip

    def publish_alarm(self, code: str, detail: str | None) -> None:
        self.alarms[code] = detail


@pytest.mark.hazard("X19")
def test_a_clock_that_must_be_wrong_is_an_alarm_until_it_is_set():
    bench = Bench()
    bench.watch.look()
    bench.behind = "the clock shows 1970: set it"
    bench.watch.look()
    bench.watch.look()
    assert bench.alarms == {CLOCK_BEHIND: "the clock shows 1970: set it"}
    bench.behind = ""
    bench.watch.look()
    assert bench.alarms == {CLOCK_BEHIND: None}
    assert bench.notes == [(CLOCK_BEHIND, True), (CLOCK_BEHIND, False)]


@pytest.mark.hazard("S1", "C20")
def test_ten_refusals_within_a_minute_are_one_alarm_that_ends_with_them():
    bench = Bench()
    for _ in range(9):
        bench.watch.grant_refused("customs", "bad_signature")
    bench.clock.ms += 60_001
    bench.watch.grant_refused("customs", "bad_signature")
    assert bench.alarms == {}, "ten, but not within a minute"
    for _ in range(50_000):
        bench.watch.grant_refused("customs", "wrong_lane")
    assert "wrong_lane" in str(bench.alarms[GRANTS_REFUSED])
    assert bench.notes == [(GRANTS_REFUSED, True)], "a flood of failures is one note"
    bench.clock.ms += 60_000
    bench.watch.look()
    assert bench.alarms[GRANTS_REFUSED] is not None
    bench.clock.ms += 1
    bench.watch.look()
    assert bench.alarms[GRANTS_REFUSED] is None
    assert bench.notes[-1] == (GRANTS_REFUSED, False)


@pytest.mark.hazard("S23")
def test_ten_openings_by_hand_within_an_hour_are_one_alarm_that_ends_with_them():
    bench, opened = Bench(), Report("opened_by_person", "p", (("operator", "chen"), ("reason", "no_tag")))
    for _ in range(9):
        bench.watch.reported(opened)
    bench.clock.ms += 3_600_001
    bench.watch.reported(opened)
    bench.watch.reported(Report("boom_raised", "p"))
    bench.watch.look()
    assert bench.alarms == {}, "ten, but not within an hour"
    for _ in range(20):
        bench.watch.reported(opened)
    assert "by hand" in str(bench.alarms[OPENINGS_FREQUENT])
    assert bench.notes == [(OPENINGS_FREQUENT, True)]
    bench.clock.ms += 3_600_000
    bench.watch.look()
    assert bench.alarms[OPENINGS_FREQUENT] is not None
    bench.clock.ms += 1
    bench.watch.look()
    assert bench.alarms[OPENINGS_FREQUENT] is None
    assert bench.notes[-1] == (OPENINGS_FREQUENT, False)


@pytest.mark.hazard("C11", "O7")
def test_a_taken_over_session_stands_for_an_hour():
    bench = Bench()
    bench.links["clearance"].takeovers = 1
    bench.watch.look()
    assert "clearance" in str(bench.alarms[SESSION_TAKEN_OVER])
    bench.clock.ms += 3_600_001
    bench.watch.look()
    assert bench.alarms[SESSION_TAKEN_OVER] is None
    assert bench.notes == [(SESSION_TAKEN_OVER, True), (SESSION_TAKEN_OVER, False)]


@pytest.mark.hazard("C11", "C12", "O7")
def test_a_connection_that_comes_up_again_and_again_is_told():
    bench = Bench()
    for _ in range(4):
        bench.links["telemetry"].connects += 1
        bench.clock.ms += 20_000
        bench.watch.look()
    assert bench.alarms == {}
    bench.links["telemetry"].connects += 1
    bench.watch.look()
    assert "telemetry" in str(bench.alarms[CONNECTION_FLAPPING])
    bench.clock.ms += 180_000
    bench.watch.look()
    assert bench.alarms[CONNECTION_FLAPPING] is None


def answered(bench: Bench, ahead_s: float, *, after_s: float = 1.0, authority: str = "customs") -> None:
    """An authority whose clock is `ahead_s` ahead signs at once; its answer takes `after_s` to arrive."""
    asked_ms, signed = bench.clock.now_ms(), bench.clock.utc() + timedelta(seconds=ahead_s)
    bench.clock.ms += round(after_s * 1000)
    bench.watch.answer_dated(authority, rfc3339(signed), asked_ms)


@pytest.mark.parametrize(("ahead_s", "told"), [(3_600, "+35"), (-3_600, "-3600"), (33, "+32"), (30, ""), (-30, "")])
def test_c13_clocks_that_disagree_are_an_alarm_that_ends_when_they_agree(ahead_s: int, told: str):
    bench = Bench()
    answered(bench, ahead_s)
    assert told in str(bench.alarms.get(CLOCK_SKEWED)) if told else bench.alarms == {}
    answered(bench, 0)
    assert bench.alarms.get(CLOCK_SKEWED) is None
    assert bench.notes == ([(CLOCK_SKEWED, True), (CLOCK_SKEWED, False)] if told else [])


def test_c13_an_answer_that_took_long_is_no_skew():
    bench = Bench()
    answered(bench, 0, after_s=90)
    bench.watch.answer_dated("customs", "yesterday", 0)
    assert bench.alarms == {}


def test_c13_the_alarm_stands_until_the_clock_that_was_wrong_agrees():
    bench = Bench()
    answered(bench, 100)
    answered(bench, 0, authority="port")
    answered(bench, 100, authority="port")
    answered(bench, 0)
    assert "customs" in str(bench.alarms[CLOCK_SKEWED])
    answered(bench, 0, authority="port")
    assert bench.alarms[CLOCK_SKEWED] is None


def test_c13_only_answers_to_the_newest_request_are_compared_and_all_reach_the_lane():
    bench, taken = Bench(), []
    asking = LaneClearance(
        key=Ed25519PrivateKey.generate(), policies={"customs": FieldPolicy("allow", "allow", "allow", b"k" * 32)},
        epoch=1, config_hash="0" * 64, model_hash="1" * 64, clock=bench.clock,
    )  # fmt: skip
    asking.dated, asking.take = bench.watch.answer_dated, taken.append
    lane = LaneBench()
    lane.identify()
    asking.prepare(lane.passage.id, "customs", "a" * 32, Identity(), lane.state)
    asking.on_grant(lane.grant(nonce="b" * 32, issued_at="2020-01-01T00:00:00Z"))
    assert bench.alarms == {}
    asking.on_grant(lane.grant(nonce="a" * 32, issued_at="2020-01-01T00:00:00Z"))
    assert bench.alarms.keys() == {CLOCK_SKEWED}
    assert [type(one) for one in taken] == [GrantReceived, GrantReceived]


async def test_it_looks_until_it_is_cancelled():
    bench = Bench()
    await looks_until_cancelled(bench.watch, bench.clock)


@pytest.mark.hazard("S21")
async def test_a_note_is_chained_sent_and_passed_over_by_recovery_and_replay(path: Path, journal: Journal):
    await security_note(journal, "in-1", SESSION_TAKEN_OVER, True, "clearance").durable
    (row,) = journal.outbox.pending("in-1", 0, 10)
    assert (row.type, row.data["code"], row.personal) == ("security_alarm", SESSION_TAKEN_OVER, None)
    assert recover(journal.records("in-1")).unfinished is None
    assert list(replay(journal.records("in-1"))) == []
    # The campaigns compare what central has with this.
    assert read_facts(path, "in-1").events == ["security_alarm"]
    reader = JournalReader(path)
    assert reader.verify_chain("in-1") is None
    reader.close_reader()
