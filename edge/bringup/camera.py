"""A camera: do good pictures come, is its clock right, and is a plate large enough to be read at this mounting?"""

import asyncio
import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from config.devices import Camera as Configured
from edge import registry
from edge.bringup.step import Step
from edge.bringup.trial import Trial
from edge.core.readings import PictureReading, PlateSighting, Unread
from edge.ports import Camera, Clock, DeviceError, Frame, Recogniser
from edge.profiles import core_masks
from edge.text import say

GOOD_PICTURES = 3
MOST_SKEW_S = 5.0
# At ten pixels a letter, aslant ones are left unread (docs/recognition.md, CCPD crops): some room above that.
LEAST_CHARACTER_PX = 14.0
FRAME_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 10.0
# A plate of two rows is not twice as wide as it is high.
_ONE_ROW = 2.2
# Why a picture is not good, whoever says so: its driver, or the recogniser, which looks closer.
_OF_A_PICTURE = frozenset(
    {
        *("dark", "overexposed", "blurred", "covered", "frozen", "late"),
        *("empty", "truncated", "damaged", "too_large", "too_small", "not_a_picture", "masked"),
    }
)
# Reasons whose own text (`unread_<reason>`) says what to do; others leave it to the step's.
_TELLING = frozenset(
    {
        *("dark", "overexposed", "blurred", "covered", "frozen", "truncated", "damaged"),
        *("empty", "too_large", "too_small", "not_a_picture", "too_few_pixels", "illegible", "masked"),
        *("model_output", "model_unavailable"),
    }
)
# What says that a plate or a code is there, and not as it has to be.
_SEEN_BADLY = frozenset({"too_few_pixels", "illegible", "check_digit"})
_DATE = re.compile(rb"(?im)^date:[ \t]*([^\r\n]{1,60})")


class CameraTrial(Trial[Camera]):
    """`recogniser` reads what the configuration says that this camera reads."""

    def __init__(self, configured: Configured, clock: Clock, recogniser: Recogniser) -> None:
        # A camera that tells events gives one picture for each vehicle.
        self._needed = 1 if configured.tells_events else GOOD_PICTURES
        self._pictures = Step("pictures", fields={"count": 0, "needed": self._needed, "size": "-", "defect": "-"})
        self._pictures.fields["masks"] = _told(configured)
        self._skew = Step("clock", fields={"skew_s": 0.0, "limit_s": MOST_SKEW_S})
        self._plate = Step("plate", fields={"text": "-", "pixels": 0.0, "needed": LEAST_CHARACTER_PX, "size": "-"})
        self._container = Step("container", fields={"text": "-", "check": "-"})
        self._plate.fields["reason"] = self._container.fields["reason"] = "-"
        self._last_sha256, self._last_reading = "", PictureReading()
        super().__init__([self._pictures, self._skew])
        self.steps += [self._plate] if "plate" in configured.reads else []
        self.steps += [self._container] if "container" in configured.reads else []
        self._reads = frozenset(configured.reads)
        self._masks = core_masks(configured)
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
            self._pictures.fields["size"] = f"{frame.width} x {frame.height}"
            repeated, self._last_sha256 = frame.sha256 == self._last_sha256, frame.sha256
            self._judge(await self._read(frame, repeated=repeated), repeated=repeated)
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

    async def _read(self, frame: Frame, *, repeated: bool) -> PictureReading:
        """Return what is read in a picture. Its driver has told of a defect, but takes a covered lens for blurred."""
        told = PictureReading(unread=(Unread("picture", frame.defect or "-"),))
        if frame.defect not in (None, "blurred"):
            return told
        if not repeated:
            self._last_reading = await self._recogniser.read(frame.jpeg, self._reads, READ_TIMEOUT_S, self._masks)
        closer = _whole(self._last_reading.unread) in _OF_A_PICTURE
        return self._last_reading if frame.defect is None or closer else told

    def _judge(self, reading: PictureReading, *, repeated: bool) -> None:
        self._unread(reading.unread)
        # The same bytes again are nothing new of a camera: they may be the first ones of a frozen one.
        if not repeated and self._pictures.fields["defect"] == "-":
            self._pictures.fields["count"] += 1
            if self._pictures.fields["count"] >= self._needed:
                self._pictures.settle("PASS")
        for plate in reading.plates:
            pixels = round(character_px(plate), 1)
            if self._plate.status != "PASS" and pixels >= self._plate.fields["pixels"]:
                width, height = plate.box[2:]
                self._plate.fields |= {"text": plate.plate.text, "pixels": pixels, "size": f"{width} x {height}"}
                self._plate.wrong = True
                if pixels >= LEAST_CHARACTER_PX:
                    self._plate.settle("PASS", reason="-")
        for one in reading.containers:
            if self._container.status != "PASS":
                self._container.fields |= {"text": one.container.code, "check": one.container.check}
                self._container.wrong = True
                # Only such a code is an answer at the lane.
                if one.container.check == "verified":
                    self._container.settle("PASS", reason="-")

    def _unread(self, unread: tuple[Unread, ...]) -> None:
        """Keep why the last picture was not read, as a whole or for what it was looked for; show it while it is so."""
        reasons = {one.what: one.reason for one in unread}
        whole = _whole(unread)
        _because(self._pictures, "defect", whole if whole in _OF_A_PICTURE else "-")
        self._pictures.wrong |= whole in _OF_A_PICTURE
        for step in (self._plate, self._container):
            _because(step, "reason", reasons.get(step.code, whole))
            step.wrong |= reasons.get(step.code) in _SEEN_BADLY
        tap = getattr(self.device, "tap", None)
        if tap is not None and tap.wants_words:
            for what, reason in reasons.items():
                tap.understood(False, _shown(what, reason))


def _whole(unread: tuple[Unread, ...]) -> str:
    """Return why the whole picture was not read."""
    return next((one.reason for one in unread if one.what == "picture"), "-")


def _shown(what: str, reason: str) -> str:
    said = say("bringup_unread", what=what, reason=reason)
    return f"{said}: {say(f'unread_{reason}')}" if reason in _TELLING else said


def _because(step: Step, field: str, reason: str) -> None:
    if step.status != "PASS":
        step.fields[field] = reason
        step.remedy = f"unread_{reason}" if reason in _TELLING else ""


def _told(configured: Configured) -> str:
    """Return the areas that are left out, each as one `kakou identify --mask` takes it."""
    return "; ".join(one.words for one in configured.masks) or "-"


def character_px(plate: PlateSighting) -> float:
    """Return how many pixels of width one character of a plate has; of two rows the lower one has five."""
    width, height = plate.box[2:]
    in_a_row = max(1, len(plate.plate.text)) if width >= _ONE_ROW * height else 5
    return width / in_a_row
