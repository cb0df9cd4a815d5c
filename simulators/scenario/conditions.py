"""Whether a condition of a scenario holds now, and what is there instead where it does not."""

from collections.abc import Callable, Mapping
from typing import Any

from simulators.devices.led_sign import LedSign
from simulators.devices.voice import VoiceModule
from simulators.scenario.bench import Bench
from simulators.scenario.kinds import SerialSimulated
from simulators.scenario.schema import Condition, EventSpec


def differences(condition: Condition, bench: Bench) -> dict[str, Any]:
    """What is seen in place of what was wanted, by the condition's own words; empty where it holds."""
    found: dict[str, Any] = {}
    # Where nobody asks the module, nobody else brings the world up to now.
    bench.world.advance()
    for name, look in LOOKS.items():
        wanted = getattr(condition, name)
        if wanted is None:
            continue
        holds, seen = look(bench, wanted)
        if not holds:
            found[name] = seen
    return found


def contains(seen: Any, wanted: Any) -> bool:
    """Whether `seen` holds all that `wanted` says: mappings in part, lists and values as a whole."""
    if isinstance(wanted, Mapping):
        return isinstance(seen, Mapping) and all(
            name in seen and contains(seen[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return (
            isinstance(seen, list | tuple)
            and len(seen) == len(wanted)
            and all(contains(one, two) for one, two in zip(seen, wanted, strict=True))
        )
    return bool(seen == wanted)


Look = Callable[[Bench, Any], tuple[bool, Any]]


def _told(name: str) -> Look:
    """A value of the lane's state that must be this one, or one of these."""

    def look(bench: Bench, wanted: Any) -> tuple[bool, Any]:
        seen = bench.state.get(name)
        return seen in wanted if isinstance(wanted, tuple) else seen == wanted, seen

    return look


def _reasons(bench: Bench, wanted: tuple[str, ...]) -> tuple[bool, Any]:
    seen = bench.state.get("reasons", [])
    return list(wanted) == seen, seen


def _alarms(bench: Bench, wanted: tuple[str, ...]) -> tuple[bool, Any]:
    return set(wanted) <= bench.alarms.keys(), sorted(bench.alarms)


def _no_alarms(bench: Bench, wanted: tuple[str, ...]) -> tuple[bool, Any]:
    return not set(wanted) & bench.alarms.keys(), sorted(bench.alarms)


def _lost(bench: Bench, wanted: tuple[str, ...]) -> tuple[bool, Any]:
    seen = bench.state.get("lost_devices")
    return seen is not None and set(seen) == set(wanted), seen


def _passages(bench: Bench, wanted: tuple[str, ...]) -> tuple[bool, Any]:
    seen = [one["data"]["terminal"] for one in bench.events if one["type"] == "passage_ended"]
    return seen == list(wanted), seen


def _event(bench: Bench, wanted: EventSpec) -> tuple[bool, Any]:
    of_type = [one["data"] for one in bench.events if one["type"] == wanted.type]
    count = sum(contains(data, wanted.data) for data in of_type)
    holds = count >= wanted.least if wanted.count is None else count == wanted.count
    return holds, of_type


def _coils(bench: Bench, wanted: Any) -> tuple[bool, Any]:
    plant = bench.plant
    seen = {"raised": plant.raise_count, "lowered": plant.lower_count, "stopped": plant.stop_count}
    return all(getattr(wanted, name) in (None, count) for name, count in seen.items()), seen


def _boom_is(bench: Bench, wanted: str) -> tuple[bool, Any]:
    position = bench.plant.position
    seen = "up" if bench.plant.boom_is_up else "down" if position <= 0 else "between"
    return seen == wanted, f"{seen} ({position:.2f})"


def _lamps(bench: Bench, wanted: tuple[str, ...]) -> tuple[bool, Any]:
    seen = [one for one in ("red", "green") if bench.plant.shines(one)]
    return set(seen) == set(wanted), seen


def _siren(bench: Bench, wanted: bool) -> tuple[bool, Any]:
    return bench.plant.outputs["siren"] is wanted, bench.plant.outputs["siren"]


def _sign(bench: Bench, wanted: tuple[str, ...]) -> tuple[bool, Any]:
    board = _device(bench, "sign")
    seen = list(board.screen.lines) if isinstance(board, LedSign) else None
    return seen == list(wanted), seen


def _said(bench: Bench, wanted: tuple[str, ...]) -> tuple[bool, Any]:
    module = _device(bench, "voice")
    seen = [key for _, key in module.heard] if isinstance(module, VoiceModule) else []
    return set(wanted) <= set(seen), seen


def _truck(bench: Bench, wanted: Any) -> tuple[bool, Any]:
    seen = bench.world.phase(wanted.id)
    return seen == wanted.does, {wanted.id: seen}


def _empty(bench: Bench, wanted: bool) -> tuple[bool, Any]:
    seen = bench.world.empty
    return seen is wanted, seen


def _requests(bench: Bench, wanted: int) -> tuple[bool, Any]:
    seen = sum(len(service.answered) for service in bench.services.values())
    seen += 0 if bench.bridged is None else len(bench.bridged.platform.asked)
    return seen == wanted, seen


def _request(bench: Bench, wanted: Mapping[str, Any]) -> tuple[bool, Any]:
    answered = [one for service in bench.services.values() for one in service.answered]
    seen = answered[-1].claims if answered else None
    return contains(seen, wanted), seen


def _reachable(bench: Bench, wanted: bool) -> tuple[bool, Any]:
    seen = {name: service.link.is_up for name, service in bench.services.items()}
    return all(seen.values()) is wanted, seen


def _device(bench: Bench, key: str) -> object:
    found = bench.device(key)
    return found.device if isinstance(found, SerialSimulated) else None


# One look for each word of a `Condition`; a test compares both.
LOOKS: Mapping[str, Look] = {
    "phase": _told("phase"),
    "reasons": _reasons,
    "boom": _told("boom"),
    "light": _told("light"),
    "mode": _told("mode"),
    "guidance": _told("guidance"),
    "alarms": _alarms,
    "no_alarms": _no_alarms,
    "lost": _lost,
    "passages": _passages,
    "event": _event,
    "coils": _coils,
    "boom_is": _boom_is,
    "lamps": _lamps,
    "siren": _siren,
    "sign": _sign,
    "said": _said,
    "truck": _truck,
    "empty": _empty,
    "requests": _requests,
    "request": _request,
    "reachable": _reachable,
}
