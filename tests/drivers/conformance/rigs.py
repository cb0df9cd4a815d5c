"""What the conformance suite needs of each driver of a stream: its simulator, its codec, and how it delivers.

A new driver adds one rig to `RIGS`.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from drivers.kit.dialect import NEXT_STEPS, Dialect, Pace
from drivers.kit.tag_reader import StreamTagReader
from drivers.kit.wire import StreamDecoder
from drivers.uhf_r2000.driver import R2000Dialect, R2000Reader
from drivers.uhf_r2000.wire import MAX_LEN, encode_round_end, encode_tag_report
from edge.ports import Clock, Device
from simulators.devices.serial_wire import StreamDevice, StreamFaults
from simulators.devices.tag_field import ReaderDevice, SimulatedTag
from simulators.devices.uhf_r2000 import R2000Device, R2000Faults

EPCS = ("E200301666130121155074EF", "30751FEB705C5904E3D50D70", "ABCD")
QUICK = Pace(answer_timeout_s=0.4, round_silence_s=0.4, probe_interval_s=0.05, garbage_s=0.5)
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

    def __str__(self) -> str:
        return self.protocol


def read_tags(dialect: Dialect[Any]) -> Callable[[Iterable[bytes]], list[object]]:
    """What a reader's codec makes of chunks; at the end the line falls silent."""

    def read(chunks: Iterable[bytes]) -> list[object]:
        decoder = dialect.decoder()
        frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
        while decoder.pending:
            frames += decoder.give_up()
        heard = [dialect.hear(frame) for frame in frames]
        return [report for one in heard if one is not None and not one.malformed for report in one.tags]

    return read


def reader_rig(
    protocol: str,
    folder: str,
    *,
    device: Callable[[Callable[[], Sequence[SimulatedTag]]], ReaderDevice[Any]],
    faults: type[StreamFaults],
    reader: Callable[..., StreamTagReader[Any]],
    dialect: Dialect[Any],
    stream: bytes,
    most_pending: int,
) -> Rig:
    """A UHF reader: two tags in its field."""

    def drive(port: str, clock: Clock, deliver: Deliver) -> Device:
        return reader("rfid-1", port, clock=clock, on_tag=deliver, pace=QUICK)

    async def begin(started: StreamTagReader[Any]) -> None:
        await started.start_inventory()

    return Rig(
        protocol,
        folder,
        simulate=lambda: device(lambda: [SimulatedTag(epc) for epc in EPCS[:2]]),
        faults=faults,
        drive=drive,
        begin=begin,
        stream=stream,
        read=read_tags(dialect),
        decoder=dialect.decoder,
        most_pending=most_pending,
        codes=tuple(f"reader_{code}" for code in NEXT_STEPS),
    )


def r2000_stream() -> bytes:
    """Tags with and without phase bytes, between them the end of a round."""
    tags = [
        encode_tag_report(
            bytes.fromhex(epc), antenna=place % 4, rssi_dbm=-50 - place, phase=b"\xa0\x13"[: 2 * (place % 2)]
        )
        for place, epc in enumerate(EPCS)
    ]
    return tags[0] + tags[1] + encode_round_end(antenna=0, rate=17, total=5) + tags[2]


RIGS = [
    reader_rig(
        "uhf_r2000",
        "uhf_r2000",
        device=lambda tags: R2000Device(tags, round_s=0.001),
        faults=R2000Faults,
        reader=R2000Reader,
        dialect=R2000Dialect(),
        stream=r2000_stream(),
        most_pending=MAX_LEN + 2,
    ),
]
