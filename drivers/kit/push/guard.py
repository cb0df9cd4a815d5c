"""Pure: who may push, by user and password: HTTP digest, or basic where that is configured (RFC 7616, 7617).

A nonce is our own, of this start, for `_NONCE_MS`, and each count of it good once: what somebody hears on the cable and
sends again proves nothing.
"""

import base64
import hmac
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import unquote

from drivers.kit.camera.digest import HASHES, Auth, Challenge, parse_challenges
from drivers.kit.push.head import UNPROVED, PushHead, PushRefusedError

REALM = "kakou"
# Cameras that keep a nonce ask once in that time, the others before each push.
_NONCE_MS = 300_000
# Nonces that are known at a time: a device that never comes back with its own costs no memory.
_MOST_NONCES = 64
_COUNT_DIGITS = 8
# What each device's settings mean by digest. Two challenges, for another hash beside it, confuse simple ones.
_ALGORITHM = "MD5"
_hashed = HASHES[_ALGORITHM]


class UnprovedError(PushRefusedError):
    """Status 401: who pushes has not shown that it may. `asks` are the values of WWW-Authenticate."""

    def __init__(self, reason: str, asks: tuple[str, ...]) -> None:
        super().__init__(UNPROVED, reason)
        self.asks = asks


class Guard:
    """Knows one user. With `auth` `auto` it asks for digest; with `basic` for the password as it is."""

    def __init__(
        self, user: str, password: str, auth: Auth, *, new_nonce: Callable[[], str], now_ms: Callable[[], int]
    ) -> None:
        """`new_nonce`: random, of characters that need no quoting. Raises ValueError without user or password."""
        if not (user and password):
            raise ValueError("a user and a password are expected: nobody is known by nothing")
        self._user, self._password = user, password
        self._basic = auth == "basic"
        self._new_nonce, self._now_ms = new_nonce, now_ms
        # When each was given, and the highest count that it was used with.
        self._nonces: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def check(self, head: PushHead) -> None:
        """Raises UnprovedError."""
        scheme, _, given = head.authorization.partition(" ")
        if not scheme:
            raise self._unproved("user and password are asked for")
        if self._basic:
            if scheme.lower() != "basic" or not self._knows(given.strip()):
                raise self._unproved("another user or password, or no basic authentication")
            return
        proofs = parse_challenges([head.authorization])
        if len(proofs) != 1 or not self._answers(proofs[0], head):
            raise self._unproved("another user or password, or no digest authentication with qop auth")
        if not self._spends(proofs[0].parameters):
            raise self._unproved("a nonce that is not known any more", stale=True)

    def _knows(self, given: str) -> bool:
        try:
            told = base64.b64decode(given, validate=True)
        except ValueError:
            return False
        return hmac.compare_digest(told, f"{self._user}:{self._password}".encode())

    def _answers(self, proof: Challenge, head: PushHead) -> bool:
        """Whether user and password are behind it, whatever nonce it answers."""
        given = proof.parameters
        if proof.scheme != "digest" or given.get("qop", "auth") != "auth":
            return False
        if given.get("algorithm", _ALGORITHM).upper() != _ALGORITHM:
            return False
        # As the words of a header: latin-1.
        if given.get("realm") != REALM or given.get("uri") != head.target or not self._is_user(given):
            return False
        nonce = given.get("nonce", "")
        secret = _hashed(f"{self._user}:{REALM}:{self._password}".encode())
        counted = [given.get("nc", ""), given.get("cnonce", ""), "auth"] if "qop" in given else []
        asked = _hashed(f"{head.method}:{head.target}".encode())
        expected = _hashed(":".join([secret, nonce, *counted, asked]).encode("latin-1"))
        return hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode("latin-1"))

    def _is_user(self, given: dict[str, str]) -> bool:
        if (coded := given.get("username*")) is not None:
            charset, _, quoted = coded.partition("''")
            return charset.upper() == "UTF-8" and unquote(quoted, errors="replace") == self._user
        return given.get("username", "").encode("latin-1") == self._user.encode()

    def _spends(self, given: dict[str, str]) -> bool:
        """Whether its nonce is ours and was not used like this before. One without a count is good once."""
        nonce = given.get("nonce", "")
        count = _count(given.get("nc", "")) if "qop" in given else 1
        given_at_ms, used = self._nonces.get(nonce, (0, 0))
        if nonce not in self._nonces or count <= used or self._now_ms() - given_at_ms > _NONCE_MS:
            return False
        self._nonces[nonce] = (given_at_ms, count)
        return True

    def _unproved(self, reason: str, *, stale: bool = False) -> UnprovedError:
        if self._basic:
            return UnprovedError(reason, (f'Basic realm="{REALM}", charset="UTF-8"',))
        nonce = self._new_nonce()
        self._nonces[nonce] = (self._now_ms(), 0)
        if len(self._nonces) > _MOST_NONCES:
            self._nonces.popitem(last=False)
        said = ", stale=true" if stale else ""
        return UnprovedError(
            reason, (f'Digest realm="{REALM}", qop="auth", algorithm={_ALGORITHM}, nonce="{nonce}"{said}',)
        )


def _count(digits: str) -> int:
    try:
        return int(digits, 16) if len(digits) == _COUNT_DIGITS else 0
    except ValueError:
        return 0
