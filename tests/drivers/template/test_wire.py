"""The codec against written-down frames, wrong ones among them."""

import pytest

from drivers.template.wire import Count, CountDecoder, encode

FRAME = b"#00123429\r"


@pytest.mark.parametrize(("pieces", "frame"), [(0, b"#00000020\r"), (1_234, b"#0012342A\r"), (999_999, b"#99999956\r")])
def test_written_down_frames_decode_and_encode(pieces: int, frame: bytes) -> None:
    assert encode(Count(pieces)) == frame
    assert CountDecoder().feed(frame) == [Count(pieces)]


def test_a_frame_whose_sum_is_wrong_is_dropped_and_counted() -> None:
    decoder = CountDecoder()
    assert decoder.feed(FRAME + encode(Count(7))) == [Count(7)]
    assert (decoder.checksum_errors, decoder.dropped_bytes) == (1, len(FRAME))


def test_what_the_device_cannot_show_is_refused() -> None:
    with pytest.raises(ValueError, match="1000000 pieces"):
        encode(Count(1_000_000))
