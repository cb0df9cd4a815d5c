"""Metadata as the ONVIF specifications have them and as cameras write them, and what is none."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.camera_onvif.wire import (
    MAX_DOCUMENT_BYTES,
    MAX_ELEMENTS,
    MAX_SEEN,
    DocumentReader,
    Seen,
    metadata_track,
    parse_document,
    refusal,
    report_ms,
    resolved,
)
from drivers.kit.camera.interleaved import InterleavedReader, Packet
from drivers.kit.camera.rtsp import MAX_BODY_BYTES, MAX_HEAD_BYTES, Answer
from edge.core.plate import Plate
from edge.core.readings import PlateClaim
from simulators.devices import onvif_words
from simulators.devices.camera_rtsp import interleaved

AT = datetime(2008, 10, 10, 12, 24, 57, 321_000, UTC)
AT_MS = round(AT.timestamp() * 1000)
SUZHOU = PlateClaim(Plate("苏A88888", None, "ordinary"), 0.9)
# The examples of the Streaming Specification (5.1.2.1.1), with an object of the Analytics Service Specification.
SCENE = """<?xml version="1.0" encoding="UTF-8"?>
<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema">
  <tt:VideoAnalytics>
    <tt:Frame UtcTime="2008-10-10T12:24:57.321">
      <tt:Transformation><tt:Translate x="-1.0" y="-1.0"/><tt:Scale x="0.003125" y="0.00416667"/></tt:Transformation>
      <tt:Object ObjectId="12">
        <tt:Appearance>
          <tt:Shape><tt:BoundingBox left="20.0" top="180.0" right="100.0" bottom="30.0"/></tt:Shape>
          <tt:VehicleInfo><tt:Type Likelihood="0.9">Truck</tt:Type><tt:Brand Likelihood="0.7">Volvo</tt:Brand>
          </tt:VehicleInfo>
          <tt:LicensePlateInfo>
            <tt:PlateNumber Likelihood="0.9">苏A88888</tt:PlateNumber>
            <tt:PlateType Likelihood="0.8">Normal</tt:PlateType>
            <tt:CountryCode Likelihood="0.7">CN</tt:CountryCode>
            <tt:IssuingEntity Likelihood="0.6">Jiangsu</tt:IssuingEntity>
          </tt:LicensePlateInfo>
        </tt:Appearance>
      </tt:Object>
    </tt:Frame>
    <tt:Frame UtcTime="2008-10-10T12:24:57.621Z"/>
  </tt:VideoAnalytics>
</tt:MetadataStream>"""
EVENT = """<?xml version="1.0" encoding="UTF-8"?>
<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2"
 xmlns:tns1="http://www.onvif.org/ver10/topics">
  <tt:Event>
    <wsnt:NotificationMessage>
      <wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">
        tns1:RuleEngine/Recognition/LicensePlate</wsnt:Topic>
      <wsnt:Message>
        <tt:Message UtcTime="2008-10-10T12:24:57.321Z">
          <tt:Source><tt:SimpleItem Name="VideoSource" Value="1"/><tt:SimpleItem Name="Rule" Value="LPR"/></tt:Source>
          <tt:Data>
            <tt:SimpleItem Name="Likelihood" Value="0.9"/>
            <tt:ElementItem Name="LicensePlateInfo"><tt:LicensePlateInfo>
              <tt:PlateNumber Likelihood="0.9">苏A88888</tt:PlateNumber></tt:LicensePlateInfo></tt:ElementItem>
            <tt:ElementItem Name="VehicleInfo"><tt:VehicleInfo><tt:Type>Truck</tt:Type></tt:VehicleInfo>
            </tt:ElementItem>
          </tt:Data>
        </tt:Message>
      </wsnt:Message>
    </wsnt:NotificationMessage>
  </tt:Event>
</tt:MetadataStream>"""
SDP = (
    b"v=0\r\ns=Media\r\na=control:*\r\nm=video 0 RTP/AVP 98\r\na=control:trackID=1\r\na=rtpmap:98 H264/90000\r\n"
    b"m=application 0 RTP/AVP 107\r\na=control:trackID=3\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"
    b"m=application 0 RTP/AVP 108\r\na=control:trackID=4\r\na=rtpmap:108 vnd.vivotek.metj/90000\r\n"
)


@pytest.mark.parametrize(
    ("document", "seen"),
    [
        (SCENE, (Seen(AT_MS, SUZHOU), Seen(AT_MS + 300))),
        (EVENT, (Seen(AT_MS, SUZHOU),)),
        (SCENE.replace("tt:", ""), (Seen(AT_MS, SUZHOU), Seen(AT_MS + 300))),
        ("\ufeff" + SCENE.replace("tt:", "o:"), (Seen(AT_MS, SUZHOU), Seen(AT_MS + 300))),
        # As some firmware has it: a colour beside the plate, no likelihood, words for nothing.
        (
            SCENE.replace(' Likelihood="0.9">苏', ">苏").replace("<tt:PlateType", "<Color>Blue</Color><tt:PlateType"),
            (Seen(AT_MS, PlateClaim(Plate("苏A88888", "blue", "ordinary"), 0.0)), Seen(AT_MS + 300)),
        ),
        (SCENE.replace("苏A88888", "Unknown"), (Seen(AT_MS), Seen(AT_MS + 300))),
        (SCENE.replace("苏A88888", ""), (Seen(AT_MS), Seen(AT_MS + 300))),
        (SCENE.replace("苏A88888", "6DZG261"), (Seen(AT_MS), Seen(AT_MS + 300))),
        (SCENE.replace('UtcTime="2008-10-10T12:24:57.321"', ""), (Seen(AT_MS + 300),)),
        (SCENE.replace("2008-10-10T12:24:57.321", "yesterday"), (Seen(AT_MS + 300),)),
        (EVENT.replace("LicensePlate</wsnt", "Face</wsnt"), ()),
        (EVENT.replace("tt:Message UtcTime", 'tt:Message PropertyOperation="Deleted" UtcTime'), ()),
        ('<tt:MetadataStream xmlns:tt="u"><tt:PTZ/></tt:MetadataStream>', ()),
    ],
)  # fmt: skip
def test_documents_of_the_specification_and_of_cameras_are_read(document: str, seen: tuple[Seen, ...]) -> None:
    assert parse_document(document.encode()) == seen


@pytest.mark.parametrize("likelihood", ["nan", "inf", "1e400", "-1", "2", "high", "1e-400"])
def test_a_likelihood_that_is_none_is_no_confidence(likelihood: str) -> None:
    (first, _) = parse_document(SCENE.replace('Likelihood="0.9">苏', f'Likelihood="{likelihood}">苏').encode())
    assert isinstance(first, Seen)
    assert first.claim == PlateClaim(Plate("苏A88888", None, "ordinary"), 0.0)


def test_two_plates_in_one_frame_are_none_and_the_same_one_twice_is_one() -> None:
    assert parse_document(onvif_words.scene(AT, ("苏A88888", "粤B99999"))) == (Seen(AT_MS),)
    assert parse_document(onvif_words.scene(AT, ("苏A88888", "苏A88888"))) == (Seen(AT_MS, SUZHOU),)
    assert parse_document(onvif_words.notification(AT, "苏A88888")) == (Seen(AT_MS, SUZHOU),)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "no XML"),
        (b"\x1f\x8b\x08" + b"x" * 40, "compressed with gzip"),
        (SCENE.encode()[:-1], "no XML"),
        (SCENE.encode() * 2, "no XML"),
        (b"<alert/>", "no metadata stream"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><MetadataStream>&b;</MetadataStream>', "a DTD"),
        (b"<MetadataStream>&b;</MetadataStream>", "no XML"),
        (b"<MetadataStream>" + b"<a>" * 40, "too many elements"),
        (b"<MetadataStream>" + b"<a/>" * MAX_ELEMENTS, "too many elements"),
        (SCENE.encode() + b" " * MAX_DOCUMENT_BYTES, "too large"),
        (b'<?xml version="1.0" encoding="utf-16"?>' + SCENE[38:].encode("utf-16"), "no text"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_told_in_words(document: bytes, said: str) -> None:
    told = parse_document(document)
    assert isinstance(told, str)
    assert told.startswith(said)


def test_no_document_tells_more_than_a_second_can_hold() -> None:
    frames = '<Frame UtcTime="2008-10-10T12:24:57Z"/>' * (MAX_SEEN + 9)
    told = parse_document(f"<MetadataStream><VideoAnalytics>{frames}</VideoAnalytics></MetadataStream>".encode())
    assert len(told) == MAX_SEEN


@settings(max_examples=200)
@given(st.integers(0, len(SCENE.encode()) * 8 - 1), st.binary(max_size=60))
def test_any_flipped_bit_and_any_bytes_are_survived(bit: int, data: bytes) -> None:
    flipped = bytearray(SCENE.encode())
    flipped[bit // 8] ^= 1 << bit % 8
    for one in (bytes(flipped), data, SCENE.encode()[: bit // 8] + data):
        assert isinstance(parse_document(one), str | tuple)


@pytest.mark.parametrize(
    ("description", "said"),
    [
        (SDP, None),
        (SDP.replace(b"H264", b"H265"), "video in H265"),
        (SDP.replace(b"video", b"audio"), "no video"),
        (SDP.replace(b"vnd.onvif.metadata", b"vnd.maker"), "no metadata"),
        (SDP.replace(b"m=application", b"m=text"), "no metadata"),
        (SDP.replace(b"onvif.metadata", b"onvif.metadata.gzip"), "metadata in vnd.onvif.metadata.gzip"),
        (SDP.replace(b"onvif.metadata", b"onvif.metadata.exi.onvif"), "metadata in vnd.onvif.metadata.exi.onvif"),
        (SDP.replace(b"onvif.metadata", b"onvif.metadata.exi.ext"), "metadata in vnd.onvif.metadata.exi.ext"),
        (SDP.replace(b"a=control:trackID=3\r\n", b""), "metadata without control or clock"),
        (b"", "no video"),
    ],
)
def test_a_description_that_cannot_be_taken_is_named(description: bytes, said: str | None) -> None:
    assert refusal(description) == said


def test_the_metadata_have_an_address_of_their_own() -> None:
    track = metadata_track(SDP)
    assert track is not None
    assert (track.payload_type, track.control) == (107, "trackID=3")
    assert (
        resolved("trackID=3", "rtsp://h/live/") == resolved("/trackID=3", "rtsp://h/live") == "rtsp://h/live/trackID=3"
    )
    assert resolved("*", "rtsp://h/live/") == "rtsp://h/live/"
    assert resolved("rtsp://h/metadata", "rtsp://h/live/") == "rtsp://h/metadata"
    assert metadata_track(b"") is None


def test_a_sender_report_tells_the_cameras_clock() -> None:
    assert report_ms(onvif_words.report(AT, 7)) in (AT_MS, AT_MS - 1)
    for wrong in (b"", onvif_words.report(AT, 7)[:20], b"\x80\xc9" + bytes(40), b"\x80\xc8" + bytes(40)):
        assert report_ms(wrong) is None


LONG = onvif_words.scene(AT, ("苏A88888",), filling="x" * 3_000)
SHORT = onvif_words.scene(AT, ())


def documents(*given_packets: bytes) -> list[bytes]:
    reader = DocumentReader()
    return [one for packet in given_packets if (one := reader.feed(packet)) is not None]


def test_a_marker_ends_a_document_and_what_lacks_a_packet_is_none() -> None:
    first, second = onvif_words.packets(LONG, 1, 65_534), onvif_words.packets(SHORT, 2, 1)
    assert documents(*first, *second) == [LONG, SHORT]
    assert documents(*first[:-2], first[-1], *second) == [SHORT]
    # Without its marker what was lost cannot be told from what follows: nothing is given until the next one.
    third = onvif_words.packets(SHORT, 3, 2)
    assert documents(*first[:-1], *second, *third) == [SHORT]
    assert documents(first[0], b"", *second, *third) == [SHORT]


def test_padding_extension_and_sources_are_no_document() -> None:
    (packet,) = onvif_words.packets(SHORT, 1, 1)
    head, payload = packet[:12], packet[12:]
    assert documents(bytes([0xA0]) + head[1:] + payload + b"\0\0\3") == [SHORT]
    assert documents(bytes([0x90]) + head[1:] + b"\0\1\0\1abcd" + payload) == [SHORT]
    assert documents(bytes([0x82]) + head[1:] + bytes(8) + payload) == [SHORT]
    for wrong in (bytes([0x40]) + packet[1:], bytes([0xBF]) + head[1:] + b"\xff", bytes([0x90]) + head[1:]):
        assert documents(wrong) == []


def test_a_document_without_end_is_given_up_within_its_bound() -> None:
    reader = DocumentReader()
    piece = bytes([0x80, 107]) + bytes(10) + b"x" * 1_400
    for sequence in range(2_000):
        assert reader.feed(piece[:2] + sequence.to_bytes(2, "big") + piece[4:]) is None
        assert reader.buffered_bytes <= MAX_DOCUMENT_BYTES
    (last,) = onvif_words.packets(SHORT, 1, 2_000)
    assert (reader.feed(last), reader.damaged) == (None, 1)
    assert reader.feed(onvif_words.packets(SHORT, 1, 2_001)[0]) == SHORT


ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n"
REPORT = interleaved(1, onvif_words.report(AT, 7))
STREAM = (
    b"".join(interleaved(0, one) for one in onvif_words.packets(LONG, 1, 1))
    + ANSWER
    + REPORT
    + b"".join(interleaved(0, one) for one in onvif_words.packets(SHORT, 2, 4))
)


def heard(*pieces: bytes) -> list[bytes | int]:
    """Documents, and the status of answers; of a report its payload type."""
    reader, words = InterleavedReader((0, 1), 107), DocumentReader()
    found = list[bytes | int]()
    for piece in pieces:
        for one in reader.feed(piece):
            if isinstance(one, Answer):
                found.append(one.status)
            elif isinstance(one, Packet) and one.reports:
                found.append(one.data[1])
            elif (document := words.feed(one.data)) is not None:
                found.append(document)
        assert reader.buffered_bytes <= max(65_536 + 4, MAX_HEAD_BYTES + 4 + MAX_BODY_BYTES) + len(piece)
    return found


ALL = [LONG, 200, 200, SHORT]


@settings(max_examples=200)
@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_every_split_and_any_number_of_them_changes_nothing(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(STREAM)]
    assert heard(*(STREAM[begin:end] for begin, end in pairwise(ends))) == ALL


def test_single_bytes_change_nothing() -> None:
    assert heard(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == ALL


@settings(max_examples=300)
@given(st.binary(max_size=3_000))
def test_behind_garbage_the_next_document_is_found(garbage: bytes) -> None:
    for tail in (STREAM, STREAM + STREAM):
        found = heard(garbage, tail)
        assert all(one in ALL for one in found)
    # What looks like the head of a packet swallows as much as it says, and no more.
    assert heard(garbage, STREAM * 60)[-1] == SHORT


@settings(max_examples=300)
@given(st.integers(0, len(STREAM) * 8 - 1))
def test_a_flipped_bit_costs_its_document_and_nothing_is_raised(bit: int) -> None:
    flipped = bytearray(STREAM)
    flipped[bit // 8] ^= 1 << bit % 8
    assert heard(bytes(flipped), STREAM * 60)[-1] == SHORT


def test_what_is_dropped_is_counted_until_the_next_packet() -> None:
    reader = InterleavedReader((0, 1), 107)
    assert reader.feed(b"\xff" * 1_000) == []
    assert 990 <= reader.dropped_bytes <= 1_000
    assert reader.buffered_bytes < 10
    reader.feed(REPORT)
    assert reader.dropped_bytes == 0
    # Another channel, another payload type, another version, too short to be one.
    for wrong in (b"$\x02", b"$\x00"):
        reader.feed(wrong + b"\x00\x10\x80\x60" + bytes(14))
    reader.feed(b"$\x00\x00\x10\x40\x6b" + bytes(14) + b"$\x00\x00\x04\x80\x6b" + bytes(2))
    assert reader.dropped_bytes > 50


@pytest.mark.parametrize("control", ["rtsp://[", "rtsp://[::1/track", "http://[x]y/"])
def test_a_control_that_is_no_address_is_asked_for_as_it_is(control: str) -> None:
    """The camera refuses it: nothing of ours fails at it."""
    assert resolved(control, "rtsp://camera/stream") == control
