"""Keys that change under a lane in the proof: no grant of a key that has ended opens, and no old keyset comes back."""

from datetime import datetime
from typing import Any

import pytest

from edge.clearance import trust
from edge.clearance.keyset import KeyRefusedError, Keyset
from edge.clearance.trust import Trust
from simulators.prove import campaign
from simulators.prove.history import Outcome
from simulators.prove.keysets import KEY_FAULTS, KEYSETS
from simulators.prove.world import Plan

SEEDS = range(6)
_OPEN_KEYSET, _KEY_FOR = vars(trust)["open_keyset"], Keyset.key_for


@pytest.fixture(autouse=True)
def _without_the_lanes_log() -> None:
    campaign.prepare_process()


def histories(*faults: str, trucks: int = 12, seeds: range = SEEDS) -> list[Outcome]:
    return [campaign.run(Plan(f"keys-{seed}", trucks, frozenset(faults))) for seed in seeds]


def blamed(found: list[Outcome]) -> set[str]:
    return {name for one in found for name, _ in one.violations}


def reached(found: list[Outcome]) -> set[str]:
    return set().union(*(one.cases for one in found))


@pytest.mark.hazard("O4", "S12", "S13")
def test_keys_come_and_go_and_no_old_keyset_comes_back() -> None:
    found = histories(*KEY_FAULTS) + histories(*KEY_FAULTS, "killed", "clock_jump", "revoked_key", "late_grant")
    assert blamed(found) == set()
    assert {f"keyset {one}" for one in KEYSETS} <= reached(found)
    assert sum(one.passed for one in found) > 0


def test_the_same_history_with_real_keys_ends_alike() -> None:
    hashed, real = (campaign.run(Plan("keys-real", 8, KEY_FAULTS, real_keys=real)) for real in (False, True))
    assert (hashed.terminals, hashed.violations) == (real.terminals, [])


def _forgetful(raw: bytes, **named: Any) -> Keyset:
    """Any keyset of the root is good, however old."""
    return _OPEN_KEYSET(raw, **{**named, "highest_seen": 0})


def _lenient(self: Keyset, key_id: str, **named: Any) -> Any:
    """A key is good whatever became of it."""
    try:
        return _KEY_FOR(self, key_id, **named)
    except KeyRefusedError as error:
        if error.reason in ("key_revoked", "key_expired", "key_not_yet_valid", "keyset_expired"):
            return self.keys[key_id].public
        raise


def _never_ends(self: Keyset, key_id: str, **named: Any) -> Any:
    noon: datetime = self.issued.replace(hour=12)
    return _KEY_FOR(self, key_id, **{**named, "now_utc": noon})


@pytest.mark.parametrize(
    ("where", "name", "broken", "invariant"),
    [
        (trust, "open_keyset", _forgetful, "I1"),
        (Keyset, "key_for", _lenient, "I1"),
        (Keyset, "key_for", _never_ends, "I1"),
        (Trust, "current", lambda self: vars(self)["_keyset"], "I11"),
    ],
    ids=["rollback", "whatever became of a key", "no key ends", "no newer keyset"],
)
def test_a_lane_that_trusts_carelessly_is_found(
    where: Any, name: str, broken: Any, invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, broken)
    found = (histories(*KEY_FAULTS, "revoked_key", seeds=range(seed, seed + 1)) for seed in range(30))
    assert any(invariant in blamed(one) for one in found)
