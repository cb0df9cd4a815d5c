"""What the conformance suite needs of each driver of a stream: its simulator, its codec, and how it delivers.

A new driver adds one rig to `RIGS`.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from drivers.kit.dialect import NEXT_STEPS, Dialect, Pace
from drivers.kit.listener import NEXT_STEPS as LISTENER_STEPS
from drivers.kit.scale import NEXT_STEPS as SCALE_STEPS
from drivers.kit.scale import ScaleListener
from drivers.kit.steady import Sample, Steady
from drivers.kit.tag_reader import StreamTagReader
from drivers.kit.wire import StreamDecoder
from drivers.scale_toledo.driver import ToledoScale
from drivers.scale_toledo.wire import ContinuousDecoder
from drivers.scale_yaohua.driver import Output, YaohuaScale, decoder_of
from drivers.template import wire as template
from drivers.template.driver import TemplateCounter
from drivers.uhf_llrp import wire as llrp
from drivers.uhf_llrp.driver import LlrpDialect, LlrpReader
from drivers.uhf_m100 import wire as m100
from drivers.uhf_m100.driver import M100Dialect, M100Reader
from drivers.uhf_r2000.driver import Inventory, R2000Dialect, R2000Reader
from drivers.uhf_r2000.wire import MAX_LEN, encode_round_end, encode_tag_report
from drivers.uhf_reader18 import wire as reader18
from drivers.uhf_reader18.driver import Reader18Dialect, Reader18Reader
from drivers.uhf_thingmagic import wire as thingmagic
from drivers.uhf_thingmagic.driver import ThingMagicDialect, ThingMagicReader
from edge.ports import Clock, Device
from simulators.devices.serial_wire import StreamDevice, StreamFaults
from simulators.devices.tag_field import ReaderDevice, SimulatedTag
from simulators.devices.template import TemplateDevice, TemplateFaults
from simulators.devices.uhf_llrp import LlrpDevice, LlrpFaults
from simulators.devices.uhf_m100 import M100Device, M100Faults
from simulators.devices.uhf_r2000 import R2000Device, R2000Faults
from simulators.devices.uhf_reader18 import Reader18Device, Reader18Faults
from simulators.devices.uhf_thingmagic import ThingMagicDevice, ThingMagicFaults
from simulators.devices.weighbridge import PROTOCOLS, Display, Indicator, ScaleFaults
from tests.drivers.conformance.line_rigs import LINE_RIGS
from tests.drivers.conformance.rig import Deliver, Rig

EPCS = ("E200301666130121155074EF", "30751FEB705C5904E3D50D70", "ABCD")
QUICK = Pace(answer_timeout_s=0.8, round_silence_s=0.8, probe_interval_s=0.05, garbage_s=1.0)


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
    profile: str = "",
    wires: tuple[str, ...] = ("serial", "socket"),
    checked: bool = True,
    further_codes: tuple[str, ...] = (),
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
        codes=tuple(f"reader_{code}" for code in (*NEXT_STEPS, *further_codes)),
        profile=profile,
        wires=wires,
        checked=checked,
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


def m100_stream() -> bytes:
    """Notices, one with the end marker in its EPC, and an empty round."""
    notices = [m100.encode_notice(bytes.fromhex(epc), rssi_dbm=-55) for epc in (*EPCS, "7EBB007E")]
    return notices[0] + m100.encode_answer(m100.CMD_ERROR, b"\x15") + b"".join(notices[1:])


def reader18_stream(profile: reader18.Profile) -> bytes:
    """Answers with one tag, with two, an active report, and the end."""
    epcs = [bytes.fromhex(epc) for epc in EPCS]
    return (
        reader18.encode_tags(profile, [(epcs[0], -60)], antenna=0, status=reader18.MORE_FOLLOWS)
        + reader18.encode_tags(profile, [(epcs[1], -70), (epcs[2], -50)], antenna=0, status=reader18.MORE_FOLLOWS)
        + reader18.encode_answer(reader18.CMD_INVENTORY, reader18.NO_TAG)
        + reader18.encode_active(profile, epcs[1], antenna=0, rssi_dbm=-70)
    )


def thingmagic_stream() -> bytes:
    """Two answers of the tag buffer, and answers without tags."""
    epcs = [bytes.fromhex(epc) for epc in EPCS]
    return (
        thingmagic.encode_answer(thingmagic.CMD_READ_MANY, thingmagic.OK, b"\x03")
        + thingmagic.encode_buffer([(epcs[0], -60, 0), (epcs[1], -70, 3)])
        + thingmagic.encode_answer(thingmagic.CMD_CLEAR_BUFFER)
        + thingmagic.encode_buffer([(epcs[2], -50, 1)])
    )


def llrp_stream() -> bytes:
    """Reports of one tag and of two, between them what else a reader says."""
    epcs = [bytes.fromhex(epc) for epc in EPCS]
    return (
        llrp.encode_greeting()
        + llrp.encode_report([(epcs[0], 1, -60)])
        + llrp.encode_keepalive(7)
        + llrp.encode_answer(llrp.START_ROSPEC, 8)
        + llrp.encode_report([(epcs[1], 4, -70), (epcs[2], 2, None)])
        + llrp.encode_answer(llrp.STOP_ROSPEC, 9, llrp.PARAMETER_ERROR, "not active")
        + llrp.encode_report([(epcs[0], 1, -61)])
    )


def reader18_rig(profile: reader18.Profile) -> Rig:
    return reader_rig(
        "uhf_reader18",
        "uhf_reader18",
        device=lambda tags: Reader18Device(tags, profile=profile, round_s=0.001),
        faults=Reader18Faults,
        reader=partial(Reader18Reader, profile=profile),
        dialect=Reader18Dialect(profile),
        stream=reader18_stream(profile),
        most_pending=reader18.MAX_FRAME,
        profile=profile,
    )


def template_rig() -> Rig:
    def drive(port: str, clock: Clock, deliver: Deliver) -> Device:
        return TemplateCounter("c-1", port, clock=clock, on_count=lambda count, _: deliver(count), silence_s=0.8)

    async def begin(_: TemplateCounter) -> None:
        """It speaks by itself."""

    def read(chunks: Iterable[bytes]) -> list[object]:
        decoder = template.CountDecoder()
        return [count for chunk in chunks for count in decoder.feed(chunk)]

    return Rig(
        "template",
        "template",
        simulate=lambda: TemplateDevice(lambda: 42, interval_s=0.005),
        faults=TemplateFaults,
        drive=drive,
        begin=begin,
        stream=b"".join(template.encode(template.Count(pieces)) for pieces in (0, 17, 999_999, 42)),
        read=read,
        decoder=template.CountDecoder,
        most_pending=template.SIZE,
        codes=tuple(f"counter_{code}" for code in LISTENER_STEPS),
    )


def r2000_rig(inventory: Inventory) -> Rig:
    return reader_rig(
        "uhf_r2000",
        "uhf_r2000",
        device=lambda tags: R2000Device(tags, round_s=0.001),
        faults=R2000Faults,
        reader=partial(R2000Reader, inventory=inventory),
        dialect=R2000Dialect(inventory),
        stream=r2000_stream(),
        most_pending=MAX_LEN + 2,
        profile=inventory,
    )


WEIGHTS_KG = (18_850, 23_960, 9_720)
# Displays of one weight, and how far they are apart: as many as are needed, and one that may be lost.
_SHOWN, _EVERY_MS = 6, 250


def read_weights(decoder: Callable[[], StreamDecoder[Sample]]) -> Callable[[Iterable[bytes]], list[object]]:
    """The weights at rest that chunks give, a display each 250 ms; at the end the line falls silent."""

    def read(chunks: Iterable[bytes]) -> list[object]:
        codec = decoder()
        samples = [sample for chunk in chunks for sample in codec.feed(chunk)]
        while codec.pending:
            samples += codec.give_up()
        steady = Steady()
        said = [steady.feed(sample, place * _EVERY_MS) for place, sample in enumerate(samples)]
        return [one.kg for one in said if one is not None and one.status == "stable"]

    return read


def scale_rig(
    protocol: str,
    folder: str,
    *,
    scale: Callable[..., ScaleListener],
    decoder: Callable[[], StreamDecoder[Sample]],
    most_pending: int,
    end: bytes = b"",
) -> Rig:
    """A scale under vehicles that come and go all the time."""
    encode = PROTOCOLS[protocol]

    def simulate() -> StreamDevice[Any]:
        # Long enough for what a driver takes for rest here.
        shown = itertools.cycle([Display(kg) for kg in WEIGHTS_KG[:2] for _ in range(20)])
        return Indicator(lambda: next(shown), protocol=protocol, every_s=0.003)

    def drive(port: str, clock: Clock, deliver: Deliver) -> Device:
        steady = Steady(needed=3, over_ms=3)
        return scale("scale-1", port, steady, clock=clock, on_weight=deliver, silence_s=0.6)

    async def begin(_: ScaleListener) -> None:
        """Do nothing: it speaks unasked."""

    return Rig(
        protocol,
        folder,
        simulate=simulate,
        faults=ScaleFaults,
        drive=drive,
        begin=begin,
        stream=b"".join(encode(Display(kg)) for kg in WEIGHTS_KG for _ in range(_SHOWN)) + end,
        read=read_weights(decoder),
        decoder=decoder,
        most_pending=most_pending,
        codes=tuple(f"scale_{code}" for code in SCALE_STEPS),
    )


def toledo_rig(protocol: str, *, short: bool) -> Rig:
    """The same codec, with and without a tare."""
    decoder = partial(ContinuousDecoder, short=short)
    scale = partial(ToledoScale, short=short)
    return scale_rig(protocol, "scale_toledo", scale=scale, decoder=decoder, most_pending=18)


def yaohua_rig(protocol: str, output: Output, most_pending: int, end: bytes = b"") -> Rig:
    """One of three outputs."""
    decoder = partial(decoder_of, output)
    scale = partial(YaohuaScale, output=output)
    return scale_rig(protocol, "scale_yaohua", scale=scale, decoder=decoder, most_pending=most_pending, end=end)


RIGS = [
    *LINE_RIGS,
    yaohua_rig("yaohua_tf0", "binary", 12),
    yaohua_rig("yaohua_ascii", "ascii", 32),
    # A display is whole once the next one begins.
    yaohua_rig("yaohua_reversed", "reversed", 12, end=b"="),
    toledo_rig("toledo_continuous", short=False),
    toledo_rig("toledo_short", short=True),
    template_rig(),
    r2000_rig("realtime"),
    r2000_rig("session"),
    reader_rig(
        "uhf_m100",
        "uhf_m100",
        device=lambda tags: M100Device(tags, round_s=0.001),
        faults=M100Faults,
        reader=M100Reader,
        dialect=M100Dialect(),
        stream=m100_stream(),
        most_pending=m100.MAX_FRAME,
    ),
    reader18_rig("reader18"),
    reader18_rig("ur"),
    reader_rig(
        "uhf_thingmagic",
        "uhf_thingmagic",
        device=lambda tags: ThingMagicDevice(tags, round_s=0.001),
        faults=ThingMagicFaults,
        reader=ThingMagicReader,
        dialect=ThingMagicDialect(),
        stream=thingmagic_stream(),
        most_pending=thingmagic.MAX_FRAME,
    ),
    reader_rig(
        "uhf_llrp",
        "uhf_llrp",
        device=LlrpDevice,
        faults=LlrpFaults,
        reader=partial(LlrpReader, round_s=0.002),
        dialect=LlrpDialect((0, 1, 2, 3)),
        stream=llrp_stream(),
        most_pending=llrp.MOST_BYTES,
        wires=("socket",),
        checked=False,
        further_codes=("extra_missing",),
    ),
]
