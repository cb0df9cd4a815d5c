"""Addresses under which an authority may fetch the pictures of its request: each for one digest, signed, expiring.

A request carries a key of its own, made from the box's secret for one authority, passage and time. Whoever holds it
signs the address of each digest that the request names. So one address leaks one picture, one request its own, and the
box keeps no list. Pure but for the time, which is given.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

ADDRESS_LIFETIME_S = 900
_ID = r"[A-Za-z0-9_-]{1,64}"
_PATH = re.compile(
    rf"/pictures/({_ID})/({_ID})/({_ID})/({_ID})/([0-9]{{1,12}})/([0-9a-f]{{64}})/([0-9a-f]{{64}})", re.ASCII
)


class AddressError(ValueError):
    """An address gives no picture. `reason` is stable: address_form, address_signature, address_expired."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PictureAccess:
    """What a box needs to hand out addresses: its secret, and the https:// address under which it is reached."""

    secret: bytes
    url: str

    def claims(self, site: str, lane: str, authority: str, passage: str, now_s: float) -> dict[str, Any]:
        """Return what a request says of its pictures: `url`, `expires` (seconds since 1970), `key` (hex)."""
        expires = int(now_s) + ADDRESS_LIFETIME_S
        key = _key(self.secret, site, lane, authority, passage, str(expires))
        return {"url": self.url, "expires": expires, "key": key.hex()}


def address_of(claims: Mapping[str, Any], digest: str) -> str:
    """Return the address of one picture that a request names, by its own `pictures` claims.

    `claims` are the whole request's. Raises AddressError (address_form) where they are not of this form, or the
    address is not https.
    """
    try:
        given = claims["pictures"]
        names = [claims[name] for name in ("site", "lane", "authority", "passage")]
        parts = urlsplit(given["url"])
        signature = hmac.new(bytes.fromhex(given["key"]), digest.encode(), "sha256").hexdigest()
        path = "/".join(["/pictures", *names, str(given["expires"]), digest, signature])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AddressError("address_form") from error
    if parts.scheme != "https" or not parts.hostname or parts.path or parts.query or not _PATH.fullmatch(path):
        raise AddressError("address_form")
    return f"{given['url']}{path}"


def digest_of(path: str, secret: bytes, site: str, now_s: float) -> str:
    """Return the digest that the path of an address of this site may have. Raises AddressError."""
    found = _PATH.fullmatch(path)
    if found is None or found[1] != site:
        raise AddressError("address_form")
    *names, digest, signature = found.groups()
    expected = hmac.new(_key(secret, *names), digest.encode(), "sha256").hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise AddressError("address_signature")
    if now_s >= int(found[5]):
        raise AddressError("address_expired")
    return digest


def _key(secret: bytes, *names: str) -> bytes:
    return hmac.new(secret, "|".join(("pictures", *names)).encode(), hashlib.sha256).digest()
