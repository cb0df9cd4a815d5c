"""A camera: do good pictures come, is its clock right, and is a plate large enough to be read at this mounting?"""

import asyncio
import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from config.devices import Camera as Configured
from edge import registry
from edge.bringup.step import Step
from edge.bringup.trial import Trial
from edge.core.readings import PictureReading, PlateSighting
from edge.ports import Camera, Clock, DeviceError, Recogniser

GOOD_PICTURES = 3
MOST_SKEW_S = 5.0
# Letters ten pixels wide are mostly left unread (docs/recognition.md, CCPD crops).
LEAST_CHARACTER_PX = 14.0
FRAME_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
# A plate of two rows is not twice as wide as it is high.
_ONE_ROW = 2.2
_DATE = re.compile(rb"(?im)^date:[ \t]*([^\r\n]{1,60})")


class CameraTrial(Trial[Camera]):
    """`recogniser` reads what the configuration says that this camera reads."""

    def __init__(self, configured: Configured, clock: Clock, recogniser: Recogniser) -> None:
        # A camera that tells events gives one picture for each vehicle.
        self._needed = 1 if configured.tells_events else GOOD_PICTURES
        self._pictures = Step("pictures", fields={"count": 0, "needed": self._needed, "size": "-", "defect": "-"})
        self._skew = Step("clock", fields={"skew_s": 0.0, "limit_s": MOST_SKEW_S})
        self._plate = Step("plate", fields={"text": "-", "pixels": 0.0, "needed": LEAST_CHARACTER_PX, "size": "-"})
        self._container = Step("container", fields={"text": "-", "check": "-"})
        super().__init__([self._pictures, self._skew])
        self.steps += [self._plate] if "plate" in configured.reads else []
        self.steps += [self._container] if "container" in configured.reads else []
        self._reads = frozenset(configured.reads)
        self._clock = clock
        self._recogniser = recogniser
        self.device = registry.build(registry.CAMERA, configured, clock, None)

    async def act(self) -> None:
        """Look at pictures, one after another, until everything was seen."""
        after_ms = self._clock.now_ms()
        while True:
            try:
                frame = await self.device.capture(after_ms, FRAME_TIMEOUT_S)
            except DeviceError as error:
                if error.code != "camera_no_frame":
                    raise
                continue
            after_ms = frame.captured_at_ms + 1
            self._pictures.fields |= {"size": f"{frame.width} x {frame.height}", "defect": frame.defect or "-"}
            if frame.defect is None:
                self._pictures.fields["count"] += 1
                if self._pictures.fields["count"] >= self._needed:
                    self._pictures.settle("PASS")
                reading = await self._recogniser.read(frame.jpeg, self._reads, READ_TIMEOUT_S)
                self._judge(reading)
            self.look()
            # Whoever looks on is to see the steps before the next picture.
            await asyncio.sleep(0)

    def heard(self, data: bytes) -> None:
        """Compare the Date of an answer with the clock of this box."""
        found = _DATE.search(data) if data.startswith(b"HTTP/") else None
        if found is None or self._skew.status != "WAIT":
            return
        try:
            said = parsedate_to_datetime(found[1].decode("latin-1"))
            skew_s = ((said if said.tzinfo else said.replace(tzinfo=UTC)) - self._clock.utc()).total_seconds()
        except (ValueError, OverflowError):
            return
        self._skew.settle("PASS" if abs(skew_s) <= MOST_SKEW_S else "FAIL", skew_s=round(skew_s, 1))
        self.look()

    def finish(self) -> None:
        """A camera that tells no time is nobody's fault."""
        if self._skew.status == "WAIT":
            self._skew.status = "SKIP"
        super().finish()

    def _judge(self, reading: PictureReading) -> None:
        for plate in reading.plates:
            pixels = round(character_px(plate), 1)
            if self._plate.status != "PASS" and pixels >= self._plate.fields["pixels"]:
                width, height = plate.box[2:]
                self._plate.fields |= {"text": plate.plate.text, "pixels": pixels, "size": f"{width} x {height}"}
                if pixels >= LEAST_CHARACTER_PX:
                    self._plate.settle("PASS")
        for one in reading.containers:
            if self._container.status != "PASS":
                self._container.settle("PASS", text=one.container.code, check=one.container.check)


def character_px(plate: PlateSighting) -> float:
    """Return how many pixels of width one character of a plate has; of two rows the lower one has five."""
    width, height = plate.box[2:]
    in_a_row = max(1, len(plate.plate.text)) if width >= _ONE_ROW * height else 5
    return width / in_a_row
