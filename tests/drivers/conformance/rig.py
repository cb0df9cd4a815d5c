"""What the conformance suite needs to know of one driver of a stream."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from drivers.kit.wire import StreamDecoder
from edge.ports import Clock, Device
from simulators.devices.serial_wire import StreamDevice, StreamFaults

Deliver = Callable[[object], None]


@dataclass(frozen=True)
class Rig:
    """One driver of a stream. `shown` is what its simulator shows all the time, as `read` gives it."""

    protocol: str
    folder: str
    # The simulated device without its plug, and the class of its switches.
    simulate: Callable[[], StreamDevice[Any]]
    faults: type[StreamFaults]
    # The driver on a port with quick time-outs, delivering each reading as `read` gives it.
    drive: Callable[[str, Clock, Deliver], Device]
    # Makes the driver read, once it is connected.
    begin: Callable[[Any], Awaitable[None]]
    # Bytes that the device sends for several readings, and the readings of such bytes in these chunks.
    stream: bytes
    read: Callable[[Iterable[bytes]], list[object]]
    decoder: Callable[[], StreamDecoder[Any]]
    most_pending: int
    codes: tuple[str, ...]
    profile: str = ""
    # What it can be plugged into, of `bench.WIRES`.
    wires: tuple[str, ...] = ("serial", "socket")
    # Whether its frames have a check of their own. Those of a protocol for TCP alone have none: TCP has one.
    checked: bool = True

    def __str__(self) -> str:
        return f"{self.protocol}-{self.profile}" if self.profile else self.protocol
