"""What Redis says, as its documentation prints it, cut anywhere; and what is no reply."""

import pytest

from edge.clearance.bridge.resp import MAX_BULK_BYTES, Refusal, Reply, ReplyDecoder, RespError, command

# From the page of the protocol: examples of each type, and of pub/sub.
DOCUMENTED: list[tuple[bytes, Reply]] = [
    (b"+OK\r\n", "OK"),
    (b"-ERR unknown command 'asdf'\r\n", Refusal("ERR unknown command 'asdf'")),
    (b":0\r\n", 0),
    (b":-1000\r\n", -1000),
    (b"$5\r\nhello\r\n", b"hello"),
    (b"$0\r\n\r\n", b""),
    (b"$-1\r\n", None),
    (b"*0\r\n", []),
    (b"*2\r\n$5\r\nhello\r\n$5\r\nworld\r\n", [b"hello", b"world"]),
    (b"*3\r\n$9\r\nsubscribe\r\n$5\r\nfirst\r\n:1\r\n", [b"subscribe", b"first", 1]),
    (b"*3\r\n$7\r\nmessage\r\n$6\r\nsecond\r\n$5\r\nHel\r\n\r\n", [b"message", b"second", b"Hel\r\n"]),
]


@pytest.mark.parametrize(("raw", "reply"), DOCUMENTED)
def test_each_reply_of_the_documentation_is_read_however_it_is_cut(raw: bytes, reply: Reply) -> None:
    assert ReplyDecoder().feed(raw + raw) == [reply, reply]
    decoder = ReplyDecoder()
    found = [one for at in range(len(raw)) for one in decoder.feed(raw[at : at + 1])]
    assert (found, decoder.pending) == ([reply], 0)


def test_a_command_is_a_list_of_texts() -> None:
    assert command(b"LLEN", b"mylist") == b"*2\r\n$4\r\nLLEN\r\n$6\r\nmylist\r\n"
    assert ReplyDecoder().feed(command(b"PUBLISH", b"a/b", b"\r\n\x00")) == [[b"PUBLISH", b"a/b", b"\r\n\x00"]]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "resp_type"),
        (b"\r\n", "resp_type"),
        (b":+1\r\n", "resp_number"),
        (b":" + b"9" * 19 + b"\r\n", "resp_number"),
        (b"$x\r\n", "resp_number"),
        (b"$2\r\nabcd", "resp_end"),
        (b"$-2\r\n", "resp_too_long"),
        (b"$%d\r\n" % (MAX_BULK_BYTES + 1), "resp_too_long"),
        (b"*9\r\n", "resp_list"),
        (b"*-1\r\n", "resp_list"),
        (b"*1\r\n*1\r\n:1\r\n", "resp_type"),
        (b"+" + b"a" * 1024, "resp_line_too_long"),
    ],
)
def test_what_is_no_reply_of_bounded_size_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(RespError) as refused:
        ReplyDecoder().feed(raw)
    assert refused.value.reason == reason


def test_a_long_text_is_waited_for_and_not_looked_at_again() -> None:
    decoder = ReplyDecoder()
    assert decoder.feed(b"$100000\r\n") == []
    for _ in range(100):
        assert decoder.feed(bytes(1000)) == []
    assert decoder.feed(b"\r\n:7\r\n") == [bytes(100_000), 7]
