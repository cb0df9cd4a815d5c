"""LLRP 1.0.1 as bytes and values, by the codec of llrpkit: the only module that names it. Pure: no port, no clock.

llrpkit is an extra. It is imported when a message is made or read, and `demand_codec` says before whether it is there.
Frame: 3 bits reserved, 3 bits version, 10 bits type, u32 length with the header, u32 id. There is no checksum: TCP has
one. Source: domain.md 6.1; EPCglobal LLRP 1.0.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drivers.kit.wire import NO_FRAME, NOT_YET, StreamDecoder

if TYPE_CHECKING:
    from llrpkit.protocol import params

HEADER_BYTES = 10
MOST_ANTENNAS = 4
# What reports of one round can be: some thousand tags. A longer frame is noise.
MOST_BYTES = 0x10000
_MOST_ANSWER_BYTES = 4096
_VERSION = 1

GET_READER_CONFIG = 2
SET_READER_CONFIG = 3
GET_READER_CONFIG_RESPONSE = 12
SET_READER_CONFIG_RESPONSE = 13
ADD_ROSPEC = 20
DELETE_ROSPEC = 21
START_ROSPEC = 22
STOP_ROSPEC = 23
ENABLE_ROSPEC = 24
RO_ACCESS_REPORT = 61
KEEPALIVE = 62
READER_EVENT_NOTIFICATION = 63
ENABLE_EVENTS_AND_REPORTS = 64
KEEPALIVE_ACK = 72
ERROR_MESSAGE = 100
_ROSPEC_COMMANDS = range(ADD_ROSPEC, ENABLE_ROSPEC + 1)
# Their answers have the same numbers, ten further.
_ROSPEC_ANSWERS = range(ADD_ROSPEC + 10, ENABLE_ROSPEC + 11)
_CUSTOM = 1023

# How long each message of a reader can be.
_SIZES: dict[int, tuple[int, int]] = {
    KEEPALIVE: (HEADER_BYTES, HEADER_BYTES),
    RO_ACCESS_REPORT: (HEADER_BYTES, MOST_BYTES),
    **dict.fromkeys(
        (
            *(GET_READER_CONFIG_RESPONSE, SET_READER_CONFIG_RESPONSE, *_ROSPEC_ANSWERS),
            *(READER_EVENT_NOTIFICATION, ERROR_MESSAGE, _CUSTOM),
        ),
        (HEADER_BYTES, _MOST_ANSWER_BYTES),
    ),
}
_COMMAND_SIZES: dict[int, tuple[int, int]] = {
    **dict.fromkeys((KEEPALIVE_ACK, ENABLE_EVENTS_AND_REPORTS), (HEADER_BYTES, HEADER_BYTES)),
    **dict.fromkeys((GET_READER_CONFIG, SET_READER_CONFIG, *_ROSPEC_COMMANDS), (HEADER_BYTES, _MOST_ANSWER_BYTES)),
}

OK = 0
CONNECTED = 0
CLIENT_THERE_ALREADY = 2
PARAMETER_ERROR = 100
DUPLICATE_PARAMETER = 104
UNSUPPORTED_MESSAGE = 109

# The inventory of ours: any number that nobody else is likely to have.
OUR_ROSPEC = 0x4B41
ALL_ROSPECS = 0

# The versions of llrpkit that this was written for.
SERIES = "0.3"


class ExtraMissingError(Exception):
    """llrpkit cannot be used; the text says what was found in its place."""


def demand_codec() -> None:
    """Import llrpkit. Raises ExtraMissingError where it is missing, or not of the version that this was written for."""
    try:
        from llrpkit import __version__
        from llrpkit.protocol import codec, enums, messages, params  # noqa: F401 - their names are what is demanded
    except ImportError as error:
        raise ExtraMissingError(str(error)) from error
    if not __version__.startswith(f"{SERIES}."):
        raise ExtraMissingError(f"llrpkit {__version__}")


@dataclass(frozen=True, slots=True)
class Seen:
    """A tag of a report. `port` counts from 1; None: as in the report before it (LLRP 13.2.3). `rssi_dbm`: the peak."""

    epc: bytes
    port: int | None
    rssi_dbm: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """What a reader says. `status`: LLRP's code, 0 is success, None where the message has none; `words` tell of it.

    `connection`: how it took our connection, where it tells that; `broken`: how many tags have no EPC of whole bytes.
    """

    type: int
    id: int
    status: int | None = None
    words: str = ""
    connection: int | None = None
    seen: tuple[Seen, ...] = ()
    broken: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """What a client says, as far as a simulated reader heeds it: times in ms, antennas as ports from 1."""

    type: int
    id: int
    rospec: int = 0
    ports: tuple[int, ...] = ()
    limit_ms: int = 0
    keepalive_ms: int = 0


class _MessageDecoder(StreamDecoder[Any]):
    """Frames of types and lengths that the other side can have."""

    sizes: dict[int, tuple[int, int]]

    def measure(self, data: bytearray, at: int) -> int:
        """Believe a length only where a message of that type can have it."""
        known = data[at : at + 6]
        if len(known) < 2:
            heads = {(_VERSION << 10 | one) >> 8 for one in self.sizes}
            return NOT_YET if not known or known[0] in heads else NO_FRAME
        head = int.from_bytes(known[:2], "big")
        bounds = self.sizes.get(head & 0x3FF)
        if bounds is None or head >> 10 != _VERSION:
            return NO_FRAME
        if len(known) < 6:
            return NOT_YET
        size = int.from_bytes(known[2:6], "big")
        return size if bounds[0] <= size <= bounds[1] else NO_FRAME


class MessageDecoder(_MessageDecoder):
    """What a reader sends."""

    sizes = _SIZES

    def parse(self, candidate: bytes) -> Message | None:
        """Read a message; none where llrpkit cannot."""
        decoded = _decoded(candidate)
        return None if decoded is None else _message(int.from_bytes(candidate[:2], "big") & 0x3FF, decoded)


class CommandDecoder(_MessageDecoder):
    """The other end: what a client sends. For simulators."""

    sizes = _COMMAND_SIZES

    def parse(self, candidate: bytes) -> Command | None:
        """Read a command; none where llrpkit cannot."""
        decoded = _decoded(candidate)
        return None if decoded is None else _command(int.from_bytes(candidate[:2], "big") & 0x3FF, decoded)


def _decoded(candidate: bytes) -> Any:
    from llrpkit.protocol import decode_message

    try:
        return decode_message(candidate)
    except Exception:  # noqa: BLE001
        # Bytes of a stranger in a young library: whatever it raises on them, they are no message.
        return None


def _message(number: int, decoded: Any) -> Message:
    status = getattr(decoded, "llrp_status", None)
    code = None if status is None else int(status.status_code)
    words = "" if status is None else _words(status)
    if number == READER_EVENT_NOTIFICATION:
        event = decoded.reader_event_notification_data.connection_attempt_event
        if event is not None:
            return Message(number, decoded.message_id, words=_name(event.status), connection=int(event.status))
    if number == RO_ACCESS_REPORT:
        seen = [_seen(one) for one in decoded.tag_report_datas]
        whole = tuple(one for one in seen if one is not None)
        return Message(number, decoded.message_id, seen=whole, broken=len(seen) - len(whole))
    return Message(number, decoded.message_id, code, words)


def _words(status: params.LLRPStatus) -> str:
    said = f"LLRP status {int(status.status_code)} ({_name(status.status_code)})"
    # A reader's own words go into logs and onto screens.
    told = "".join(one for one in status.error_description[:200] if one.isprintable())
    return f"{said}: {told}" if told else said


def _name(value: int) -> str:
    """What LLRP calls a code."""
    return str(getattr(value, "name", value))


def _seen(data: params.TagReportData) -> Seen | None:
    epc = data.epc_parameter.epc
    if not isinstance(epc, bytes):
        if epc.bit_len % 8:
            return None
        epc = epc.data
    port = None if data.antenna_id is None else data.antenna_id.antenna_id
    return Seen(epc, port, None if data.peak_rssi is None else data.peak_rssi.peak_rssi)


def _command(number: int, decoded: Any) -> Command:
    if number == SET_READER_CONFIG and decoded.keepalive_spec is not None:
        return Command(number, decoded.message_id, keepalive_ms=decoded.keepalive_spec.periodic_trigger_value)
    if number != ADD_ROSPEC:
        return Command(number, decoded.message_id, getattr(decoded, "ro_spec_id", 0))
    spec = decoded.ro_spec
    limit_ms = spec.ro_boundary_spec.ro_spec_stop_trigger.duration_trigger_value
    ports = [port for one in spec.spec_parameters for port in getattr(one, "antenna_ids", ())]
    return Command(number, decoded.message_id, spec.ro_spec_id, tuple(ports), limit_ms)


def keepalive_ack(number: int) -> bytes:
    """Answer a `KEEPALIVE` of that id."""
    from llrpkit.protocol import messages

    return messages.KEEPALIVE_ACK().to_bytes(number)


def enable_events(number: int) -> bytes:
    """Let a reader speak that holds its reports back after a reconnect. It is not answered."""
    from llrpkit.protocol import messages

    return messages.ENABLE_EVENTS_AND_REPORTS().to_bytes(number)


def ask_config(number: int) -> bytes:
    """Ask for the least that a reader answers: the number of its configuration."""
    from llrpkit.protocol import enums, messages

    asked = enums.GetReaderConfigRequestedData.LLRPConfigurationStateValue
    return messages.GET_READER_CONFIG(requested_data=asked).to_bytes(number)


def set_keepalive(number: int, period_ms: int) -> bytes:
    """Have the reader ask so often whether we are there. It lets go a client that is not."""
    from llrpkit.protocol import enums, messages, params

    spec = params.KeepaliveSpec(
        keepalive_trigger_type=enums.KeepaliveTriggerType.Periodic, periodic_trigger_value=period_ms
    )
    return messages.SET_READER_CONFIG(keepalive_spec=spec).to_bytes(number)


def delete_rospecs(number: int) -> bytes:
    """Delete every inventory that anybody left in the reader."""
    from llrpkit.protocol import messages

    return messages.DELETE_ROSPEC(ro_spec_id=ALL_ROSPECS).to_bytes(number)


def add_rospec(number: int, ports: Sequence[int], limit_ms: int) -> bytes:
    """Define our inventory: Gen2 on these ports, stopped by the reader itself after `limit_ms`, reported at its end.

    One report for each tag and port, with the strongest signal. Power and session are as the reader is set.
    """
    from llrpkit.protocol import enums, messages, params

    boundary = params.ROBoundarySpec(
        ro_spec_start_trigger=params.ROSpecStartTrigger(ro_spec_start_trigger_type=enums.ROSpecStartTriggerType.Null),
        ro_spec_stop_trigger=params.ROSpecStopTrigger(
            ro_spec_stop_trigger_type=enums.ROSpecStopTriggerType.Duration, duration_trigger_value=limit_ms
        ),
    )
    inventory = params.AISpec(
        antenna_ids=list(ports),
        ai_spec_stop_trigger=params.AISpecStopTrigger(ai_spec_stop_trigger_type=enums.AISpecStopTriggerType.Null),
        inventory_parameter_specs=[
            params.InventoryParameterSpec(
                inventory_parameter_spec_id=1, protocol_id=enums.AirProtocols.EPCGlobalClass1Gen2
            )
        ],
    )
    report = params.ROReportSpec(
        ro_report_trigger=enums.ROReportTriggerType.Upon_N_Tags_Or_End_Of_ROSpec,
        n=0,
        tag_report_content_selector=params.TagReportContentSelector(enable_antenna_id=True, enable_peak_rssi=True),
    )
    spec = params.ROSpec(
        ro_spec_id=OUR_ROSPEC, ro_boundary_spec=boundary, spec_parameters=[inventory], ro_report_spec=report
    )
    return messages.ADD_ROSPEC(ro_spec=spec).to_bytes(number)


def enable_rospec(number: int) -> bytes:
    """Make our inventory one that can be started."""
    from llrpkit.protocol import messages

    return messages.ENABLE_ROSPEC(ro_spec_id=OUR_ROSPEC).to_bytes(number)


def start_rospec(number: int) -> bytes:
    """Start our inventory."""
    from llrpkit.protocol import messages

    return messages.START_ROSPEC(ro_spec_id=OUR_ROSPEC).to_bytes(number)


def stop_rospec(number: int) -> bytes:
    """Stop our inventory, which is reported with that."""
    from llrpkit.protocol import messages

    return messages.STOP_ROSPEC(ro_spec_id=OUR_ROSPEC).to_bytes(number)


def encode_greeting(status: int = CONNECTED) -> bytes:
    """What a reader says first: how it takes the connection. For simulators."""
    from llrpkit.protocol import messages, params

    data = params.ReaderEventNotificationData(
        timestamp=params.UTCTimestamp(), connection_attempt_event=params.ConnectionAttemptEvent(status=status)
    )
    return messages.READER_EVENT_NOTIFICATION(reader_event_notification_data=data).to_bytes(0)


def encode_keepalive(number: int) -> bytes:
    """What a reader asks each period: for simulators."""
    from llrpkit.protocol import messages

    return messages.KEEPALIVE().to_bytes(number)


def encode_answer(command: int, number: int, status: int = OK, description: str = "") -> bytes:
    """What a reader answers to a command of that type and id; to one that it does not know, `ERROR_MESSAGE`."""
    from llrpkit.protocol import codec, params

    answer = command + 10 if command + 10 in _SIZES else ERROR_MESSAGE
    made: Any = codec.MESSAGE_REGISTRY[answer]
    told = params.LLRPStatus(status_code=status, error_description=description)
    encoded: bytes = made(llrp_status=told).to_bytes(number)
    return encoded


def encode_report(tags: Sequence[tuple[bytes, int | None, int | None]], number: int = 0) -> bytes:
    """What a reader reports of these EPCs, ports from 1 and strengths in dBm: for simulators."""
    from llrpkit.protocol import codec, messages, params

    datas = [
        params.TagReportData(
            epc_parameter=params.EPC_96(epc=epc)
            if len(epc) == 12
            else params.EPCData(epc=codec.BitStr.from_bytes(epc)),
            antenna_id=None if port is None else params.AntennaID(antenna_id=port),
            peak_rssi=None if rssi_dbm is None else params.PeakRSSI(peak_rssi=rssi_dbm),
        )
        for epc, port, rssi_dbm in tags
    ]
    return messages.RO_ACCESS_REPORT(tag_report_datas=datas).to_bytes(number)
