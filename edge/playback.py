"""Plays a recording of a lane back, and says what differs. Nothing is sent and no device is opened.

Today's drivers and readers hear the recorded bytes, and today's core with today's configuration what they read.
"""

import base64
import hashlib
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from config.schema import Configuration, Lane
from edge import registry
from edge.core.effects import Effect, EndPassage, Report, StartCapture, StopCapture
from edge.core.events import CardShown, Event, FrameRead, InputsSampled, TagSighted, Weighed
from edge.core.readings import PictureReading
from edge.core.state import LaneState
from edge.core.step import step
from edge.ports import Device, Recogniser
from edge.profiles import lane_profile
from edge.recording import FORMAT
from edge.runtime.codec import CodecError, decode, encode
from edge.runtime.recovery import reproduced

READ_TIMEOUT_S = 30.0
# A recording may come from a stranger. The longest line that ours write is a picture.
MOST_LINE_BYTES = 32 << 20
# How long after its last byte a reading may have been a step of the lane: a scan is read in two halves.
LATEST_MS = 3_000
MOST_PICTURES = 200
MOST_PICTURE_BYTES = 256 << 20
# Readings of today that wait for recorded ones of the same few seconds.
MOST_WAITING = 10_000
# Until about the year 2255 of a clock that began in 1970; a monotonic one is far below it.
_MOST_MS = 9_000_000_000_000
_FROM_DEVICES = (InputsSampled, TagSighted, Weighed, CardShown)
# When something was heard differs by what our own code takes; what was heard does not.
_TIMES = frozenset({"at_ms", "seen_at_ms", "since_ms"})


# What a file that was not written by us can make of the lane's own code: a state that no lane was ever in.
_OF_THE_FILE = (ArithmeticError, AssertionError, AttributeError, CodecError, LookupError, TypeError, ValueError)


class PlaybackError(Exception):
    """The file is no recording that can be played back with this configuration; the text says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One reading or one step that comes out otherwise. `recorded` or `played` is None where there is none."""

    at_ms: int
    what: str
    recorded: Any
    played: Any


@dataclass(slots=True)
class Played:
    """What came of a recording."""

    lane: str
    steps: int = 0
    readings: int = 0
    # Readings that could not be made anew: no bytes, or no picture, of them is in the recording.
    not_anew: int = 0
    differing_readings: list[Difference] = field(default_factory=list)
    differing_steps: list[Difference] = field(default_factory=list)
    recorded_decisions: list[str] = field(default_factory=list)
    played_decisions: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether everything came out as it was recorded."""
        return not self.differing_readings and not self.differing_steps


class _RecordedClock:
    """The time of the line that is being played."""

    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        return self.ms

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.ms / 1000, UTC)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits {seconds} s in a playback")


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a recording, the first one saying what it is. Raises PlaybackError, OSError."""
    with path.open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(MOST_LINE_BYTES + 1), b""), 1):
            if len(raw) > MOST_LINE_BYTES:
                raise PlaybackError(f"line {number}: expected at most {MOST_LINE_BYTES} bytes")
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError) as error:
                if raw.endswith(b"\n"):
                    raise PlaybackError(f"line {number} is no JSON: {error}") from error
                return  # cut off in the middle of its last line, as by a power cut
            if not isinstance(line, dict) or (number == 1 and line.get("kakou_recording") != FORMAT):
                raise PlaybackError(f"line {number}: expected a recording of format {FORMAT}")
            yield line


async def play(path: Path, configuration: Configuration, recogniser: Recogniser) -> Played:
    """Play one file. Raises PlaybackError, OSError."""
    lines = lines_of(path)
    about = next(lines, None)
    if about is None or not {"state", "lane"} <= about.keys():
        raise PlaybackError("expected the state of a lane, and its name, in the first line (kakou record), got none")
    lane = next((one for one in configuration.lanes if one.id == about["lane"]), None)
    if lane is None:
        raise PlaybackError(f"lane {about['lane']} is not in this configuration")
    try:
        state = decode(LaneState, about["state"])
        player = _Player(configuration, lane, state, recogniser)
        for line in lines:
            await player.take(line)
    except PlaybackError:
        raise
    except _OF_THE_FILE as error:
        raise PlaybackError(f"{type(error).__name__}: {error}"[:300]) from error
    return player.finish()


class _Player:
    def __init__(self, configuration: Configuration, lane: Lane, state: LaneState, recogniser: Recogniser) -> None:
        self._state = replace(state, profile=lane_profile(configuration, lane))
        self._played = Played(lane.id)
        self._clock = _RecordedClock()
        self._recogniser = recogniser
        self._pictures: dict[str, bytes] = {}
        self._picture_bytes = 0
        self._cameras = {camera.id: camera for camera in self._state.profile.cameras}
        self._wanted = state.passage is not None and state.passage.identity is None
        # Readings of today that wait for the recorded ones.
        self._waiting: dict[type, deque[Event]] = {one: deque() for one in _FROM_DEVICES}
        self._devices: dict[str, Any] = {one.name: one for one in self._built(lane) if hasattr(one, "hear_again")}
        self._anew: set[type] = set()

    def _built(self, lane: Lane) -> Iterator[Device]:
        clock = self._clock
        yield registry.build(
            registry.BARRIER, lane.barrier, clock, lambda inputs, at_ms: self._heard(InputsSampled(at_ms, inputs))
        )
        if lane.tag_reader is not None:
            yield registry.build(
                registry.TAG_READER, lane.tag_reader, clock, lambda one: self._heard(TagSighted(clock.ms, one))
            )
        if lane.weighbridge is not None:
            yield registry.build(
                registry.WEIGHBRIDGE, lane.weighbridge, clock, lambda one: self._heard(Weighed(clock.ms, one))
            )
        if lane.driver_identity is not None:
            yield registry.build(
                registry.DRIVER_IDENTITY,
                lane.driver_identity,
                clock,
                lambda card, since_ms: self._card(CardShown(clock.ms, card, since_ms)),
            )

    async def take(self, line: dict[str, Any]) -> None:
        """Play one line."""
        if "event" not in line:
            self._crossed(line)
            return
        event: Event = decode(cast(Any, Event), line["event"])
        if isinstance(event, _FROM_DEVICES):
            self._compare(event, line["effects"])
            return
        if isinstance(event, FrameRead):
            event = await self._read_anew(event)
        self._judge(event, self._step(event), line["effects"])

    def finish(self) -> Played:
        """A recording ends between the bytes of a reading and its step: what waits then is no difference."""
        return self._played

    def _crossed(self, line: dict[str, Any]) -> None:
        at_ms = line["at_ms"]
        if type(at_ms) is not int or not 0 <= at_ms <= _MOST_MS:
            raise PlaybackError(f"at_ms: expected milliseconds, got {at_ms!r}"[:300])
        self._clock.ms = at_ms
        self._overdue()
        if "picture" in line:
            # A frame is read within seconds of its coming, while its camera goes on.
            picture = base64.b64decode(line["picture"])
            self._keep(picture)
        elif (device := self._devices.get(line["device"])) is not None:
            device.hear_again(line["sent"], bytes.fromhex(line["hex"]), wanted=self._wanted)

    def _keep(self, picture: bytes) -> None:
        digest = hashlib.sha256(picture).hexdigest()
        self._picture_bytes += len(picture) - len(self._pictures.pop(digest, b""))
        self._pictures[digest] = picture
        while len(self._pictures) > MOST_PICTURES or self._picture_bytes > MOST_PICTURE_BYTES:
            self._picture_bytes -= len(self._pictures.pop(next(iter(self._pictures))))

    def _heard(self, event: Event) -> None:
        """A driver of today reads something: it waits for its place among the recorded steps."""
        waiting = self._waiting[type(event)]
        if isinstance(event, Weighed):
            last = waiting[-1] if waiting else self._state
            before = last.weighing if isinstance(last, Weighed | LaneState) else None
            if before is not None and _told(encode(event.weighing)) == _told(encode(before)):
                return  # what it says first is what the lane knew when the recording began
        if len(waiting) >= MOST_WAITING:
            raise PlaybackError(f"expected steps of the lane, got {MOST_WAITING} readings without one")
        self._anew.add(type(event))
        waiting.append(event)

    def _compare(self, recorded: Event, effects: list[Any]) -> None:
        self._played.readings += 1
        waiting, name = self._waiting[type(recorded)], type(recorded).__name__
        wanted = _told(encode(recorded))
        alike = next((place for place, one in enumerate(waiting) if _told(encode(one)) == wanted), None)
        for _ in range(alike or 0):
            self._only_today(waiting.popleft())
        if waiting:
            event = waiting.popleft()
            if alike is None:
                self._differs(name, recorded.at_ms, encode(recorded), encode(event))
            # When it was heard is known from then: our own code took its time in between.
            event = recorded if alike is not None else replace(event, at_ms=recorded.at_ms)
            self._judge(event, self._step(event), effects)
        elif type(recorded) in self._anew:
            self._differs(name, recorded.at_ms, encode(recorded), None)
            self._note_decisions(effects, self._played.recorded_decisions)
        else:
            self._played.not_anew += 1
            self._judge(recorded, self._step(recorded), effects)

    def _card(self, event: CardShown) -> None:
        """A card that nobody needs reaches no lane (`edge.lane_devices`)."""
        passage = self._state.passage
        if passage is not None and passage.identity is None:
            self._heard(event)

    def _only_today(self, event: Event) -> None:
        """Today's driver reads something that was not read then."""
        self._differs(type(event).__name__, event.at_ms, None, encode(event))
        made = json.loads(json.dumps([encode(effect) for effect in self._step(event)]))
        self._note_decisions(made, self._played.played_decisions)

    def _overdue(self) -> None:
        for waiting in self._waiting.values():
            while waiting and waiting[0].at_ms < self._clock.ms - LATEST_MS:
                self._only_today(waiting.popleft())

    async def _read_anew(self, recorded: FrameRead) -> FrameRead:
        self._played.readings += 1
        picture = self._pictures.get(recorded.sha256)
        camera = self._cameras.get(recorded.camera)
        if picture is None or camera is None or recorded.reading.unread_picture:
            self._played.not_anew += 1
            return recorded
        reading = await self._recogniser.read(picture, frozenset(camera.reads), READ_TIMEOUT_S, camera.masks)
        if _seen(reading) != _seen(recorded.reading):
            self._differs("FrameRead", recorded.at_ms, _seen(recorded.reading), _seen(reading))
        return replace(recorded, reading=reading)

    def _step(self, event: Event) -> tuple[Effect, ...]:
        self._state, effects = step(self._state, event)
        for effect in effects:
            if isinstance(effect, StartCapture | StopCapture):
                self._wanted = isinstance(effect, StartCapture)
        return effects

    def _judge(self, event: Event, effects: tuple[Effect, ...], recorded: list[Any]) -> None:
        self._played.steps += 1
        played = json.loads(json.dumps([encode(effect) for effect in effects]))
        self._note_decisions(recorded, self._played.recorded_decisions)
        self._note_decisions(played, self._played.played_decisions)
        if not reproduced(recorded, played):
            self._played.differing_steps.append(Difference(event.at_ms, type(event).__name__, recorded, played))

    def _differs(self, what: str, at_ms: int, recorded: Any, played: Any) -> None:
        self._played.differing_readings.append(Difference(at_ms, what, recorded, played))

    @staticmethod
    def _note_decisions(effects: list[Any], into: list[str]) -> None:
        for one in effects:
            if one["type"] == EndPassage.__name__:
                into.append(f"{one['passage']}: {one['terminal']}")
            elif one["type"] == Report.__name__ and one["name"] == "decided":
                said = dict(one["fields"])
                into.append(f"{one['passage']}: {said['decision']} {said['reasons']}".rstrip())


def _told(value: Any) -> Any:
    """What was heard, without when."""
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items() if key not in _TIMES}
    return [_told(one) for one in value] if isinstance(value, list) else value


def _seen(reading: PictureReading) -> dict[str, Any]:
    return {
        "plates": sorted(one.plate.text for one in reading.plates),
        "containers": sorted(one.container.code for one in reading.containers),
    }
