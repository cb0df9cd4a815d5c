"""A lane without devices: verbs that drive `step` so that tests read like stories, with a scan every 50 ms."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from edge.core.container import parse_container
from edge.core.effects import (
    ConsumeAuthority,
    Effect,
    EndPassage,
    PrepareRequest,
    RaiseAlarm,
    Report,
    SendRequest,
)
from edge.core.events import (
    AuthorityDurable,
    BarrierAnswered,
    CommandName,
    CommandOutcome,
    DeviceBack,
    DeviceLost,
    Event,
    FrameRead,
    GrantReceived,
    HandedOver,
    HoursTurned,
    InputsLost,
    InputsSampled,
    JournalLost,
    ModeOrdered,
    PersonAction,
    PersonDecided,
    RequestPrepared,
    Started,
    TagSighted,
    Tick,
)
from edge.core.grant import Grant, NotedPlate, ReleaseNote
from edge.core.inputs import LaneInputs
from edge.core.modes import Hours, Mode
from edge.core.plate import PlateColour, parse_plate
from edge.core.profile import AuthorityProfile, CameraProfile, LaneProfile
from edge.core.readings import (
    NOT_FOUND,
    ContainerSighting,
    PictureReading,
    PlateClaim,
    PlateSighting,
    TagSighting,
    Unread,
    VehicleSighting,
)
from edge.core.state import LaneState, Passage, Phase
from edge.core.step import initial, next_deadline_ms, step
from edge.core.tag import Tag
from tests.support.told import judge

if TYPE_CHECKING:
    from tests.support.lane_storm import Storm

T = TypeVar("T")
SCAN_MS = 50
PLATE, CODE, EPC = "粤BF3871", "CSQU3054383", "E200301666130121155074EF"
NOTE = ReleaseNote("note-1", (NotedPlate("front", PLATE, "blue"),), (CODE,), EPC)
CUSTOMS = AuthorityProfile("customs", 5_000)
PROFILE = LaneProfile(
    "site",
    "lane-1",
    "in",
    (CUSTOMS,),
    (CameraProfile("cam-front", "front", ("plate",)), CameraProfile("cam-right", "right", ("container",))),
    "reader",
    guides=True,
)
CLOSED = LaneInputs(
    arrival_loop=False,
    safety_loop=False,
    exit_loop=False,
    safety_beam=False,
    boom_up=False,
    boom_down=True,
    boom_broken=False,
    emergency_stop=False,
    fire_alarm=False,
)
UP = {"boom_up": True, "boom_down": False}
MOVING = {"boom_up": False, "boom_down": False}
DOWN = {"boom_up": False, "boom_down": True}


def plate_seen(text: str, colour: PlateColour = "blue") -> PictureReading:
    """A picture with one plate; a colour that its kind does not have is not known."""
    plate = parse_plate(text, colour)
    assert plate is not None
    return PictureReading(plates=(PlateSighting(plate, 0.9, (0, 0, 90, 30)),))


def boxes_seen(*codes: str, size_type: str | None = None) -> PictureReading:
    """A picture with container codes, from left to right."""
    sightings = []
    for index, code in enumerate(codes):
        container = parse_container(code, size_type)
        assert container is not None
        sightings.append(ContainerSighting(container, 0.8, (index * 200, 0, 150, 30)))
    return PictureReading(containers=tuple(sightings))


def empty_seen(vehicle_class: str = "truck") -> PictureReading:
    """A picture of a vehicle without a container."""
    return PictureReading(
        vehicles=(VehicleSighting(vehicle_class, 0.9, (0, 0, 600, 300)),), unread=(Unread("container", NOT_FOUND),)
    )


class LaneBench:
    """One lane, its time, and everything that it asked for so far (`effects`)."""

    def __init__(self, profile: LaneProfile = PROFILE, *, proved: bool = True) -> None:
        """Start the lane; `proved` lets the safety loop go from occupied to clear once, before it is idle."""
        self.state: LaneState = initial(profile)
        self.at_ms = 0
        self.inputs = CLOSED
        self.effects: list[Effect] = []
        self.history: list[tuple[LaneState, Event, tuple[Effect, ...]]] = []
        self.sequence = 0
        self.pictures = 0
        self.take(Started(0, "boot-1", "seed-1"))
        if proved:
            self.scan(safety_loop=True)
        self.scan(safety_loop=False)
        assert self.phase is Phase.IDLE
        self.forget()

    @property
    def phase(self) -> Phase:
        return self.state.phase

    @property
    def passage(self) -> Passage:
        assert self.state.passage is not None
        return self.state.passage

    def take(self, event: Event) -> tuple[Effect, ...]:
        """Take one event in; returns what it caused."""
        before = self.state
        self.at_ms = max(self.at_ms, event.at_ms)
        self.state, effects = step(before, event)
        judge(before, event, self.state, effects)
        self.history.append((before, event, effects))
        self.effects.extend(effects)
        return effects

    def take_all(self, storm: "Storm") -> None:
        """Take in a storm's events, moved behind what happened so far; its start is this lane's."""
        events = storm.events(lambda: self.state)
        next(events)
        storm.at_ms = self.at_ms
        for event in events:
            self.take(event)
        self.at_ms, self.inputs = storm.at_ms, storm.inputs

    def forget(self) -> None:
        """Forget the effects so far."""
        self.effects.clear()

    def all(self, kind: type[T]) -> list[T]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def last(self, kind: type[T]) -> T:
        return self.all(kind)[-1]

    @property
    def ended(self) -> list[str]:
        """The terminal records so far."""
        return [effect.terminal for effect in self.all(EndPassage)]

    @property
    def alarms_raised(self) -> list[str]:
        return [effect.code for effect in self.all(RaiseAlarm)]

    @property
    def ignored(self) -> list[object]:
        """Why grants were ignored."""
        return [dict(effect.fields)["reason"] for effect in self.all(Report) if effect.name == "grant_ignored"]

    # Time and inputs

    def scan(self, times: int = 1, **signals: bool | None) -> tuple[Effect, ...]:
        """Scan the inputs, every 50 ms; signals stay as they were last set."""
        self.inputs = replace(self.inputs, **signals)
        caused: tuple[Effect, ...] = ()
        for _ in range(times):
            caused += self.take(InputsSampled(self.at_ms + SCAN_MS, self.inputs))
        return caused

    def scan_until(self, done: Callable[[], bool], limit_ms: int = 10_000, **signals: bool | None) -> None:
        """Scan until `done`, at most for `limit_ms` of the lane's time."""
        end_ms = self.at_ms + limit_ms
        self.inputs = replace(self.inputs, **signals)
        while not done():
            assert self.at_ms < end_ms, f"still {self.phase} after {limit_ms} ms"
            self.scan()

    def tick(self, at_ms: int | None = None) -> tuple[Effect, ...]:
        """Take a tick, at the lane's own next deadline where no time is given."""
        due_ms = next_deadline_ms(self.state) if at_ms is None else at_ms
        assert due_ms is not None
        return self.take(Tick(due_ms))

    def watch_until(self, due_ms: int) -> None:
        """Let time pass, with a scan each second, as a lane is never without."""
        while self.at_ms < due_ms:
            self.take(InputsSampled(min(self.at_ms + 1_000, due_ms), self.inputs))

    def wait(self) -> None:
        """Let time pass until the lane's own next deadline, watched, and take its tick."""
        due_ms = next_deadline_ms(self.state)
        assert due_ms is not None
        self.watch_until(due_ms)
        self.tick(due_ms)

    def lose_inputs(self, *, restarted: bool = False) -> tuple[Effect, ...]:
        return self.take(InputsLost(self.at_ms, restarted))

    def lose_device(self, device: str) -> tuple[Effect, ...]:
        return self.take(DeviceLost(self.at_ms, device, "no_answer"))

    def device_back(self, device: str) -> tuple[Effect, ...]:
        return self.take(DeviceBack(self.at_ms, device))

    def lose_journal(self) -> tuple[Effect, ...]:
        return self.take(JournalLost(self.at_ms, "disk_full"))

    def order_mode(self, mode: Mode, operator: str = "chen", reason: str = "ordered") -> tuple[Effect, ...]:
        return self.take(ModeOrdered(self.at_ms, mode, operator, reason))

    def turn_hours(self, hours: Hours, doubt: str = "") -> tuple[Effect, ...]:
        return self.take(HoursTurned(self.at_ms, hours, doubt))

    def hand_over(self) -> tuple[Effect, ...]:
        return self.take(HandedOver(self.at_ms))

    @property
    def reports(self) -> list[str]:
        return [effect.name for effect in self.all(Report)]

    # Readings

    def arrive(self) -> None:
        self.scan(arrival_loop=True)

    def frame(
        self,
        camera: str,
        reading: PictureReading,
        *,
        sha256: str | None = None,
        age_ms: int = 0,
        claim: PlateClaim | None = None,
    ) -> None:
        self.pictures += 1
        digest = sha256 or f"picture-{self.pictures}"
        passage = self.state.passage.id if self.state.passage else "none"
        self.take(FrameRead(self.at_ms, passage, camera, digest, self.at_ms - age_ms, reading, claim))

    def read_plate(self, text: str = PLATE, *, times: int = 2, camera: str = "cam-front") -> None:
        for _ in range(times):
            self.frame(camera, plate_seen(text))

    def read_container(self, *codes: str, times: int = 2, camera: str = "cam-right") -> None:
        for _ in range(times):
            self.frame(camera, boxes_seen(*codes or (CODE,)))

    def read_empty(self, *, times: int = 2, camera: str = "cam-right") -> None:
        for _ in range(times):
            self.frame(camera, empty_seen())

    def read_tag(self, epc: str = EPC, *, age_ms: int = 0, tid: str | None = None) -> None:
        self.take(TagSighted(self.at_ms, TagSighting(Tag(epc, tid), 1, -50, self.at_ms - age_ms)))

    # The authorities

    def prepare(self) -> None:
        """Let the shell sign what the lane asked to be prepared."""
        for asked in self.all(PrepareRequest):
            self.take(RequestPrepared(self.at_ms, asked.passage, asked.authority, f"hash-{asked.nonce}"))

    def grant(self, verdict: str = "release", authority: str = "customs", **changes: Any) -> Grant:
        """Return a grant that answers the open request, except for what `changes` says."""
        self.sequence += 1
        sent = next((one for one in reversed(self.all(SendRequest)) if one.authority == authority), None)
        values: dict[str, Any] = {
            "authority": authority, "key_id": "key-1", "site": "site", "lane": "lane-1", "boot": "boot-1",
            "passage": sent.passage if sent else "none", "nonce": sent.nonce if sent else "none",
            "request_hash": sent.request_hash if sent else "none", "verdict": verdict, "ttl_ms": 10_000,
            "issued_at": "2026-01-01T00:00:00Z", "sequence": self.sequence,
            "note": NOTE if verdict == "release" else None,
        }  # fmt: skip
        return Grant(**(values | changes))

    def answer(self, verdict: str = "release", *, at_ms: int | None = None, **changes: Any) -> tuple[Effect, ...]:
        self.at_ms = self.at_ms if at_ms is None else at_ms
        return self.take(GrantReceived(self.at_ms, self.grant(verdict, **changes)))

    def durable(self, consumed: ConsumeAuthority | None = None, *, at_ms: int | None = None) -> tuple[Effect, ...]:
        """The journal wrote the last (or the given) consumed authority."""
        one = consumed or self.last(ConsumeAuthority)
        return self.take(AuthorityDurable(self.at_ms if at_ms is None else at_ms, one.passage, one.nonces))

    # People and the barrier

    def order(self, action: PersonAction, operator: str = "chen", reason: str = "checked") -> tuple[Effect, ...]:
        return self.take(PersonDecided(self.at_ms, operator, action, reason))

    def barrier(self, command: CommandName, outcome: CommandOutcome) -> tuple[Effect, ...]:
        return self.take(BarrierAnswered(self.at_ms, command, outcome, "code"))

    # Whole chapters

    def identify(self) -> None:
        """From idle to waiting for the authorities, everything read."""
        self.arrive()
        self.read_plate()
        self.read_container()
        self.read_tag()
        self.prepare()
        assert self.phase is Phase.WAITING

    def consume(self) -> None:
        self.identify()
        self.answer("release")
        assert self.phase is Phase.CONSUMING

    def open(self) -> None:
        """From idle to an open boom with the released vehicle before it."""
        self.consume()
        self.durable()
        self.scan(2, **MOVING)
        self.scan(**UP)
        assert self.phase is Phase.OPEN

    def drive_through(self) -> None:
        """From an open boom to just before the clear space below it is proved."""
        self.scan(4, safety_loop=True)
        self.scan(4, arrival_loop=False, exit_loop=True)
        self.scan(2, safety_loop=False)
        self.scan(exit_loop=False)

    def close(self) -> None:
        """From an open boom to a closing one, the released vehicle gone."""
        self.drive_through()
        self.scan_until(lambda: self.phase is Phase.CLOSING)

    def fall(self) -> None:
        """Let the closing boom reach its lower limit."""
        self.scan(3, **MOVING)
        self.scan(**DOWN)

    def hold(self) -> None:
        """From idle to held for a person."""
        self.identify()
        self.answer("hold")
        assert self.phase is Phase.HELD

    def turn_back(self) -> None:
        self.identify()
        self.answer("deny")
        assert self.phase is Phase.TURNING_BACK

    def time_out(self) -> None:
        """From idle to a vehicle that nobody decided about."""
        self.hold()
        self.tick()
        self.scan()
        assert self.phase is Phase.LEAVING

    def fault(self) -> None:
        self.scan(emergency_stop=True)
        self.scan(emergency_stop=False)
        assert self.phase is Phase.FAULT

    def go(self, phase: Phase) -> "LaneBench":
        """Bring an idle lane into `phase` by the shortest way."""
        ways: dict[Phase, Callable[[], object]] = {
            Phase.STARTING: self.lose_inputs, Phase.IDLE: lambda: None, Phase.IDENTIFYING: self.arrive,
            Phase.WAITING: self.identify, Phase.HELD: self.hold, Phase.CONSUMING: self.consume,
            Phase.OPENING: lambda: (self.consume(), self.durable()), Phase.OPEN: self.open,
            Phase.CLOSING: lambda: (self.open(), self.close()), Phase.TURNING_BACK: self.turn_back,
            Phase.LEAVING: self.time_out, Phase.FAULT: self.fault,
        }  # fmt: skip
        ways[phase]()
        assert self.phase is phase
        return self
