"""The DXP pass record: what customs is told of a vehicle that has passed. Pure.

    DxpMessage/MessageHead{messageId, messageType BAYONETPASSREC, senderId, receiverId, messageTime, version}
    DxpMessage/MessageBody/VePassResponse{billNo, billType, ioFlag, VeicList/Veic{veNo, icNo}, status, entryTime, note}

A report and no question: nothing answers it, and nothing that is read here opens anything.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from edge.clearance.bridge.strict_xml import BodyError, Element, Encoding, read, write

MESSAGE_TYPE = "BAYONETPASSREC"
_CHINA = timezone(timedelta(hours=8))
_SENT = re.compile(r"[0-9]{17}\Z")
_ENTERED = re.compile(r"[0-9]{14}\Z")
_SECOND, _MILLISECONDS = "%Y%m%d%H%M%S", 3


@dataclass(frozen=True, slots=True)
class DxpWords:
    """How a site's exchange spells it. `version`, `passed` and the form of `entryTime` are no published values [K]."""

    encoding: Encoding = "utf-8"
    declares: str = "UTF-8"
    version: str = "1.0"
    empty: str = "0"
    loaded: str = "1"
    inward: str = "I"
    outward: str = "O"
    passed: str = "1"


@dataclass(frozen=True, slots=True)
class PassRecord:
    """One passage. `vehicles` are plate and driver's card each, "" for what was not read; times are aware."""

    message_id: str
    sender: str
    receiver: str
    sent_at: datetime
    bill: str
    loaded: bool
    inward: bool
    vehicles: tuple[tuple[str, str], ...]
    entered_at: datetime
    note: str = ""


def record_bytes(record: PassRecord, words: DxpWords) -> bytes:
    """Return the document. Raises ValueError for text that XML cannot hold."""
    sent_at = record.sent_at.astimezone(_CHINA)
    head = _group(
        "MessageHead",
        messageId=record.message_id,
        messageType=MESSAGE_TYPE,
        senderId=record.sender,
        receiverId=record.receiver,
        messageTime=f"{sent_at:{_SECOND}}{sent_at.microsecond // 1000:03d}",
        version=words.version,
    )
    vehicles = [_group("Veic", veNo=plate, icNo=card) for plate, card in record.vehicles]
    body = _group(
        "VePassResponse",
        billNo=record.bill,
        billType=words.loaded if record.loaded else words.empty,
        ioFlag=words.inward if record.inward else words.outward,
    )
    body.children += [
        Element("VeicList", children=vehicles),
        *_group(
            "",
            status=words.passed,
            entryTime=f"{record.entered_at.astimezone(_CHINA):{_SECOND}}",
            note=record.note,
        ).children,
    ]
    root = Element("DxpMessage", children=[head, Element("MessageBody", children=[body])])
    return write(root, words.encoding, words.declares)


def read_record(raw: bytes, words: DxpWords) -> PassRecord:
    """Return the record of a passed vehicle in a document, as an exchange reads it.

    Raises BodyError; beside those of the XML `dxp_KIND` for other documents and `dxp_NAME` for an element that is
    missing or says what it cannot.
    """
    root = read(raw, words.encoding, words.declares)
    if root.name != "DxpMessage":
        raise BodyError("dxp_DxpMessage")
    head, body = "MessageHead/", "MessageBody/VePassResponse/"
    if (_said(root, f"{head}messageType"), _said(root, f"{head}version")) != (MESSAGE_TYPE, words.version):
        raise BodyError("dxp_messageType")
    sent = _said(root, f"{head}messageTime")
    return PassRecord(
        message_id=_needed(root, f"{head}messageId"),
        sender=_needed(root, f"{head}senderId"),
        receiver=_needed(root, f"{head}receiverId"),
        sent_at=_moment(sent, _SENT, "messageTime"),
        bill=_said(root, f"{body}billNo"),
        loaded=_one_of(root, f"{body}billType", words.empty, words.loaded),
        inward=_one_of(root, f"{body}ioFlag", words.outward, words.inward),
        vehicles=_vehicles(root),
        entered_at=_moment(_said(root, f"{body}entryTime"), _ENTERED, "entryTime"),
        note=_passed(root, body, words),
    )


def _vehicles(root: Element) -> tuple[tuple[str, str], ...]:
    here: Element | None = root
    for name in ("MessageBody", "VePassResponse", "VeicList"):
        here = None if here is None else here.child(name)
    if here is None or not here.children or any(one.name != "Veic" for one in here.children):
        raise BodyError("dxp_VeicList")
    return tuple((_said(one, "veNo"), _said(one, "icNo")) for one in here.children)


def _passed(root: Element, body: str, words: DxpWords) -> str:
    if _said(root, f"{body}status") != words.passed:
        raise BodyError("dxp_status")
    return _said(root, f"{body}note")


def _moment(text: str, form: re.Pattern[str], name: str) -> datetime:
    if not form.match(text):
        raise BodyError(f"dxp_{name}")
    second, milliseconds = text[:14], text[14:] or "0" * _MILLISECONDS
    try:
        moment = datetime.strptime(f"{second}{milliseconds}000", f"{_SECOND}%f")  # noqa: DTZ007 - given its zone below
    except ValueError as error:
        raise BodyError(f"dxp_{name}") from error
    return moment.replace(tzinfo=_CHINA)


def _one_of(root: Element, path: str, no: str, yes: str) -> bool:
    said = _said(root, path)
    if said not in (no, yes):
        raise BodyError(f"dxp_{path.rpartition('/')[2]}")
    return said == yes


def _needed(root: Element, path: str) -> str:
    said = _said(root, path)
    if not said:
        raise BodyError(f"dxp_{path.rpartition('/')[2]}")
    return said


def _said(root: Element, path: str) -> str:
    said = root.at(path)
    if said is None:
        raise BodyError(f"dxp_{path.rpartition('/')[2]}")
    return said


def _group(name: str, **texts: str) -> Element:
    return Element(name, children=[Element(one, text=text) for one, text in texts.items()])
