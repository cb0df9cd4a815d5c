"""Pure: what a camera asks for with status 401, and the Authorization that answers it (RFC 7235, 7616, 7617).

A camera's words are latin-1 as `http.client` gives them, and go back as the same bytes.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

Auth = Literal["auto", "basic"]
# Both unkeyed hashes of a protocol: MD5 is what most cameras have, SHA-256 is taken where it is offered.
HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
_MAX_VALUE = 1024
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(rf"({_WORD})(?=[ \t,]|$)")
_BETWEEN = re.compile(r"[ \t,]*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme of a WWW-Authenticate, its name and the names of its parameters in lower case."""

    scheme: str
    parameters: dict[str, str]


def parse_challenges(fields: Iterable[str]) -> list[Challenge]:
    """Challenges of all WWW-Authenticate fields, in their order. What follows something unreadable is left out.

    So is a challenge with a control character or a value of more than 1024 characters: its words are sent back.
    """
    found: list[Challenge] = []
    for field in fields:
        at = _end(_BETWEEN.match(field, 0))
        here: list[Challenge] = []
        while at < len(field):
            if here and (parameter := _PARAMETER.match(field, at)) is not None:
                quoted, plain = parameter[2], parameter[3]
                value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                here[-1].parameters[parameter[1].lower()] = value
                at = parameter.end()
            elif (scheme := _SCHEME.match(field, at)) is not None:
                here.append(Challenge(scheme[1].lower(), {}))
                at = scheme.end()
            else:
                break
            at = _end(_BETWEEN.match(field, at))
        found += here
    return [one for one in found if all(map(_usable, one.parameters.values()))]


def _end(found: re.Match[str] | None) -> int:
    assert found is not None  # it matches the empty text as well
    return found.end()


def _usable(value: str) -> bool:
    return len(value) <= _MAX_VALUE and not _UNPRINTABLE.search(value)


def basic(user: str, password: str) -> bytes:
    """The value of Authorization for Basic, in UTF-8 (RFC 7617)."""
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


class Digest:
    """One nonce of a camera and how often it was used; `authorize` may be called for every request to follow."""

    def __init__(self, challenge: Challenge, algorithm: str) -> None:
        self._realm = challenge.parameters["realm"]
        self._nonce = challenge.parameters["nonce"]
        self._opaque = challenge.parameters.get("opaque")
        self._algorithm = algorithm
        # RFC 2069 cameras name none; naming it to them may be more than they can read.
        self._named = "algorithm" in challenge.parameters
        self._counted = "qop" in challenge.parameters
        self._count = 0

    def authorize(self, user: str, password: str, target: str, cnonce: str, method: str = "GET") -> bytes:
        """The value of Authorization for a request of `target`; `cnonce` is random, printable ASCII.

        With qop `auth`, or without where the challenge has none (RFC 2069).
        """
        self._count += 1
        hashed = HASHES[self._algorithm]
        realm, nonce, count = self._realm.encode("latin-1"), self._nonce.encode("latin-1"), b"%08x" % self._count
        secret = hashed(user.encode() + b":" + realm + b":" + password.encode()).encode()
        asked = hashed(method.encode("ascii") + b":" + target.encode("ascii")).encode()
        counted = [count, cnonce.encode("ascii"), b"auth"] if self._counted else []
        response = hashed(b":".join([secret, nonce, *counted, asked]))
        parts = [
            _user(user),
            b"realm=" + _quoted(realm),
            b"nonce=" + _quoted(nonce),
            b"uri=" + _quoted(target.encode("ascii")),
            *([b"algorithm=" + self._algorithm.encode()] if self._named else []),
            b'response="' + response.encode() + b'"',
            *([b"qop=auth", b"nc=" + count, b'cnonce="' + cnonce.encode("ascii") + b'"'] if self._counted else []),
            *([b"opaque=" + _quoted(self._opaque.encode("latin-1"))] if self._opaque is not None else []),
        ]
        return b"Digest " + b", ".join(parts)


def _user(user: str) -> bytes:
    if user.isascii():
        return b"username=" + _quoted(user.encode())
    return b"username*=UTF-8''" + quote(user, safe="").encode()


def _quoted(value: bytes) -> bytes:
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def choose_digest(challenges: Iterable[Challenge], *, rtsp: bool = False) -> Digest | None:
    """The strongest Digest among the challenges that this module can answer: SHA-256, then MD5, qop `auth`.

    With `rtsp` what FFmpeg can answer as well: MD5 alone, and also without qop, which most cameras leave out there.
    """
    able = {
        one.parameters.get("algorithm", "MD5").upper(): one
        for one in challenges
        if one.scheme == "digest"
        and {"realm", "nonce"} <= set(one.parameters)
        and "auth" in re.split(r"[ \t,]+", one.parameters.get("qop", "auth" if rtsp else "").lower())
    }
    spoken = ("MD5",) if rtsp else tuple(HASHES)
    return next((Digest(able[algorithm], algorithm) for algorithm in spoken if algorithm in able), None)


class RefusedError(Exception):
    """The camera wants what it does not get: `got` and `next_step` in the words of a device error."""

    def __init__(self, got: str, next_step: str) -> None:
        super().__init__(got)
        self.got, self.next_step = got, next_step


_WRONG = "check user and password_file; too many tries may lock the account at the camera"


class Authenticator:
    """What a camera is told about who asks, from one request to the next. Nothing is told before it asks.

    With `auth` `auto` the strongest that the camera offers is taken, Basic over a secured connection alone;
    with `basic` every request carries the password as it is. Of one request, ask `authorization` before each
    try, `challenged` after each status 401 and `forbidden` after a 403; no request takes more than four tries.
    """

    def __init__(
        self,
        user: str | None,
        password: str,
        auth: Auth,
        *,
        secured: bool,
        new_cnonce: Callable[[], str],
        rtsp: bool = False,
    ) -> None:
        """`rtsp`: as in `choose_digest`."""
        self._user, self._password, self._auth = user, password, auth
        self._secured = secured
        self._new_cnonce = new_cnonce
        self._rtsp = rtsp
        self._basic = auth == "basic"
        self._digest: Digest | None = None
        self._fresh = False
        self._kept = False
        self._tries = 0

    def authorization(self, target: str, *, again: bool, method: str = "GET") -> bytes | None:
        """The value of Authorization of the next try, None where there is none; `again`: not the first."""
        if not again:
            self._tries, self._fresh = 0, False
        self._kept = self._digest is not None and not again
        if self._user is None:
            return None
        if self._digest is not None:
            return self._digest.authorize(self._user, self._password, target, self._new_cnonce(), method)
        return basic(self._user, self._password) if self._basic else None

    def forbidden(self) -> bool:
        """After a status 403, whether another try is due: to a nonce of an earlier request, which is forgotten then.

        Some recorders answer so, in place of 401, to a nonce that they gave for another request.
        """
        if self._kept:
            self._digest = None
        return self._kept

    def challenged(self, fields: Iterable[str]) -> None:
        """Take the WWW-Authenticate fields of a status 401. Raises RefusedError where another try is in vain."""
        challenges = parse_challenges(fields)
        offered = ", ".join(sorted({one.scheme[:20] for one in challenges}))[:100] or "nothing"
        if self._user is None:
            raise RefusedError(f"status 401, it asks for {offered}", "give user and password_file")
        self._tries += 1
        stale = any(one.parameters.get("stale", "").lower() == "true" for one in challenges)
        if self._basic or (self._fresh and not stale):
            raise RefusedError(f"status 401 to user and password, it asks for {offered}", _WRONG)
        if self._tries > 2:
            raise RefusedError("status 401, it calls every nonce stale", "restart the camera, or renew its firmware")
        self._digest = choose_digest(challenges, rtsp=self._rtsp)
        self._fresh = True
        if self._digest is not None:
            return
        if not any(one.scheme == "basic" for one in challenges):
            raise RefusedError(
                f"status 401, it asks for {offered}",
                "set the camera to digest authentication with MD5" + ("" if self._rtsp else " or SHA-256 and qop auth"),
            )
        if not self._secured:
            raise RefusedError(
                "status 401, it offers basic authentication alone, which shows the password to the cable",
                f"set the camera to digest,{'' if self._rtsp else ' use https,'} or write auth: basic",
            )
        self._basic = True
