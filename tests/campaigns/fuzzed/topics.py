"""The JSON variant of the customs protocol: what a Redis server says, JSON within JSON, commands, pass records."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from edge.clearance.bridge import json_body, judging, messages, pass_record, resp, wire
from edge.clearance.bridge.book import BridgeBook
from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.pass_reports import PassReports, Reporting
from edge.clearance.bridge.strict_xml import BodyError
from edge.mqtt import Message
from tests.campaigns.fuzzed.target import Fed, Target, pieces, target
from tests.support import customs
from tests.support.customs import RECORD, passage_event

_DIALECT = DIALECTS["json_redis"]
_WORDS = json_body.PubSub()
# A text of the longest, its line, and one read of what follows.
_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_MOST_PENDING = resp.MAX_LIST * (resp.MAX_BULK_BYTES + resp.MAX_LINE_BYTES)


def _replies(data: bytes) -> None:
    whole, refused_whole = _fed([data])
    found, refused = _fed(list(pieces(data)))
    assert refused == refused_whole, "another judgement of pieces"
    if refused is None:
        assert found == whole, "other replies from other pieces"
    for one in found:
        if isinstance(one, list) and all(isinstance(part, bytes) for part in one):
            words = [part for part in one if isinstance(part, bytes)]
            assert resp.ReplyDecoder().feed(resp.command(*words)) == [one]


def _fed(given: list[bytes]) -> tuple[list[resp.Reply], str | None]:
    decoder = resp.ReplyDecoder()
    found: list[resp.Reply] = []
    try:
        for piece in given:
            found += decoder.feed(piece)
            assert decoder.pending < _MOST_PENDING
    except resp.RespError as error:
        return found, error.reason
    return found, None


def _records(data: bytes) -> None:
    for words in (pass_record.DxpWords(), pass_record.DxpWords(encoding="gb18030", declares="GB2312")):
        with suppress(BodyError):
            record = pass_record.read_record(data, words)
            with suppress(ValueError):
                assert pass_record.read_record(pass_record.record_bytes(record, words), words) == record


def _passages(folder: Path) -> Fed:
    """Any bytes on `passage/<authority>`: nothing is raised, and no record is written but for what was released."""
    book = BridgeBook(folder / "bridge.sqlite", utc=lambda: _AT)
    asked = book.ask("h", lane="lane1", boot="b", passage="p1", nonce="n")
    book.answer(asked, "release", "", number=1, grant=b"g", form="HF1", raw=b"r")
    # Told again each time: all that a message says is read.
    book.pass_told = lambda _hash: False  # type: ignore[method-assign]
    reporting = Reporting("yard", "customs", frozenset({"lane1"}), "a", "b", simulated=False, cards=True)
    reports = PassReports(reporting, folder / "dxp", book=book, utc=lambda: _AT)
    seed = passage_event(passage="p1")

    def take(data: bytes) -> None:
        reports.receive(Message("gate/v1/yard/lane1/passage/customs", data))
        assert len(list((folder / "dxp").iterdir())) <= 1

    return Fed([seed], take)


def _bodies(data: bytes) -> None:
    kind, sender = json_body.heading(data, _WORDS)
    frame = wire.Frame(kind, customs.CHANNEL.area, customs.CHANNEL.channel, "I", sender, data)
    sequence = messages.sequence_of(frame, _DIALECT)
    assert len(sequence) <= messages.MAX_SEQUENCE
    with suppress(BodyError):
        messages.read_gather(frame, _DIALECT)
    with suppress(BodyError):
        root = json_body.read(data, kind, sender, _WORDS)
        with suppress(ValueError):
            again = json_body.write(root, kind, sender, _WORDS)
            assert json_body.read(again, kind, sender, _WORDS).children == root.children
    ruling = judging.rule(frame, customs.TRUCK, customs.CHANNEL, _DIALECT)
    if ruling.verdict == "release":
        # Only what names this very question may release it.
        assert (sequence, sender) == (customs.SEQUENCE, "platform")


def targets() -> list[Target]:
    """Return all of them."""
    told = messages.Command(customs.SEQUENCE, "0" * 20, customs.PLATE, "2", "HFD1", "ok")
    order = messages.device_command_frame({"EXCUTE_COMMAND": "1"}, "8", customs.CHANNEL, _DIALECT)
    sent = [
        messages.command_frame(told, customs.CHANNEL, _DIALECT).body,
        messages.gather_frame(customs.TRUCK, customs.CHANNEL, _DIALECT).body,
        order.body,
        json.dumps({"tType": "", "tData": json.dumps({"Cmd": 34, "Data": {"A": {"B": 1}}})}).encode(),
    ]
    topic = _WORDS.answering_topic("7208100000", "7208100001", "I").encode()
    record = pass_record.record_bytes(RECORD, pass_record.DxpWords())
    spoken = [
        resp.command(b"message", topic, sent[0]),
        b"*3\r\n$9\r\nsubscribe\r\n$5\r\nfirst\r\n:1\r\n+PONG\r\n:2\r\n$-1\r\n-NOAUTH Authentication required.\r\n",
    ]
    return [
        target("redis_replies", "edge.clearance.bridge.resp", spoken, _replies),
        target("customs_passes", "edge.clearance.bridge.pass_record", [record], _records),
        Target("customs_passages", ("edge.clearance.bridge.pass_reports",), _passages),
        target("customs_json", "edge.clearance.bridge.json_body edge.clearance.bridge.messages", sent, _bodies),
    ]
