"""What I/O modules have, as data: addresses, pulses, and how each lets its outputs go when the controller dies.

`map` is written as in a configuration file and stands in for each table that a file leaves out. Addresses count from
0, as on the wire: manuals print them from 1 with the table in front (coil:16 is their 00017, discrete:0 their 10001).
None of these was tried on the hardware; `source` says what each was taken from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from config.problems import Bilingual

ModuleName = Literal["generic_plc", "moxa_iologik_e1214", "advantech_adam_6050", "advantech_adam_6060", "s7_200_smart"]
TransportName = Literal["tcp", "rtu", "rtu_over_tcp"]


@dataclass(frozen=True, slots=True)
class BarrierModule:
    """One kind of module. A count or range says which addresses exist; `registers` 0: it keeps none of ours.

    `pulse_coils`: coils that start a pulse which the module times itself; empty where it has none. `release`: what
    has to be set up so that nothing stays on after the controller has died (D31).
    """

    title: str
    transports: tuple[TransportName, ...]
    inputs: int
    coils: range
    pulse_coils: range
    registers: int
    map: Mapping[str, object]
    release: Bilingual
    source: str


_ALL_TRANSPORTS: tuple[TransportName, ...] = ("tcp", "rtu", "rtu_over_tcp")
_NO_REGISTERS: Mapping[str, object] = {}
# With six inputs a site has to choose. These four prove something; of the others, beam and emergency stop stop most.
_SIX_INPUTS: Mapping[str, object] = {
    "arrival_loop": "discrete:0",
    "safety_loop": "discrete:1",
    "boom_up": "discrete:2",
    "boom_down": "discrete:3",
    "safety_beam": "discrete:4",
    "emergency_stop": {"address": "discrete:5", "inverted": True},
}
_TWELVE_INPUTS: Mapping[str, object] = {
    "arrival_loop": "discrete:0",
    "safety_loop": "discrete:2",
    "exit_loop": "discrete:3",
    "safety_beam": "discrete:4",
    "boom_up": "discrete:7",
    "boom_down": "discrete:8",
    "boom_broken": "discrete:9",
    "emergency_stop": {"address": "discrete:10", "inverted": True},
    "fire_alarm": "discrete:11",
}


def _outputs(first: int) -> Mapping[str, object]:
    names = ("raise_boom", "lower_boom", "stop_boom", "red", "green", "siren")
    return {name: f"coil:{first + number}" for number, name in enumerate(names)}


_ADAM_RELEASE = Bilingual(
    "在 Adam/Apax .NET Utility 里启用通信看门狗,所有 DO 的安全值设为 0,时间写入 comm_loss_ms",
    "in Adam/Apax .NET Utility enable the communication watchdog, safety value 0 for each DO; its time is comm_loss_ms",
)
_PROGRAM_RELEASE = Bilingual(
    "PLC 程序:心跳寄存器 3 秒不变即断开所有输出,只留红灯",
    "the PLC's program drops every output but red where the heartbeat register has not changed for 3 s",
)

MODULES: Mapping[ModuleName, BarrierModule] = {
    "generic_plc": BarrierModule(
        title="generic barrier PLC",
        transports=_ALL_TRANSPORTS,
        inputs=65_536,
        coils=range(65_536),
        pulse_coils=range(65_536),
        registers=65_536,
        map={},
        release=_PROGRAM_RELEASE,
        source="our default map; a PLC is programmed to it",
    ),
    "moxa_iologik_e1214": BarrierModule(
        title="Moxa ioLogik E1214",
        transports=("tcp",),
        inputs=6,
        coils=range(6),
        pulse_coils=range(0x10, 0x16),
        registers=0,
        map={
            "signals": _SIX_INPUTS,
            "coils": _outputs(0),
            "registers": _NO_REGISTERS,
            "hardware_pulse": True,
            "pulse_coils": {"raise_boom": "coil:16", "lower_boom": "coil:17", "stop_boom": "coil:18"},
        },
        release=Bilingual(
            "在网页里把继电器 0-2 设为脉冲输出(导通 400 ms,1 个脉冲),并启用通信看门狗与安全状态",
            "in its web page set relays 0-2 to pulse output (on 400 ms, 1 pulse), and the watchdog with safe status",
        ),
        source="user's manual of the E1200 series, appendix A: Modbus/TCP default address mappings of the E1214",
    ),
    "advantech_adam_6050": BarrierModule(
        title="Advantech ADAM-6050",
        transports=("tcp",),
        inputs=12,
        coils=range(16, 22),
        pulse_coils=range(0),
        registers=0,
        map={"signals": _TWELVE_INPUTS, "coils": _outputs(16), "registers": _NO_REGISTERS, "hardware_pulse": False},
        release=_ADAM_RELEASE,
        source="user's manual of the ADAM-6000 series, chapter 6; its example frames are off by one",
    ),
    "advantech_adam_6060": BarrierModule(
        title="Advantech ADAM-6060",
        transports=("tcp",),
        inputs=6,
        coils=range(16, 22),
        pulse_coils=range(0),
        registers=0,
        map={"signals": _SIX_INPUTS, "coils": _outputs(16), "registers": _NO_REGISTERS, "hardware_pulse": False},
        release=_ADAM_RELEASE,
        source="user's manual of the ADAM-6000 series, chapter 6; its example frames are off by one",
    ),
    "s7_200_smart": BarrierModule(
        title="Siemens S7-200 SMART (MBUS_SLAVE)",
        transports=_ALL_TRANSPORTS,
        inputs=256,
        coils=range(256),
        pulse_coils=range(256),
        registers=65_536,
        map={},
        release=_PROGRAM_RELEASE,
        source="system manual of the S7-200 SMART, chapter 9: Q0.0 is coil:0, I0.0 discrete:0, HoldStart holding:0",
    ),
}


def with_module_map(barrier: object) -> object:
    """The raw barrier of a configuration file with the tables of its module in place of those it leaves out."""
    if not isinstance(barrier, dict) or not isinstance(given := barrier.get("map", {}), dict):
        return barrier
    name = barrier.get("module")
    module = MODULES.get(name) if isinstance(name, str) else None  # type: ignore[call-overload]
    return barrier if module is None else barrier | {"map": {**module.map, **given}}
