"""Where a barrier module is and how it is spoken to, as a pure value."""

from dataclasses import dataclass
from typing import Literal

Transport = Literal["tcp", "rtu", "rtu_over_tcp"]
Parity = Literal["none", "even", "odd"]

_SHORTEST_SILENCE_S = 0.00175  # above 19200 baud the standard fixes 3.5 characters at this
_BITS_OF_A_SILENCE = 3.5 * 11


@dataclass(frozen=True, slots=True)
class Target:
    """One module. Raises ValueError where it contradicts itself.

    `tcp`: Modbus TCP to `host` and `port`. `rtu_over_tcp`: RTU frames to a serial server there. `rtu`: `serial_port`,
    8 data bits, with `baud`, `parity` and `stop_bits` as the module has them. `device_id`: 0-255 over TCP; over RTU
    1-247, for 0 speaks to every module at once and none of them answers.
    """

    transport: Transport = "tcp"
    host: str = ""
    port: int = 502
    serial_port: str = ""
    baud: int = 9600
    parity: Parity = "none"
    stop_bits: int = 1
    device_id: int = 1

    def __post_init__(self) -> None:
        if not (self.serial_port if self.transport == "rtu" else self.host):
            raise ValueError(f"transport {self.transport} needs {'serial_port' if self.transport == 'rtu' else 'host'}")
        if self.is_rtu and not 1 <= self.device_id <= 247:
            raise ValueError(f"device_id {self.device_id} is outside 1-247, the units of a serial line")

    @property
    def is_rtu(self) -> bool:
        """Whether frames are RTU frames: without transaction id, with a checksum."""
        return self.transport != "tcp"

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return self.serial_port if self.transport == "rtu" else f"{self.host}:{self.port}"

    @property
    def gap_s(self) -> float:
        """How long an RTU line is silent between two frames: 3.5 characters. Modbus over serial line 1.02, 2.5.1.1."""
        return max(_SHORTEST_SILENCE_S, _BITS_OF_A_SILENCE / self.baud) if self.is_rtu else 0.0
