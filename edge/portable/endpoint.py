"""Where the controller takes a person's orders: a Unix socket, or a port of loopback where there is none (Windows).

A Unix socket of mode 0600 is the system's own access control. A port has none: any user of the machine may connect to
it. So each start of the controller draws a secret into a file of its user's own profile, which Windows keeps from other
users, and either side proves that it has read it before anything is asked or answered. Whoever has not is sent away,
and what listens on the port in the controller's place is believed in nothing. docs/decisions/0064 has the reasons.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from edge.files import write_whole
from edge.portable.serving import stop_accepting

LOOPBACK = "127.0.0.1"
# Windows: where a user's programs keep what is theirs on this machine.
PROFILE = "LOCALAPPDATA"
_SECRET_BYTES = 32
_NONCE_BYTES = 32
_PROVE_TIMEOUT_S = 5.0
_CONTROLLER, _PERSON = b"kakou control: controller", b"kakou control: person"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class NotLetInError(OSError):
    """What listens there did not prove that it is the controller, or would not let us in."""


class Endpoint(Protocol):
    """One of the two."""

    async def start(self, serve: Serve, most_bytes: int) -> None:
        """Listen; lines are up to `most_bytes`. Raises OSError."""

    async def admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Say whether whoever connected may ask. Raises ConnectionError, TimeoutError, ValueError."""

    async def close(self) -> None:
        """Stop listening. Idempotent."""


def endpoint_at(path: Path) -> Endpoint:
    """The endpoint that is known by `path`. Raises OSError where no user's profile is known."""
    return UnixEndpoint(path) if hasattr(asyncio, "start_unix_server") else PortEndpoint(card_of(path))


async def connect(path: Path, most_bytes: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the endpoint that is known by `path`. Raises OSError, TimeoutError, ValueError."""
    if hasattr(asyncio, "open_unix_connection"):
        return await asyncio.open_unix_connection(str(path), limit=most_bytes)
    return await _connect_port(path, most_bytes)


class UnixEndpoint:
    """A Unix socket that its owner alone may connect to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: asyncio.Server | None = None

    async def start(self, serve: Serve, most_bytes: int) -> None:
        """Listen; a socket file that a dead controller left behind is replaced."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(serve, str(self._path), limit=most_bytes)
        finally:
            os.umask(before)

    async def admit(self, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bool:
        """The system has judged it."""
        return True

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            await stop_accepting(self._server)
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()


class PortEndpoint:
    """A port of loopback, and a secret in a card for whoever may read it."""

    def __init__(self, card: Path) -> None:
        self._card = card
        self._secret = secrets.token_bytes(_SECRET_BYTES)
        self._written = b""
        self._server: asyncio.Server | None = None

    async def start(self, serve: Serve, most_bytes: int) -> None:
        """Listen on a free port, then write the card: what a dead controller left behind is replaced."""
        listening = socket.socket()
        try:
            # Else another user's program could listen on the same port of Windows and hear what is meant for us.
            if (alone := getattr(socket, "SO_EXCLUSIVEADDRUSE", None)) is not None:
                listening.setsockopt(socket.SOL_SOCKET, alone, 1)
            listening.bind((LOOPBACK, 0))
            self._server = await asyncio.start_server(serve, sock=listening, limit=most_bytes)
        except OSError:
            listening.close()
            raise
        card = {"port": listening.getsockname()[1], "secret": self._secret.hex()}
        self._written = json.dumps(card).encode()
        self._card.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(self._card, self._written)

    async def admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Let in who proves that he has read the secret, and prove the same."""
        ours = secrets.token_hex(_NONCE_BYTES).encode()
        writer.write(ours + b"\n")
        async with asyncio.timeout(_PROVE_TIMEOUT_S):
            theirs, _, proof = (await reader.readline()).strip().partition(b" ")
        if len(theirs) != len(ours) or not hmac.compare_digest(proof, _proof(self._secret, _PERSON, ours, theirs)):
            return False
        writer.write(_proof(self._secret, _CONTROLLER, ours, theirs) + b"\n")
        return True

    async def close(self) -> None:
        """Stop listening; the card goes, unless another controller has written its own."""
        if self._server is not None:
            await stop_accepting(self._server)
            with contextlib.suppress(OSError):
                if self._card.read_bytes() == self._written:
                    self._card.unlink()


async def _connect_port(path: Path, most_bytes: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    port, secret = read_card(card_of(path))
    reader, writer = await asyncio.open_connection(LOOPBACK, port, limit=most_bytes)
    try:
        async with asyncio.timeout(_PROVE_TIMEOUT_S):
            theirs = (await reader.readline()).strip()
            ours = secrets.token_hex(_NONCE_BYTES).encode()
            if len(theirs) != len(ours):
                raise NotLetInError(f"127.0.0.1:{port}: expected a controller, got {theirs[:80]!r}")
            # Of the secret nothing but this proof leaves us, whoever listens.
            writer.write(ours + b" " + _proof(secret, _PERSON, theirs, ours) + b"\n")
            proof = (await reader.readline()).strip()
        if not hmac.compare_digest(proof, _proof(secret, _CONTROLLER, theirs, ours)):
            raise NotLetInError(f"127.0.0.1:{port}: what listens there is not the controller that wrote the card")
    except BaseException:
        writer.close()
        raise
    return reader, writer


def read_card(card: Path) -> tuple[int, bytes]:
    """Return port and secret. Raises NotLetInError for what is no card, OSError where there is none."""
    try:
        told = json.loads(card.read_bytes())
        port, secret = told["port"], bytes.fromhex(told["secret"])
        if len(secret) != _SECRET_BYTES or not isinstance(port, int) or not 0 < port < 65536:
            raise ValueError("no port or no secret")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise NotLetInError(
            f"{card}: expected port and secret, got something else; start the controller anew"
        ) from error
    return port, secret


def _proof(secret: bytes, whose: bytes, controller: bytes, person: bytes) -> bytes:
    return hmac.new(secret, b"|".join((whose, controller, person)), hashlib.sha256).hexdigest().encode()


def card_of(path: Path) -> Path:
    """The file with port and secret of the endpoint that is known by `path`. Raises OSError where there is no profile.

    Not beside `path`: who may read that folder is not ours to know, and Windows knows no file modes.
    """
    profile = os.environ.get(PROFILE)
    if not profile:
        raise OSError(f"{PROFILE} names no folder: expected the profile of the user who runs this")
    name = hashlib.sha256(os.fsencode(os.path.normcase(path.resolve()))).hexdigest()[:32]
    return Path(profile) / "kakou" / f"control-{name}.json"
