"""A Modbus frame in words, for people who look at the wire. Pure and total; `frames` judges whether it is right."""

from drivers.barrier_modbus.frames import HEADER_BYTES, exception_name
from drivers.barrier_modbus.rtu_frames import CRC_BYTES

_READS = {1: "coils", 2: "discrete inputs", 3: "holding registers", 4: "input registers"}
_WRITES = {5: "coil", 6: "holding register"}


def words_of(frame: bytes, *, is_rtu: bool, asks: bool) -> str:
    """Return what a whole request (`asks`) or reply says."""
    body = frame[:-CRC_BYTES] if is_rtu else frame[HEADER_BYTES:]
    if len(body) < 3:
        return "no frame"
    return f"unit {body[0]}: {_said(body[1], body[2:], asks=asks)}"


def _said(function: int, data: bytes, *, asks: bool) -> str:
    first, second = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
    if function & 0x80:
        return f"refuses function {function & 0x7F}: {exception_name(data[0])}"
    if function in _WRITES:
        value = int(second != 0) if function == 5 else second
        return f"{'write' if asks else 'wrote'} {_WRITES[function]} {first} = {value}"
    if function not in _READS:
        return f"function {function}"
    if asks:
        return f"read {second} {_READS[function]} from {first}"
    if function > 2:
        values = [int.from_bytes(data[at : at + 2], "big") for at in range(1, len(data), 2)]
        return f"{_READS[function]} {' '.join(map(str, values))}"
    # The lowest bit of the first byte is the first address.
    return f"{_READS[function]} {' '.join(f'{byte:08b}'[::-1] for byte in data[1:])}"
