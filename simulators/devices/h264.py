"""H.264 without compression (ITU-T H.264, I_PCM macroblocks): every decoder reads it, and no encoder is needed.

Each picture is a key frame of its own, about one and a half bytes a pixel.
"""

import base64

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
_MACROBLOCK = 16
_SPS, _PPS, _KEY_SLICE = 0x67, 0x68, 0x65
# mb_type 25 of an I slice, as ue(v): nine bits; within the slice it begins at a byte.
_I_PCM = "000011010"


def _ue(value: int) -> str:
    """An unsigned Exp-Golomb code (9.1)."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _to_bytes(bits: str, fill: str = "0") -> bytes:
    bits += fill * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _nal(kind: int, payload: bytes) -> bytes:
    """One unit, without a start code; three bytes that would look like one are kept apart (7.4.1)."""
    for last in range(4):
        payload = payload.replace(bytes([0, 0, last]), bytes([0, 0, 3, last]))
    return bytes([kind]) + payload


def parameter_sets(width: int, height: int) -> tuple[bytes, bytes]:
    """SPS and PPS of pictures of this size, baseline profile. Raises ValueError for odd sizes."""
    if width % 2 or height % 2:
        raise ValueError(f"expected even sides, got {width} x {height}")
    columns, rows = -(-width // _MACROBLOCK), -(-height // _MACROBLOCK)
    right, bottom = (columns * _MACROBLOCK - width) // 2, (rows * _MACROBLOCK - height) // 2
    sequence = (
        # seq_parameter_set_id, frame numbers of 4 bits, output in decoding order, one reference frame
        _ue(0) + _ue(0) + _ue(2) + _ue(1) + "0" + _ue(columns - 1) + _ue(rows - 1) + "11"
        # what is cropped at the right and below; no VUI
        + ("1" + _ue(0) + _ue(right) + _ue(0) + _ue(bottom) if right or bottom else "0") + "0" + "1"
    )  # fmt: skip
    picture = _ue(0) + _ue(0) + "00" + _ue(0) + _ue(0) + _ue(0) + "0" + "00" + _ue(0) * 3 + "000" + "1"
    return _nal(_SPS, b"\x42\xc0\x28" + _to_bytes(sequence)), _nal(_PPS, _to_bytes(picture))


def encode(picture: Picture, number: int) -> bytes:
    """The slice of one picture (BGR, even sides), `number` counts them."""
    # first_mb, an I slice, pps, frame_num, idr_pic_id, no marking, no change of QP, mb_type of the first macroblock
    head = _ue(0) + _ue(7) + _ue(0) + "0000" + _ue(number % 2) + "00" + _ue(0) + _I_PCM
    blocks = _macroblocks(picture)
    lead = np.broadcast_to(np.frombuffer(_to_bytes(_I_PCM), np.uint8), (len(blocks), 2))
    rest = np.concatenate([lead, blocks], axis=1).tobytes()[2:]
    # No sample is 0 (`_macroblocks`), so that nothing behind the head can look like a start code.
    return _nal(_KEY_SLICE, _to_bytes(head)) + rest + b"\x80"


def _macroblocks(picture: Picture) -> Picture:
    """256 luma, 64 Cb and 64 Cr samples a row (BT.601, video range), in the order of the macroblocks."""
    height, width = picture.shape[:2]
    below, right = -height % _MACROBLOCK, -width % _MACROBLOCK
    padded = np.pad(picture, ((0, below), (0, right), (0, 0)), mode="edge").astype(np.int32)
    blue, green, red = padded[..., 0], padded[..., 1], padded[..., 2]
    luma = 16 + ((66 * red + 129 * green + 25 * blue + 128) >> 8)
    rows, columns = luma.shape
    small = padded.reshape(rows // 2, 2, columns // 2, 2, 3).sum(axis=(1, 3)) >> 2
    blue, green, red = small[..., 0], small[..., 1], small[..., 2]
    cb = 128 + ((-38 * red - 74 * green + 112 * blue + 128) >> 8)
    cr = 128 + ((112 * red - 94 * green - 18 * blue + 128) >> 8)
    parts = [_tiles(luma, _MACROBLOCK), _tiles(cb, _MACROBLOCK // 2), _tiles(cr, _MACROBLOCK // 2)]
    return np.concatenate(parts, axis=1).astype(np.uint8)


def _tiles(plane: npt.NDArray[np.int32], side: int) -> npt.NDArray[np.int32]:
    rows, columns = plane.shape[0] // side, plane.shape[1] // side
    return plane.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(rows * columns, side * side)


def describe(width: int, height: int, codec: str = "H264") -> str:
    """The session description of such a stream (RFC 4566, RFC 6184)."""
    sets = parameter_sets(width, height)
    shown = ",".join(base64.b64encode(one).decode() for one in sets)
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=Kakou camera",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "m=video 0 RTP/AVP 96",
        f"a=rtpmap:96 {codec}/90000",
        f"a=fmtp:96 packetization-mode=1; sprop-parameter-sets={shown}; profile-level-id={sets[0][1:4].hex()}",
        "a=control:track1",
    ]
    return "\r\n".join(lines) + "\r\n"


# Within a segment of Ethernet, as cameras cut them.
_FRAGMENT_BYTES = 1400


def packets(unit: bytes, timestamp: int, sequence: int, ssrc: int, *, last: bool) -> list[bytes]:
    """The RTP packets of one unit (RFC 3550, RFC 6184 FU-A). `last`: no other unit has this time (90 kHz)."""
    if len(unit) <= _FRAGMENT_BYTES:
        payloads = [unit]
    else:
        header, body = unit[0], unit[1:]
        pieces = [body[at : at + _FRAGMENT_BYTES] for at in range(0, len(body), _FRAGMENT_BYTES)]
        payloads = [
            bytes([(header & 0xE0) | 28, (header & 0x1F) | (0x80 if at == 0 else 0) | (0x40 if end else 0)]) + piece
            for at, piece in enumerate(pieces)
            for end in [at == len(pieces) - 1]
        ]
    return [
        bytes([0x80, 96 | (0x80 if last and at == len(payloads) - 1 else 0)])
        + (sequence + at & 0xFFFF).to_bytes(2, "big")
        + (timestamp & 0xFFFFFFFF).to_bytes(4, "big")
        + ssrc.to_bytes(4, "big")
        + payload
        for at, payload in enumerate(payloads)
    ]
