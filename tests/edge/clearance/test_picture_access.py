"""Addresses of pictures: one for one digest, for its time, signed by the box; nothing else gives a picture."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clearance.picture_access import ADDRESS_LIFETIME_S, AddressError, PictureAccess, address_of, digest_of

SECRET, DIGEST, NOW_S = b"s" * 32, "a" * 64, 1_770_000_000.0
URL = "https://192.168.10.2:8443"


def claims(**changes: Any) -> dict[str, Any]:
    pictures = PictureAccess(SECRET, URL).claims("yard", "in-1", "customs", "passage1", NOW_S)
    names = {"site": "yard", "lane": "in-1", "authority": "customs", "passage": "passage1"}
    return names | {"pictures": pictures} | changes


def path() -> str:
    return address_of(claims(), DIGEST).removeprefix(URL)


def refusal(path: str, now_s: float = NOW_S, secret: bytes = SECRET, site: str = "yard") -> str:
    with pytest.raises(AddressError) as refused:
        digest_of(path, secret, site, now_s)
    return refused.value.reason


def test_an_address_gives_its_digest_until_it_ends() -> None:
    assert digest_of(path(), SECRET, "yard", NOW_S + ADDRESS_LIFETIME_S - 1) == DIGEST
    assert refusal(path(), NOW_S + ADDRESS_LIFETIME_S) == "address_expired"


def test_nothing_of_an_address_can_be_changed() -> None:
    good = path()
    for index, one in enumerate(good):
        changed = good[:index] + ("b" if one != "b" else "c") + good[index + 1 :]
        assert refusal(changed).startswith("address_")
    assert refusal(good.replace(DIGEST, "b" * 64)) == "address_signature"
    assert refusal(good, secret=b"t" * 32) == "address_signature"
    assert refusal(good, site="port") == "address_form"


@pytest.mark.parametrize("bad", ["", "/", "/pictures/../../etc/passwd", "/pictures/yard/in-1/customs/p/1/x/y", "\x00"])
def test_another_path_is_none(bad: str) -> None:
    assert refusal(bad) == "address_form"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_path_is_refused(given: str) -> None:
    refusal(given)


@pytest.mark.parametrize(
    "changes",
    [
        {"pictures": None},
        {"pictures": {}},
        {"pictures": {"url": URL, "expires": 1, "key": "x"}},
        {"pictures": {"url": "http://h", "expires": 1, "key": "00"}},
        {"pictures": {"url": "https://", "expires": 1, "key": "00"}},
        {"pictures": {"url": "https://h/a", "expires": 1, "key": "00"}},
        {"pictures": {"url": "https://h?a", "expires": 1, "key": "00"}},
        {"pictures": {"url": URL, "expires": "a/b", "key": "00"}},
        {"pictures": {"url": 5, "expires": 1, "key": "00"}},
        {"passage": "../x"},
        {"passage": 5},
    ],
)
def test_claims_of_another_form_have_no_address(changes: dict[str, Any]) -> None:
    with pytest.raises(AddressError):
        address_of(claims(**changes), DIGEST)


def test_a_digest_of_another_form_has_no_address() -> None:
    for digest in ("x", "../" + "a" * 61, 5):
        with pytest.raises(AddressError):
            address_of(claims(), digest)  # type: ignore[arg-type]
