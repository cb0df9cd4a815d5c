"""What a simulated device of a scenario is: where it stands, what it offers, how a lane's configuration has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from simulators.devices.barrier_plant import Plant
from simulators.scenario.schema import FaultSpec, TruckSpec, WeatherSpec
from simulators.world import World


@dataclass(frozen=True, slots=True)
class Site:
    """What a simulated device stands in: its id and configuration, the lane's world, a folder for its serial port.

    `weather()` is what it is now, always one of `weathers`.
    """

    id: str
    configured: Mapping[str, Any]
    folder: Path
    world: World
    plant: Plant
    now_ms: Callable[[], int]
    trucks: Mapping[str, TruckSpec]
    seed: int
    weathers: tuple[WeatherSpec, ...] = (WeatherSpec(),)
    weather: Callable[[], WeatherSpec] = WeatherSpec


class Simulated(Protocol):
    """A device of a scenario on its real wire."""

    @property
    def address(self) -> dict[str, Any]:
        """What its configuration says of where it is; known after `start`."""

    async def start(self) -> None:
        """Be there. Raises OSError."""

    async def stop(self) -> None:
        """Be gone. May be called repeatedly."""

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch a fault on. Raises ValueError for a value that the switch does not take."""

    async def turn_off(self, switch: str) -> None:
        """Switch it off again."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One protocol of one kind: where a lane's configuration has it, its fault switches, and who plays it.

    `placeholder` stands for the address until the device has one. `works_apart`: its driver has a process of its own.
    """

    key: str
    protocol: str
    switches: tuple[str, ...]
    build: Callable[[Site], Simulated]
    placeholder: Mapping[str, Any]
    works_apart: bool = False


def like(before: object, value: Any) -> Any:
    """`value` of a scenario as the switch has it. Raises ValueError where it is of another kind."""
    match before, value:
        case bool(), bool():
            return value
        case (bool(), _) | ((int() | float() | None), bool()):
            pass
        case ((int() | float() | None), (int() | float())):
            return value
        case str(), str():
            return value
        case bytes(), str():
            return bytes.fromhex(value)
        case frozenset(), (list() | tuple()):
            return frozenset(value)
        case dict(), dict():
            return dict(value)
    raise ValueError(f"a switch that is {before!r} cannot become {value!r}")
