"""What the messages of the customs front-end protocol say: GATHER_INFO, COMMAND_INFO, device commands. Pure.

Every message names area, channel, direction and SEQ_NO; the platform repeats the SEQ_NO of the GATHER_INFO that it
answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edge.clearance.bridge.bodies import read_body, write_body
from edge.clearance.bridge.dialects import Dialect
from edge.clearance.bridge.slots import Pictured, filled
from edge.clearance.bridge.strict_xml import BodyError, Element
from edge.clearance.bridge.wire import Frame, MessageType, Sender

Direction = Literal["in", "out"]
MAX_SEQUENCE = 20


@dataclass(frozen=True, slots=True)
class Channel:
    """One lane as customs numbers it: 10 characters each for area and channel, assigned by customs."""

    area: str
    channel: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Gather:
    """What the front end gathered of one vehicle. `containers` are front to rear; None where nothing looks for them.

    `models` are their sizes and types (45G1), "" where not read. `pictures` are SHA-256 digests (hex), `views` what
    some of them show. `weight_kg`,
    `seals` (each with its count of openings), `driver_card` and `bar_code` (the driver's printed code) stay empty for
    lanes without these devices.
    `file_time` is yyyyMMddHHmmss.
    `supplemented`: sent again with what a person added (0x23).
    """

    sequence: str
    plate: str = ""
    trailer_plate: str = ""
    tag: str = ""
    containers: tuple[str, ...] | None = None
    models: tuple[str, ...] = ()
    weight_kg: int | None = None
    seals: tuple[tuple[str, int | None], ...] = ()
    driver_card: str = ""
    bar_code: str = ""
    pictures: tuple[str, ...] = ()
    views: tuple[Pictured, ...] = ()
    file_time: str = ""
    supplemented: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A COMMAND_INFO as received. `result`, `vehicle` and the rest are None where the element is missing.

    `seal` and `openings` are None where it is empty as well: it has to be there, and says nothing of a seal.
    `business_error` and `technical_error` are a code and a text, both "" for none; `second_vehicle` is another plate of
    the vehicle. Dialects without them leave them empty.
    """

    sequence: str
    result: str | None
    vehicle: str | None = None
    container_count: str | None = None
    form: str | None = None
    hint: str | None = None
    seal: str | None = None
    openings: str | None = None
    business_error: tuple[str, str] = ("", "")
    technical_error: tuple[str, str] = ("", "")
    second_vehicle: str = ""


def gather_frame(gather: Gather, channel: Channel, dialect: Dialect) -> Frame:
    """Return the message that asks for this vehicle. Raises ValueError for text that no message can hold."""
    fields = gather_fields(gather, channel, dialect)
    root = Element(dialect.layout.root, {name: fields[value] for name, value in dialect.layout.attributes})
    for path, value in dialect.layout.elements:
        _put(root, path, fields[value] if value else "")
    if gather.supplemented:
        _put(root, "MODI_FLAG", "1")
    kind = MessageType.SUPPLEMENT if gather.supplemented else MessageType.GATHER
    return _frame(kind, root, channel, dialect, "front")


def gather_fields(gather: Gather, channel: Channel, dialect: Dialect) -> dict[str, str]:
    """Return each field of a layout as text. Nothing looked for leaves the count empty: 0 says that none is there."""
    boxes = gather.containers or ()
    front, back = (*boxes, "", "")[:2]
    model_front, model_back = (*gather.models, "", "")[:2]
    return {
        "area": channel.area,
        "channel": channel.channel,
        "direction": dialect.direction(channel.direction),
        "sequence": gather.sequence,
        "plate": gather.plate,
        "optical_plate": gather.plate,
        # Nothing here reads the plate of another country.
        "second_plate": "",
        # A: by devices alone; M: completed by a person at the lane. B is entered at customs.
        "gather_mode": "M" if gather.supplemented else "A",
        "trailer_plate": gather.trailer_plate,
        "tag": gather.tag,
        "trailer_tag": "",
        "container_count": "" if gather.containers is None else str(len(boxes)),
        "containers_read": dialect.containers_unread if gather.containers is None else dialect.containers_read,
        "container_front": front,
        "container_back": back,
        "model_front": model_front,
        "model_back": model_back,
        "weight_kg": "" if gather.weight_kg is None else str(gather.weight_kg),
        "seal": "|".join(seal for seal, _ in gather.seals),
        "driver_card": gather.driver_card,
        "bar_code": gather.bar_code,
        "file_time": gather.file_time,
        "pictures": "|".join(gather.pictures),
        **filled(dialect.slots, gather.views),
    }


def read_gather(frame: Frame, dialect: Dialect) -> dict[str, str]:
    """Return the fields of a GATHER_INFO by the dialect's layout, as a platform reads them. Raises BodyError."""
    root = read_body(frame, dialect)
    if root.name != dialect.layout.root:
        raise BodyError("other_message")
    found = {value: root.attributes.get(name, "") for name, value in dialect.layout.attributes}
    return found | {value: root.at(path) or "" for path, value in dialect.layout.elements if value}


def head_of(channel: Channel, dialect: Dialect) -> dict[str, str]:
    """Return the attributes by which a message says which channel it is of."""
    return {"AREA_ID": channel.area, "CHNL_NO": channel.channel, "I_E_TYPE": dialect.direction(channel.direction)}


def read_command(frame: Frame, channel: Channel, dialect: Dialect) -> Command:
    """Return the COMMAND_INFO of this channel in a frame of it.

    Raises BodyError; beside its own reasons `other_message` and `head_contradicts_envelope`.
    """
    root = read_body(frame, dialect)
    if root.name != "COMMAND_INFO":
        raise BodyError("other_message")
    if any(root.attributes.get(name) != value for name, value in head_of(channel, dialect).items()):
        raise BodyError("head_contradicts_envelope")
    return Command(
        sequence=root.attributes.get("SEQ_NO", ""),
        result=root.at("CHECK_RESULT"),
        vehicle=root.at("GPS/VE_NAME"),
        container_count=root.at("SEAL/CONTA_NUM"),
        form=root.at("FORM_ID"),
        hint=root.at("OP_HINT"),
        seal=root.at("SEAL/ESEAL_ID") or None,
        openings=root.at("SEAL/OPEN_TIMES") or None,
        **_errors_in(root, dialect),
    )


def _errors_in(root: Element, dialect: Dialect) -> dict[str, Any]:
    layout = dialect.errors
    if layout is None:
        return {}
    second = root.at(layout.second_vehicle) or ""
    business, technical = (_error_in(root, *paths) for paths in (layout.business, layout.technical))
    return {"business_error": business, "technical_error": technical, "second_vehicle": second}


def _error_in(root: Element, code: str, text: str) -> tuple[str, str]:
    """Return code and text of an error; what stands beside them under a name that is not known is a text as well."""
    group = root.child(code.partition("/")[0])
    said = root.at(code) or "", root.at(text) or ""
    return said if any(said) or group is None else ("", group.says())


def command_frame(command: Command, channel: Channel, dialect: Dialect) -> Frame:
    """Return a COMMAND_INFO as a platform sends it."""
    root = _root("COMMAND_INFO", command.sequence, channel, dialect)
    if command.result is not None:
        _put(root, "CHECK_RESULT", command.result)
    for path, value in (
        ("GPS/VE_NAME", command.vehicle), ("GPS/GPS_ID", ""), ("GPS/ORIGIN_CUSTOMS", ""), ("GPS/DEST_CUSTOMS", ""),
        ("SEAL/ESEAL_ID", command.seal), ("SEAL/SEAL_KEY", ""), ("FORM_ID", command.form), ("OP_HINT", command.hint),
    ):  # fmt: skip
        _put(root, path, value or "")
    if command.container_count is not None:
        _put(root, "SEAL/CONTA_NUM", command.container_count)
    if command.openings is not None:
        _put(root, "SEAL/OPEN_TIMES", command.openings)
    if dialect.errors is not None:
        paths = (*dialect.errors.business, *dialect.errors.technical, dialect.errors.second_vehicle)
        texts = (*command.business_error, *command.technical_error, command.second_vehicle)
        for path, text in zip(paths, texts, strict=True):
            _put(root, path, text)
    return _frame(MessageType.COMMAND, root, channel, dialect, "platform")


def device_command_frame(values: Mapping[str, str], sequence: str, channel: Channel, dialect: Dialect) -> Frame:
    """Return a device command (0x31) as a platform sends it: EXCUTE_COMMAND (so spelt), OP_TYPE, OP_REASON, OP_ID."""
    root = _root("COMMAND_INFO", sequence, channel, dialect)
    for path in ("EXCUTE_COMMAND", "ContaNum", "OP_TYPE", "OP_REASON", "OP_ID"):
        _put(root, path, values.get(path, ""))
    return _frame(MessageType.DEVICE_COMMAND, root, channel, dialect, "platform")


def refused_order_frame(sequence: str, channel: Channel, dialect: Dialect) -> Frame:
    """Return the answer (0x32) that a device command was not carried out."""
    root = _root("COMMAND_INFO", sequence, channel, dialect)
    _put(root, "EXECUTE_RESULT", dialect.not_executed)
    return _frame(MessageType.DEVICE_RESULT, root, channel, dialect, "front")


def heartbeat_frame(channel: Channel, dialect: Dialect, sender: Sender = "front") -> Frame:
    """Return a heartbeat: an envelope without a body."""
    kind = MessageType.HEARTBEAT_FRONT if sender == "front" else MessageType.HEARTBEAT_PLATFORM
    return Frame(kind, channel.area, channel.channel, dialect.direction(channel.direction), sender)


def sequence_of(frame: Frame, dialect: Dialect) -> str:
    """Return the SEQ_NO of any message, "" where it has none that can be repeated."""
    try:
        sequence = read_body(frame, dialect).attributes.get("SEQ_NO", "")
    except BodyError:
        return ""
    return sequence if sequence.isprintable() and len(sequence) <= MAX_SEQUENCE else ""


def _root(name: str, sequence: str, channel: Channel, dialect: Dialect) -> Element:
    direction = dialect.direction(channel.direction)
    head = {"AREA_ID": channel.area, "CHNL_NO": channel.channel, "I_E_TYPE": direction, "SEQ_NO": sequence}
    return Element(name, head)


def _put(root: Element, path: str, text: str) -> None:
    here = root
    for name in path.split("/"):
        found = here.child(name)
        if found is None:
            found = Element(name)
            here.children.append(found)
        here = found
    here.text = text


def _frame(kind: MessageType, root: Element, channel: Channel, dialect: Dialect, sender: Sender) -> Frame:
    body = write_body(root, kind, sender, dialect)
    return Frame(kind, channel.area, channel.channel, dialect.direction(channel.direction), sender, body)
