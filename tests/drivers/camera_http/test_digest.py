"""Challenges and responses, on the words of RFC 7616 section 3.9.1 and on words that are none."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.camera.digest import Auth, Authenticator, RefusedError, basic, choose_digest, parse_challenges

CHALLENGE = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
SHA_256, MD5 = CHALLENGE.format("SHA-256"), CHALLENGE.format("MD5")
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
RESPONSES = {
    "MD5": b"8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


def authenticator(user: str | None = "Mufasa", auth: Auth = "auto", *, secured: bool = False) -> Authenticator:
    return Authenticator(user, "Circle of Life", auth, secured=secured, new_cnonce=lambda: CNONCE)


@pytest.mark.parametrize(
    ("fields", "algorithm"),
    [([MD5], "MD5"), ([SHA_256, MD5], "SHA-256"), ([f'Basic realm="x", {MD5}, {SHA_256}'], "SHA-256")],
)
def test_responses_are_those_of_rfc_7616(fields: list[str], algorithm: str) -> None:
    digest = choose_digest(parse_challenges(fields))
    assert digest is not None
    value = digest.authorize("Mufasa", "Circle of Life", "/dir/index.html", CNONCE)
    assert value.startswith(b'Digest username="Mufasa", realm="http-auth@example.org", nonce="7ypf/')
    for part in (b'response="' + RESPONSES[algorithm] + b'"', b"nc=00000001", b"qop=auth", algorithm.encode()):
        assert part in value
    again = digest.authorize("Mufasa", "Circle of Life", "/dir/index.html", CNONCE)
    assert b"nc=00000002" in again
    assert RESPONSES[algorithm] not in again


def test_words_of_a_camera_come_back_as_it_wrote_them_and_names_beyond_ascii_arrive() -> None:
    field = 'Digest realm="\xe8\xbd\xa6 \\"A\\"", nonce=n, qop=auth'
    digest = choose_digest(parse_challenges([field]))
    assert digest is not None
    value = digest.authorize("车", "pä", "/", "c")
    realm = '车 "A"'.encode()
    secret = hashlib.md5(b":".join(["车".encode(), realm, "pä".encode()])).hexdigest()
    asked = hashlib.md5(b"GET:/").hexdigest()
    response = hashlib.md5(f"{secret}:n:00000001:c:auth:{asked}".encode()).hexdigest()
    assert b'realm="\xe8\xbd\xa6 \\"A\\""' in value
    assert b"username*=UTF-8''%E8%BD%A6" in value
    assert b'response="' + response.encode() + b'"' in value
    assert b"algorithm" not in value
    assert b"opaque" not in value


def test_challenges_are_told_apart() -> None:
    found = parse_challenges(['Basic realm="a, b", Digest realm=x ,nonce = "n\\"" , Negotiate', ", ,bearer", "?x"])
    assert [(one.scheme, one.parameters) for one in found] == [
        ("basic", {"realm": "a, b"}),
        ("digest", {"realm": "x", "nonce": 'n"'}),
        ("negotiate", {}),
        ("bearer", {}),
    ]


@pytest.mark.parametrize(
    "field",
    [
        'Digest realm="a\r\n X-Evil: b", nonce=n, qop=auth',
        f"Digest realm=a, nonce={'n' * 1025}, qop=auth",
        "Digest realm=a, qop=auth",
        "Digest nonce=n, qop=auth",
        "Digest realm=a, nonce=n",
        "Digest realm=a, nonce=n, qop=auth-int",
        "Digest realm=a, nonce=n, qop=auth, algorithm=MD5-sess",
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(field: str) -> None:
    asking = authenticator(secured=True)
    assert asking.authorization("/", again=False) is None
    with pytest.raises(RefusedError) as refused:
        asking.challenged([field])
    assert "MD5 or SHA-256" in refused.value.next_step
    assert "Circle" not in refused.value.got + refused.value.next_step


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=60), max_size=3))
def test_any_words_are_survived_and_no_line_end_comes_back(fields: list[str]) -> None:
    digest = choose_digest(parse_challenges([*fields, f"Digest realm={fields}, nonce=n, qop=auth"]))
    if digest is not None:
        assert b"\n" not in digest.authorize("a", "b", "/", "c")


def test_nobody_who_has_no_user_answers() -> None:
    asking = authenticator(None)
    with pytest.raises(RefusedError, match="asks for digest"):
        asking.challenged([MD5])
    assert asking.authorization("/", again=True) is None


def test_password_goes_out_as_it_is_only_where_it_is_written_so_or_nobody_else_can_read_it() -> None:
    offered = ['Basic realm="camera"']
    with pytest.raises(RefusedError, match="basic authentication alone") as refused:
        authenticator().challenged(offered)
    assert "auth: basic" in refused.value.next_step
    for asking in (authenticator(secured=True), authenticator(auth="basic")):
        if asking.authorization("/", again=False) is None:
            asking.challenged(offered)
        assert asking.authorization("/", again=True) == basic("Mufasa", "Circle of Life")
        with pytest.raises(RefusedError, match="user and password"):
            asking.challenged(offered)


def test_digest_is_taken_though_basic_is_offered_first() -> None:
    for secured in (False, True):
        asking = authenticator(secured=secured)
        asking.challenged(['Basic realm="camera"', MD5])
        value = asking.authorization("/dir/index.html", again=True)
        assert value is not None
        assert RESPONSES["MD5"] in value


def test_a_nonce_that_is_forbidden_the_second_time_is_forgotten_once() -> None:
    asking = authenticator()
    assert asking.authorization("/", again=False) is None
    assert not asking.forbidden()
    asking.challenged([MD5])
    asking.authorization("/", again=True)
    assert not asking.forbidden()
    assert asking.authorization("/", again=False) is not None
    assert asking.forbidden()
    assert asking.authorization("/", again=True) is None
    assert not asking.forbidden()


def test_stale_nonces_are_renewed_and_an_end_is_made_of_wrong_passwords() -> None:
    stale = MD5 + ", stale=TRUE"
    asking = authenticator()
    asking.challenged([MD5])
    asking.authorization("/", again=True)
    asking.challenged([stale])
    asking.authorization("/", again=True)
    with pytest.raises(RefusedError, match="every nonce stale"):
        asking.challenged([stale])
    asking.authorization("/", again=False)
    asking.challenged([MD5])  # an old nonce that a camera forgot without calling it stale
    with pytest.raises(RefusedError, match="user and password") as refused:
        asking.challenged([MD5])
    assert "lock the account" in refused.value.next_step
