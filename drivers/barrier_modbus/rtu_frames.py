"""What is wrong with a Modbus RTU reply, judged from the raw bytes of request and reply. Pure.

Layout: unit id u8, function u8, data, CRC-16 little-endian. There is no transaction id and no length: the function
says how long a frame is, and nothing in a frame says which request it answers. Whoever uses this waits after every
lost or wrong reply until the line has been silent (`link.py`).
Source: Modbus over serial line 1.02, 2.5.1 and 6.2.2.
"""

from drivers.barrier_modbus.frames import READ_BITS, WRITES, Reply, ReplyFault, count_copies, exception_name

MIN_FRAME_BYTES = 5  # an exception
MAX_FRAME_BYTES = 256
CRC_BYTES = 2
WRITE_BYTES = 8
_READS = frozenset({1, 2, 3, 4})


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS of `data` as its two bytes on the wire, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def judge(request: bytes, _previous_reply: bytes, received: bytes) -> Reply:
    """Judge what came after `request`, as `frames.judge` does.

    The previous reply changes nothing: without a transaction id a repeated earlier answer looks like this one's.
    """
    if len(received) < 2:
        return Reply()
    if fault := _early(request, received):
        return Reply(fault=fault)
    size = _frame_bytes(received)
    if size is None or len(received) < size:
        return Reply()
    frame, rest = received[:size], received[size:]
    if fault := check_reply(request, frame):
        return Reply(fault=fault)
    copies = count_copies(frame, rest)
    if copies is None:
        return Reply(fault=ReplyFault("trailing", "one answer", f"{len(rest)} more bytes"))
    return Reply(frame=frame, duplicates=copies)


def check_reply(request: bytes, frame: bytes) -> ReplyFault | None:
    """Say what is wrong with a whole reply frame, or None. An exception reply is a fault of kind `exception`."""
    if not MIN_FRAME_BYTES <= len(frame) <= MAX_FRAME_BYTES:
        return ReplyFault("length", f"{MIN_FRAME_BYTES}-{MAX_FRAME_BYTES}", str(len(frame)))
    expected = crc16(frame[:-CRC_BYTES])
    if frame[-CRC_BYTES:] != expected:
        return ReplyFault("crc", expected.hex(" "), frame[-CRC_BYTES:].hex(" "))
    if frame[0] != request[0]:
        return ReplyFault("unit_id", str(request[0]), str(frame[0]))
    function = request[1]
    if frame[1] == function | 0x80:
        return _exception(frame)
    if frame[1] != function:
        return ReplyFault("function", str(function), str(frame[1]))
    return _check_echo(request, frame) if function in WRITES else _check_byte_count(request, frame)


def stand_in(request: bytes) -> bytes:
    """An exception reply that ends the waiting request; its code is never looked at."""
    reply = bytes((request[0], request[1] | 0x80, 4))
    return reply + crc16(reply)


def _early(request: bytes, received: bytes) -> ReplyFault | None:
    """What needs no whole frame to be seen: a wait for the rest of it would only end in the time-out."""
    if request[1] in _READS and received[:WRITE_BYTES] == request:
        # An adapter that hears itself. The reply to a read never begins like this: its third byte is a length.
        return ReplyFault("own_echo", "a reply", "the request itself")
    function = received[1]
    if function not in _READS and function not in WRITES and not function & 0x80:
        return ReplyFault("function", str(request[1]), str(function))
    if len(received) > 2 and received[:2] == request[:2] and function in _READS:
        expected = _data_bytes(request)
        if received[2] != expected:
            # The bytes of an own echo may still be coming; eight of them are awaited before it is called a lie.
            if len(received) < WRITE_BYTES and request.startswith(received):
                return None
            return ReplyFault("byte_count", f"{expected} bytes", f"{received[2]} declared")
    return None


def _frame_bytes(received: bytes) -> int | None:
    """How long the frame is that begins here; None while that cannot be known."""
    function = received[1]
    if function & 0x80:
        return MIN_FRAME_BYTES
    if function in WRITES:
        return WRITE_BYTES
    return None if len(received) < 3 else 3 + received[2] + CRC_BYTES


def _data_bytes(request: bytes) -> int:
    count = int.from_bytes(request[4:6], "big")
    return (count + 7) // 8 if request[1] in READ_BITS else 2 * count


def _exception(frame: bytes) -> ReplyFault:
    if len(frame) != MIN_FRAME_BYTES:
        return ReplyFault("length", f"{MIN_FRAME_BYTES} for an exception", str(len(frame)))
    code = frame[2]
    return ReplyFault("exception", "a normal reply", f"exception {code:02X} {exception_name(code)}", code)


def _check_echo(request: bytes, frame: bytes) -> ReplyFault | None:
    # Functions 5 and 6 echo address and value, 15 and 16 address and quantity: four bytes in each case.
    if len(frame) != WRITE_BYTES:
        return ReplyFault("length", str(WRITE_BYTES), str(len(frame)))
    if frame[2:6] != request[2:6]:
        return ReplyFault("echo", request[2:6].hex(" "), frame[2:6].hex(" "))
    return None


def _check_byte_count(request: bytes, frame: bytes) -> ReplyFault | None:
    expected = _data_bytes(request)
    if frame[2] != expected or len(frame) != 3 + expected + CRC_BYTES:
        return ReplyFault("byte_count", f"{expected} bytes", f"{frame[2]} declared, {len(frame) - 5} sent")
    return None
