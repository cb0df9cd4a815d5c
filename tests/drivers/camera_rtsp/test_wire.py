"""The codec: addresses, requests, answers in any pieces, and how old a frame is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera_rtsp.wire import refusal
from drivers.kit.camera.address import CameraAddress
from drivers.kit.camera.rtsp import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    Answer,
    AnswerReader,
    Media,
    RtspError,
    encode_request,
    medias,
    parse_url,
    video_codec,
    with_credentials,
)
from drivers.kit.camera.stream_clock import SETTLE_MS, StreamClock

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 10.0.0.7\r\ns=Media\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    b"m=video 0 RTP/AVP 96\r\na=control:trackID=1\r\na=rtpmap:96 H264/90000\r\n"
    b"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"
)
# As RFC 2326 10.2 has them, and with the bad habits of cameras: spaces, capitals, an empty line before.
ASKED = (
    b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="IP Camera", nonce="3f", '
    b'stale="FALSE"\r\nWWW-Authenticate: Basic realm="IP Camera"\r\n\r\n'
)
DESCRIBED = (
    b"\r\nRTSP/1.0 200 OK\r\nCSEQ:2\r\nContent-Type: application/sdp\r\ncontent-length :  %d\r\n\r\n" % len(SDP) + SDP
)


def read(*pieces: bytes) -> list[Answer | str]:
    reader, found = AnswerReader(), list[Answer | str]()
    for piece in pieces:
        try:
            found += reader.feed(piece)
        except RtspError:
            if "wrong" not in found:
                found.append("wrong")
        assert reader.buffered_bytes <= MAX_HEAD_BYTES + 4 + MAX_BODY_BYTES + len(piece)
    return found


def test_answers_are_read_with_their_fields_and_bodies() -> None:
    asked, described = read(ASKED + DESCRIBED)
    assert isinstance(asked, Answer)
    assert isinstance(described, Answer)
    assert (asked.status, asked.body) == (401, b"")
    assert asked.all("www-authenticate") == [
        'Digest realm="IP Camera", nonce="3f", stale="FALSE"',
        'Basic realm="IP Camera"',
    ]
    assert (described.status, described.body, described.all("cseq")) == (200, SDP, ["2"])


@pytest.mark.hazard("D15")
def test_every_split_and_any_number_of_them_changes_nothing() -> None:
    stream = ASKED + DESCRIBED
    whole = read(stream)
    for at in range(len(stream)):
        assert read(stream[:at], stream[at:]) == whole
    assert read(*(bytes([one]) for one in stream)) == whole


@given(st.data())
def test_any_cuts_change_nothing_also_behind_a_spoilt_byte(data: st.DataObject) -> None:
    stream = bytearray(ASKED + DESCRIBED + ASKED)
    bit = data.draw(st.integers(0, len(stream) * 8 - 1))
    stream[bit // 8] ^= 1 << bit % 8
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [bytes(stream[begin:end]) for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(*pieces) == read(bytes(stream)) or "wrong" in read(*pieces)
    assert [one for one in read(*pieces) if one != "wrong"] == [one for one in read(bytes(stream)) if one != "wrong"]


@given(st.lists(st.binary(max_size=200), max_size=6))
@pytest.mark.hazard("I18")
def test_any_bytes_are_survived(pieces: list[bytes]) -> None:
    read(*pieces)
    read(b"RTSP/1.0 200 OK\r\n", *pieces)


@pytest.mark.parametrize(
    "wrong",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"RTSP/1.0 twohundred\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nno field\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 65537\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"x: y\r\n" * 4000,
        b"$\x00\x00\x04rtp!",
    ],
)
def test_what_is_no_answer_is_refused_and_nothing_is_read_behind_it(wrong: bytes) -> None:
    reader = AnswerReader()
    with pytest.raises(RtspError):
        reader.feed(wrong)
    with pytest.raises(RtspError):
        reader.feed(ASKED)
    assert reader.buffered_bytes == 0
    assert read(ASKED + wrong)[0] == read(ASKED)[0]


def test_a_field_of_nothing_but_spaces_is_refused_at_once() -> None:
    # A pattern that tries every way to share the spaces out would take hours.
    spaces = b" " * (MAX_HEAD_BYTES - 100)
    assert read(b"RTSP/1.0 200 OK\r\nServer:" + spaces + b"\nx\r\n\r\n") != []
    (answer,) = read(b"RTSP/1.0 200 OK\r\nServer:" + spaces + b"x\t \r\n\r\n")
    assert isinstance(answer, Answer)
    assert answer.all("server") == ["x"]


def test_a_head_and_a_body_without_end_are_given_up_within_their_bound() -> None:
    reader = AnswerReader()
    for _ in range(16):
        assert reader.feed(b"RTSP/1.0 200 OK\r\n" + b"x" * 1000) == []
    with pytest.raises(RtspError, match="head"):
        reader.feed(b"x" * 1000)
    reader = AnswerReader()
    assert reader.feed(b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % MAX_BODY_BYTES) == []
    assert reader.feed(b"x" * (MAX_BODY_BYTES - 1)) == []
    assert len(reader.feed(b"xRTSP/")[0].body) == MAX_BODY_BYTES
    assert reader.buffered_bytes == 5


@pytest.mark.parametrize(
    ("description", "codec"),
    [
        (SDP, "H264"),
        (SDP.replace(b"H264", b"h265"), "H265"),
        (b"m=video 0 RTP/AVP 26\r\nm=audio 0 RTP/AVP 8\r\na=rtpmap:8 H264/1\r\n", "?"),
        (b"m=audio 0 RTP/AVP 8\r\na=rtpmap:8 H264/8000\r\n", None),
        (b"", None),
        (b"\xff\xfe\x00", None),
    ],
)
def test_the_codec_of_the_first_video_is_found(description: bytes, codec: str | None) -> None:
    assert video_codec(description) == codec


def test_each_media_of_a_description_is_told_with_its_own_lines() -> None:
    assert medias(SDP) == [
        Media("audio", 8, "PCMA", 8_000),
        Media("video", 96, "H264", 90_000, "trackID=1"),
        Media("application", 107, "VND.ONVIF.METADATA", 90_000),
    ]
    lines = b"a=control:*\r\nm=video 0 RTP/AVP 96 97\r\na=rtpmap:97 H265/90000\r\nm=???\r\na=control:lost\r\n"
    assert medias(lines) == [Media("video", 96)]


@pytest.mark.parametrize(
    ("description", "said"),
    [(SDP, None), (SDP.replace(b"H264", b"H265"), "video in H265"), (SDP.replace(b"video", b"audio"), "no video")],
)
def test_a_description_that_cannot_be_taken_is_told_in_words(description: bytes, said: str | None) -> None:
    assert refusal(description) == said


def test_addresses_are_taken_apart() -> None:
    assert parse_url("rtsp://10.0.0.7/live?a=1") == CameraAddress("10.0.0.7", 554, "rtsp://10.0.0.7/live?a=1")
    assert parse_url("rtsp://[fd00::7]:8554/1#x") == CameraAddress("fd00::7", 8554, "rtsp://[fd00::7]:8554/1")
    for wrong in (
        "http://10.0.0.7/",
        "rtsp:///live",
        "rtsp://a:b@10.0.0.7/",
        "rtsp://h/a b",
        'rtsp://h/"',
        "rtsp://h/车",
    ):
        with pytest.raises(ValueError, match=r"expected rtsp|credentials|printable"):
            parse_url(wrong)


def test_requests_name_the_address_and_who_asks() -> None:
    target = parse_url("rtsp://10.0.0.7/live").target
    assert encode_request("DESCRIBE", target, 3, b"Digest x", ("Accept: application/sdp",)) == (
        b"DESCRIBE rtsp://10.0.0.7/live RTSP/1.0\r\nCSeq: 3\r\nAccept: application/sdp\r\nUser-Agent: Kakou\r\n"
        b"Authorization: Digest x\r\n\r\n"
    )
    assert b"Authorization" not in encode_request("OPTIONS", target, 1)


def test_credentials_go_into_the_address_percent_encoded_and_never_cut() -> None:
    assert with_credentials("rtsp://10.0.0.7/live", "a:b", "p@s/车") == "rtsp://a%3Ab:p%40s%2F%E8%BD%A6@10.0.0.7/live"
    with_credentials("rtsp://h/", "u", "p" * 125)
    with pytest.raises(ValueError, match="128 characters") as caught:
        with_credentials("rtsp://h/", "u", "p" * 126)
    assert "ppp" not in str(caught.value)


def ages(frames: list[tuple[float, int]]) -> list[int | None]:
    clock = StreamClock()
    return [clock.age_ms(stream_ms, now_ms) for stream_ms, now_ms in frames]


def steady(begin: int, end: int, late_ms: int = 0) -> list[tuple[float, int]]:
    return [(float(at), at + late_ms) for at in range(begin, end, 100)]


@pytest.mark.hazard("D3")
def test_a_frame_is_as_old_as_the_distance_of_two_and_what_held_it_up() -> None:
    found = ages([*steady(0, 1000), *steady(1000, 1500, late_ms=700), *steady(1500, 2000)])
    assert found[: SETTLE_MS // 100] == [None] * (SETTLE_MS // 100)
    assert found[5:10] == [100] * 5
    assert all(age in (799, 800) for age in found[10:15])
    assert found[-1] == 100


@pytest.mark.hazard("D3")
def test_frames_that_the_camera_had_kept_are_not_taken_for_new() -> None:
    burst = [(float(at), 2000 + at // 100) for at in range(0, 2000, 100)]
    found = ages([*burst, *steady(2000, 3000)])
    assert found[: len(burst) + 4] == [None] * (len(burst) + 4)
    assert found[-1] == 100


@pytest.mark.hazard("D5")
def test_the_date_of_the_camera_does_not_count_and_its_drift_is_forgiven() -> None:
    # One part in two thousand slow: after an hour 1.8 s behind.
    slow = [(1e12 + at * 0.9996, at) for at in range(0, 3_600_000, 100)]
    assert max(age for age in ages(slow) if age is not None) <= 101
    fast = [(at * 1.0004 - 1e12, at) for at in range(0, 3_600_000, 100)]
    assert max(age for age in ages(fast) if age is not None) <= 101


@pytest.mark.hazard("D1")
def test_a_stream_whose_time_stands_still_or_goes_back_grows_old() -> None:
    still = ages([*steady(0, 1000), *((1000.0, at) for at in range(1000, 5000, 100))])
    assert still[-1] is not None
    assert still[-1] > 3800
    back = ages([*steady(0, 1000), *((at - 5000.0, at) for at in range(1000, 2000, 100))])
    assert min(age for age in back[10:] if age is not None) > 4900
