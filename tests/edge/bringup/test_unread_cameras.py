"""Why a camera's picture was not read, as the technician is told it: on the wire, live and in the report."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import cv2
import numpy as np
import pytest

from config.devices import Camera
from edge.bringup.camera import CameraTrial
from edge.bringup.session import Limits, try_out
from edge.bringup.step import Step
from edge.core.container import Container
from edge.core.masks import Mask
from edge.core.plate import Plate
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, Unread
from edge.ports import Clock, Frame, Recogniser
from edge.runtime.clock import LoopClock
from edge.text import say
from models.recogniser import WorkerRecogniser
from simulators.devices.camera import CameraFault, CameraSimulator
from simulators.scene import render_front
from simulators.scene.canvas import Picture
from simulators.scene.lane import render_empty_lane
from tests.support.bringup_box import until
from tests.support.clocks import StoodClock
from tests.support.drawn import BLUE, ground, plate

FRONT = render_front("苏A88888", "yellow", seed=3)


def _small() -> Picture:
    """What a plate camera gives of a plate too far away: 13 pixels high."""
    image = ground(38, 13)
    plate(image, "B6R678", (0, 0), 12, BLUE)
    return image


SCENES: dict[str, tuple[Picture, CameraFault]] = {
    "dark": (FRONT, "dark"),
    "overexposed": (FRONT, "overexposed"),
    "frozen": (render_empty_lane(3), "frozen"),
    "blurred": (np.asarray(cv2.GaussianBlur(FRONT, (0, 0), 25), np.uint8), "none"),
    "covered": (np.full((480, 640, 3), 120, np.uint8), "none"),
    "too_few_pixels": (_small(), "none"),
}


@pytest.fixture
async def recogniser() -> AsyncIterator[Recogniser]:
    made = WorkerRecogniser()
    yield made
    await made.close()


@pytest.mark.hazard("D1", "D2")
@pytest.mark.parametrize("reason", SCENES)
async def test_why_nothing_was_read_is_told_with_what_to_do(recogniser: Recogniser, reason: str) -> None:
    scene, fault = SCENES[reason]
    camera = CameraSimulator(lambda: scene, seed=1)
    await camera.start()
    await camera.set_fault(fault)
    judged = trial("plate", recogniser=recogniser, url=camera.snapshot_url, clock=LoopClock())
    plates, pictures = steps_of(judged)["plate"], steps_of(judged)["pictures"]
    trying = asyncio.create_task(try_out(judged, Heard(), judged._clock, Limits(seconds=60), lambda _: None))
    try:
        await until(lambda: plates.fields["reason"] == reason)
        # A camera that sends good ones is to be seen doing so.
        await until(lambda: reason != "too_few_pixels" or pictures.status == "PASS")
        judged.done.set()
        await trying
    finally:
        trying.cancel()
        await camera.stop()
    assert (plates.status, plates.text("next", "en")) == ("FAIL", say(f"unread_{reason}", "en"))
    assert f"unread: {reason}" in plates.text("seen", "en")
    if reason != "too_few_pixels":
        assert (pictures.status, pictures.fields["defect"]) == ("FAIL", reason)
        assert pictures.text("next", "en") == say(f"unread_{reason}", "en")


class Answers:
    """A recogniser that gives one answer; `masks` is what it was to leave out."""

    def __init__(self, reading: PictureReading) -> None:
        self._reading = reading
        self.masks: list[tuple[Mask, ...]] = []

    async def read(
        self, jpeg: bytes, look_for: frozenset[str], deadline_s: float, masks: tuple[Mask, ...] = ()
    ) -> PictureReading:
        self.masks.append(masks)
        return self._reading


class Heard:
    """A tap that keeps the words."""

    def __init__(self, *, wants_words: bool = False) -> None:
        self.wants_words = wants_words
        self.words: list[str] = []

    def crossed(self, sent: bool, data: bytes) -> None:
        """Bytes are looked at elsewhere."""

    def understood(self, sent: bool, words: str) -> None:
        assert not sent
        self.words.append(words)


def trial(
    *reads: str,
    recogniser: Recogniser | None = None,
    url: str = "http://127.0.0.1/",
    clock: Clock | None = None,
    **more: object,
) -> CameraTrial:
    said = {"id": "front", "url": url, "place": "front", "reads": reads, "poll_ms": 100, **more}
    return CameraTrial(Camera.model_validate(said), clock or StoodClock(), cast(Recogniser, recogniser))


def steps_of(judged: CameraTrial) -> dict[str, Step]:
    return {one.code: one for one in judged.steps}


def unread(*pairs: tuple[str, str]) -> PictureReading:
    return PictureReading(unread=tuple(Unread(what, reason) for what, reason in pairs))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("reason", [*SCENES, "truncated", "model_unavailable", "model_output"])
def test_what_to_do_is_told_in_both_languages(reason: str, language: Any) -> None:
    judged = trial("plate")
    judged._judge(unread(("picture", reason)), repeated=False)
    judged.finish()
    step = steps_of(judged)["plate"]
    assert step.text("next", language) == say(f"unread_{reason}", language)
    assert reason in step.text("seen", language)


def test_each_step_has_the_reason_of_what_it_looks_for_and_the_models_are_not_the_cameras_fault() -> None:
    judged = trial("plate", "container")
    for _ in range(3):
        judged._judge(unread(("plate", "not_found"), ("container", "check_digit")), repeated=False)
    found = steps_of(judged)
    assert found["pictures"].status == "PASS"
    assert [found[code].fields["reason"] for code in ("plate", "container")] == ["not_found", "check_digit"]
    assert found["plate"].text("next", "en") == say("bringup_plate_next", "en")
    # A reason that a plug-in's driver or a later worker invents has no text, and breaks nothing.
    judged._judge(unread(("picture", "fogged")), repeated=False)
    assert found["plate"].fields["reason"] == "fogged"
    assert found["container"].text("next", "en") == say("bringup_container_next", "en")
    judged = trial("plate")
    for _ in range(3):
        judged._judge(unread(("picture", "model_unavailable")), repeated=False)
    assert steps_of(judged)["pictures"].status == "PASS"


def test_the_same_picture_again_is_no_further_good_one() -> None:
    judged = trial("plate")
    for repeated in (False, True, True, True):
        judged._judge(unread(("plate", "not_found")), repeated=repeated)
    assert (steps_of(judged)["pictures"].status, steps_of(judged)["pictures"].fields["count"]) == ("WAIT", 1)


def test_a_reason_that_passed_is_told_no_longer() -> None:
    judged = trial("plate", "container")
    judged._judge(unread(("picture", "covered")), repeated=False)
    seen = PlateSighting(Plate("苏A88888", "blue", "ordinary"), 0.9, (0, 0, 140, 44))
    judged._judge(PictureReading(plates=(seen,)), repeated=False)
    found = steps_of(judged)
    assert (found["plate"].status, found["plate"].fields["reason"]) == ("PASS", "-")
    assert found["pictures"].fields["defect"] == found["container"].fields["reason"] == "-"


@pytest.mark.parametrize("check", ["failed", "inferred"])
def test_a_code_whose_check_digit_was_not_verified_is_shown_and_does_not_pass(check: Any) -> None:
    judged = trial("container")
    box = ContainerSighting(Container("CSQU3054383", check), 0.9, (0, 0, 9, 9))
    failed = PictureReading(containers=(box,), unread=(Unread("container", "check_digit"),))
    judged._judge(failed, repeated=False)
    step = steps_of(judged)["container"]
    assert (step.status, step.fields["text"], step.fields["reason"]) == ("WAIT", "CSQU3054383", "check_digit")
    box = ContainerSighting(Container("CSQU3054383", "verified"), 0.9, (0, 0, 9, 9))
    judged._judge(PictureReading(containers=(box,)), repeated=False)
    assert (step.status, step.fields["check"], step.fields["reason"]) == ("PASS", "verified", "-")


@pytest.mark.parametrize("wants_words", [True, False])
def test_who_watches_the_wire_sees_the_reasons(wants_words: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAKOU_LANG", "en")
    judged, heard = trial("plate"), Heard(wants_words=wants_words)
    judged.device.tap = heard  # type: ignore[attr-defined]
    judged._judge(unread(("picture", "covered")), repeated=False)
    judged._judge(unread(("plate", "not_found")), repeated=False)
    told = [f"unread: picture, covered: {say('unread_covered', 'en')}", "unread: plate, not_found"]
    assert heard.words == (told if wants_words else [])


@pytest.mark.parametrize(
    ("said", "reason"), [("covered", "covered"), ("blurred", "blurred"), ("deadline", "blurred"), ("busy", "blurred")]
)
async def test_what_its_driver_calls_blurred_is_told_from_covered_where_anybody_can(said: str, reason: str) -> None:
    judged = trial("plate", recogniser=Answers(unread(("picture", said))))
    judged._judge(await judged._read(frame("blurred"), repeated=False), repeated=False)
    assert steps_of(judged)["pictures"].fields["defect"] == reason


async def test_what_the_configuration_masks_is_shown_and_not_read() -> None:
    areas = [{"left": 0, "top": 0.9, "right": 1, "bottom": 1}, {"left": 0.5, "top": 0, "right": 1, "bottom": 0.25}]
    reads = Answers(unread(("plate", "masked")))
    judged = trial("plate", recogniser=cast(Recogniser, reads), masks=tuple(areas))
    judged._judge(await judged._read(frame(None), repeated=False), repeated=False)
    assert reads.masks == [(Mask(0.0, 0.9, 1.0, 1.0), Mask(0.5, 0.0, 1.0, 0.25))]
    found = steps_of(judged)
    assert found["plate"].fields["reason"] == "masked"
    assert found["plate"].text("next", "zh") == say("unread_masked", "zh")
    for language in ("zh", "en"):
        assert "0.0,0.9,1.0,1.0; 0.5,0.0,1.0,0.25" in found["pictures"].text("seen", language)  # type: ignore[arg-type]
    assert steps_of(trial("plate"))["pictures"].text("seen", "en").endswith("not read (masks): -")


async def test_a_picture_that_came_again_is_not_read_again() -> None:
    judged = trial("plate", recogniser=Answers(unread(("plate", "not_found"))))
    first = await judged._read(frame(None), repeated=False)
    judged._recogniser = cast(Recogniser, None)
    assert await judged._read(frame(None), repeated=True) is first
    assert (await judged._read(frame("frozen"), repeated=True)).unread == (Unread("picture", "frozen"),)


def frame(defect: str | None) -> Frame:
    return Frame("front", b"x", "0" * 64, 1, 640, 480, defect)
