"""The JSON variant of the customs protocol: what a Redis server says, JSON within JSON, commands judged by it."""

import json
from contextlib import suppress

from edge.clearance.bridge import json_body, judging, messages, resp, wire
from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.strict_xml import BodyError
from tests.campaigns.fuzzed.target import Target, pieces, target
from tests.support import customs

_DIALECT = DIALECTS["json_redis"]
_WORDS = json_body.PubSub()
# A text of the longest, its line, and one read of what follows.
_MOST_PENDING = resp.MAX_LIST * (resp.MAX_BULK_BYTES + resp.MAX_LINE_BYTES)


def _replies(data: bytes) -> None:
    whole, decoder = resp.ReplyDecoder(), resp.ReplyDecoder()
    found: list[resp.Reply] = []
    refused: str | None = None
    for piece in pieces(data):
        try:
            found += decoder.feed(piece)
        except resp.RespError as error:
            refused = error.reason
            break
        assert decoder.pending < _MOST_PENDING
    try:
        assert whole.feed(data)[: len(found)] == found or refused is not None
        assert refused is None, "refused in pieces, taken at once"
    except resp.RespError as error:
        assert refused == error.reason, "taken in pieces, refused at once"
    for one in found:
        if isinstance(one, list) and all(isinstance(part, bytes) for part in one):
            words = [part for part in one if isinstance(part, bytes)]
            assert resp.ReplyDecoder().feed(resp.command(*words)) == [one]


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
    spoken = [
        resp.command(b"message", topic, sent[0]),
        b"*3\r\n$9\r\nsubscribe\r\n$5\r\nfirst\r\n:1\r\n+PONG\r\n:2\r\n$-1\r\n-NOAUTH Authentication required.\r\n",
    ]
    return [
        target("redis_replies", "edge.clearance.bridge.resp", spoken, _replies),
        target("customs_json", "edge.clearance.bridge.json_body edge.clearance.bridge.messages", sent, _bodies),
    ]
