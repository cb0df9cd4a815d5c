"""The scans of a module in recorded bytes: requests and replies put together again, judged as they were. Pure."""

from collections.abc import Callable

from drivers.barrier_modbus import frames, rtu_frames

_READ_INPUTS = 2
OnScan = Callable[[int, list[bool], int], None]


class RecordedScans:
    """`on_scan` is told the first address, the bits, and when the request left."""

    def __init__(self, is_rtu: bool, on_scan: OnScan) -> None:
        self._judge = rtu_frames.judge if is_rtu else frames.judge
        # Of a request or reply: where its unit id stands.
        self._unit_at = 0 if is_rtu else frames.HEADER_BYTES
        self._on_scan = on_scan
        self._request = b""
        self._reply = b""
        self._asked_at_ms = 0

    def take(self, sent: bool, data: bytes, at_ms: int) -> None:
        """Take what crossed the wire at that time."""
        if sent:
            self._request, self._reply, self._asked_at_ms = data, b"", at_ms
            return
        self._reply += data
        at = self._unit_at
        if len(self._request) < at + 6 or self._request[at + 1] != _READ_INPUTS:
            return
        frame = self._judge(self._request, b"", self._reply).frame
        if frame is None:
            return
        first = int.from_bytes(self._request[at + 2 : at + 4], "big")
        count = int.from_bytes(self._request[at + 4 : at + 6], "big")
        # The lowest bit of the first byte is the first address.
        packed = frame[at + 3 :]
        bits = [bool(packed[number // 8] >> number % 8 & 1) for number in range(count)]
        self._request = b""
        self._on_scan(first, bits, self._asked_at_ms)
