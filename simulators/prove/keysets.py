"""The keys that a lane trusts, as they change under it: rotated, ended, revoked, withheld, and old ones brought back.

The real `Trust` reads files of a history's own folder, in each life of the controller anew; the other histories have
one keyset for ever. The truth is the newest keyset that was really issued, and the lane's own clock.
"""

import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edge.clearance.envelope import decode_base64url
from edge.clearance.keyset import Keyset, KeysetError, KeysetKey
from edge.clearance.trust import KEYSET_FILE, ROOT_FILE, Trust
from edge.ports import Clock
from simulators.prove.signers import SPARES, root_pem, sealed

if TYPE_CHECKING:
    from simulators.prove.world import World

# Faults that strike here. When a key ends is told by the wall clock, so that these histories depend on it.
KEY_FAULTS = frozenset({"key_rotated", "key_expires", "key_revoked", "keys_frozen", "keys_rolled_back"})
KEYSETS = ("rotated", "rolled_back", "rolled_back_at_start", "frozen")
# No power cut is part of these histories, and a disk that syncs each version seen takes a twentieth of their time.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a name of its own is made in it
_CHANCE = 0.25
_WITHIN_MS, _ASKED_WITHIN_MS = (0, 2_500), 500


class Keysets:
    """The office that issues keysets, and what the lane makes of the files it is given."""

    def __init__(self, world: "World") -> None:
        self.world = world
        # Names of keys that may sign nothing any more.
        self.ended: list[str] = []
        self.rolled_back = False
        self._changing = bool(KEY_FAULTS & world.plan.faults)
        self._draw = Random(world.plan.seed + "|keysets")  # noqa: S311 - a repeatable simulation
        self._newest = world.signers.keyset
        self._signing: dict[str, str] = {}
        self._spares = {one.id: [f"{one.id}-{number}" for number in range(SPARES)] for one in world.profile.authorities}
        self._valid: set[str] = set()
        self._issued: list[bytes] = []
        self._taken = 0
        self._stamp = 0
        self._folder: TemporaryDirectory[str] | None = None
        self._trust: Trust | None = None
        self._mapped: tuple[Keyset, Keyset] | None = None
        if self._changing:
            self._folder = TemporaryDirectory(prefix="kakou-prove-", dir=_MEMORY if _MEMORY.is_dir() else None)
            self._path = Path(self._folder.name)
            (self._path / ROOT_FILE).write_bytes(root_pem())
            self._put(self._newest)

    def close(self) -> None:
        """The history is over."""
        if self._folder is not None:
            self._folder.cleanup()

    # --- what the lane is given ---------------------------------------------------------------------------------

    def booted(self, clock: Clock) -> None:
        """A process of the controller starts; with an old keyset it does not, and somebody brings the newest."""
        if not self._changing:
            return
        try:
            self._trust = self._opened(clock)
        except KeysetError as error:
            self._saw("rolled_back_at_start" if error.reason == "rolled_back" else error.reason)
            self._renew()
            self._trust = self._opened(clock)

    def _opened(self, clock: Clock) -> Trust:
        return Trust(self._path, self._path, environment="simulated", utc=clock.utc)

    def current(self) -> Keyset:
        """Return the keyset that the lane trusts now: never an older one than it has trusted."""
        if self._trust is None:
            return self._newest
        found = self._trust.current()
        if found.version < self._taken:
            self.world.judge.blame("I1", f"keyset {found.version} came back after {self._taken}")
        elif not self.rolled_back and found.version != self._newest.version and self._newest.expires > self._now():
            self.world.judge.blame(
                "I11", f"keyset {found.version} is in force although {self._newest.version} is there"
            )
        self._taken = max(self._taken, found.version)
        if self._mapped is None or self._mapped[0] is not found:
            public = {
                self.world.signers.key_ids[name]: key.public_key() for name, key in self.world.signers.keys.items()
            }
            keys = {key_id: replace(key, public=public[key_id]) for key_id, key in found.keys.items()}
            self._mapped = found, replace(found, keys=keys)
        return self._mapped[1]

    # --- what the office does -----------------------------------------------------------------------------------

    def signs(self, authority: str) -> str:
        """Return the name of the key that an authority signs with now."""
        return self._signing.get(authority, authority)

    def around_a_truck(self) -> None:
        """Let what this seed has drawn happen some time during the passage that begins."""
        if not self._changing:
            return
        swarm = self.world.swarm
        for fault in sorted(KEY_FAULTS):
            if swarm.strikes(fault, _CHANCE):
                self.world.time.after(swarm.draw.uniform(*_WITHIN_MS), partial(_HAPPENS[fault], self))

    def rotate(self) -> None:
        """A new key beside the old one, which its authority goes over to, now and then before it is good."""
        now = self._now()
        early = self._draw.random() < 0.3
        begins = now + timedelta(seconds=self._draw.randint(1, 3)) if early else now - timedelta(days=1)
        authority, new = self._new_key(begins)
        if new is not None:
            self._saw("rotated")
            self._issue()
            self._signing[authority] = new

    def expire(self) -> None:
        """The old key ends in a moment; its authority goes over to the new one about then."""
        authority, new = self._new_key(self._now() - timedelta(days=1))
        if new is None:
            return
        old, ends_s = self.signs(authority), self._draw.randint(1, 3)
        self._change(old, not_after=self._now() + timedelta(seconds=ends_s))
        self.ended.append(old)
        self._issue()
        self.world.time.after(self._draw.uniform(0, 2_000 * ends_s), partial(self._goes_over, authority, new))

    def revoke(self) -> None:
        """The key is no longer to be trusted; what it signed is still under way."""
        authority, new = self._new_key(self._now() - timedelta(days=1))
        if new is None:
            return
        self.ended.append(self.signs(authority))
        self._change(self.ended[-1], status="revoked")
        self._issue()
        self.world.time.after(self._draw.choice((0.0, 1_500.0)), partial(self._goes_over, authority, new))

    def freeze(self) -> None:
        """Somebody withholds every newer keyset until the present one has ended."""
        lasts_s = self._draw.randint(1, 3)
        self._saw("frozen")
        self._issue(expires=self._now() + timedelta(seconds=lasts_s))
        # One that has ended before the lane looks is refused, and the one before it stays.
        self.current()
        self.world.time.after(lasts_s * 1_000 + self._draw.uniform(500, 5_000), self._renew)

    def roll_back(self) -> None:
        """Somebody puts an old keyset in place of the newest, and perhaps restarts the controller."""
        if len(self._issued) < 2:
            self.revoke()
        if self.rolled_back or len(self._issued) < 2:
            return
        if self._taken < self._newest.version:
            # A keyset that the lane was never asked to trust is none that it could remember.
            self.world.time.after(_ASKED_WITHIN_MS, self.roll_back)
            return
        self._saw("rolled_back")
        self.rolled_back = True
        self._write(self._draw.choice(self._issued[:-1]))
        self.world.time.after(self._draw.uniform(2_000, 9_000), self._renew)
        if self._draw.random() < 0.4:
            self.world.time.after(self._draw.uniform(100, 1_500), self._restart)

    def _restart(self) -> None:
        self.world.trouble.power_cut = False
        self.world.kill()

    def _new_key(self, begins: datetime) -> tuple[str, str | None]:
        """Name a new key of one of the authorities in the next keyset; None where it has no other left."""
        authority = self._draw.choice(sorted(self._spares))
        if not self._spares[authority]:
            return authority, None
        name, signers = self._spares[authority].pop(0), self.world.signers
        like = self._newest.keys[signers.key_ids[authority]]
        key = replace(
            like, key_id=signers.key_ids[name], public=signers.keys[name].public_key(), status="active",
            not_before=begins.replace(microsecond=0), not_after=self._newest.issued + timedelta(days=28),
        )  # fmt: skip
        self._newest = replace(self._newest, keys={**self._newest.keys, key.key_id: key})
        return authority, name

    def _change(self, name: str, **changes: object) -> None:
        key_id = self.world.signers.key_ids[name]
        if isinstance(ends := changes.get("not_after"), datetime):
            changes["not_after"] = ends.replace(microsecond=0)
        changed: KeysetKey = replace(self._newest.keys[key_id], **changes)  # type: ignore[arg-type]
        self._newest = replace(self._newest, keys={**self._newest.keys, key_id: changed})

    def _goes_over(self, authority: str, name: str) -> None:
        self._signing[authority] = name

    def _renew(self) -> None:
        """The newest keyset is in its place again, with its whole life."""
        self._issue()

    def _issue(self, expires: datetime | None = None) -> None:
        issued = self._newest.issued
        ends = issued + timedelta(days=28) if expires is None else expires.replace(microsecond=0)
        self._put(replace(self._newest, version=self._newest.version + 1, expires=ends))

    def _put(self, keyset: Keyset) -> None:
        self._newest, self.rolled_back = keyset, False
        self._issued.append(sealed(keyset))
        self._write(self._issued[-1])

    def _write(self, raw: bytes) -> None:
        self._stamp += 1
        path = self._path / KEYSET_FILE
        path.write_bytes(raw)
        os.utime(path, ns=(self._stamp, self._stamp))

    # --- the truth ----------------------------------------------------------------------------------------------

    def delivered(self, payload: bytes) -> bool:
        """Bytes reach the lane: say whether the key that signed them may at this moment, and remember the nonce."""
        if not self._changing:
            return True
        try:
            header, claims = (json.loads(decode_base64url(part)) for part in payload.split(b".")[:2])
            key, nonce = self._newest.keys.get(header["kid"]), claims["nonce"]
        except (ValueError, TypeError, KeyError):
            return False
        now = self._now()
        good = key is not None and key.status != "revoked" and key.not_before <= now < key.not_after
        if good and now < self._newest.expires:
            self._valid.add(nonce)
            return True
        return False

    def opens(self, spent: list[str]) -> None:
        """The boom is asked up for grants: their keys could sign when they came."""
        if self._changing and not set(spent) <= self._valid:
            self.world.judge.blame("I1", "opened by a grant whose key had ended, was revoked, or is not known")

    def _now(self) -> datetime:
        return self.world.lane_utc()

    def _saw(self, what: str) -> None:
        self.world.reached.add(f"keyset {what}")


_HAPPENS = {
    "key_rotated": Keysets.rotate,
    "key_expires": Keysets.expire,
    "key_revoked": Keysets.revoke,
    "keys_frozen": Keysets.freeze,
    "keys_rolled_back": Keysets.roll_back,
}
