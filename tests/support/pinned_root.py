"""The key files and the state of a lane that pins a root, changed as a site changes them."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.keys import write_public_key
from edge.clearance.keyset import KeysetError
from edge.clearance.trust import ROOT_FILE, Trust

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class PinnedSite:
    """The keys and the state of a lane whose pinned root has these keys."""

    def __init__(self, folder: Path, *keys: Ed25519PrivateKey) -> None:
        self.keys, self.state, self.stamp = folder / "keys", folder / "state", 0
        self.keys.mkdir()
        self.state.mkdir()
        write_public_key(self.keys / ROOT_FILE, *(key.public_key() for key in keys))

    def put(self, name: str, content: bytes) -> None:
        """Write a file anew, with another time stamp."""
        self.stamp += 1_000_000_000
        (self.keys / name).write_bytes(content)
        os.utime(self.keys / name, ns=(self.stamp, self.stamp))

    def trust(self) -> Trust:
        return Trust(self.keys, self.state, environment="test", utc=lambda: NOW)

    def refusal(self) -> str:
        with pytest.raises(KeysetError) as error:
            self.trust()
        return error.value.reason
