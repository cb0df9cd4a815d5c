"""A scenario file to a `Scenario`, or to every problem that it has, each with its line and column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from config.document import Document, PathKey, parse
from config.explain import explain, is_echo
from config.loader import MAX_BYTES, document_problem
from config.problems import Bilingual, ConfigProblem, nearest, path_text, shown
from config.schema import Configuration
from edge.core.offline import CLEARANCE
from simulators.scenario.device import Kind
from simulators.scenario.kinds import KINDS, kind_of
from simulators.scenario.schema import Expectation, Scenario

LANE = "lane-1"
FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
# Proofs as short as a configuration allows: no file has to say it. A loaded machine may answer late.
_TIMING = {"identify_ms": 3_000, "clear_ms": 1_000, "ready_ms": 1_000, "open_ms": 3_000, "close_ms": 3_000}
_BARRIER_TIMEOUT_MS = 1_500
_READ_MS = 8_000
_AUTHORITY_MS = 2_000
_PLATFORM_MS = 8_000


@dataclass(frozen=True, slots=True)
class Placed:
    """A device of the lane: its key, its place in that key's list or None, its id and kind, and what was said of it."""

    key: str
    index: int | None
    id: str
    kind: Kind
    configured: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario that can be run. `line_of` gives the line of a step or of one of `never`."""

    path: Path
    scenario: Scenario
    devices: tuple[Placed, ...]
    document: Document

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @property
    def works_apart(self) -> bool:
        """Whether a driver of it has a process of its own, which has to tell the scenario's time."""
        return any(device.kind.works_apart for device in self.devices)

    @property
    def speed_bound(self) -> bool:
        """Whether something of it keeps to the machine's time: a real device, the bridge, or processes of processes."""
        return self.scenario.platform is not None or self.real or (self.scenario.apart and self.works_apart)

    @property
    def real(self) -> bool:
        """Whether it speaks to devices that are not the simulators': real ones, and those in a shadow."""
        shadow = self.scenario.lane.get("shadow")
        said = shadow.values() if isinstance(shadow, dict) else ()
        every = [one for several in said for one in (several if isinstance(several, tuple | list) else (several,))]
        return bool(_real(self.scenario)) or any(isinstance(one, dict) and one.get("use") != "sim" for one in every)

    def line_of(self, *place: str | int) -> int:
        """The line in the file of what is at this place."""
        return self.document.values[place][0]


def load(path: Path) -> Loaded | list[ConfigProblem]:
    """Read and check one file. Problems come in the order of the file, all at once."""
    name = str(path)
    try:
        with path.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        expected = Bilingual("可读的 UTF-8 场景文件", "a scenario file that can be read, in UTF-8")
        return [ConfigProblem(name, 1, 1, "file_unreadable", "", shown(str(error)), expected)]
    document = parse(text)
    problems = [document_problem(flaw, name) for flaw in document.flaws]
    if problems or not isinstance(document.data, dict):
        expected = Bilingual("映射(key: value)", "a mapping (key: value)")
        return problems or [ConfigProblem(name, 1, 1, "not_a_mapping", "", shown(document.data), expected)]
    try:
        scenario = Scenario.model_validate(document.data)
    except ValidationError as error:
        found = [explain(one, document, name, Scenario) for one in error.errors(include_url=False) if not is_echo(one)]
        return sorted(found, key=lambda one: (one.line, one.column))
    if strange := list(_strange(scenario, document, name)):
        return strange
    lane = _with_passwords(scenario.lane, path.absolute().parent)
    scenario = scenario.model_copy(update={"lane": lane})
    devices = _devices(scenario)
    problems = [*_lane_problems(scenario, devices, document, name), *_names(scenario, devices, document, name)]
    return sorted(problems, key=lambda one: (one.line, one.column)) or Loaded(path, scenario, devices, document)


def configuration(
    scenario: Scenario, devices: tuple[Placed, ...], addresses: Mapping[str, Mapping[str, Any]], **box: Any
) -> dict[str, Any]:
    """The box's configuration as data; `addresses` by the device's id, `box` whatever is the box's own."""
    lane: dict[str, Any] = {"id": LANE, "direction": "in", "simulated": True, **scenario.lane}
    lane["timing"] = {**_TIMING, **lane.get("timing", {})}
    for device in devices:
        said = {
            "driver": device.kind.protocol, "use": "sim", **device.configured, "id": device.id, **addresses[device.id],
        }  # fmt: skip
        if device.key == "barrier":
            said.setdefault("timeout_ms", _BARRIER_TIMEOUT_MS)
        if device.index is None:
            lane[device.key] = said
        else:
            lane[device.key] = tuple(
                said if place == device.index else one for place, one in enumerate(lane[device.key])
            )
    deadline_ms = _AUTHORITY_MS if scenario.platform is None else _PLATFORM_MS
    authorities = tuple({"id": one, "deadline_ms": deadline_ms} for one in scenario.authorities)
    recogniser = {"workers": 2, "deadline_ms": _READ_MS}
    return {
        "language": scenario.language, "recogniser": recogniser, "authorities": authorities, "lanes": (lane,), **box,
    }  # fmt: skip


def _devices(scenario: Scenario) -> tuple[Placed, ...]:
    found = []
    for key, said in scenario.lane.items():
        several = isinstance(said, tuple)
        for index, configured in enumerate(said if several else (said,)):
            kind = kind_of(key, configured) if isinstance(configured, dict) else None
            if kind is not None and not _is_real(key, configured):
                named = str(configured.get("id", key.replace("_", "-") + (f"-{index + 1}" if several else "")))
                found.append(Placed(key, index if several else None, named, kind, configured))
    return tuple(found)


def _is_real(key: str, configured: object) -> bool:
    """Whether a real device takes the simulator's place. The barrier cannot: trucks drive over it."""
    return isinstance(configured, dict) and configured.get("use") == "real" and key != "barrier"


def _real(scenario: Scenario) -> list[str]:
    """The ids of the devices that are real."""
    found = []
    for key, said in scenario.lane.items():
        found += [str(one.get("id")) for one in (said if isinstance(said, tuple) else (said,)) if _is_real(key, one)]
    return found


def _strange(scenario: Scenario, document: Document, name: str) -> Iterator[ConfigProblem]:
    """What no scenario may ask of the machine that plays it: it may come from a stranger."""
    for place, given in _password_files(scenario.lane, ("lane",)):
        folder = Path(name).absolute().parent.resolve()
        if not (isinstance(given, str) and given and _within(folder, given)):
            # A camera of his would be told what is in it.
            expected = Bilingual("与场景文件同一文件夹内的文件", "a file in the folder of the scenario")
            yield ConfigProblem(name, *document.values[place], "file_outside", path_text(place), shown(given), expected)
    barrier = scenario.lane.get("barrier")
    if isinstance(barrier, dict) and barrier.get("use", "sim") != "sim":
        place = ("lane", "barrier", "use")
        expected = Bilingual("sim:场景中的车辆从栏杆下驶过", "sim: the trucks of a scenario drive under it")
        yield ConfigProblem(
            name, *document.values[place], "barrier_not_simulated", path_text(place), shown(barrier["use"]), expected
        )
    if (said := scenario.lane.get("simulated", True)) is not True:
        expected = Bilingual("true:场景中的车道总是模拟车道", "true: the lane of a scenario always is")
        place = ("lane", "simulated")
        yield ConfigProblem(name, *document.values[place], "simulation_denied", path_text(place), shown(said), expected)


def _within(folder: Path, given: str) -> bool:
    try:
        return "\0" not in given and Path(folder, given).resolve().is_relative_to(folder)
    except (OSError, RuntimeError):
        return False  # links in a circle


def _password_files(said: Any, at: PathKey) -> Iterator[tuple[PathKey, Any]]:
    """Every `password_file` below a value of the lane."""
    parts = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, tuple) else ()
    for key, part in parts:
        if key == "password_file":
            yield (*at, key), part
        else:
            yield from _password_files(part, (*at, key))


def _with_passwords(said: Any, folder: Path) -> Any:
    """The lane with its password files where the scenario has them: the controller reads it from another folder."""
    if isinstance(said, tuple):
        return tuple(_with_passwords(part, folder) for part in said)
    if not isinstance(said, dict):
        return said
    return {
        key: str(folder / part) if key == "password_file" else _with_passwords(part, folder)
        for key, part in said.items()
    }


def _lane_problems(
    scenario: Scenario, devices: tuple[Placed, ...], document: Document, name: str
) -> Iterator[ConfigProblem]:
    """What the configuration's own schema says of the lane, at the places where the scenario has it."""
    if "barrier" not in scenario.lane:
        expected = Bilingual("键 'barrier'", "key 'barrier'")
        yield ConfigProblem(name, *document.values["lane",], "missing_key", "lane.barrier", "nothing / 无", expected)
        return
    for key in scenario.lane:
        said = scenario.lane[key]
        real = any(_is_real(key, one) for one in (said if isinstance(said, tuple) else (said,)))
        if any(kind.key == key for kind in KINDS) and not real and all(device.key != key for device in devices):
            known = ", ".join(kind.protocol for kind in KINDS if kind.key == key)
            expected = Bilingual(f"有模拟器的设备:{known}", f"a device that has a simulator: {known}")
            yield ConfigProblem(
                name, *document.values["lane", key], "no_simulator", f"lane.{key}", shown(scenario.lane[key]), expected
            )
            return
    placeholders = {device.id: device.kind.placeholder for device in devices}
    data = configuration(scenario, devices, placeholders, site="site", state_dir="state", keys_dir="keys")
    try:
        Configuration.model_validate(data)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            if is_echo(one):
                continue
            problem = explain(one, _as_configured(document), name)
            key_path = problem.key_path.replace("lanes[0]", "lane", 1)
            yield ConfigProblem(
                name, problem.line, problem.column, problem.code, key_path, problem.value, problem.expected,
                problem.hint,
            )  # fmt: skip


def _as_configured(document: Document) -> Document:
    """The places of the lane as a configuration has them; what is not in the file stands where the lane stands."""

    def moved(places: Mapping[PathKey, tuple[int, int]]) -> dict[PathKey, tuple[int, int]]:
        return {("lanes", 0, *path[1:]): place for path, place in places.items() if path[:1] == ("lane",)}

    root = document.values["lane",]
    return Document(document.data, moved(document.keys), {(): root, ("lanes",): root, **moved(document.values)})


def _names(scenario: Scenario, devices: tuple[Placed, ...], document: Document, name: str) -> Iterator[ConfigProblem]:
    """Trucks, devices, switches and authorities that a step names and the scenario does not have."""
    known = {
        "truck": [one.id for one in scenario.trucks],
        "device": [device.id for device in devices],
        # What a lane can lose besides: its way to the authorities.
        "lost": [*(device.id for device in devices), *_real(scenario), CLEARANCE],
        "authority": list(scenario.authorities),
        "bridged": [] if scenario.platform is None else [scenario.platform.authority],
    }
    for place, kind, word in _named(scenario):
        if word not in known[kind]:
            yield _unknown(document, name, place, word, known[kind])
    switches = {device.id: device.kind.switches for device in devices}
    for number, step in enumerate(scenario.steps):
        for action, said in (("fault", step.fault), ("mend", step.mend)):
            if said is not None and said.switch not in switches.get(said.device, (said.switch,)):
                place = ("steps", number, action, "switch")
                yield _unknown(document, name, place, said.switch, list(switches[said.device]))


def _named(scenario: Scenario) -> Iterator[tuple[PathKey, str, str]]:
    if scenario.platform is not None:
        yield ("platform", "authority"), "authority", scenario.platform.authority
    for number, step in enumerate(scenario.steps):
        at: PathKey = ("steps", number)
        if step.arrive is not None:
            yield (*at, "arrive", "truck"), "truck", step.arrive.truck
        for action in ("turn_back", "resume", "note"):
            if (truck := getattr(step, action)) is not None:
                yield (*at, action), "truck", truck
        for action in ("fault", "mend"):
            if (said := getattr(step, action)) is not None:
                yield (*at, action, "device"), "device", said.device
        if step.platform is not None:
            yield (*at, "platform"), "bridged", "customs" if scenario.platform is None else scenario.platform.authority
        if step.authority is not None:
            yield (*at, "authority"), "authority", step.authority.id
        for action in ("when", "expect"):
            condition = cast("Expectation | None", getattr(step, action))
            if condition is not None and condition.truck is not None:
                yield (*at, action, "truck", "id"), "truck", condition.truck.id
            for index, lost in enumerate((condition.lost if condition is not None else None) or ()):
                yield (*at, action, "lost", index), "lost", lost


def _unknown(document: Document, name: str, place: PathKey, word: str, known: list[str]) -> ConfigProblem:
    at = place
    while at not in document.values:
        at = at[:-1]
    listed = ", ".join(known) or "-"
    expected = Bilingual(f"其中之一:{listed}", f"one of {listed}")
    hint = nearest(word, known)
    return ConfigProblem(name, *document.values[at], "not_there", path_text(place), shown(word), expected, hint)
