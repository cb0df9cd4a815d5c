"""The door of a simulated camera: whom it refuses. That it admits who is right is shown with its clients."""

import pytest

from simulators.devices.camera_door import CameraDoor

HEAD = "GET /x HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n"
DIGEST = (
    'Authorization: Digest username="viewer", nonce="n", uri="{}", algorithm={}, qop=auth, nc=1, cnonce=c, response=r'
)


@pytest.mark.parametrize(
    "said",
    [
        "Nothing",
        "Authorization: Basic dmlld2VyOndyb25n",
        "Authorization: Bearer x",
        DIGEST.format("/other", "MD5"),
        DIGEST.format("/x", "SHA-256"),
        DIGEST.format("/x", "MD5"),
    ],
)
def test_whoever_is_not_its_user_is_challenged(said: str) -> None:
    door = CameraDoor("viewer", "pass", ["basic", "md5"])
    challenges = door.refusal(HEAD.format(said).encode(), "none")
    assert challenges is not None
    assert [one.split(" ")[0] for one in challenges] == ["Basic", "Digest"]
    assert "stale" not in challenges[1]


def test_nonces_that_it_remembers_are_bounded() -> None:
    door = CameraDoor("viewer", "pass")
    for _ in range(200):
        door.refusal(HEAD.format("Accept: */*").encode(), "none")
    assert len(door._uses) == 64
