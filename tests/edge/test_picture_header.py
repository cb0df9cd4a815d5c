import struct
import time
import zlib

import pytest

from edge.picture_header import MAX_OTHER_CHUNKS, MAX_SCANS, MAX_SEGMENTS, PictureHeader, read_picture_header
from models.picture import open_picture
from tests.support.drawn import ground, jpeg, png

IMAGE = ground(64, 48)
JPEG, PNG = jpeg(IMAGE), png(IMAGE)
SCAN = JPEG.index(b"\xff\xda")
# Behind the first segment, that of JFIF.
FIRST = 20
BODY = 33
# What a box spends on hostile bytes before it refuses them; a second is the age at which a frame is stale.
LIMIT_S = 5.0


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def defect(data: bytes) -> str | None:
    header = read_picture_header(data)
    assert header is not None
    return header.defect


def test_sound_pictures_have_no_defect() -> None:
    assert read_picture_header(JPEG) == PictureHeader("jpeg", 64, 48, None)
    assert read_picture_header(PNG) == PictureHeader("png", 64, 48, None)


@pytest.mark.parametrize(
    "flood",
    [chunk(b"teST"), b"\0\0\0\0teSTnoCk", chunk(b"tIME"), chunk(b"IDAT"), chunk(b"fdAT")],
)
def test_a_png_of_endless_chunks_is_refused_before_a_decoder_prints_of_each(flood: bytes, capfd) -> None:  # type: ignore[no-untyped-def]
    begun_s = time.process_time()
    assert open_picture(PNG[:BODY] + flood * (19_000_000 // len(flood)) + PNG[BODY:]).defect == "too_large"
    assert time.process_time() - begun_s < LIMIT_S
    assert capfd.readouterr().err == ""


def test_a_png_may_say_as_much_of_itself_as_any_program_writes() -> None:
    # The picture's own pieces are three.
    for more, said in ((MAX_OTHER_CHUNKS - 2, None), (MAX_OTHER_CHUNKS - 1, "too_large")):
        assert defect(PNG[:BODY] + chunk(b"teXt", b"Software\0Kakou") * more + PNG[BODY:]) == said


@pytest.mark.parametrize("flood", [b"\xff\xfe\0\2", b"\xff\xe1\0\4ab", b"\xff\xd8", b"\xff\x01", b"\xff\xdd\0\4\0\0"])
@pytest.mark.parametrize("at", [2, SCAN, len(JPEG) - 2])
def test_a_jpeg_of_endless_segments_is_refused(flood: bytes, at: int) -> None:
    begun_s = time.process_time()
    assert open_picture(JPEG[:at] + flood * (19_000_000 // len(flood)) + JPEG[at:]).defect == "too_large"
    assert time.process_time() - begun_s < LIMIT_S
    assert defect(JPEG[:at] + flood * 100 + JPEG[at:]) is None


@pytest.mark.parametrize("flood", [b"\xff", b"\xff\xd0", b"\xff\0", b"\0"])
@pytest.mark.parametrize("at", [FIRST, SCAN, len(JPEG) - 2])
def test_what_fills_up_a_jpeg_costs_no_more_than_its_bytes(flood: bytes, at: int) -> None:
    begun_s = time.process_time()
    filled = JPEG[:at] + flood * (19_000_000 // len(flood)) + JPEG[at:]
    assert read_picture_header(filled) == PictureHeader("jpeg", 64, 48, None)
    assert defect(JPEG[:at] + flood * (19_000_000 // len(flood))) == "truncated"
    assert time.process_time() - begun_s < LIMIT_S


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    # 2,000 of them in 230 KB, of 25 million pixels, kept a decoder busy for minutes.
    scan = JPEG[SCAN : SCAN + 14] + b"\x12\x34"
    assert defect(JPEG[:-2] + scan * (MAX_SCANS - 1) + JPEG[-2:]) is None
    assert defect(JPEG[:-2] + scan * MAX_SCANS + JPEG[-2:]) == "too_large"
    assert MAX_SCANS < MAX_SEGMENTS


@pytest.mark.parametrize("end", range(3, SCAN + 20, 7))
def test_a_jpeg_cut_anywhere_is_truncated_and_no_other_thing(end: int) -> None:
    assert open_picture(JPEG[:end]).defect == "truncated"


@pytest.mark.parametrize("end", [8, 9, 20, 31, 32, 33, 40, len(PNG) // 2, len(PNG) - 12, len(PNG) - 1])
def test_a_png_cut_anywhere_is_truncated_and_no_other_thing(end: int) -> None:
    assert open_picture(PNG[:end]).defect == "truncated"


@pytest.mark.parametrize("place", [10, 17, 30, 45, len(PNG) // 2, len(PNG) - 14])
def test_a_png_whose_bytes_changed_is_damaged_by_its_own_checks(place: int, capfd) -> None:  # type: ignore[no-untyped-def]
    bent = PNG[:place] + bytes([PNG[place] ^ 0x10]) + PNG[place + 1 :]
    assert open_picture(bent).defect in ("damaged", "truncated")
    assert capfd.readouterr().err == ""


def test_a_check_of_what_is_passed_over_says_nothing_of_the_picture() -> None:
    assert open_picture(PNG[:BODY] + b"\0\0\0\0teXtnoCk" + PNG[BODY:]).defect is None


def test_pictures_without_pixels_or_sizes_are_damaged() -> None:
    assert defect(b"\xff\xd8\xff\xd9") == "damaged"
    assert defect(JPEG[:SCAN] + b"\xff\xd9") == "damaged"
    assert defect(b"\xff\xd8\xff\xfe\0\1" + JPEG[2:]) == "damaged"
    assert open_picture(JPEG.replace(b"\xff\xc0", b"\xff\xc3", 1)).defect == "damaged"
