"""Generated storms of events for a lane: what fits its state, what almost fits, and what nobody should ever send."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, ClassVar

from hypothesis import strategies as st

from edge.core.confirmation import CONFIRM_DECISIONS, Confirmation
from edge.core.container import parse_container
from edge.core.events import (
    AuthorityDurable,
    BarrierAnswered,
    BoxesTold,
    CardShown,
    ChallengePrepared,
    ConfirmationReceived,
    DeviceBack,
    DeviceLost,
    Event,
    FrameRead,
    GrantReceived,
    GrantRefused,
    HandedOver,
    HoursTurned,
    InputsLost,
    InputsSampled,
    JournalLost,
    ModeOrdered,
    PersonDecided,
    RequestPrepared,
    SealsSeen,
    Started,
    Supplemented,
    TagElsewhere,
    TagSighted,
    Tick,
    Weighed,
)
from edge.core.grant import VERDICTS, Grant
from edge.core.inputs import SIGNAL_NAMES, LaneInputs
from edge.core.modes import MODES, Hours
from edge.core.observe import UNWATCHED_MS
from edge.core.profile import AuthorityProfile, HandheldRules, LaneProfile
from edge.core.readings import DriverCard, EngineResult, PictureReading, Seal, TagSighting, ToldBox
from edge.core.seal import SealsInField
from edge.core.state import LaneState, Passage, Phase
from edge.core.step import next_deadline_ms
from edge.core.tag import Tag
from edge.core.weight import Weighing
from tests.support.lane_bench import CLOSED, CODE, DOWN, EPC, MOVING, NOTE, PLATE, PROFILE, UP, boxes_seen, plate_seen

AUTHORITIES = (AuthorityProfile("customs", 5_000), AuthorityProfile("port", 3_000))
STEPS_MS = (0, 1, 50, 50, 50, 200, 201, 1_000, 5_000, 130_000)
MUTATIONS: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {"site": "other"}, {"lane": "other"}, {"boot": "other"}, {"passage": "other"}, {"nonce": "other"},
    {"request_hash": "other"}, {"ttl_ms": 0}, {"ttl_ms": -1}, {"note": None}, {"sequence": 0}, {"authority": "other"},
    {"note": replace(NOTE, tag="E2FF")}, {"drill": True}, {"drill": False}, {"note": replace(NOTE, appointment="A1")},
)  # fmt: skip
ANSWER_MUTATIONS: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {"site": "other"}, {"lane": "other"}, {"boot": "other"}, {"passage": "other"}, {"nonce": "other"},
    {"challenge_hash": "other"}, {"ttl_ms": 0}, {"ttl_ms": -1}, {"sequence": 0}, {"drill": True}, {"drill": False},
    {"officer": " "}, {"reason": ""}, {"decision": "refuse"},
)  # fmt: skip
ACTIONS = ("open", "refuse", "retry", "reset", "lower")
Move = tuple[str, int, int]


@dataclass
class Storm:
    """A profile and choices; `events` makes them into events while the lane's state unfolds."""

    profile: LaneProfile
    moves: list[Move]
    at_ms: int = 0
    inputs: LaneInputs = CLOSED
    sequence: int = 0
    pictures: int = 0
    grants: list[Grant] = field(default_factory=list)
    answers: list[Confirmation] = field(default_factory=list)
    authorities: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    PROFILES: ClassVar[tuple[LaneProfile, ...]] = (
        PROFILE,
        replace(
            PROFILE, authorities=AUTHORITIES, tag_min_reads=2, tag_dwell_ms=50, recaptures=2, supplement_opens=True
        ),
        replace(PROFILE, authorities=AUTHORITIES, join="veto", tag_reader=None, must_match=("front_plate",)),
        replace(PROFILE, authorities=AUTHORITIES, join="quorum", quorum=1),
        replace(PROFILE, authorities=(), cameras=(), timing=replace(PROFILE.timing, arrival_debounce_ms=100)),
        replace(PROFILE, direction="out", calendar=True, drill_moves_boom=True),
        replace(PROFILE, direction="out", two_persons=("open", "lower", "reset", "mode")),
        replace(PROFILE, handheld=HandheldRules("customs", 20_000), weighbridge="scale-1"),
        replace(PROFILE, driver_identity="card-1", must_match=("front_plate", "driver")),
        replace(PROFILE, seal_reader="seal-1", recaptures=1),
        replace(PROFILE, container_engine="engine-1", engine_min_confidence=0.8),
        replace(PROFILE, handheld=HandheldRules("customs"), two_persons=("open",), drill_moves_boom=True),
    )

    def events(self, now: Callable[[], LaneState]) -> Iterator[Event]:
        """Yield the events; `now` gives the state after the last one."""
        self.at_ms, self.inputs, self.sequence, self.pictures = 0, CLOSED, 0, 0
        self.grants, self.answers, self.authorities = [], [], []
        yield Started(0, "boot-1", "seed-1", 3, "left-open", True)
        for kind, choice, step_ms in self.moves:
            self.at_ms += step_ms
            for event in getattr(self, f"_{kind}")(now(), choice):
                yield event
                passage = now().passage
                if passage is not None and passage.authority is not None:
                    key = (passage.id, passage.authority.nonces)
                    if key not in self.authorities:
                        self.authorities.append(key)

    def _scan(self, times: int = 1, **signals: bool | None) -> Iterator[Event]:
        self.inputs = replace(self.inputs, **signals)
        for _ in range(times):
            self.at_ms += 50
            yield InputsSampled(self.at_ms, self.inputs)

    def _flip(self, state: LaneState, choice: int) -> Iterator[Event]:
        """One signal takes another value, also an unknown one."""
        name = SIGNAL_NAMES[choice % len(SIGNAL_NAMES)]
        return self._scan(1 + choice % 2, **{name: (True, False, None)[choice // 9 % 3]})

    def _calm(self, state: LaneState, choice: int) -> Iterator[Event]:
        return self._scan((1, 2, 19, 20, 21, 25)[choice % 6])

    def _swap(self, state: LaneState, choice: int) -> Iterator[Event]:
        """The vehicle leaves and another one takes its place."""
        yield from self._scan(arrival_loop=False)
        yield from self._scan(arrival_loop=True)

    def _blink(self, state: LaneState, choice: int) -> Iterator[Event]:
        yield InputsSampled(self.at_ms, LaneInputs())

    def _person(self, state: LaneState, choice: int) -> Iterator[Event]:
        operator = "" if choice % 7 == 0 else ("chen", "wang")[choice // 7 % 2]
        if choice % 3 == 0:
            yield from self._say(operator, choice)
        yield PersonDecided(self.at_ms, operator, ACTIONS[choice % 5], "" if choice % 11 == 0 else "checked")

    def _say(self, operator: str, choice: int) -> Iterator[Event]:
        """Somebody says what was not read, or something else."""
        plates = ((), (("front", PLATE),), (("front", "京A12345"),), (("rear", "?"),))[choice // 3 % 4]
        boxes = ((CODE,), (CODE,), (), ("HLXU4074106",), ("?",))[choice // 12 % 5]
        yield Supplemented(self.at_ms, operator, "looked", plates, boxes)

    def _challenged(self, state: LaneState, choice: int) -> Iterator[Event]:
        """The shell signed the challenge; sometimes one that nobody asked for."""
        challenge = state.passage.challenge if state.passage else None
        if challenge is not None:
            yield ChallengePrepared(self.at_ms, challenge.nonce, f"hash-{challenge.nonce}")
        if choice % 7 == 0:
            yield ChallengePrepared(self.at_ms, "other", "hash-other")

    def _confirm(self, state: LaneState, choice: int) -> Iterator[Event]:
        """An officer answers the challenge in force, or almost; one held before answers again."""
        if state.profile.handheld is None:
            yield from self._replay(state, choice)
            return
        passage = state.passage
        challenge = passage.challenge if passage else None
        if passage is not None and challenge is not None:
            yield from self._challenged(state, 1)
            self.sequence += 1
            answer = Confirmation(
                ("chen", "wang", "zhao")[choice % 3], "key", "site", "lane-1", state.boot, passage.id, challenge.nonce,
                f"hash-{challenge.nonce}", CONFIRM_DECISIONS[choice % 5 == 0], "looked", 30_000, "", self.sequence,
                drill=passage.drill,
            )  # fmt: skip
            answer = replace(answer, **ANSWER_MUTATIONS[choice // 3 % len(ANSWER_MUTATIONS)])
            self.answers.append(answer)
            yield ConfirmationReceived(self.at_ms, answer)
        if self.answers and choice % 4 == 0:
            yield ConfirmationReceived(self.at_ms, self.answers[choice % len(self.answers)])

    def _mode(self, state: LaneState, choice: int) -> Iterator[Event]:
        """Mostly a mode that decides: storms of holds never get far. Often one person, sometimes another."""
        if state.mode == "NORMAL" and choice % 4:
            return
        mode = MODES[choice % len(MODES)] if choice % 3 else ("NORMAL", "DRILL")[choice % 2]
        for operator in ("chen", "wang")[: 1 + choice % 2]:
            yield ModeOrdered(self.at_ms, mode, operator, "" if choice % 13 == 0 else "ordered")

    def _hours(self, state: LaneState, choice: int) -> Iterator[Event]:
        hours: tuple[Hours, ...] = ("open", "open", "appointments", "closed")
        yield HoursTurned(self.at_ms, hours[choice % 4], "clock_went_back" if choice % 16 == 3 else "")
        if choice % 8 == 5:
            yield HandedOver(self.at_ms)

    def _lost(self, state: LaneState, choice: int) -> Iterator[Event]:
        device = ("cam-front", "cam-right", "reader", "barrier")[choice % 4]
        yield DeviceBack(self.at_ms, device) if choice % 3 == 0 else DeviceLost(self.at_ms, device, "no_answer")

    def _blind(self, state: LaneState, choice: int) -> Iterator[Event]:
        yield InputsLost(self.at_ms, restarted=choice % 2 == 0)

    def _journal(self, state: LaneState, choice: int) -> Iterator[Event]:
        if choice % 16 == 0:
            yield JournalLost(self.at_ms, "disk_full")

    def _again(self, state: LaneState, choice: int) -> Iterator[Event]:
        if choice % 32 == 0:
            yield Started(self.at_ms, "boot-2", "seed-2")

    def _tick(self, state: LaneState, choice: int) -> Iterator[Event]:
        due_ms = next_deadline_ms(state)
        if due_ms is not None and choice % 3 and due_ms + choice % 3 - 2 >= self.at_ms:
            self.at_ms = due_ms + choice % 3 - 2
        yield Tick(self.at_ms)

    def _barrier(self, state: LaneState, choice: int) -> Iterator[Event]:
        outcome = ("done", "not_done", "unknown")[choice // 3 % 3]
        yield BarrierAnswered(self.at_ms, ("raise", "lower", "stop")[choice % 3], outcome)  # type: ignore[arg-type]

    def _frame(self, state: LaneState, choice: int) -> Iterator[Event]:
        """A frame of this or another passage, from before or after its trigger, the same picture again or not."""
        readings = (
            plate_seen(PLATE),
            plate_seen("京A12345"),
            boxes_seen(CODE),
            boxes_seen("HLXU4074106"),
            PictureReading(),
        )
        self.pictures += choice % 5 != 0
        passage = state.passage.id if state.passage and choice % 6 else "other"
        captured = self.at_ms - (10_000 if choice % 7 == 0 else 0)
        camera = ("cam-front", "cam-right", "cam-unknown")[choice % 3]
        yield FrameRead(self.at_ms, passage, camera, f"{camera}-{self.pictures}", captured, readings[choice % 5])
        yield TagSighted(self.at_ms, TagSighting(Tag((EPC, "E2000001")[choice % 2]), 1, None, captured))
        weighings = (Weighing("stable", 18_850, captured), Weighing("moving", None, self.at_ms))
        yield Weighed(self.at_ms, weighings[choice % 2])
        yield CardShown(self.at_ms, DriverCard("6217000123" if choice % 4 else "0099881122", "ic"), captured)
        yield BoxesTold(self.at_ms, told(CODE if choice % 3 else "HLXU4074106", choice, captured))
        seals = (Seal("S1", choice % 5 != 0, choice % 2), Seal("S2", True), Seal("S3", None))
        yield SealsSeen(self.at_ms, SealsInField(seals[: choice % 4], captured))
        if choice % 8 == 0:
            yield TagElsewhere(self.at_ms, EPC, "lane-2", captured)

    def _prepared(self, state: LaneState, choice: int) -> Iterator[Event]:
        if state.passage is not None:
            for one in (*state.passage.requests, *AUTHORITIES[:1]):
                name = one.authority if hasattr(one, "authority") else "other"
                yield RequestPrepared(self.at_ms, state.passage.id, name, f"hash-{name}-{choice % 2}")

    def _grant_for(self, state: LaneState, passage: Passage, choice: int) -> Iterator[Event]:
        for one in passage.requests:
            self.sequence += 1
            verdict = "release" if choice % 3 else VERDICTS[choice // 3 % 5]
            digest = one.request_hash or f"hash-{one.authority}-0"
            grant = Grant(
                one.authority, "key", "site", "lane-1", "boot-1", passage.id, one.nonce, digest, verdict,
                10_000, "", self.sequence, note=NOTE, target="nii" if verdict == "refer" else None,
                drill=passage.drill,
            )  # fmt: skip
            grant = replace(grant, **MUTATIONS[choice // 5 % len(MUTATIONS)])
            self.grants.append(grant)
            yield GrantReceived(self.at_ms, grant)

    def _grant(self, state: LaneState, choice: int) -> Iterator[Event]:
        if state.passage is not None:
            yield from self._grant_for(state, state.passage, choice)
        yield GrantRefused(self.at_ms, "customs", "bad_signature")

    def _replay(self, state: LaneState, choice: int) -> Iterator[Event]:
        if self.grants:
            yield GrantReceived(self.at_ms, self.grants[choice % len(self.grants)])

    def _durable(self, state: LaneState, choice: int) -> Iterator[Event]:
        """Any authority that was ever consumed becomes durable, also twice, also a made-up one."""
        if self.authorities:
            yield AuthorityDurable(self.at_ms, *self.authorities[-1 - choice % len(self.authorities)])
        if choice % 5 == 0:
            yield AuthorityDurable(self.at_ms, "other", ("other",))

    def _look(self, state: LaneState, *, unseen: bool) -> Iterator[Event]:
        """The cameras and the reader see everything; `unseen`: but for the box."""
        assert state.passage is not None
        cameras = (("cam-front", plate_seen(PLATE)), ("cam-right", boxes_seen(CODE)))
        for camera, seen in cameras[: 1 if unseen else 2] * 2:
            self.pictures += 1
            yield FrameRead(self.at_ms, state.passage.id, camera, f"ok-{self.pictures}", self.at_ms, seen)
        for _ in range(2):
            yield TagSighted(self.at_ms, TagSighting(Tag(EPC), 1, -50, self.at_ms))
        for _ in range(0, state.profile.timing.identify_ms if unseen else 0, UNWATCHED_MS):
            # As seldom as a vehicle is still watched without a break.
            self.at_ms += UNWATCHED_MS - 50
            yield from self._scan()
        yield Tick(self.at_ms)

    def _complete(self) -> Iterator[Event]:
        """Two persons, one after the other, say what nobody saw."""
        yield from self._scan(arrival_loop=True)
        for operator in ("chen", "wang"):
            yield Supplemented(self.at_ms, operator, "looked", (), (CODE,))

    def _go(self, state: LaneState, choice: int) -> Iterator[Event]:
        """What a well-behaved world does next: storms that only rage never get far."""
        match state.phase:
            case Phase.STARTING:
                yield from self._scan(**vars_of(CLOSED))
                yield from self._scan(safety_loop=True)
                yield from self._scan(2, safety_loop=False)
            case Phase.IDLE:
                if choice % 3 and state.mode != "NORMAL":
                    yield ModeOrdered(self.at_ms, "NORMAL", "chen", "over")
                    yield ModeOrdered(self.at_ms, "NORMAL", "wang", "over")
                elif choice % 5 == 0 and state.profile.direction == "out":
                    yield ModeOrdered(self.at_ms, "EMERGENCY_EVACUATE", "chen", "fire")
                    yield ModeOrdered(self.at_ms, "EMERGENCY_EVACUATE", "wang", "fire")
                    return
                if choice % 3 and state.hours != "open":
                    yield HoursTurned(self.at_ms, "open")
                yield from self._scan(arrival_loop=True)
            case Phase.IDENTIFYING:
                yield from self._look(state, unseen=choice % 7 == 3)
            case Phase.WAITING:
                assert state.passage is not None
                yield from self._prepared(state, 0)
                yield from self._grant_for(state, state.passage, 1)
            case Phase.CONSUMING:
                yield from self._scan(emergency_stop=False, fire_alarm=False)
                yield from self._durable(state, 0)
            case Phase.OPENING:
                yield from self._scan(2, **MOVING)
                yield from self._scan(**UP)
            case Phase.OPEN if choice % 7 == 0:
                yield from self._scan(22, arrival_loop=False)
            case Phase.OPEN:
                yield from self._scan(2, safety_loop=True)
                yield from self._scan(2, exit_loop=True, arrival_loop=choice % 4 == 0)
                yield from self._scan((20, 22, 25)[choice % 3], safety_loop=False, exit_loop=choice % 5 == 0)
            case Phase.CLOSING:
                yield from self._scan(2, **MOVING)
                yield from self._scan(**DOWN)
            case Phase.HELD if state.profile.handheld is not None and choice % 4:
                assert state.passage is not None
                if choice % 4 == 1:
                    self.pictures += 1
                    seen = plate_seen(PLATE)
                    picture = f"held-{self.pictures}"
                    yield FrameRead(self.at_ms, state.passage.id, "cam-front", picture, self.at_ms, seen)
                yield from self._confirm(state, choice % 9)
            case Phase.HELD if choice % 5 == 1:
                yield from self._complete()
            case Phase.FAULT:
                yield PersonDecided(self.at_ms, "chen", "reset", "checked")
                if choice % 2:
                    yield PersonDecided(self.at_ms, "wang", "reset", "checked")
            case _:
                yield from self._scan(arrival_loop=False)


def told(code: str, choice: int, captured_ms: int) -> EngineResult:
    """A result of an engine, sure of its code or not, sometimes of nothing at all."""
    container = parse_container(code)
    assert container is not None
    boxes = (ToldBox(container, (0.1, 0.9)[choice % 2]),)
    return EngineResult(f"r{choice % 9}", boxes if choice % 7 else (), captured_ms)


def vars_of(inputs: LaneInputs) -> dict[str, bool | None]:
    """The signals of `inputs` by name."""
    return {name: getattr(inputs, name) for name in SIGNAL_NAMES}


KINDS = (
    "go", "go", "go", "go", "go", "go", "flip", "calm", "calm", "blink", "swap", "person", "person", "lost", "blind",
    "journal", "again", "tick", "tick", "barrier", "frame", "prepared", "grant", "grant", "grant", "replay", "durable",
    "mode", "hours", "confirm",
)  # fmt: skip
MOVES = st.tuples(st.sampled_from(KINDS), st.integers(0, 1_000), st.sampled_from(STEPS_MS))


def storms() -> st.SearchStrategy[Storm]:
    """Storms over the profiles."""
    return st.builds(Storm, st.sampled_from(Storm.PROFILES), st.lists(MOVES, min_size=1, max_size=60))


def seeded_storm(seed: int, profile: LaneProfile | None = None) -> Storm:
    """One storm, the same for the same seed: cheaper and longer than a searched one."""
    random = Random(seed)
    length = random.randrange(20, 90)
    moves = [(random.choice(KINDS), random.randrange(1_000), random.choice(STEPS_MS)) for _ in range(length)]
    return Storm(profile or random.choice(Storm.PROFILES), moves)
