"""The shell's order: recorded first, authority only once durable, withdrawal at once; every failure an event."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.core.events import BarrierAnswered, PersonDecided, Started, TagSighted
from edge.core.profile import LaneTiming
from edge.core.state import Phase
from edge.runtime.clock import LoopClock
from edge.runtime.journal import Journal, JournalError, JournalReader, Ticket
from tests.support.lane_bench import UP
from tests.support.lane_parts import LIMIT_S, PROFILE, Running, broken, running


def start(lane: Running) -> None:
    lane.runner.take(Started(lane.clock.now_ms(), "boot-1", "seed-1"))
    lane.scan()
    assert lane.runner.state.phase is Phase.IDLE


def identify(lane: Running) -> None:
    start(lane)
    lane.scan(arrival_loop=True)
    lane.runner.take(TagSighted(lane.clock.now_ms(), lane.tag()))
    assert lane.runner.state.phase is Phase.WAITING


def order(lane: Running, action: Any) -> None:
    lane.runner.take(PersonDecided(lane.clock.now_ms(), "chen", action, "checked"))


def effects(path: Path) -> list[str]:
    """The types of all durable effects, in order."""
    reader = JournalReader(path)
    try:
        bodies = [json.loads(record.body) for record in reader.records("lane-1")]
    finally:
        reader.close_reader()
    return [effect["type"] for body in bodies for effect in body["effects"]]


@pytest.mark.hazard("S23")
async def test_each_report_is_told_to_who_counts_openings(path: Path):
    async with running(path) as lane:
        told: list[str] = []
        lane.runner.on_report = lambda report: told.append(report.name)
        start(lane)
        assert told == ["started"]


@pytest.mark.hazard("I14")
async def test_a_request_leaves_only_once_its_nonce_is_durable(path: Path):
    async with running(path) as lane:
        identify(lane)
        assert lane.others.named("prepare")
        assert not lane.others.named("send")
        durable: list[list[str]] = []
        sent = asyncio.Event()

        def send(passage: str, authority: str, nonce: str) -> None:
            durable.append(effects(path))
            sent.set()

        lane.others.send = send  # type: ignore[method-assign]
        async with asyncio.timeout(LIMIT_S):
            await sent.wait()
        assert "SendRequest" in durable[0]


@pytest.mark.hazard("I2")
async def test_a_person_opens_once_the_order_is_durable(path: Path):
    async with running(path) as lane:
        start(lane)
        order(lane, "open")
        assert lane.runner.state.phase is Phase.CONSUMING
        assert "raise" not in lane.barrier.commands
        await lane.phase(Phase.OPENING)
        assert "ConsumeAuthority" in effects(path)
        lane.scan(**UP)
        await lane.phase(Phase.OPEN)
        await lane.runner.close()
        assert lane.barrier.commands.count("raise") == 1
        assert lane.barrier.commands[-1] == "green"


async def test_a_refused_raise_holds_and_an_unknown_one_waits_for_the_boom(path: Path):
    async with running(path) as lane:
        start(lane)
        lane.scan(arrival_loop=True)
        lane.barrier.error = broken()
        order(lane, "open")
        await lane.phase(Phase.HELD)
        lane.barrier.error = broken("barrier_write_unconfirmed", "unknown")
        order(lane, "open")
        await lane.phase(Phase.OPENING)
        await lane.runner.close()
        assert lane.runner.state.phase is Phase.OPENING
        assert lane.barrier.commands.count("raise") == 2


async def test_emergency_stops_without_waiting_for_the_disk(path: Path):
    async with running(path) as lane:
        start(lane)
        lane.scan(emergency_stop=True)
        assert lane.runner.state.phase is Phase.FAULT
        await lane.runner.close()
        assert "stop" in lane.barrier.commands


async def test_closing_waits_for_a_command_on_the_wire(path: Path):
    async with running(path) as lane:
        lane.barrier.gate = asyncio.Event()
        start(lane)
        asyncio.get_running_loop().call_soon(lane.barrier.gate.set)
        await lane.runner.close()
        assert lane.barrier.commands == ["red"]


async def test_what_a_supervisor_says(path: Path):
    async with running(path) as lane:
        start(lane)
        lane.runner.device_lost("reader", broken("reader_gone", device="reader"))
        assert lane.runner.state.lost_devices == ("reader",)
        assert lane.runner.devices["reader"]["code"] == "reader_gone"
        lane.runner.device_back("reader")
        assert lane.runner.state.lost_devices == ()
        lane.runner.device_lost("barrier", broken("barrier_rebooted"))
        assert lane.runner.state.phase is Phase.STARTING
        assert lane.runner.state.inputs.boom == "unknown"
        lane.runner.device_back("barrier")
        await lane.runner.close()
        # A module that was away may have forgotten its light.
        assert lane.barrier.commands == ["red", "red"]
        codes = [(code, detail is None) for _, code, detail in lane.others.named("alarm")]
        assert ("device_lost_reader", False) in codes
        assert ("device_lost_reader", True) in codes


async def test_a_barrier_that_returns_before_the_first_light_is_not_asked(path: Path):
    async with running(path) as lane:
        lane.runner.device_back("barrier")
        await lane.runner.close()
        assert lane.barrier.commands == []


async def test_deadlines_tick_by_themselves(path: Path):
    profile = replace(PROFILE, timing=LaneTiming(ready_ms=30))
    async with running(path, profile) as lane:
        lane.runner.take(Started(lane.clock.now_ms(), "boot-1", "seed-1"))
        async with asyncio.timeout(LIMIT_S):
            await lane.runner.reached(lambda state: "not_ready" in state.alarms)
        # Past its deadline it is asked about now and then, not without end.
        assert lane.runner._timer is not None
        assert lane.runner._timer.when() - asyncio.get_running_loop().time() > 0.5


class StillClock(LoopClock):
    """The lane's time stands where it is set; the loop's goes on."""

    def __init__(self) -> None:
        self.at_ms = 1_000_000

    def now_ms(self) -> int:
        return self.at_ms


async def test_scans_do_not_push_a_due_deadline_away(path: Path):
    """A barrier's scan may come in the very millisecond of the deadline, before its tick, and so may all later ones."""
    profile = replace(PROFILE, timing=LaneTiming(identify_ms=60))
    async with running(path, profile) as lane:
        clock = lane.use_clock(StillClock())
        start(lane)
        lane.scan(arrival_loop=True)
        clock.at_ms += 60
        loop = asyncio.get_running_loop()

        def scan() -> None:
            lane.scan(arrival_loop=True)
            if lane.runner.state.phase is Phase.IDENTIFYING:
                loop.call_later(0.005, scan)

        scan()
        async with asyncio.timeout(0.5):
            await lane.runner.reached(lambda state: state.phase is not Phase.IDENTIFYING)


async def test_the_state_is_told_once_for_a_burst(path: Path):
    async with running(path) as lane:
        identify(lane)
        await lane.runner.close()
        assert [state["phase"] for state in lane.others.states] == ["waiting"]
        lane.scan(arrival_loop=True)
        await lane.runner.close()
        assert len(lane.others.states) == 1


async def test_a_terminal_record_releases_the_pictures(path: Path):
    async with running(path) as lane:
        identify(lane)
        lane.scan(arrival_loop=False)
        assert lane.runner.state.phase is Phase.IDLE
        assert lane.others.named("ended")


async def test_quiet_scans_are_not_recorded(path: Path):
    async with running(path) as lane:
        start(lane)
        await lane.journal.append("other", "step", "{}").durable
        before = len(effects(path))
        for _ in range(20):
            lane.scan()
        await lane.journal.append("other", "step", "{}").durable
        assert len(effects(path)) == before


class LostJournal:
    """A journal whose disk failed: records fail after they were taken, or at once."""

    def __init__(self, *, raises: bool = False, error: Exception | None = None) -> None:
        self.raises = raises
        self.error = error or JournalError("journal_full", Path("j"), "full", "make room")
        self.working = True
        self.appended = 0

    def append(self, lane: str, kind: str, body: str, events: Any = (), written: Any = None) -> Ticket:
        self.appended += 1
        if not self.working and self.raises:
            raise self.error
        loop = asyncio.get_running_loop()
        loop.call_soon(written, None if self.working else self.error)
        return Ticket(self.appended, loop.create_future())

    def flush(self) -> None: ...


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.hazard("X3", "I13")
async def test_a_lost_journal_opens_nothing(raises: bool):
    journal = LostJournal(raises=raises)
    lane = Running(journal)
    start(lane)
    journal.working = False
    order(lane, "open")
    await lane.phase(Phase.FAULT)
    appended = journal.appended
    order(lane, "reset")
    order(lane, "open")
    await lane.runner.close()
    assert "raise" not in lane.barrier.commands
    assert "stop" in lane.barrier.commands
    assert ("alarm", "journal_lost", "journal_full") in lane.others.asked
    # Nothing more is handed to it, and it is said once.
    assert journal.appended == appended
    lane.runner.journal_lost(JournalError("journal_full", Path("j"), "full", "make room"))
    assert len(lane.others.named("alarm")) == len({one[1] for one in lane.others.named("alarm")})
    await lane.runner.close()


async def test_a_raise_is_recorded_first_and_goes_to_the_disk_behind_its_command():
    """The writer's thread, once woken, takes the interpreter: the boom does not wait for that (decision 8)."""
    journal = LostJournal()
    lane = Running(journal)
    start(lane)
    steps, append = lane.barrier.commands, journal.append

    def noted(*given: Any) -> Ticket:
        steps.append("append")
        return append(*given)

    def flush() -> None:
        steps.append("flush")
        if "raise" in steps:
            over.set()

    over = asyncio.Event()
    journal.append, journal.flush = noted, flush  # type: ignore[method-assign]
    order(lane, "open")
    async with asyncio.timeout(LIMIT_S):
        await over.wait()
    at = steps.index("raise")
    assert [steps[at - 1], steps[at + 1]] == ["append", "flush"]
    # Everything else is on its way to the disk before anything else is done.
    assert steps.index("flush") < at - 1
    await lane.runner.close()


async def test_a_waiting_caller_that_went_away_hurts_nobody(path: Path):
    async with running(path) as lane:
        gone = asyncio.ensure_future(lane.phase(Phase.IDLE))
        staying = asyncio.ensure_future(lane.phase(Phase.IDLE))
        await asyncio.wait({gone}, timeout=0)
        gone.cancel()
        start(lane)
        await staying


async def test_a_refused_order_is_recorded(path: Path):
    async with running(path) as lane:
        start(lane)
        order(lane, "retry")
        assert lane.runner.state.phase is Phase.IDLE
        lane.runner.take(BarrierAnswered(lane.clock.now_ms(), "raise", "done"))
        await lane.runner.close()
    reader = JournalReader(path)
    bodies = [record.body for record in reader.records("lane-1")]
    reader.close_reader()
    assert any('"order_refused"' in body for body in bodies)


async def test_the_journal_is_the_real_one(path: Path):
    async with running(path) as lane:
        assert isinstance(lane.journal, Journal)


@pytest.mark.hazard("I17")
async def test_a_defect_stops_this_lane_and_its_caller_does_not_suffer(path: Path):
    async with running(path) as lane:
        start(lane)

        def fail(passage: str, since_ms: int) -> None:
            raise RuntimeError("defect")

        lane.others.start = fail  # type: ignore[method-assign]
        lane.scan(arrival_loop=True)
        assert lane.runner.state.phase is Phase.FAULT
        assert "journal_lost" in lane.runner.state.alarms
        lane.barrier.commands.clear()
        order(lane, "reset")
        order(lane, "open")
        await lane.runner.close()
        assert lane.runner.state.phase is Phase.FAULT
        assert "raise" not in lane.barrier.commands


@pytest.mark.hazard("D35")
async def test_a_defect_of_the_barriers_driver_leaves_the_raise_unknown(path: Path):
    async with running(path) as lane:
        start(lane)
        await lane.runner.close()
        lane.barrier.error = RuntimeError("defect")  # type: ignore[assignment]
        order(lane, "open")
        await lane.phase(Phase.OPENING)
        await lane.runner.close()
        assert lane.barrier.commands.count("raise") == 1
        assert lane.runner.state.phase is Phase.OPENING
        lane.scan(**UP)
        await lane.runner.close()
        assert lane.runner.state.phase is Phase.OPEN
