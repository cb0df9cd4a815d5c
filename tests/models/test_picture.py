import struct
import zlib

import pytest

from models import picture
from models.picture import open_picture, picture_size
from tests.support.drawn import ground, jpeg, png

IMAGE = ground(64, 48)


def png_bomb() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    first = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + first + b"\0" * 4 + b"IEND\xaeB`\x82"


@pytest.mark.parametrize("encoded", [jpeg(IMAGE), png(IMAGE)])
def test_a_picture_is_opened(encoded):
    assert picture_size(encoded) == (64, 48)
    opened = open_picture(encoded)
    assert opened.defect is None
    assert opened.image is not None
    assert opened.image.shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("encoded", "defect"),
    [
        (b"", "empty"),
        (b"not a picture at all", "not_a_picture"),
        (b"\xff\xd8", "not_a_picture"),
        (b"\xff\xd8\xff\xe0\x00", "truncated"),
        (b"\xff\xd8\x00\x00\x00\x00", "not_a_picture"),
        (b"\xff\xd8\xff\xff\xff\xd0\xff\xc0\x00\x08\x08", "truncated"),
        (png_bomb(), "too_large"),
        (jpeg(IMAGE)[:-400], "truncated"),
        (png(IMAGE)[:-100], "truncated"),
        (jpeg(ground(8, 8)), "too_small"),
    ],
)
def test_what_is_not_opened(encoded, defect):
    assert open_picture(encoded) == picture.Opened(None, defect)


def test_a_large_file_is_refused_unseen(monkeypatch):
    monkeypatch.setattr(picture, "MAX_BYTES", 100)
    assert open_picture(jpeg(IMAGE)).defect == "too_large"


def test_a_header_that_lies_is_damaged():
    head = png_bomb().replace(struct.pack(">II", 60_000, 60_000), struct.pack(">II", 100, 100))
    assert open_picture(head).defect == "damaged"


def test_a_trailer_after_the_end_is_allowed():
    # Two megabytes: the film that a telephone keeps behind its photograph.
    for trailer in (b"\0" * 16, b"moov" * 500_000):
        assert open_picture(jpeg(IMAGE) + trailer).defect is None


def test_a_chunk_that_claims_more_than_there_is_is_truncated_and_never_decoded() -> None:
    # Found by fuzzing: OpenCV took 2.7 GB and two seconds for these 45 bytes.
    chunk = bytes.fromhex("03fa41ffa1e60049454e44ae426082")
    head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + (24).to_bytes(4) + (18).to_bytes(4)
    assert open_picture(head + bytes.fromhex("0800000000") + chunk).defect == "truncated"
    assert open_picture(head + bytes.fromhex("08000000003fa41ff0")).defect == "truncated"
    longer = head.replace(b"\0\0\0\x0dIHDR", b"\xa0\0\0\x0dIHDR")
    assert open_picture(longer + chunk).defect == "damaged"
