"""Who may push by user and password: clients of others against a real port, and everybody who lies to it."""

import asyncio
import base64
import hashlib
import urllib.request
from collections.abc import Callable

import pytest
import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from drivers.kit.camera.digest import Auth, Digest, parse_challenges
from drivers.kit.push.guard import Guard, UnprovedError
from drivers.kit.push.head import PushHead, parse_head
from tests.drivers.kit.test_push_listener import GOOD, bench

USER, PASSWORD = "lane camera", "pa:ss 词"
# urllib writes no other letters.
PLAIN = "pa:ss"
BODY = b"<EventNotificationAlert/>"


class Nonces:
    def __init__(self) -> None:
        self.count = 0
        self.now_ms = 0

    def __call__(self) -> str:
        self.count += 1
        return f"nonce{self.count}"


def guarded(auth: Auth = "auto", nonces: Nonces | None = None, user: str = USER, password: str = PASSWORD) -> Guard:
    made = nonces or Nonces()
    return Guard(user, password, auth, new_nonce=made, now_ms=lambda: made.now_ms)


def head(authorization: str = "", target: str = "/events?x=1", method: str = "POST") -> PushHead:
    return PushHead("application/xml", 3, False, method, target, authorization)


def asked(guard: Guard, authorization: str = "") -> str:
    """Why it is refused, and the nonce that it is asked to answer behind it."""
    with pytest.raises(UnprovedError) as refused:
        guard.check(head(authorization))
    assert refused.value.status == 401
    return refused.value.asks[0]


def answer(ask: str, user: str = USER, password: str = PASSWORD, target: str = "/events?x=1") -> str:
    digest = Digest(parse_challenges([ask])[0], "MD5")
    return digest.authorize(user, password, target, "abc", "POST").decode("latin-1")


@pytest.mark.parametrize(("user", "password"), [("", PASSWORD), (USER, "")])
def test_nobody_is_known_by_nothing(user: str, password: str) -> None:
    with pytest.raises(ValueError, match="user and a password"):
        guarded(user=user, password=password)


# --- clients of others ------------------------------------------------------------------------------------------------


def with_requests(auth: AuthBase | None) -> Callable[[str], int]:
    def post(url: str) -> int:
        with requests.Session() as session:
            return session.post(url, data=BODY, auth=auth, timeout=20).status_code

    return post


def with_urllib(password: str = PLAIN) -> Callable[[str], int]:
    def post(url: str) -> int:
        known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        known.add_password(None, url, USER, password)
        opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(known))
        try:
            with opener.open(urllib.request.Request(url, BODY, method="POST"), timeout=20) as answered:
                return int(answered.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    return post


class Words(AuthBase):
    """`requests` encodes its own words in latin-1 where they are text."""

    def __init__(self) -> None:
        self.basic = HTTPBasicAuth(USER.encode(), PASSWORD.encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return self.basic(request)


@pytest.mark.parametrize(
    ("auth", "post", "status"),
    [
        ("auto", with_requests(HTTPDigestAuth(USER, PASSWORD)), 200),
        ("basic", with_requests(Words()), 200),
        ("auto", with_requests(None), 401),
        ("auto", with_requests(HTTPDigestAuth(USER, "other")), 401),
        ("auto", with_requests(HTTPDigestAuth("other", PASSWORD)), 401),
        ("auto", with_urllib("other"), 401),
        ("auto", with_requests(Words()), 401),
        ("basic", with_requests(HTTPBasicAuth(USER, "other")), 401),
        ("basic", with_requests(None), 401),
    ],
)
async def test_clients_of_others_prove_themselves_or_are_refused(
    auth: Auth, post: Callable[[str], int], status: int
) -> None:
    async with bench(guard=guarded(auth)) as b:
        assert await asyncio.to_thread(post, f"http://127.0.0.1:{b.port}/events") == status
        assert len(b.taken) == (status == 200)
        if status == 200:
            assert b.taken[0].body == BODY
        else:
            assert set(b.refused) == {401}


async def test_pythons_own_client_proves_itself_on_a_second_connection() -> None:
    async with bench(guard=guarded(password=PLAIN)) as b:
        assert await asyncio.to_thread(with_urllib(), f"http://127.0.0.1:{b.port}/events") == 200
        assert [one.body for one in b.taken] == [BODY]


async def test_a_nonce_that_a_client_keeps_is_good_for_its_next_push() -> None:
    auth = HTTPDigestAuth(USER, PASSWORD)

    def twice(url: str) -> list[int]:
        with requests.Session() as session:
            return [session.post(url, data=BODY, auth=auth, timeout=20).status_code for _ in range(2)]

    async with bench(guard=guarded()) as b:
        assert await asyncio.to_thread(twice, f"http://127.0.0.1:{b.port}/events") == [200, 200]
        assert b.refused == [401], "asked once"


# --- on the wire ------------------------------------------------------------------------------------------------------


async def test_who_waits_for_leave_is_asked_before_its_body_comes() -> None:
    raw = GOOD.replace(b"Host:", b"Expect: 100-continue\r\nHost:")
    async with bench(guard=guarded()) as b:
        assert await b.ask(raw[: raw.index(b"\r\n\r\n") + 4]) == 401
        assert b.refused == [401]


async def test_who_leaves_when_asked_is_counted_once_and_who_stops_in_a_head_as_well() -> None:
    async with bench(guard=guarded()) as b:
        assert await b.ask(GOOD, end=True) == 401
        await b.until_refused(1)
        assert b.refused == [401]
        assert await b.ask(GOOD + b"POST /ev", end=True) == 401
        await b.until_refused(3)
        assert b.refused == [401, 401, 400]


async def test_a_connection_is_asked_three_times_and_then_closed() -> None:
    async with bench(guard=guarded()) as b:
        reader, writer = await asyncio.open_connection("127.0.0.1", b.port)
        for last in (False, False, True):
            writer.write(GOOD)
            said = await reader.readuntil(b"\r\n\r\n")
            assert b" 401 " in said
            assert (b"Connection: close" in said) is last
            await reader.readuntil(b"\n")
        assert await reader.read() == b""
        writer.close()
        assert b.refused == [401] * 3


# --- what proves nothing ----------------------------------------------------------------------------------------------


def test_a_proof_that_was_heard_on_the_cable_is_good_once() -> None:
    guard = guarded()
    proof = answer(asked(guard))
    guard.check(head(proof))
    assert "stale=true" in asked(guard, proof)


def test_an_old_nonce_and_one_of_another_start_are_stale() -> None:
    nonces = Nonces()
    guard = guarded(nonces=nonces)
    first = asked(guard)
    nonces.now_ms = 300_001
    assert "stale=true" in asked(guard, answer(first))
    other = asked(guarded()).replace("nonce1", "nonce99")
    assert "stale=true" in asked(guard, answer(other))


def test_nonces_that_nobody_answers_cost_no_memory_beyond_a_bound() -> None:
    guard = guarded()
    first, second = asked(guard), asked(guard)
    for _ in range(63):
        asked(guard)
    assert "stale=true" in asked(guard, answer(first))
    assert "stale=true" in asked(guard, answer(second)), "the one before took its place"
    assert len(guard._nonces) == 64


def test_a_client_of_before_qop_is_taken_once() -> None:
    guard = guarded()
    old = asked(guard).replace('qop="auth", ', "")
    proof = answer(old)
    assert "qop" not in proof
    guard.check(head(proof))
    assert "stale=true" in asked(guard, proof)


def test_a_user_beyond_ascii_is_known_by_both_ways_of_writing_it() -> None:
    guard = guarded(user="相机")
    extended = answer(asked(guard), user="相机")
    assert "username*=UTF-8''" in extended
    guard.check(head(extended))
    bytewise = answer(asked(guard), user="相机").replace(
        f"username*=UTF-8''{'%E7%9B%B8%E6%9C%BA'}", 'username="' + "相机".encode().decode("latin-1") + '"'
    )
    guard.check(head(bytewise))
    assert "stale" not in asked(guard, answer(asked(guard), user="相機"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda proof: proof.replace("qop=auth", "qop=auth-int"),
        lambda proof: proof.replace("algorithm=MD5", "algorithm=SHA-1"),
        lambda proof: proof.replace('realm="kakou"', 'realm="other"'),
        lambda proof: proof.replace('uri="/events?x=1"', 'uri="/"'),
        lambda proof: proof.replace("Digest", "Digests"),
        lambda proof: proof + ", Digest realm=other",
        lambda proof: proof.replace("nc=00000001", "nc=00000002"),
        lambda proof: "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
        lambda _proof: "Digest",
        lambda _proof: "\xff\xfe",
    ],
)
def test_a_proof_that_is_spoilt_is_none(spoil: Callable[[str], str]) -> None:
    guard = guarded()
    said = asked(guard, spoil(answer(asked(guard))))
    assert "stale" not in said


@pytest.mark.parametrize("count", ["1", "0000000g", "00000000"])
def test_a_count_that_is_none_spends_nothing(count: str) -> None:
    guard = guarded()
    nonce = parse_challenges([asked(guard)])[0].parameters["nonce"]
    secret = hashlib.md5(f"{USER}:kakou:{PASSWORD}".encode(), usedforsecurity=False).hexdigest()
    method = hashlib.md5(b"POST:/events?x=1", usedforsecurity=False).hexdigest()
    response = hashlib.md5(f"{secret}:{nonce}:{count}:abc:auth:{method}".encode(), usedforsecurity=False).hexdigest()
    said = asked(
        guard,
        f'Digest username="{USER}", realm="kakou", nonce="{nonce}", uri="/events?x=1", qop=auth, nc={count},'
        f' cnonce="abc", response="{response}"',
    )
    assert "stale=true" in said


@pytest.mark.parametrize("given", ["Basic", "Basic !!", "Basic YTpi", "Basic \xff", "Bearer YTpi"])
def test_basic_that_is_none_is_refused(given: str) -> None:
    assert asked(guarded("basic"), given) == 'Basic realm="kakou", charset="UTF-8"'


def test_the_head_carries_what_is_judged_and_shows_no_password() -> None:
    told = parse_head(
        b"PUT /events?x=1 HTTP/1.1\r\nContent-Length: 1\r\nAuthorization: Basic YTpi\r\n\r\n",
        path="/events",
        most_bytes=1,
    )
    assert (told.method, told.target, told.authorization) == ("PUT", "/events?x=1", "Basic YTpi")
    assert "YTpi" not in repr(told)
