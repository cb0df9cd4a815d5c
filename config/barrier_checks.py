"""What single values of a barrier cannot show: a transport without its port, and what its module does not have."""

from collections.abc import Iterator

from config.barrier_modules import MODULES, BarrierModule
from config.devices import Barrier
from config.problems import Bilingual, Finding

_Path = tuple[str | int, ...]
_REQUEST_BYTES = 8
# Unit, function, byte count and checksum of a reply to a read; the data comes on top.
_REPLY_BYTES = 5
_GAP_CHARACTERS = 3.5
_MOST_UNITS = 247

_HOST_HINT = Bilingual("例如 host: 192.168.10.20", "for example host: 192.168.10.20")
_SERIAL_HINT = Bilingual(
    "例如 serial_port: /dev/serial/by-path/...(用 ls -l /dev/serial/by-path 查看)",
    "for example serial_port: /dev/serial/by-path/..., see ls -l /dev/serial/by-path",
)


def barrier_findings(barrier: Barrier, path: _Path, sample_max_age_ms: int) -> Iterator[Finding]:
    """Every contradiction of one barrier.

    Codes: `missing_key`, `not_in_transport`, `out_of_range`, `scan_too_slow`, `not_on_module`, `outputs_stay_on`.
    """
    yield from _transport(barrier, path)
    if barrier.transport != "tcp":
        yield from _serial_line(barrier, path, sample_max_age_ms)
    yield from _module(barrier, path, MODULES[barrier.module])
    yield from _scale_beams(barrier, path)


def _scale_beams(barrier: Barrier, path: _Path) -> Iterator[Finding]:
    given = {name: getattr(barrier.map.signals, name) for name in ("scale_front_beam", "scale_rear_beam")}
    missing = [name for name, point in given.items() if point is None]
    if len(missing) == 1:
        expected = Bilingual("秤台两端的光幕成对使用", "the beams at the ends of a scale come as a pair")
        yield Finding((*path, "map", "signals", missing[0]), "missing_key", "nothing / 无", expected)


def _transport(barrier: Barrier, path: _Path) -> Iterator[Finding]:
    transport = barrier.transport
    wanted, unwanted = ("serial_port", "host") if transport == "rtu" else ("host", "serial_port")
    if getattr(barrier, wanted) is None:
        expected = Bilingual(f"transport: {transport} 需要键 {wanted!r}", f"key {wanted!r} for transport: {transport}")
        hint = _SERIAL_HINT if wanted == "serial_port" else _HOST_HINT
        yield Finding((*path, wanted), "missing_key", "nothing / 无", expected, hint)
    if (given := getattr(barrier, unwanted)) is not None:
        expected = Bilingual(f"transport: {transport} 不用它", f"not used with transport: {transport}")
        other = "rtu" if unwanted == "serial_port" else "tcp / rtu_over_tcp"
        hint = Bilingual(f"去掉它,或写 transport: {other}", f"leave it out, or write transport: {other}")
        yield Finding((*path, unwanted), "not_in_transport", given, expected, hint)
    if transport == "rtu" and (barrier.serial_port or "").startswith("socket:"):
        expected = Bilingual("串口路径", "the path of a serial port")
        hint = Bilingual(
            "串口服务器写作 transport: rtu_over_tcp 加 host 和 port",
            "write a serial server as transport: rtu_over_tcp with host and port",
        )
        yield Finding((*path, "serial_port"), "not_in_transport", barrier.serial_port, expected, hint)
    if transport == "tcp":
        for name in ("baud", "parity", "stop_bits"):
            if name in barrier.model_fields_set:
                expected = Bilingual("仅用于 RTU", "for RTU alone")
                hint = Bilingual(
                    "串口服务器透传 RTU 帧时写 transport: rtu_over_tcp",
                    "a serial server that passes RTU frames through is transport: rtu_over_tcp",
                )
                yield Finding((*path, name), "not_in_transport", getattr(barrier, name), expected, hint)


def _serial_line(barrier: Barrier, path: _Path, sample_max_age_ms: int) -> Iterator[Finding]:
    if not 1 <= barrier.device_id <= _MOST_UNITS:
        expected = Bilingual(f"1 到 {_MOST_UNITS} 的站号", f"a unit id of 1 to {_MOST_UNITS}")
        hint = Bilingual("0 是广播,没有应答", "0 speaks to all of them, and none answers")
        yield Finding((*path, "device_id"), "out_of_range", barrier.device_id, expected, hint)
    # The inputs are as old as the pause since the last scan began, and the scan that brings the next ones.
    scan_ms = _scan_ms(barrier)
    oldest_ms = max(barrier.poll_ms, scan_ms) + scan_ms
    if oldest_ms > sample_max_age_ms:
        expected = Bilingual(
            f"输入不超过 {sample_max_age_ms} ms 旧,而一次扫描要 {scan_ms} ms",
            f"inputs no older than {sample_max_age_ms} ms, and a scan takes {scan_ms} ms",
        )
        hint = Bilingual("模块和这里都设为 19200 或更高", "set 19200 or more at the module and here")
        yield Finding((*path, "baud"), "scan_too_slow", barrier.baud, expected, hint)


def _scan_ms(barrier: Barrier) -> int:
    """How long the bytes of one scan are on the wire, with the silences between them."""
    inputs = [point.address for _, point in barrier.map.signals if point is not None]
    registers = [address for _, address in barrier.map.registers if address is not None]
    characters = _REQUEST_BYTES + _REPLY_BYTES + (_span(inputs) + 7) // 8 + 2 * _GAP_CHARACTERS
    if registers:
        characters += _REQUEST_BYTES + _REPLY_BYTES + 2 * _span(registers) + 2 * _GAP_CHARACTERS
    bits = 9 + barrier.stop_bits + (barrier.parity != "none")
    return round(characters * bits * 1000 / barrier.baud)


def _span(addresses: list[int]) -> int:
    return max(addresses) - min(addresses) + 1


def _module(barrier: Barrier, path: _Path, module: BarrierModule) -> Iterator[Finding]:
    where = (*path, "map")
    if barrier.transport not in module.transports:
        choices = ", ".join(module.transports)
        yield _absent((*path, "transport"), barrier.transport, choices, module)
    for name, point in barrier.map.signals:
        if point is not None and point.address >= module.inputs:
            last = f"discrete:0 - discrete:{module.inputs - 1}"
            yield _absent((*where, "signals", name), f"discrete:{point.address}", last, module)
    for name, address in barrier.map.coils:
        if address is not None and address not in module.coils:
            yield _absent((*where, "coils", name), f"coil:{address}", _coils(module.coils), module)
    for name, address in barrier.map.registers:
        if address is not None and address >= module.registers:
            yield _absent((*where, "registers", name), f"holding:{address}", "registers: {}", module)
    if barrier.map.hardware_pulse and not module.pulse_coils:
        yield _absent((*where, "hardware_pulse"), True, "hardware_pulse: false", module, _TIMED_HERE)
    elif barrier.map.hardware_pulse:
        for name, address in barrier.map.pulse_coils:
            if address is not None and address not in module.pulse_coils:
                yield _absent((*where, "pulse_coils", name), f"coil:{address}", _coils(module.pulse_coils), module)
    yield from _release(barrier, path, module)


def _release(barrier: Barrier, path: _Path, module: BarrierModule) -> Iterator[Finding]:
    """An output that is left on lifts the boom again: something has to let it go when the controller dies (D31)."""
    map_ = barrier.map
    leased = map_.registers.heartbeat is not None or (map_.coils.watchdog is not None and module.registers > 0)
    if map_.hardware_pulse or leased or barrier.comm_loss_ms is not None:
        return
    expected = Bilingual(
        "控制器失效后断开输出的办法:hardware_pulse、心跳或 comm_loss_ms",
        "what lets outputs go when the controller dies: hardware_pulse, a heartbeat or comm_loss_ms",
    )
    hint = Bilingual(f"{module.release.zh};例如 comm_loss_ms: 2000", f"{module.release.en}; e.g. comm_loss_ms: 2000")
    yield Finding((*path, "comm_loss_ms"), "outputs_stay_on", "nothing / 无", expected, hint)


_TIMED_HERE = Bilingual("脉冲由控制器计时", "the controller then times the pulse")


def _absent(path: _Path, value: object, has: str, module: BarrierModule, hint: Bilingual | None = None) -> Finding:
    expected = Bilingual(f"{module.title} 的 {has}", f"what {module.title} has: {has}")
    return Finding(path, "not_on_module", value, expected, hint)


def _coils(addresses: range) -> str:
    return f"coil:{addresses[0]} - coil:{addresses[-1]}"
