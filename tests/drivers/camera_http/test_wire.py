import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera_http.wire import MultipartParser
from drivers.kit.camera.address import CameraAddress, encode_request, parse_url
from drivers.kit.camera.digest import basic
from drivers.kit.camera.multipart import MAX_PART_HEAD_BYTES, Part, boundary_of
from edge.picture_header import PictureHeader, read_picture_header
from simulators.devices.camera import claim_size
from simulators.scene import encode_jpeg, render_empty_lane

# A part as Axis and Hikvision cameras send it: length given, delimiter on a line of its own.
STREAM = (
    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nalpha\r\n"
    b"--frame\r\nContent-Type: image/jpeg\r\n\r\nno length here\r\n"
    b"--frame\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nHeartbeat\r\n"
    b"garbage \x00\xff between\r\n"
    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 900\r\n\r\nlength too long\r\n"
    b"--frame\r\ncontent-length: 3\r\n\r\nshort by much\r\n"
    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 41\r\n\r\n" + b"x" * 41 + b"\r\n"
    b"--frame\r\nContent-Type: image/jp\r\n--frame\r\n\r\nhead cut short\r\n"
    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\n\r\nlast\r\n--frame--\r\n"
)
PARTS = [
    Part(b"alpha"),
    Part(b"no length here"),
    Part(b"length too long"),
    Part(b"sho"),
    Part(b"", oversized=True),
    Part(b"head cut short"),
    Part(b"last"),
]
HABITS = [b"--frame\r\n", b"\r\n\r\n", b"--frame", b"\n", b"--frame\r\nContent-Length: 43\r\n\r\n", b"y" * 36]
JPEG = encode_jpeg(render_empty_lane(1, width=64, height=48), 0)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def feed_in_pieces(data: bytes, cuts: list[int], max_bytes: int = 40) -> list[Part]:
    parser = MultipartParser("frame", max_bytes)
    parts: list[Part] = []
    start = 0
    for cut in [*sorted(cuts), len(data)]:
        parts += parser.feed(data[start:cut])
        start = cut
    return parts


def test_stream_with_every_bad_habit_gives_its_parts() -> None:
    assert feed_in_pieces(STREAM, []) == PARTS


def test_one_cut_anywhere_changes_nothing() -> None:
    assert [cut for cut in range(len(STREAM)) if feed_in_pieces(STREAM, [cut]) != PARTS] == []


def test_byte_by_byte_changes_nothing() -> None:
    assert feed_in_pieces(STREAM, list(range(len(STREAM)))) == PARTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
@pytest.mark.hazard("D15")
def test_any_cuts_change_nothing(cuts: list[int]) -> None:
    assert feed_in_pieces(STREAM, cuts) == PARTS


def spoilt(bit: int) -> bytes:
    """The stream with one bit turned over, and a part behind it."""
    stream = bytearray(STREAM)
    stream[bit // 8] ^= 1 << bit % 8
    return bytes(stream) + b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\n\r\nomega\r\n"


@pytest.mark.hazard("D15", "D16")
def test_no_spoilt_bit_costs_more_than_the_parts_beside_it() -> None:
    whole = [*PARTS, Part(b"omega")]
    for bit in range(len(STREAM) * 8):
        parts = feed_in_pieces(spoilt(bit), [])
        assert parts[-1] == whole[-1]
        assert sum(part in parts for part in whole) >= len(whole) - 2


@given(st.integers(0, len(STREAM) * 8 - 1), st.lists(st.integers(0, len(STREAM) + 60), max_size=8))
def test_a_stream_with_a_spoilt_bit_is_read_alike_however_it_is_cut(bit: int, cuts: list[int]) -> None:
    assert feed_in_pieces(spoilt(bit), cuts) == feed_in_pieces(spoilt(bit), [])


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from(HABITS)),
        max_size=40,
    ),
    st.lists(st.integers(0, 400), max_size=10),
)
@pytest.mark.hazard("I18")
def test_any_bytes_are_survived_alike_however_they_are_cut(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    assert feed_in_pieces(data, [min(cut, len(data)) for cut in cuts]) == feed_in_pieces(data, [])


@pytest.mark.hazard("I18")
def test_memory_stays_bounded_through_garbage_heads_and_bodies_without_end() -> None:
    parser = MultipartParser("frame", 1000)
    for start in (b"", b"--frame\r\nX: ", b"\r\n\r\n--frame\r\n\r\n"):
        parser.feed(start)
        for _ in range(200):
            parser.feed(b"z" * 997)
            assert parser.buffered_bytes <= MAX_PART_HEAD_BYTES + 1000


def test_oversized_part_is_reported_once_and_the_next_one_is_read() -> None:
    data = b"--frame\r\nContent-Length: 5000\r\n\r\n" + b"z" * 5000 + b"\r\n--frame\r\nContent-Length: 2\r\n\r\nok"
    assert feed_in_pieces(data, [100, 2000]) == [Part(b"", oversized=True), Part(b"ok")]


def test_endless_head_lines_make_it_look_for_the_next_delimiter() -> None:
    data = b"--frame\r\n" + b"A: b\r\n" * 3000 + b"\r\nlost\r\n--frame\r\nContent-Length: 2\r\n\r\nok"
    assert feed_in_pieces(data, [])[-1] == Part(b"ok")


def test_boundary_with_or_without_leading_dashes_finds_the_same_parts() -> None:
    data = b"--myboundary\r\nContent-Length: 2\r\n\r\nok\r\n"
    assert (
        MultipartParser("--myboundary", 10).feed(data) == MultipartParser("myboundary", 10).feed(data) == [Part(b"ok")]
    )


def test_inside_part_tells_whether_its_last_byte_has_yet_to_come() -> None:
    parser = MultipartParser("frame", 10)
    assert not parser.inside_part
    parser.feed(b"--frame\r\nContent-Length: 2\r\n\r\no")
    assert parser.inside_part
    parser.feed(b"k")
    assert not parser.inside_part


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=frame", "frame"),
        ('Multipart/X-Mixed-Replace;boundary="--my boundary"', "--my boundary"),
        ("multipart/x-mixed-replace", None),
        ("image/jpeg; boundary=frame", None),
    ],
)
def test_boundary_of_a_content_type(content_type: str, boundary: str | None) -> None:
    assert boundary_of(content_type) == boundary


def test_address_and_request() -> None:
    address = parse_url("http://10.0.0.7/cgi-bin/snapshot?channel=1")
    assert address == CameraAddress("10.0.0.7", 80, "/cgi-bin/snapshot?channel=1")
    request = encode_request(address, basic("admin", "pä:ss")).decode().split("\r\n")
    assert request[0] == "GET /cgi-bin/snapshot?channel=1 HTTP/1.1"
    assert "Host: 10.0.0.7:80" in request
    assert request[-3] == "Authorization: Basic " + base64.b64encode("admin:pä:ss".encode()).decode()
    assert parse_url("https://10.0.0.7/a") == CameraAddress("10.0.0.7", 443, "/a", secured=True)
    assert b"Host: [::1]:8080" in encode_request(parse_url("http://[::1]:8080"))


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://10.0.0.7/a",
        "http:///a",
        "http://user@10.0.0.7/a",
        "http://10.0.0.7/a b",
        "http://10.0.0.7/车",
        'http://10.0.0.7/a"b',
        "http://h:99999/",
    ],
)
def test_unusable_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|expected|credentials|[Pp]ort"):
        parse_url(url)


def test_picture_headers() -> None:
    jpeg, png = read_picture_header(JPEG), read_picture_header(PNG)
    assert jpeg is not None
    assert (jpeg.format, jpeg.width, jpeg.height, jpeg.defect) == ("jpeg", 64, 48, None)
    assert png is not None
    assert (png.format, png.width, png.height, png.defect) == ("png", 1, 1, None)
    bomb = read_picture_header(claim_size(JPEG, 65_500, 65_000))
    assert bomb is not None
    assert (bomb.width, bomb.height) == (65_500, 65_000)


@pytest.mark.hazard("D4")
def test_picture_cut_short_is_truncated_and_so_is_one_cut_in_its_header() -> None:
    half, no_end = read_picture_header(JPEG[: len(JPEG) // 2 + 300]), read_picture_header(PNG[:-4])
    assert half is not None
    assert half.defect == "truncated"
    assert no_end is not None
    assert no_end.defect == "truncated"
    assert read_picture_header(JPEG[:40]) == PictureHeader("jpeg", 0, 0, "truncated")
    assert read_picture_header(PNG[:20]) == PictureHeader("png", 0, 0, "truncated")


def test_second_size_in_one_jpeg_counts_where_it_is_larger() -> None:
    at = JPEG.index(b"\xff\xc0")
    segment = JPEG[at : at + 19]
    bigger = segment[:5] + b"\xff\xff\xff\xff" + segment[9:]
    header = read_picture_header(JPEG[:at] + segment + bigger + JPEG[at + 19 :])
    assert header is not None
    assert (header.width, header.height) == (65_535, 65_535)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<html>", b"\xff\xd8", PNG[:7]])
def test_what_is_no_picture_has_no_header(data: bytes) -> None:
    assert read_picture_header(data) is None


@pytest.mark.parametrize(
    ("data", "defect"),
    [
        (b"\xff\xd8\xff\xe0\x00\x01", "truncated"),
        (b"\xff\xd8\xff\xff\xff\xd0\x00\x00\x00\x00", "truncated"),
        (PNG[:16] + bytes(8) + PNG[24:], "damaged"),
        (JPEG.replace(JPEG[JPEG.index(b"\xff\xc0") + 5 :][:4], bytes(4)), "damaged"),
        (PNG[:8] + b"\xa0" + PNG[9:], "damaged"),
    ],
)
def test_what_begins_as_a_picture_and_says_no_size_is_truncated_or_damaged(data: bytes, defect: str) -> None:
    header = read_picture_header(data)
    assert header is not None
    assert (header.width * header.height, header.defect) == (0, defect)


@given(st.binary(max_size=200), st.integers(0, len(JPEG)), st.integers(0, 255))
def test_no_bytes_make_the_header_reader_fail(noise: bytes, at: int, value: int) -> None:
    for data in (noise, b"\xff\xd8\xff" + noise, JPEG[:at] + bytes([value]) + noise + JPEG[at:], JPEG[:at]):
        header = read_picture_header(data)
        assert header is None or header.defect or (header.width > 0 and header.height > 0)


def test_a_chunk_that_claims_more_than_there_is_is_no_whole_picture() -> None:
    # Found by fuzzing: OpenCV took 2.7 GB and two seconds for such 45 bytes.
    bomb = read_picture_header(PNG[:33] + bytes.fromhex("a1e6004949454e44ae426082"))
    assert bomb is not None
    assert bomb.defect == "truncated"
    trailer = read_picture_header(PNG + bytes(200))
    assert trailer is not None
    assert trailer.defect is None
