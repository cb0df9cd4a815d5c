"""What a scenario file may say: the lane, who drives in, what happens, what must come of it. Times are seconds."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from config.customs import Dialect
from config.fields import Id, Name, Strict
from edge.core.effects import Terminal
from edge.core.events import PersonAction
from edge.core.modes import Mode
from edge.core.plate import PlateColour
from simulators.clearance_faults import BehaviourKind
from simulators.customs_platform import PlatformFault
from simulators.world import Phase as TruckPhase

Phase = Literal[
    "starting", "idle", "identifying", "waiting", "held", "consuming", "opening", "open", "closing", "turning_back",
    "leaving", "fault",
]  # fmt: skip
Loop = Literal["arrival_loop", "safety_loop", "exit_loop", "safety_beam"]
# What no vehicle drives.
Switch = Literal["boom_broken", "emergency_stop", "fire_alarm"]


def _several(value: object) -> object:
    """One value as a list of one."""
    return (value,) if isinstance(value, str) else value


Several = Annotated[tuple[str, ...], BeforeValidator(_several)]
# How long an expectation or a `when` waits where it does not say.
WITHIN_S = 15.0


def one_of(model: Strict, names: tuple[str, ...], *, exactly: bool) -> None:
    """Raise where none of the fields was given, or more than one of them where it shall be `exactly` one."""
    given = [name for name in names if getattr(model, name) is not None]
    if given and (len(given) == 1 or not exactly):
        return
    listed = ", ".join(names)
    zh, en = ("恰好其中之一", "exactly one of") if exactly else ("至少其中之一", "at least one of")
    raise PydanticCustomError("one_of", "one of", {"zh": f"{zh}：{listed}", "en": f"{en} {listed}"})


class PlateSpec(Strict):
    """One number plate of a truck, as `edge/core/plate.py` names colours and kinds."""

    place: Literal["front", "rear"] = "front"
    text: Name
    colour: PlateColour = "yellow"
    kind: str = "ordinary"
    rows: Literal[1, 2] = 1


class ContainerSpec(Strict):
    """One container on it; `upright` where its code is painted in a column."""

    code: Name
    size_type: Name = "22G1"
    upright: bool = False


class SealSpec(Strict):
    """One electronic seal on it."""

    id: Id
    locked: bool | None = True
    openings: int | None = Field(default=1, ge=0, le=65_535)
    battery_percent: int | None = Field(default=None, ge=0, le=100)


class AxleSpec(Strict):
    """One axle of a truck: how far behind its front, and what stands on it."""

    behind_front_m: float = Field(ge=0, le=60)
    kg: int = Field(ge=0, le=60_000)


class TruckSpec(Strict):
    """A truck as it truly is, with the card of its driver. `note`: it has a release note, for one passage.

    `weight_kg` stands on the axles that a truck of this length usually has, unless `axles` says which it has.
    """

    id: Id
    tag: str | None = None
    card: str | None = None
    plates: tuple[PlateSpec, ...] = ()
    containers: tuple[ContainerSpec, ...] = ()
    seals: tuple[SealSpec, ...] = ()
    weight_kg: int = Field(default=18_850, ge=0, le=200_000)
    axles: tuple[AxleSpec, ...] | None = Field(default=None, min_length=1, max_length=12)
    length_m: float = Field(default=16.5, gt=0, le=60)
    note: bool = True

    @model_validator(mode="after")
    def _stands_on_its_axles(self) -> Self:
        axles = self.axles or ()
        if axles and "weight_kg" in self.model_fields_set:
            zh, en = "weight_kg 或 axles 其中之一", "one of weight_kg and axles: the axles bear the whole weight"
            raise PydanticCustomError("one_of", "one of", {"zh": zh, "en": en})
        if any(one.behind_front_m > self.length_m for one in axles):
            zh, en = f"车长 {self.length_m} m 以内的车轴", f"axles within the length of {self.length_m} m"
            raise PydanticCustomError("axle_outside", "axle outside", {"zh": zh, "en": en})
        return self


Share = Annotated[float, Field(ge=0, le=1)]
LIGHTS: dict[str, float] = {"day": 1.0, "dusk": 0.45, "night": 0.15, "dark": 0.02}


def _light(value: object) -> object:
    return LIGHTS.get(value, value) if isinstance(value, str) else value


class WeatherSpec(Strict):
    """Light and weather in which the lane's cameras see it, as `simulators/scene/weather.py` has them.

    `light` by its name (day, dusk, night, dark) or as a share; `lamps` of lane, cameras and vehicles, which burn where
    it is dark; the rest from 0 to 1.
    """

    light: Annotated[Share, BeforeValidator(_light)] = 1.0
    lamps: bool = True
    rain: Share = 0.0
    dirt: Share = 0.0
    blur: Share = 0.0
    glare: Share = 0.0
    covered: Share = 0.0


class WorldSpec(Strict):
    """How fast trucks and boom are: entry to stop line, stop line to lane's end, boom from end to end; the weather."""

    drive_in_s: float = Field(default=1.0, gt=0, le=60)
    drive_through_s: float = Field(default=2.0, gt=0, le=600)
    stroke_s: float = Field(default=0.8, gt=0, le=60)
    weather: WeatherSpec = WeatherSpec()


class EventSpec(Strict):
    """Events of the lane of one `type` whose data holds `data`: exactly `count` of them, or at least `least`."""

    type: Name
    data: dict[str, Any] = Field(default_factory=dict)
    count: int | None = Field(default=None, ge=0)
    least: int = Field(default=1, ge=1)


class CoilSpec(Strict):
    """How often the barrier's module executed each command since it was switched on."""

    raised: int | None = Field(default=None, ge=0)
    lowered: int | None = Field(default=None, ge=0)
    stopped: int | None = Field(default=None, ge=0)


class TruckState(Strict):
    """What a truck does; `gone` where it is not in the lane."""

    id: Id
    does: TruckPhase


class Condition(Strict):
    """What can be seen of a lane; everything that is given must hold at once.

    Told by the lane: `phase` (one of these), `reasons`, `boom`, `light`, `mode`, `guidance`, `alarms` (all of them
    stand), `no_alarms` (none of them stands), `lost` (exactly these devices), `passages` (the terminal records of all
    passages that ended, in order), `event`. Seen on its devices: `coils`, `boom_is` (where the boom really is), `lamps`
    (lit, all of them), `siren`, `sign` (the lines that a driver reads), `said` (phrases that were heard, all of them).
    In the world: `truck`, `empty`. At the authorities: `requests` (how many were answered), `request` (part of the
    last one), `reachable` (all of them are connected to the broker).
    """

    phase: Annotated[tuple[Phase, ...], BeforeValidator(_several)] | None = None
    reasons: Several | None = None
    boom: str | None = None
    light: Literal["red", "green"] | None = None
    mode: Mode | None = None
    guidance: str | None = None
    alarms: Several | None = None
    no_alarms: Several | None = None
    lost: Several | None = None
    passages: Annotated[tuple[Terminal, ...], BeforeValidator(_several)] | None = None
    event: EventSpec | None = None
    coils: CoilSpec | None = None
    boom_is: Literal["up", "down", "between"] | None = None
    lamps: Annotated[tuple[Literal["red", "green"], ...], BeforeValidator(_several)] | None = None
    siren: bool | None = None
    sign: Several | None = None
    said: Several | None = None
    truck: TruckState | None = None
    empty: bool | None = None
    requests: int | None = Field(default=None, ge=0)
    request: dict[str, Any] | None = None
    reachable: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        one_of(self, CONDITIONS, exactly=False)
        return self


CONDITIONS: tuple[str, ...] = tuple(Condition.model_fields)


class Expectation(Condition):
    """A condition that must hold within `within_s`, and then for `for_s` without a break."""

    within_s: float = Field(default=WITHIN_S, ge=0, le=3_600)
    for_s: float = Field(default=0, ge=0, le=3_600)


class Arrival(Strict):
    """A truck drives in. `tailgates`: it follows the one in front through; `halts_at_m`: it stops there."""

    truck: Id
    tailgates: bool = False
    halts_at_m: float | None = Field(default=None, ge=0, le=200)


class FaultSpec(Strict):
    """A switch of a device's simulator, by the name that its `quality.yaml` has; `value` where it is not just on.

    A barrier's spoilt replies can be limited to Modbus `functions`, the first `skip` good ones, and `times`.
    """

    device: Id
    switch: Name
    value: Any = None
    functions: tuple[int, ...] | None = None
    skip: int | None = Field(default=None, ge=0)
    times: int | None = Field(default=None, ge=1)


class Mending(Strict):
    """A device without this fault again."""

    device: Id
    switch: Name


class Toggling(Strict):
    """A signal that changes `hz` times a second for `for_s`, then stands as it does in the world."""

    signal: Loop
    hz: float = Field(gt=0, le=50)
    for_s: float = Field(gt=0, le=60)


class Order(Strict):
    """An order of a person at the lane."""

    action: PersonAction
    operator: Id = "chen"
    reason: Name = "looked_at_it"


class Words(Strict):
    """What a person says of a held vehicle, as `kakou supplement` does."""

    plates: dict[Literal["front", "rear"], Name] = Field(default_factory=dict)
    containers: Several = ()
    operator: Id = "chen"
    reason: Name = "as_the_pictures_show"


class ModeOrder(Strict):
    """A change of the lane's mode."""

    mode: Mode
    operator: Id = "chen"
    reason: Name = "ordered"


class AuthoritySpec(Strict):
    """How an authority answers from now on; `release` follows its release notes."""

    id: Id = "customs"
    answers: BehaviourKind = "release"
    delay_s: float = Field(default=0, ge=0, le=60)


class PlatformSpec(Strict):
    """The customs platform behind `kakou bridge customs`, in place of an authority that lanes can ask themselves."""

    authority: Id = "customs"
    dialect: Dialect = "gb2312"


ACTIONS = (
    "arrive", "turn_back", "resume", "fault", "mend", "signals", "toggle", "order", "supplement", "mode", "authority",
    "barrier", "broker", "controller", "note", "platform", "weather", "expect",
)  # fmt: skip


class Step(Strict):
    """One thing that happens: `when` something holds, at `at_s` from the start, `after_s` from that or the step before.

    Exactly one action. `signals` sets inputs of the barrier's module that no vehicle drives; `barrier` is its power
    (`restart`), its cable (`cut`, `join`) or a hand at the boom; `note` gives a truck a release note; `platform` is
    what the customs platform does wrong from now on; `weather` is what it is from now on.
    """

    at_s: float | None = Field(default=None, ge=0, le=3_600)
    after_s: float | None = Field(default=None, ge=0, le=3_600)
    when: Expectation | None = None
    arrive: Arrival | None = None
    turn_back: Id | None = None
    resume: Id | None = None
    fault: FaultSpec | None = None
    mend: Mending | None = None
    signals: dict[Switch, bool] | None = None
    toggle: Toggling | None = None
    order: Order | None = None
    supplement: Words | None = None
    mode: ModeOrder | None = None
    authority: AuthoritySpec | None = None
    barrier: Literal["restart", "cut", "join", "raise_by_hand", "lower_by_hand"] | None = None
    broker: Literal["kill", "start"] | None = None
    controller: Literal["kill", "stop", "start"] | None = None
    note: Id | None = None
    platform: PlatformFault | None = None
    weather: WeatherSpec | None = None
    expect: Expectation | None = None

    @model_validator(mode="after")
    def _does_one_thing(self) -> Self:
        one_of(self, ACTIONS, exactly=True)
        return self


class Scenario(Strict):
    """One file. `shows`: rows of the hazard catalogue, or `4.3: CASE` of the field's catalogue of failures.

    `lane` is a lane as a configuration has it, without the addresses of its devices: those are the simulators'. With
    `use: real` and its own address, a device of the bench takes the place of its simulator; the barrier is simulated,
    and a `password_file` lies in the folder of the scenario, which may come from a stranger.
    With `platform` one of the `authorities` is the customs platform, behind its bridge. `most_speed` limits how fast
    time may run; what holds in `never` at any moment fails the scenario. It begins once the lane is ready, or with
    `ready: false` as soon as the controller was started.
    """

    title: Name
    shows: Several = Field(min_length=1)
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    most_speed: float = Field(default=10, ge=1, le=10)
    language: Literal["zh", "en"] = "zh"
    lane: dict[str, Any]
    authorities: tuple[Id, ...] = Field(default=("customs",), min_length=1, max_length=4)
    platform: PlatformSpec | None = None
    world: WorldSpec = WorldSpec()
    ready: bool = True
    trucks: tuple[TruckSpec, ...] = ()
    steps: tuple[Step, ...] = Field(min_length=1)
    never: tuple[Condition, ...] = ()

    @property
    def weathers(self) -> tuple[WeatherSpec, ...]:
        """Every weather that there will be, each once; the first one first."""
        changes = (step.weather for step in self.steps if step.weather is not None)
        return tuple(dict.fromkeys((self.world.weather, *changes)))

    @property
    def apart(self) -> bool:
        """Whether the controller is a process of its own, because a step ends it."""
        return any(step.controller is not None for step in self.steps)
