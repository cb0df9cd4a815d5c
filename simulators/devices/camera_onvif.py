"""A plate camera over RTSP that tells what it recognised as ONVIF metadata, a second track beside its video."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from simulators.devices import onvif_words
from simulators.devices.camera_door import CameraDoor
from simulators.devices.camera_rtsp import (
    RTSP_FAULTS,
    PictureSource,
    RtspCameraSimulator,
    RtspFault,
    interleaved,
)

# `words_held`: what it saw is told HELD_S later. `words_old`: beside what it sees it tells what it saw OLD_S before.
# `words_torn`: of every document the last packet but one is missing. `words_long`: documents without measure.
WordsFault = Literal[
    "no_metadata",
    "words_gzip",
    "words_exi",
    "words_silent",
    "words_garbage",
    "words_noise",
    "words_torn",
    "words_long",
    "words_held",
    "words_old",
    "two_plates",
    "misread",
    "wrong_clock",
]
WORDS_FAULTS: tuple[WordsFault, ...] = get_args(WordsFault)
OnvifFault = RtspFault | WordsFault
ONVIF_FAULTS: tuple[OnvifFault, ...] = (*RTSP_FAULTS, *WORDS_FAULTS)
MISREAD = "粤B99999"
HELD_S = 20.0
OLD_S = 20.0
_OF_VIDEO: dict[str, RtspFault] = {one: one for one in RTSP_FAULTS}
_OF_WORDS: dict[str, WordsFault] = {one: one for one in WORDS_FAULTS}
_CODECS = {"words_gzip": "vnd.onvif.metadata.gzip", "words_exi": "vnd.onvif.metadata.exi.onvif"}
_WORDS_EVERY_S = 0.2
_REPORT_EVERY = 5
# What the analysis of a frame takes.
_ANALYSIS_S = 0.1
_NOISE_BYTES = 300
_LONG_BYTES = 1_200_000
_WRONG_BY = timedelta(hours=-7)


class OnvifCameraSimulator(RtspCameraSimulator):
    """`RtspCameraSimulator` that tells the plate which `plate` returns, None for none, whenever it looks.

    `events`: it tells it by the events of a rule, not in the scene.
    """

    def __init__(
        self,
        source: PictureSource,
        plate: Callable[[], str | None],
        *,
        frames_per_s: float = 5.0,
        seed: int = 0,
        port: int = 0,
        door: CameraDoor | None = None,
        events: bool = False,
    ) -> None:
        """As `RtspCameraSimulator`."""
        super().__init__(source, frames_per_s=frames_per_s, seed=seed, port=port, door=door)
        self._plate = plate
        self._events = events
        self._words_fault: WordsFault | None = None

    async def set_fault(self, fault: OnvifFault) -> None:
        """Switch to `fault`, or back to `none`; one at a time. Raises ValueError for an unknown fault."""
        of_words = _OF_WORDS.get(fault)
        if of_words is None and fault not in _OF_VIDEO:
            raise ValueError(f"expected one of {', '.join(ONVIF_FAULTS)}, got {fault!r}")
        self._words_fault = of_words
        await super().set_fault(_OF_VIDEO.get(fault, "none"))

    def _described(self) -> str:
        if self._words_fault == "no_metadata":
            return super()._described()
        codec = _CODECS.get(self._words_fault or "", "vnd.onvif.metadata")
        return super()._described() + onvif_words.describe(codec)

    async def _play(self, writer: asyncio.StreamWriter, channels: dict[str, int]) -> None:
        words = channels.get("track2")
        async with asyncio.TaskGroup() as tasks:
            if words is not None:
                tasks.create_task(self._tell(writer, words))
            if words is None or len(channels) > 1:
                video = {track: channel for track, channel in channels.items() if track != "track2"}
                tasks.create_task(super()._play(writer, video))

    async def _tell(self, writer: asyncio.StreamWriter, channel: int) -> None:
        loop = asyncio.get_running_loop()
        sequence = turn = 0
        try:
            while True:
                await self._hang()
                at = datetime.now(UTC) + (_WRONG_BY if self._words_fault == "wrong_clock" else timedelta())
                ticks = round(loop.time() * 90_000)
                if self._words_fault != "words_silent":
                    if turn % _REPORT_EVERY == 0:
                        writer.write(interleaved(channel + 1, onvif_words.report(at, ticks)))
                    for document in self._documents(at):
                        sequence = self._write(writer, channel, document, ticks, sequence)
                    await writer.drain()
                turn += 1
                await asyncio.sleep(_WORDS_EVERY_S)
        except ConnectionError:
            pass  # the client's business

    def _documents(self, now: datetime) -> list[bytes]:
        """What is told at a moment: what was seen a little before, none for an event that did not happen."""
        at = now - timedelta(seconds=HELD_S if self._words_fault == "words_held" else _ANALYSIS_S)
        plate = self._plate()
        if self._words_fault == "words_garbage":
            return [self._random.randbytes(500)]
        if plate is None:
            return [onvif_words.scene(at, ())]
        if self._words_fault == "misread":
            plate = MISREAD
        if self._words_fault == "words_old":
            return [onvif_words.scene(at, ()), onvif_words.scene(at - timedelta(seconds=OLD_S), (plate,))]
        if self._words_fault == "two_plates":
            return [onvif_words.scene(at, (plate, MISREAD))]
        if self._events:
            return [onvif_words.scene(at, ()), onvif_words.notification(at, plate)]
        filling = "x" * {"words_long": _LONG_BYTES, "words_torn": 3_000}.get(self._words_fault or "", 0)
        return [onvif_words.scene(at, (plate,), filling=filling)]

    def _write(self, writer: asyncio.StreamWriter, channel: int, document: bytes, ticks: int, sequence: int) -> int:
        cut = onvif_words.packets(document, ticks, sequence)
        sequence += len(cut)
        if self._words_fault == "words_torn" and len(cut) > 1:
            del cut[-2]
        for one in cut:
            if self._words_fault == "words_noise":
                writer.write(self._random.randbytes(_NOISE_BYTES))
            writer.write(interleaved(channel, one))
        return sequence
