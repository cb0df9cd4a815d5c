"""Phrases by number: each word has one, numbers stay, and what is said is heard."""

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.frames import Frame, encode
from drivers.voice_serial.wire import PHRASES, SAY, Said, decode_module, decode_say, encode_say
from edge.core.effects import Phrase
from edge.core.grant import REFERRAL_TARGETS
from edge.ports import DeviceError, Voice
from tests.support.asked import DRIVERS, KINDS, RELEASED, WAIT, driver_of, plugged

VOICE = KINDS["voice"]
# As modules in lanes have them recorded: a number never changes its meaning.
RECORDED = {"not_ready": 1, "stop": 5, "wait": 6, "go_to_nii": 9, "turn_back": 13, "released": 14, "out_of_order": 17}


def test_every_word_has_a_phrase_and_numbers_stay() -> None:
    assert set(PHRASES) == {*get_args(Phrase), *(f"go_to_{target}" for target in REFERRAL_TARGETS)}
    assert sorted(PHRASES.values()) == list(range(1, len(PHRASES) + 1))
    assert RECORDED.items() <= PHRASES.items()
    table = (DRIVERS / "voice_serial" / "README.md").read_text(encoding="utf-8")
    assert [key for key, number in PHRASES.items() if f"{number} `{key}`" not in table] == []


def test_the_documented_bytes() -> None:
    assert encode(Frame(2, 3, SAY, encode_say(14, 80))) == bytes.fromhex("A5 05 02 03 20 0E 50 1C E4")
    assert decode_say(bytes((14, 80))) == Said(14, 80)


@pytest.mark.parametrize("data", [b"", b"\x0e", b"\x00\x50", b"\x0e\x65", b"\x0e\x50\x00"])
def test_what_makes_no_sense_is_not_said(data: bytes) -> None:
    assert decode_say(data) is None


@given(st.binary(max_size=8))
def test_no_bytes_raise(data: bytes) -> None:
    decode_say(data)
    decode_module(data)


async def test_each_word_is_heard_once_in_order(tmp_path: Path) -> None:
    async with plugged(VOICE, tmp_path) as wire:
        voice: Voice = driver_of(VOICE, wire)
        await voice.connect()
        for words in (WAIT, RELEASED, WAIT):
            await voice.say(words)
        assert [key for _, key in wire.device.heard] == ["wait", "released", "wait"]
        wire.device.faults.mute = True
        await voice.say(RELEASED)
        assert len(wire.device.heard) == 3
        await voice.close()


async def test_a_module_that_lacks_phrases_is_not_taken(tmp_path: Path) -> None:
    async with plugged(VOICE, tmp_path, phrases=5) as wire:
        with pytest.raises(DeviceError, match="voice_phrases_missing"):
            await driver_of(VOICE, wire).connect()
        assert wire.device.obey(SAY, encode_say(6, 80)) is None
