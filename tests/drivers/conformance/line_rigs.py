"""Rigs of devices that send lines of text: readers of drivers' cards, container engines of somebody else."""

import itertools
from collections.abc import Iterable
from functools import partial
from typing import Any

from drivers.identity_lines import wire as identity
from drivers.identity_lines.driver import LineReader
from drivers.kit.listener import NEXT_STEPS as LISTENER_STEPS
from drivers.ocr_lines import wire as engine
from drivers.ocr_lines.driver import EngineOnLine
from edge.ports import Clock, Device
from simulators.devices.container_engine import EngineDevice, EngineFaults, Vehicle
from simulators.devices.identity import CardReader, IdentityFaults
from simulators.devices.serial_wire import StreamDevice
from tests.drivers.conformance.rig import Deliver, Rig

CARDS = ("6217000123", "0099881122", "31415926535897")


def identity_rig(protocol: str, framing: identity.Framing) -> Rig:
    """A reader of cards that come and go all the time, set to a heartbeat and a check."""
    layout = identity.Layout(framing, prefix="IC:", alphabet="digits", check="xor", heartbeat="ALIVE")

    def simulate() -> StreamDevice[Any]:
        shown = itertools.cycle(CARDS[:2])
        return CardReader(lambda: next(shown), layout, every_s=0.003)

    def drive(port: str, clock: Clock, deliver: Deliver) -> Device:
        return LineReader(
            "card-1",
            port,
            layout,
            medium="ic",
            clock=clock,
            on_card=lambda card, _: deliver(card),
            silence_s=0.6,
            repeat_ms=1,
            most_per_s=1_000,
        )

    async def begin(_: LineReader) -> None:
        """Do nothing: it speaks unasked."""

    def read(chunks: Iterable[bytes]) -> list[object]:
        decoder = identity.CardDecoder(layout)
        lines = [line for chunk in chunks for line in decoder.feed(chunk)]
        return [line.text for line in lines if line.text is not None]

    return Rig(
        protocol,
        "identity_lines",
        simulate=simulate,
        faults=IdentityFaults,
        drive=drive,
        begin=begin,
        stream=identity.encode_heartbeat(layout).join(identity.encode(card, layout) for card in CARDS),
        read=read,
        decoder=partial(identity.CardDecoder, layout),
        most_pending=identity.MOST_BYTES,
        codes=tuple(f"identity_{code}" for code in LISTENER_STEPS),
    )


CODES = ("CSQU3054383", "TCLU4254260", "HLXU4074106")


def engine_rig() -> Rig:
    """An engine before which another vehicle stands whenever it looks."""

    def simulate() -> StreamDevice[Any]:
        numbers = itertools.count(1)
        return EngineDevice(lambda: Vehicle(next(numbers), CODES[:2]), every_s=0.003)

    def drive(port: str, clock: Clock, deliver: Deliver) -> Device:
        return EngineOnLine("engine-1", port, clock=clock, on_boxes=deliver, silence_s=0.6, most_per_s=1_000)

    async def begin(_: EngineOnLine) -> None:
        """Do nothing: it speaks unasked."""

    def read(chunks: Iterable[bytes]) -> list[object]:
        decoder = engine.EngineDecoder()
        return [line for chunk in chunks for line in decoder.feed(chunk) if line.id]

    results = [
        {"id": f"r{place}", "age_ms": 850, "boxes": [{"code": code, "confidence": 0.98}]}
        for place, code in enumerate(CODES)
    ]
    return Rig(
        "ocr_lines",
        "ocr_lines",
        simulate=simulate,
        faults=EngineFaults,
        drive=drive,
        begin=begin,
        stream=engine.encode({"alive": True}).join(engine.encode(one) for one in results),
        read=read,
        decoder=engine.EngineDecoder,
        most_pending=engine.MOST_BYTES,
        codes=tuple(f"engine_{code}" for code in LISTENER_STEPS),
    )


LINE_RIGS = [engine_rig(), identity_rig("card_lines", "lines"), identity_rig("card_stx", "stx")]
