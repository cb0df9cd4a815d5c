"""Who may see a simulated camera's pictures: basic and digest authentication as RFC 7617 and 7616 have them."""

import base64
import hashlib
import random
from collections.abc import Collection
from typing import Literal
from urllib.request import parse_http_list, parse_keqv_list

Scheme = Literal["basic", "md5", "sha-256"]
DoorFault = Literal["none", "wrong_realm", "stale_nonce"]
_MD5: tuple[Scheme, ...] = ("md5",)
REALM = "Kakou camera"
# A camera that keeps every nonce it ever gave would run out of memory before it is replaced.
_MOST_NONCES = 64


class CameraDoor:
    """Admits one user. `offers`: the schemes of its challenge, in their order.

    `wrong_realm`: it challenges with a realm that is not the one it checks. `stale_nonce`: a nonce is good once.
    """

    def __init__(self, user: str, password: str, offers: Collection[Scheme] = _MD5, seed: int = 0) -> None:
        self._user, self._password, self._offers = user, password, tuple(offers)
        self._random = random.Random(seed)  # noqa: S311 - a repeatable simulation
        self._uses: dict[str, int] = {}
        # What came as Authorization, newest last; None where a request had none.
        self.heard: list[str | None] = []

    def refusal(self, head: bytes, fault: str) -> list[str] | None:
        """The challenges for a request's head, None where its Authorization admits it."""
        request, *lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        said = fields.get("Authorization")
        self.heard.append(said)
        stale = False
        if said is not None:
            scheme, _, rest = said.partition(" ")
            if scheme == "Basic" and "basic" in self._offers and base64.b64decode(rest).decode() == self._pair(":"):
                return None
            if scheme == "Digest":
                right, stale = self._digest(request.split(" "), parse_keqv_list(parse_http_list(rest)), fault)
                if right and not stale:
                    return None
                stale &= right
        return self._challenges(stale=stale, realm="another realm" if fault == "wrong_realm" else REALM)

    def _pair(self, between: str) -> str:
        return f"{self._user}{between}{self._password}"

    def _digest(self, request: list[str], given: dict[str, str], fault: str) -> tuple[bool, bool]:
        """Whether the response is that of our user, and whether its nonce is one no longer good."""
        algorithm = given.get("algorithm", "MD5").lower()
        if algorithm not in self._offers or given.get("qop") != "auth" or given.get("uri") != request[1]:
            return False, False

        def hashed(text: str) -> str:
            return hashlib.new(algorithm.replace("-", ""), text.encode()).hexdigest()

        count = int(given["nc"], 16)
        words = [hashed(self._pair(f":{REALM}:")), given["nonce"], given["nc"], given["cnonce"], "auth"]
        right = hashed(":".join([*words, hashed(f"{request[0]}:{request[1]}")])) == given["response"]
        used = self._uses.get(given["nonce"])
        stale = used is None or count <= used or (fault == "stale_nonce" and used > 0)
        if right and not stale:
            self._uses[given["nonce"]] = count
        return right, stale

    def _challenges(self, *, stale: bool, realm: str) -> list[str]:
        nonce = self._random.randbytes(16).hex()
        self._uses[nonce] = 0
        while len(self._uses) > _MOST_NONCES:
            del self._uses[next(iter(self._uses))]
        found = []
        for scheme in self._offers:
            if scheme == "basic":
                found.append(f'Basic realm="{realm}"')
            else:
                ending = ", stale=true" if stale else ""
                found.append(
                    f'Digest realm="{realm}", qop="auth,auth-int", algorithm={scheme.upper()}, nonce="{nonce}"{ending}'
                )
        return found
