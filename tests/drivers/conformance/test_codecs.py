"""Bronze: what every codec of a stream must do, whatever its protocol."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drivers.conformance.event_rigs import EVENT_RIGS
from tests.drivers.conformance.rigs import RIGS, Rig
from tests.drivers.test_quality import QUALITIES
from tests.support.sources import ROOT

every_rig = pytest.mark.parametrize("rig", RIGS, ids=str)


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % len(stream) for place in cuts)})
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


def frames_of(rig: Rig, chunks: list[bytes]) -> list[Any]:
    decoder = rig.decoder()
    return [frame for chunk in chunks for frame in decoder.feed(chunk)]


@every_rig
def test_the_stream_of_the_rig_has_several_readings(rig: Rig) -> None:
    assert len(rig.read([rig.stream])) >= 3


@every_rig
@pytest.mark.hazard("D15")
def test_one_cut_anywhere_and_single_bytes_give_the_same_readings(rig: Rig) -> None:
    whole = rig.read([rig.stream])
    for place in range(len(rig.stream)):
        assert rig.read([rig.stream[:place], rig.stream[place:]]) == whole
    assert rig.read([bytes((byte,)) for byte in rig.stream]) == whole


@every_rig
@pytest.mark.hazard("D15")
def test_any_chunking_of_any_bytes_gives_the_same_frames(rig: Rig) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=80), st.binary(max_size=80), st.lists(st.integers(0, 10_000), max_size=12))
    def check(before: bytes, after: bytes, cuts: list[int]) -> None:
        stream = before + rig.stream + after
        assert frames_of(rig, cut(stream, cuts)) == frames_of(rig, [stream])
        assert rig.read(cut(stream, cuts)) == rig.read([stream])

    check()


@every_rig
@pytest.mark.hazard("D14")
def test_behind_garbage_the_next_reading_is_found(rig: Rig) -> None:
    whole = rig.read([rig.stream])

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=300))
    def check(noise: bytes) -> None:
        # Noise may look like the head of a frame and cost the first, never what follows.
        assert rig.read([noise + rig.stream])[-1] == whole[-1]

    check()
    for size in range(1, len(rig.stream)):
        assert rig.read([rig.stream[:size], rig.stream])[-len(whole) :][-1] == whole[-1]


@every_rig
@pytest.mark.hazard("D16")
def test_no_flipped_bit_gives_a_reading_that_was_not_sent(rig: Rig) -> None:
    whole = rig.read([rig.stream])
    for place in range(len(rig.stream) * 8):
        spoilt = bytearray(rig.stream)
        spoilt[place // 8] ^= 1 << place % 8
        read = rig.read([bytes(spoilt)])
        unsent = [one for one in read if one not in whole]
        if not rig.checked:
            # One bit spoils one reading at most, and raises nothing; that it comes as it was sent is TCP's part.
            assert len(unsent) <= 1
            assert len(read) <= len(whole)
            continue
        assert unsent == []
        assert len(read) < len(whole) or read == whole


@every_rig
@pytest.mark.hazard("D14")
def test_any_bytes_are_survived_and_held_within_bounds(rig: Rig) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.binary(max_size=2048), max_size=6))
    def check(chunks: list[bytes]) -> None:
        decoder = rig.decoder()
        for chunk in chunks:
            decoder.feed(chunk)
            assert decoder.pending < rig.most_pending
        rig.read(chunks)

    check()
    decoder = rig.decoder()
    for byte in range(256):
        for _ in range(16):
            decoder.feed(bytes((byte,)) * 64)
            assert decoder.pending < rig.most_pending


@every_rig
def test_the_readme_names_every_error_and_the_fault_list_every_switch(rig: Rig) -> None:
    from simulators.devices.serial_wire import switches

    text = (ROOT / "drivers" / rig.folder / "README.md").read_text(encoding="utf-8")
    assert [code for code in rig.codes if f"`{code}`" not in text] == []
    listed = QUALITIES[rig.folder]["faults"]
    assert tuple(listed) == switches(rig.faults)
    assert {outcome for outcome in listed.values() if outcome not in ("survived", "unread")} <= set(rig.codes)


def test_who_points_at_the_suite_has_a_rig() -> None:
    rigged = {rig.protocol for rig in (*RIGS, *EVENT_RIGS)}
    pointing = {
        protocol
        for quality in QUALITIES.values()
        if "suite" in quality["points"].values()
        for protocol in quality["protocols"]
        if protocol not in quality.get("points_of", {})
    }
    assert pointing == rigged
    assert {rig.folder for rig in (*RIGS, *EVENT_RIGS)} <= set(QUALITIES)
