"""Single lines of a recording played back: pictures, scales, cards, and modules on a serial line."""

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.loader import load, load_text
from config.schema import Configuration
from drivers.barrier_modbus.again import RecordedScans
from drivers.barrier_modbus.rtu_frames import crc16
from drivers.scale_yaohua.wire import encode_binary
from edge.core.events import FrameRead
from edge.core.masks import Mask
from edge.core.plate import Plate
from edge.core.readings import Identity, PictureReading, PlateSighting, Unread
from edge.core.state import Passage
from edge.core.step import initial
from edge.playback import PlaybackError, Played, play
from edge.profiles import lane_profile
from edge.runtime.codec import encode
from edge.verbs.playback import main

CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
authorities: [{id: customs}]
lanes:
  - id: lane-1
    direction: in
    barrier: {id: barrier, host: 127.0.0.1}
    cameras: [{id: front, url: 'http://127.0.0.1/a', place: front, reads: [plate]}]
    weighbridge: {id: scale, port: /dev/s}
    driver_identity: {id: cards, port: /dev/c}
    must_match: [front_plate]
"""
PICTURE = b"\xff\xd8\xff picture"
COMING = Passage("p", 0, triggered_at_ms=0)
SEEN = PlateSighting(Plate("苏A88888", "blue", "ordinary"), 0.9, (0, 0, 140, 40))


class Reads:
    """A recogniser of today."""

    def __init__(self, *plates: PlateSighting) -> None:
        self._reading = PictureReading(plates)
        self.masks: tuple[Mask, ...] | None = None

    async def read(
        self, jpeg: bytes, look_for: frozenset[str], deadline_s: float, masks: tuple[Mask, ...] = ()
    ) -> PictureReading:
        assert (jpeg, look_for) == (PICTURE, {"plate"})
        self.masks = masks
        return self._reading


MASKED_CONFIG = CONFIG.replace("reads: [plate]}", "reads: [plate], masks: [{left: 0, top: 0, right: 1, bottom: 0.5}]}")


async def played(
    folder: Path,
    lines: list[dict[str, Any]],
    recogniser: Reads,
    passage: Passage | None = None,
    today: str = CONFIG,
) -> Played:
    configuration = load_text(today)
    assert isinstance(configuration, Configuration)
    state = replace(initial(lane_profile(configuration, configuration.lanes[0])), passage=passage)
    about = {"kakou_recording": 1, "lane": "lane-1", "state": encode(state)}
    file = folder / "recording.jsonl"
    # The power went in the middle of a line.
    file.write_text("\n".join(json.dumps(one) for one in (about, *lines)) + '\n{"at_m')
    return await play(file, configuration, recogniser)


def frame(reading: PictureReading, picture: bytes = PICTURE) -> dict[str, Any]:
    event = FrameRead(1, "p", "front", hashlib.sha256(picture).hexdigest(), 1, reading)
    return {"event": encode(event), "effects": []}


async def test_pictures_are_read_again(tmp_path: Path) -> None:
    picture = {"at_ms": 1, "device": "front", "sent": False, "picture": base64.b64encode(PICTURE).decode()}
    # Its camera went on while it was read.
    newer = {**picture, "picture": base64.b64encode(PICTURE + b"2").decode()}
    lines = [picture, newer, frame(PictureReading((SEEN,)))]
    # The lane itself just begins, which is a difference of another kind.
    assert (await played(tmp_path, lines, Reads(SEEN))).differing_readings == []
    found = await played(tmp_path, lines, Reads())
    (difference,) = found.differing_readings
    assert (difference.recorded["plates"], difference.played["plates"]) == (["苏A88888"], [])
    # A picture that is not there, or that never was read, is taken as it was recorded.
    bad = frame(PictureReading(unread=(Unread("picture", "dark"),)))
    found = await played(tmp_path, [picture, bad, frame(PictureReading((SEEN,)), b"other")], Reads())
    assert (found.differing_readings, found.readings, found.not_anew) == ([], 2, 2)


async def test_what_todays_configuration_masks_is_not_read(tmp_path: Path) -> None:
    picture = {"at_ms": 1, "device": "front", "sent": False, "picture": base64.b64encode(PICTURE).decode()}
    lines = [picture, frame(PictureReading((SEEN,)))]
    for configuration, masks in ((CONFIG, ()), (MASKED_CONFIG, (Mask(0.0, 0.0, 1.0, 0.5),))):
        reads = Reads(SEEN)
        await played(tmp_path, lines, reads, today=configuration)
        assert reads.masks == masks


async def test_what_was_not_recorded_as_read_is_told(tmp_path: Path) -> None:
    weights = [
        {
            "at_ms": 100 * number,
            "device": "scale",
            "sent": False,
            "hex": encode_binary(0 if number < 12 else 32_480).hex(),
        }
        for number in range(60)
    ]
    card = {"at_ms": 9000, "device": "cards", "sent": False, "hex": b"12345678\r\n".hex()}
    found = await played(tmp_path, [*weights, card, {**card, "device": "gone"}], Reads())
    assert [one.what for one in found.differing_readings] == ["Weighed"] * len(found.differing_readings)
    assert found.differing_readings[-1].played["weighing"]["kg"] == 32_480
    assert found.differing_readings[-1].recorded is None


def test_scans_of_a_module_on_a_serial_line_are_put_together() -> None:
    scans: list[tuple[int, list[bool], int]] = []
    again = RecordedScans(True, lambda *scan: scans.append(scan))
    request, reply = bytes.fromhex("01020000000c"), bytes.fromhex("0102020108")
    again.take(True, request + crc16(request), 7)
    whole = reply + crc16(reply)
    again.take(False, whole[:3], 8)
    assert scans == []
    again.take(False, whole[3:], 9)
    assert scans == [(0, [True, *[False] * 10, True], 7)]
    # A write is none, and neither is what nobody asked for.
    again.take(False, whole, 10)
    again.take(True, bytes.fromhex("01050000ff00") + b"xx", 11)
    again.take(False, bytes.fromhex("01050000ff00") + b"xx", 12)
    assert len(scans) == 1


@pytest.mark.parametrize("sent", [True, False])
async def test_other_addresses_than_were_recorded_give_nothing(tmp_path: Path, sent: bool) -> None:
    asked, answered = bytes.fromhex("000100000006010200000004"), bytes.fromhex("00010000000401020105")
    lines = [
        {"at_ms": 1, "device": "barrier", "sent": True, "hex": asked.hex()},
        {"at_ms": 2, "device": "barrier", "sent": sent, "hex": answered.hex()},
    ]
    assert (await played(tmp_path, lines, Reads())).same


@pytest.mark.parametrize(
    "line",
    [
        {"at_ms": "\x1b[2J", "device": "scale", "sent": False, "hex": ""},
        {"at_ms": float("inf"), "device": "scale", "sent": False, "hex": ""},
        {"at_ms": 10**30, "device": "scale", "sent": False, "hex": ""},
        {"at_ms": True, "device": "scale", "sent": False, "hex": ""},
        {"at_ms": -1, "device": "scale", "sent": False, "hex": ""},
        {"at_ms": 1, "device": ["scale"], "sent": False, "hex": ""},
        {"at_ms": 1, "device": "scale", "sent": False, "hex": {}},
        {"at_ms": 1, "device": "front", "sent": False, "picture": 7},
        {"event": {"type": "Tick", "at_ms": 1}},
        {"event": {"type": "Tick", "at_ms": 1}, "effects": 5},
        {"event": {"type": "Tick", "at_ms": 1}, "effects": ["x"]},
        {"event": {"type": "Tick", "at_ms": 1}, "effects": [{"type": "Report", "name": "decided", "fields": [1]}]},
        {"event": {"type": "os.system", "at_ms": 1}, "effects": []},
    ],
    ids=repr,
)
async def test_a_line_of_a_stranger_is_refused(tmp_path: Path, line: dict[str, Any]) -> None:
    with pytest.raises(PlaybackError):
        await played(tmp_path, [line], Reads())


async def test_a_first_line_without_a_lane_is_refused(tmp_path: Path) -> None:
    configuration = load_text(CONFIG)
    assert isinstance(configuration, Configuration)
    file = tmp_path / "recording.jsonl"
    file.write_text('{"kakou_recording": 1, "state": {}}\n')
    with pytest.raises(PlaybackError, match="state of a lane"):
        await play(file, configuration, Reads())


@pytest.mark.parametrize(
    ("passage", "heard"),
    [(None, []), (COMING, ["CardShown"]), (replace(COMING, identity=Identity()), [])],
    ids=["nobody there", "not known yet", "known"],
)
async def test_a_card_is_heard_where_the_lane_would_hear_it(
    tmp_path: Path, passage: Passage | None, heard: list[str]
) -> None:
    card = {"at_ms": 1, "device": "cards", "sent": False, "hex": b"12345678\r\n".hex()}
    later = {**card, "at_ms": 9_000, "hex": ""}
    found = await played(tmp_path, [card, later], Reads(), passage)
    assert [one.what for one in found.differing_readings] == heard


async def test_a_file_of_a_stranger_costs_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = {"at_ms": 1, "device": "front", "sent": False, "picture": base64.b64encode(PICTURE).decode()}
    newer = {**picture, "picture": base64.b64encode(PICTURE + b"2").decode()}
    monkeypatch.setattr("edge.playback.MOST_PICTURE_BYTES", len(PICTURE) + 1)
    found = await played(tmp_path, [picture, newer, newer, frame(PictureReading((SEEN,)))], Reads())
    assert (found.readings, found.not_anew) == (1, 1)
    monkeypatch.setattr("edge.playback.MOST_WAITING", 2)
    weights = [
        {"at_ms": 1, "device": "scale", "sent": False, "hex": encode_binary(10_000 * (number // 12)).hex()}
        for number in range(60)
    ]
    cards = [{"at_ms": 1, "device": "cards", "sent": False, "hex": f"1234567{n}\r\n".encode().hex()} for n in range(5)]
    with pytest.raises(PlaybackError, match="2 readings without one"):
        await played(tmp_path, [*weights, *cards], Reads(), COMING)
    monkeypatch.setattr("edge.playback.MOST_LINE_BYTES", 20)
    with pytest.raises(PlaybackError, match="line 1: expected at most 20 bytes"):
        await played(tmp_path, [], Reads())


def test_a_drivers_package_that_is_not_the_named_one_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = "driver: package, package: {distribution: pytest, version: 0.0.1, entry_point: acme}"
    file, config = tmp_path / "recording.jsonl", tmp_path / "kakou.yaml"
    config.write_text(CONFIG.replace("{id: scale,", f"{{{package}, id: scale,"))
    configuration = load(config)
    assert isinstance(configuration, Configuration)
    state = encode(initial(lane_profile(configuration, configuration.lanes[0])))
    file.write_text(json.dumps({"kakou_recording": 1, "lane": "lane-1", "state": state}) + "\n")
    assert main([str(file), str(config)]) == 78
    assert "driver_package_version: driver acme of pytest 0.0.1" in capsys.readouterr().err
