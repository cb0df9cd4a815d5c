"""What is done to good signed bytes of any kind to make bad ones of them."""

from collections.abc import Callable
from typing import Any, Protocol

from edge.clearance.envelope import canonical_json


class Signer(Protocol):
    """Who makes good claims of one kind, and signs what it is given."""

    def claims(self, **changes: Any) -> dict[str, Any]: ...
    def sign(self, claims: dict[str, Any]) -> bytes: ...
    def sign_bytes(self, payload: bytes) -> bytes: ...


Vector = Callable[[Signer], bytes]


def claims(**changes: Any) -> Vector:
    return lambda world: world.sign(world.claims(**changes))


def without(name: str) -> Vector:
    return lambda world: world.sign({key: value for key, value in world.claims().items() if key != name})


def text(old: bytes, new: bytes) -> Vector:
    """Change the signed JSON text itself."""

    def make(world: Signer) -> bytes:
        good = canonical_json(world.claims())
        assert old in good
        return world.sign_bytes(good.replace(old, new, 1))

    return make


def raw(change: Callable[[bytes], bytes]) -> Vector:
    return lambda world: change(world.sign(world.claims()))
