"""What every UHF reader must do beyond any driver of a stream: whose tags they are, how strong, on which antenna."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from drivers.kit.tag_reader import StreamTagReader
from drivers.uhf_llrp.driver import LlrpReader
from drivers.uhf_m100 import wire as m100
from drivers.uhf_m100.driver import M100Reader
from drivers.uhf_r2000.driver import R2000Reader
from drivers.uhf_reader18.driver import Reader18Reader
from drivers.uhf_thingmagic.driver import ThingMagicReader
from edge.core.tag import Tag
from edge.ports import DeviceError
from simulators.devices.serial_wire import PtyWire, TcpWire
from simulators.devices.tag_field import STALE_TAGS, ReaderDevice, SimulatedTag
from simulators.devices.uhf_llrp import LlrpDevice
from simulators.devices.uhf_m100 import M100Device
from simulators.devices.uhf_r2000 import R2000Device
from simulators.devices.uhf_reader18 import Reader18Device
from simulators.devices.uhf_thingmagic import ThingMagicDevice
from tests.drivers.conformance.rigs import QUICK
from tests.support.r2000 import Delivered, RealClock, StoppedClock, until

EPC = "E200301666130121155074EF"
Tags = Callable[[], Sequence[SimulatedTag]]


@dataclass(frozen=True)
class Model:
    """A reader and its simulator; how many antennas it has, whether it tells a strength, and hangs on a network."""

    device: Callable[[Tags], ReaderDevice[Any]]
    reader: Callable[..., StreamTagReader[Any]]
    antennas: int
    tells_strength: bool = True
    networked: bool = False


MODELS = {
    "r2000": Model(partial(R2000Device, round_s=0.001), R2000Reader, 4),
    "r2000-session": Model(partial(R2000Device, round_s=0.001), partial(R2000Reader, inventory="session"), 4),
    "m100": Model(partial(M100Device, round_s=0.001), M100Reader, 1),
    "reader18": Model(partial(Reader18Device, round_s=0.001), Reader18Reader, 1, tells_strength=False),
    "ur": Model(partial(Reader18Device, profile="ur", round_s=0.001), partial(Reader18Reader, profile="ur"), 4),
    "thingmagic": Model(partial(ThingMagicDevice, round_s=0.001), ThingMagicReader, 4),
    "llrp": Model(LlrpDevice, partial(LlrpReader, round_s=0.002), 4, networked=True),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@dataclass
class Running:
    device: ReaderDevice[Any]
    wire: PtyWire[Any] | TcpWire[Any]
    reader: StreamTagReader[Any]
    delivered: Delivered = field(default_factory=Delivered)
    in_field: list[SimulatedTag] = field(default_factory=list)


@contextlib.asynccontextmanager
async def running(model: Model, folder: Path, **settings: object) -> AsyncIterator[Running]:
    """A reader that is connected and runs."""
    delivered, in_field = Delivered(), list[SimulatedTag]()
    device = model.device(lambda: in_field)
    wire: PtyWire[Any] | TcpWire[Any]
    wire = TcpWire(device) if model.networked else PtyWire(device, symlink=folder / "reader")
    await wire.start()
    given: dict[str, object] = {"clock": RealClock(), "pace": QUICK} | settings
    reader = model.reader("rfid-1", wire.path, on_tag=delivered, **given)
    await reader.connect()
    task = asyncio.create_task(reader.run())
    try:
        yield Running(device, wire, reader, delivered, in_field)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, DeviceError):
            await task
        await reader.close()
        await wire.stop()


@every_model
async def test_a_tag_has_its_epc_strength_and_antenna(model: Model, tmp_path: Path) -> None:
    last = model.antennas - 1
    async with running(model, tmp_path, antennas=(last,)) as it:
        it.in_field += [SimulatedTag(EPC, rssi_dbm=-61, antenna=last), SimulatedTag("ABCD", rssi_dbm=-80, antenna=last)]
        await it.reader.start_inventory()
        await it.delivered.until(lambda tags: len({tag.tag.epc for tag in tags}) == 2)
        strengths = {(tag.tag, tag.antenna, tag.rssi_dbm) for tag in it.delivered.tags}
        near, far = (-61, -80) if model.tells_strength else (None, None)
        assert strengths == {(Tag(EPC), last, near), (Tag("ABCD"), last, far)}


@every_model
async def test_all_configured_antennas_take_turns(model: Model, tmp_path: Path) -> None:
    antennas = tuple(range(model.antennas))[-2:]
    async with running(model, tmp_path, antennas=antennas) as it:
        it.in_field += [SimulatedTag(f"{number:04X}", antenna=number) for number in range(4)]
        await it.reader.start_inventory()
        await it.delivered.until(lambda tags: {tag.antenna for tag in tags} == set(antennas))
        assert all(int(tag.tag.epc, 16) == tag.antenna for tag in it.delivered.tags)


@every_model
@pytest.mark.hazard("D11")
async def test_tags_read_before_the_start_are_discarded(model: Model, tmp_path: Path) -> None:
    async with running(model, tmp_path) as it:
        stray = it.device.report(SimulatedTag("DEAD0000"))
        it.wire.write(stray * 3)
        await until(lambda: it.reader.counters.tags_stale == 3)
        it.wire.write(stray * 3)
        it.device.faults.stale_buffer = True
        await it.reader.start_inventory()
        await until(lambda: not it.device.faults.stale_buffer)
        it.in_field.append(SimulatedTag(EPC))
        await it.delivered.until(lambda tags: len(tags) >= 1)
        assert it.reader.counters.tags_stale >= 3 + STALE_TAGS
        assert {tag.tag.epc for tag in it.delivered.tags} == {EPC}


@every_model
@pytest.mark.hazard("D13")
async def test_a_flood_is_limited_and_the_surplus_counted(model: Model, tmp_path: Path) -> None:
    async with running(model, tmp_path, clock=StoppedClock()) as it:
        it.device.faults.flood = True
        await it.reader.start_inventory()
        await until(lambda: it.reader.counters.tags_surplus > 1_000)
        assert len(it.delivered.tags) == QUICK.max_tags_per_s


@every_model
async def test_stop_ends_the_deliveries_and_start_resumes(model: Model, tmp_path: Path) -> None:
    async with running(model, tmp_path) as it:
        it.in_field.append(SimulatedTag(EPC))
        await it.reader.start_inventory()
        await it.delivered.until(lambda tags: len(tags) >= 1)
        await it.reader.stop_inventory()
        count = len(it.delivered.tags)
        sent = it.device.sent_frames
        await until(lambda: it.device.sent_frames > sent + 2)
        assert len(it.delivered.tags) == count
        await it.reader.start_inventory()
        await it.delivered.until(lambda tags: len(tags) > count)


@every_model
async def test_an_empty_field_is_no_fault(model: Model, tmp_path: Path) -> None:
    async with running(model, tmp_path) as it:
        await it.reader.start_inventory()
        await until(lambda: it.reader.counters.rounds > 3)
        assert it.delivered.tags == []
        assert it.reader.counters.refused_rounds == 0


async def test_a_module_that_a_killed_controller_left_polling_is_stopped(tmp_path: Path) -> None:
    async with running(MODELS["m100"], tmp_path) as it:
        it.in_field.append(SimulatedTag(EPC))
        await it.reader.start_inventory()
        await it.delivered.until(lambda tags: len(tags) >= 1)
        await it.reader.close()
        # As a kill leaves it: told to poll ten thousand times, and nobody listens.
        it.device.receive(m100.poll_many())
        await until(lambda: it.device.rounds > 3)
        await it.reader.connect()
        rounds = it.device.rounds
        assert [command.command for command in it.device.commands[-2:]] == [m100.CMD_STOP, m100.CMD_VERSION]
        assert it.device.rounds == rounds


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (m100.poll(), m100.encode_answer(m100.CMD_ERROR, bytes((m100.ERROR_NO_TAG,)))),
        (m100.encode(m100.Frame(m100.COMMAND, 0x77, b"")), m100.encode_answer(m100.CMD_ERROR, b"\x17")),
    ],
)
async def test_the_simulated_module_answers_single_polls_and_refuses_what_it_does_not_know(
    command: bytes, answer: bytes
) -> None:
    said = bytearray()

    class Recorder:
        def write(self, data: bytes) -> None:
            said.extend(data)

    device = M100Device(list)
    serving = asyncio.create_task(device.serve(Recorder()))
    device.receive(command)
    await until(lambda: bool(said))
    serving.cancel()
    assert bytes(said) == answer
