"""One seeded bug for each invariant: the judge is proved by finding every one of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from drivers.barrier_modbus.driver import ModbusBarrier
from edge.clearance import authority_link, lane_clearance
from edge.clearance import grant as grant_check
from edge.clearance import signed as signed_check
from edge.core import actions, binding, guards, motion, observe, step
from edge.core.draft import Draft
from edge.core.effects import ConsumeAuthority
from edge.core.events import BarrierAnswered, Event
from edge.core.state import OpenAuthority, Phase
from edge.core.table import BY_PAIR
from edge.ports import DeviceError
from edge.runtime import journal, journal_file, lane_runner
from simulators.prove.campaign import checked, plan

# Of so many faults each is drawn in one history of thirty: a bug that one alone shows needs several of them.
BUDGET_HISTORIES = 300


@contextmanager
def _attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _in_table(sound: Callable[..., Any], broken: Callable[..., Any]) -> Iterator[None]:
    """Exchange a guard or an action wherever the transition table names it."""

    def seeded(function: Callable[..., Any]) -> Callable[..., Any]:
        return broken if function is sound else function

    rows = {
        pair: tuple(replace(row, guard=seeded(row.guard), action=seeded(row.action)) for row in found)
        for pair, found in BY_PAIR.items()
    }
    assert rows != BY_PAIR
    with _attribute(step, "BY_PAIR", rows):
        yield


def _always(draft: Draft, event: Event) -> bool:
    return True


def _never(draft: Draft, event: Event) -> bool:
    return False


def _entered(draft: Draft, event: Event) -> bool:
    state = draft.state
    return draft.passage.entered and state.sampled_at_ms is not None and state.clear_since_ms is not None


def _passed(draft: Draft, event: Event) -> None:
    if draft.state.passage is not None:
        draft.end_passage("PASSED")


def _ended_twice(draft: Draft, event: Event) -> None:
    passage = draft.passage
    draft.end_passage("ABANDONED", "vehicle_left")
    draft.change(passage=passage)
    draft.end_passage("ABANDONED", "vehicle_left")


def _green(draft: Draft) -> None:
    draft.light("green")


def _silence_releases(draft: Draft, event: Event) -> None:
    actions.count_silence(draft, event)
    if draft.state.phase is not Phase.HELD:
        return
    passage = draft.passage
    nonces, deadline_ms = tuple(one.nonce for one in passage.requests), event.at_ms + 2_000
    draft.change_passage(authority=OpenAuthority("grant", nonces, deadline_ms), decision="release")
    draft.emit(ConsumeAuthority(passage.id, "grant", nonces, deadline_ms))
    draft.enter(Phase.CONSUMING)


async def _start_pulse_again(self: ModbusBarrier, link: Any, address: int) -> None:
    try:
        await _START_PULSE(self, link, address)
    except DeviceError:
        await _START_PULSE(self, await self._usable(), address)


async def _connect_and_raise(self: ModbusBarrier) -> None:
    await _CONNECT(self)
    await self.raise_boom()


def _one_nonce(self: Draft, purpose: str, length: int = 32) -> str:
    return _IDENTIFIER(self, "nonce" if purpose.startswith("nonce") else purpose, length)


def _any_frame(draft: Draft, frame: Any) -> None:
    if draft.state.passage is not None:
        frame = replace(frame, captured_at_ms=draft.state.passage.triggered_at_ms)
    _OBSERVE_FRAME(draft, frame)


def _any_lane(state: Any, grant: Any, at_ms: int) -> str | None:
    return _REFUSAL(state, replace(grant, site=state.profile.site, lane=state.profile.lane), at_ms)


def _careless_split(raw: bytes, *, typ: str) -> Any:
    header, _payload, _signature = raw.split(b".")
    assert header is not None
    return _SPLIT(raw, typ=typ)


def _telling(effect: Any) -> Any:
    event = _OUTBOX_EVENT(effect)
    return event if event.personal is None else replace(event, data={**event.data, **event.personal})


def _skipping(self: Any, statements: Any, lane: str, head: Any, event: Any, occurred_at: str) -> None:
    head.seq += event.type == "passage_ended"
    _ADD_EVENT(self, statements, lane, head, event, occurred_at)


def _unmarked(*arguments: Any, **named: Any) -> Any:
    return _BUILD_REQUEST(*arguments, **{**named, "simulated": False})


def _by_wall_clock(raw: bytes, **named: Any) -> Any:
    found = _CHECK_GRANT(raw, **named)
    fresh = isinstance(found, grant_check.GrantRefusal) or named["now_utc"].day == 1
    return found if fresh else grant_check.GrantRefusal("late")


def _bodiless(previous: bytes, lane: str, record: tuple[int, str, str, str]) -> bytes:
    seq, kind, _, written_at = record
    return journal_file.record_hash(previous, lane, (seq, kind, "", written_at))


def _forever(state: Any) -> int | None:
    return None if state.phase is Phase.WAITING else _NEXT_DEADLINE(state)


def _without_row() -> Any:
    rows = {pair: found for pair, found in BY_PAIR.items() if pair != (Phase.OPENING, BarrierAnswered)}
    return _attribute(step, "BY_PAIR", rows)


_START_PULSE, _CONNECT = vars(ModbusBarrier)["_start_pulse"], ModbusBarrier.connect
_IDENTIFIER, _OBSERVE_FRAME, _REFUSAL = Draft.identifier, vars(observe)["_observe_frame"], binding.refusal
_SPLIT, _CHECK_GRANT = vars(signed_check)["split"], grant_check.check_grant
_OUTBOX_EVENT, _ADD_EVENT = vars(lane_runner)["outbox_event"], vars(journal.Journal)["_add_event"]
_BUILD_REQUEST, _NEXT_DEADLINE = vars(lane_clearance)["build_request"], step.next_deadline_ms


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: the invariant that it breaks, what it is, and how it is put in."""

    invariant: str
    bug: str
    patch: Callable[[], Any]


MUTANTS: tuple[Mutant, ...] = (
    Mutant("I1", "any authentic grant counts", lambda: _in_table(guards.grant_counts, _always)),
    Mutant(
        "I2", "what adds authority does not wait for the disk", lambda: _attribute(lane_runner, "ADDS_AUTHORITY", ())
    ),
    Mutant(
        "I3",
        "an OPEN without a reply is repeated",
        lambda: _attribute(ModbusBarrier, "_start_pulse", _start_pulse_again),
    ),
    Mutant("I4", "the boom is lowered without proof", lambda: _in_table(guards.gone_through, _entered)),
    Mutant("I5", "nothing below the closing boom is seen", lambda: _in_table(guards.under_boom, _never)),
    Mutant("I6", "every closed passage has passed", lambda: _in_table(motion.end_lowered, _passed)),
    Mutant("I7", "green always", lambda: _attribute(motion, "_show_light", _green)),
    Mutant("I8", "two terminal records", lambda: _in_table(actions.end_left, _ended_twice)),
    Mutant(
        "I9",
        "the boom is raised when the controller connects",
        lambda: _attribute(ModbusBarrier, "connect", _connect_and_raise),
    ),
    Mutant("I10", "a pair is missing in the table", _without_row),
    Mutant("I11", "silence has no deadline", lambda: _attribute(lane_runner, "next_deadline_ms", _forever)),
    Mutant("I12", "an event number is left out", lambda: _attribute(journal.Journal, "_add_event", _skipping)),
    Mutant("I13", "a record's body is not in its hash", lambda: _attribute(journal, "record_hash", _bodiless)),
    Mutant("I14", "a nonce is used again", lambda: _attribute(Draft, "identifier", _one_nonce)),
    Mutant(
        "I15", "the wall clock says what is fresh", lambda: _attribute(authority_link, "check_grant", _by_wall_clock)
    ),
    Mutant("I16", "pictures from before the trigger count", lambda: _attribute(observe, "_observe_frame", _any_frame)),
    Mutant("I17", "another lane's grants count", lambda: _attribute(guards, "refusal", _any_lane)),
    Mutant("I18", "bytes that are no envelope raise", lambda: _attribute(signed_check, "split", _careless_split)),
    Mutant("I19", "events carry who was identified", lambda: _attribute(lane_runner, "outbox_event", _telling)),
    Mutant(
        "I20",
        "requests do not say that they are simulated",
        lambda: _attribute(lane_clearance, "build_request", _unmarked),
    ),
    Mutant(
        "I21", "silence of every authority is a release", lambda: _in_table(actions.count_silence, _silence_releases)
    ),
)


def killed(mutant: Mutant, seed: int) -> str | None:
    """Run histories until the judge objects, within the budget; returns the invariant it named first."""
    with mutant.patch():
        for index in range(BUDGET_HISTORIES):
            found = checked(plan(seed, index))
            if found.violations:
                named = {name for name, _ in found.violations}
                return mutant.invariant if mutant.invariant in named else found.violations[0][0]
    return None
