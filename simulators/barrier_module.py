"""Stands in for a barrier's module on this machine, with the bytes of the real one on the real wire.

    python -m simulators.barrier_module --module moxa_iologik_e1214 --port 1502
    python -m simulators.barrier_module --module s7_200_smart --transport rtu --link ./barrier

It says where it is and how to ask it with mbpoll. Then each line of its input changes something, and it ends with it:

    arrival_loop 1        a loop, beam or switch of the lane
    fault crc_error true  a fault of its replies, as `drivers/barrier_modbus/quality.yaml` names them
    fault                 no fault any more
"""

import argparse
import asyncio
import contextlib
import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from config.barrier_modules import MODULES, BarrierModule
from config.devices import Barrier
from edge.barrier_wiring import barrier_map
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import INPUT_SIGNALS, Plant
from simulators.devices.modbus_pdu import ReplyFaults

STROKE_S = 2.0
# More than any map names; a module with fewer has just those.
MOST_ADDRESSES = 64
EXIT_NO_PORT = 1
FAULTS = tuple(one.name for one in fields(ReplyFaults) if one.name != "functions")


def build(name: str, transport: str, *, port: int = 0, link: Path | None = None) -> BarrierSimulator:
    """The module `name` with its own map, not yet started."""
    module = MODULES[name]  # type: ignore[index]
    # The transport is none of the map's business; an address is asked for in any case.
    configured = Barrier.model_validate({"id": "barrier", "module": name, "host": "127.0.0.1"})
    return BarrierSimulator(
        Plant(lambda: time.monotonic_ns() // 1_000_000, stroke_s=STROKE_S),
        transport=transport,  # type: ignore[arg-type]
        port=port,
        symlink=link,
        map_=barrier_map(configured.map),
        input_count=min(module.inputs, MOST_ADDRESSES),
        coils=module.coils[:MOST_ADDRESSES],
        register_count=min(module.registers, MOST_ADDRESSES),
        comm_loss=not module.registers,
    )


def greeting(module: BarrierModule, transport: str, simulator: BarrierSimulator) -> str:
    """Where it is, and a line to copy."""
    count = min(module.inputs, 16)
    inputs = f"-a 1 -0 -1 -t 1 -r 0 -c {count}"
    if transport == "rtu":
        return f"{module.title} on {simulator.path}: mbpoll -m rtu -b 9600 -P none {inputs} {simulator.path}"
    where = f"{module.title} on 127.0.0.1:{simulator.port}"
    # mbpoll does not speak RTU over TCP.
    return where if transport == "rtu_over_tcp" else f"{where}: mbpoll -m tcp -p {simulator.port} {inputs} 127.0.0.1"


def obey(simulator: BarrierSimulator, line: str) -> str:
    """Do what one line of input says, and return what to answer."""
    match line.split():
        case [signal, ("0" | "1") as value] if signal in INPUT_SIGNALS:
            simulator.plant.set_signals({signal: value == "1"})
            return f"{signal} {value}"
        case ["fault"]:
            simulator.faults = ReplyFaults()
            return "no fault"
        case ["fault", name, word] if name in FAULTS:
            try:
                setattr(simulator.faults, name, _value(name, word))
            except ValueError:
                return f"fault {name}: not {word!r}"
            return f"fault {name} {word}"
    return f"one of: {', '.join(INPUT_SIGNALS)} with 0 or 1; fault NAME VALUE with {', '.join(FAULTS)}; fault"


def _value(name: str, word: str) -> object:
    """The value of a switch as its field wants it. Raises ValueError."""
    if name.endswith("_garbage"):
        return bytes.fromhex(word)
    value = json.loads(word)
    if not isinstance(value, bool | int | float | None):
        raise ValueError(word)
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser("python -m simulators.barrier_module", description=__doc__.partition("\n")[0])
    parser.add_argument("--module", choices=sorted(MODULES), default="generic_plc")
    parser.add_argument("--transport", choices=["tcp", "rtu", "rtu_over_tcp"], default="tcp")
    parser.add_argument("--port", type=int, default=0, help="TCP port (default: a free one)")
    parser.add_argument("--link", type=Path, help="lasting name of the serial port")
    return asyncio.run(_serve(parser.parse_args(arguments)))


async def _serve(given: argparse.Namespace) -> int:
    module = MODULES[given.module]
    simulator = build(given.module, given.transport, port=given.port, link=given.link)
    try:
        await simulator.start()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NO_PORT
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    # A thread of its own, which nobody waits for: whoever presses Ctrl-C has no further line to give.
    threading.Thread(target=_read, args=(asyncio.get_running_loop(), lines), daemon=True).start()
    _say(greeting(module, given.transport, simulator))
    try:
        while (line := await lines.get()) is not None:
            _say(obey(simulator, line))
    finally:
        await simulator.stop()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _read(loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str | None]") -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended before its input
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)


if __name__ == "__main__":
    raise SystemExit(main())
