"""Protocols of devices on lines and registers: all rigs of the conformance suite, the kit's frames, Modbus replies."""

from collections.abc import Callable, Iterator
from functools import partial

from drivers.barrier_modbus import frames as modbus_tcp
from drivers.barrier_modbus import rtu_frames as modbus_rtu
from drivers.barrier_modbus.again import RecordedScans
from drivers.kit import frames as kit
from drivers.kit import http
from drivers.led_serial import wire as led
from drivers.ocr_lines import wire as engine
from drivers.seal_http import wire as seal_http
from drivers.seal_serial import wire as seal_serial
from drivers.uhf_m100 import wire as m100
from drivers.uhf_r2000 import wire as r2000
from drivers.uhf_reader18 import wire as reader18
from drivers.uhf_thingmagic import wire as thingmagic
from drivers.voice_serial import wire as voice
from edge.core.readings import Seal
from edge.ports import Words
from tests.campaigns.fuzzed.target import Target, streamed, target
from tests.drivers.conformance.rig import Rig
from tests.drivers.conformance.rigs import RIGS

SEALS = (Seal("CNSEAL0001", True, 3, 87), Seal("CNSEAL0002", None, None, None))
# Where a checksum would refuse nearly everything: the bytes as the content of a frame whose checksum is right.
FRAMED: dict[str, Callable[[bytes], bytes]] = {
    "uhf_m100": lambda data: m100.encode(m100.Frame(data[0] % 3, data[1], data[2:][: m100.MAX_PARAM])),
    "uhf_r2000": lambda data: r2000.encode(r2000.Frame(r2000.DEFAULT_ADDRESS, data[1] | 0x80, data[2:][:68])),
    "uhf_reader18": lambda data: reader18.encode(
        reader18.Frame(0, _one_of(reader18.COMMANDS, data[0]), data[1:][:251])
    ),
    "uhf_thingmagic": lambda data: thingmagic.encode_answer(
        _one_of(thingmagic.COMMANDS, data[0]), data[1] // 128 * 256, data[2:][: thingmagic.MAX_DATA]
    ),
    "ocr_lines": lambda data: data + b"*%04X\r\n" % engine.crc16_mcrf4xx(data),
}


def _one_of(numbers: frozenset[int], byte: int) -> int:
    return sorted(numbers)[byte % len(numbers)]


def _take(rig: Rig, data: bytes) -> None:
    for stream in (data, FRAMED[rig.protocol](data)) if rig.protocol in FRAMED and len(data) > 2 else (data,):
        streamed(rig.decoder, rig.most_pending, stream)
        rig.read([stream])


def rigged() -> Iterator[Target]:
    """Yield a target for each rig of a stream: who adds a rig has one."""
    for rig in RIGS:
        base = f"drivers.{rig.folder}"
        modules = f"{base}.wire {base}.driver drivers.kit.wire drivers.kit.lines drivers.kit.json_names"
        yield target(str(rig), modules, [rig.stream, rig.stream[: len(rig.stream) // 3]], partial(_take, rig))


def _kit_frames(data: bytes) -> None:
    frames = streamed(kit.FrameDecoder, kit.MOST_FRAME, data)
    if len(data) > 2:
        built = kit.Frame(data[0], data[1], data[2], data[3:][: kit.MOST_DATA])
        assert streamed(kit.FrameDecoder, kit.MOST_FRAME, kit.encode(built)) == [built]
    for frame in frames:
        assert kit.encode(frame) in data


def _seal_http(data: bytes) -> None:
    answer = http.parse_answer(data)
    for body in (data, b"" if answer is None else answer.body):
        seals = seal_http.decode_seals(body)
        assert seals is None or seal_http.decode_seals(seal_http.encode_seals(seals)) == seals


def _seal_serial(data: bytes) -> None:
    seal_serial.decode_reader(data)
    seals = seal_serial.decode_seals(data)
    assert seals is None or seal_serial.decode_seals(seal_serial.encode_seals(seals)) == seals


def _sign(data: bytes) -> None:
    board, shown = led.decode_board(data), led.decode_show(data)
    assert board is None or led.encode_board(board) == data
    assert shown is None or (shown.ttl_s <= 0xFFFF and len(shown.lines) == data[3])


def _voice(data: bytes) -> None:
    voice.decode_module(data)
    said = voice.decode_say(data)
    assert said is None or voice.encode_say(said.phrase, said.volume) == data


# What the driver asks: functions 1 and 2 read bits, 3 registers, 5 and 6 write, 15 writes several.
_PDUS = [bytes.fromhex(one) for one in ("0100000008", "020000000c", "0300000004", "050003ff00", "060000002a")]


def _tcp_replies() -> list[bytes]:
    return [
        b"\x01" + bytes.fromhex("000700000005 01 02 02 3f0f".replace(" ", "")),
        b"\x03" + bytes.fromhex("000700000006 01 05 0003 ff00".replace(" ", "")),
        b"\x02" + bytes.fromhex("000700000003 01 83 02".replace(" ", "")),
    ]


def _modbus_tcp(data: bytes) -> None:
    if not data:
        return
    request = bytes.fromhex("00070000000601") + _PDUS[data[0] % len(_PDUS)]
    previous = b"\x00\x06" + data[3:11]
    for received in (data[1:], request[:7] + data[1:], request[:4] + (len(data)).to_bytes(2) + request[6:8] + data[1:]):
        for end in {min(place, len(received)) for place in (2, 7, 9, len(received) // 2, len(received))}:
            for before in (b"", previous):
                reply = modbus_tcp.judge(request, before, received[:end])
                assert reply.frame is None or reply.frame[:2] == request[:2]
        modbus_tcp.check_reply(request, received + bytes(8))
    _recorded(is_rtu=False, request=request, reply=data[1:])


def _modbus_rtu(data: bytes) -> None:
    if not data:
        return
    pdu = b"\x01" + _PDUS[data[0] % len(_PDUS)]
    request = pdu + modbus_rtu.crc16(pdu)
    for received in (data[1:], data[1:] + modbus_rtu.crc16(data[1:]), request[:2] + data[1:]):
        for end in {min(place, len(received)) for place in (2, 3, 5, len(received) // 2, len(received))}:
            reply = modbus_rtu.judge(request, b"", received[:end])
            assert reply.frame is None or reply.frame[:2] == request[:2]
    _recorded(is_rtu=True, request=request, reply=data[1:] + modbus_rtu.crc16(data[1:]))


def _recorded(*, is_rtu: bool, request: bytes, reply: bytes) -> None:
    """A recording of the wire, whose questions may be anybody's as well."""
    scans: list[int] = []
    again = RecordedScans(is_rtu, lambda first, bits, _at_ms: scans.append(first + len(bits)))
    for asked in (request, reply):
        again.take(True, asked, 0)
        again.take(False, reply, 1)


def _rtu_replies() -> list[bytes]:
    bodies = [bytes.fromhex(one) for one in ("0102023f0f", "01050003ff00", "018302")]
    return [bytes((place + 1,)) + body for place, body in enumerate(bodies)]


def targets() -> list[Target]:
    """Return all of them."""
    frame = kit.encode(kit.Frame(3, 7, kit.HELLO, b"\x01\x14"))
    words = Words("released", ("放行", "请通过"), "green")
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(seal_http.encode_seals(SEALS))
    board = led.Board(20, 2, "gb2312")
    return [
        *rigged(),
        target("kit_frames", "drivers.kit.frames drivers.kit.wire", [frame, frame * 2], _kit_frames),
        target(
            "seal_http",
            "drivers.seal_http.wire drivers.kit.http drivers.kit.json_names drivers.kit.seals",
            [seal_http.encode_seals(SEALS), answer + seal_http.encode_seals(SEALS)],
            _seal_http,
        ),
        target(
            "seal_serial",
            "drivers.seal_serial.wire drivers.kit.seals",
            [seal_serial.encode_seals(SEALS), seal_serial.encode_reader(2)],
            _seal_serial,
        ),
        target(
            "led_serial",
            "drivers.led_serial.wire",
            [led.encode_board(board), led.encode_show(words, 5.0, board)],
            _sign,
        ),
        target("voice_serial", "drivers.voice_serial.wire", [voice.encode_module(17), voice.encode_say(3, 80)], _voice),
        target("modbus_tcp", "drivers.barrier_modbus.frames drivers.barrier_modbus.again", _tcp_replies(), _modbus_tcp),
        target(
            "modbus_rtu",
            "drivers.barrier_modbus.rtu_frames drivers.barrier_modbus.frames drivers.barrier_modbus.again",
            _rtu_replies(),
            _modbus_rtu,
        ),
    ]
