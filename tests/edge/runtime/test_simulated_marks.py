"""I20: whatever leaves a simulated lane says that it was simulated, and nothing of a real one does."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.runtime.checkpoints import CHECKPOINT, Checkpoints, contradictions
from edge.runtime.journal import Journal
from edge.runtime.notes import security_note
from edge.runtime.outbox import QUARANTINED_TYPE, OutboxEvent
from tests.support.clocks import StoodClock
from tests.support.journals import utc

pytestmark = pytest.mark.hazard("I20")


@pytest.mark.parametrize("simulated", [True, False])
async def test_every_kind_of_event_is_marked(path: Path, simulated: bool):
    journal = await Journal.open(path, utc=utc)
    journal.simulated = simulated
    clock, key = StoodClock(), Ed25519PrivateKey.generate()
    checkpoints = Checkpoints("yard", "in-1", key=key, journal=journal, clock=clock)
    events = [OutboxEvent("decided", {"decision": "hold"}), OutboxEvent("broken", {"value": object()})]
    journal.append("in-1", "step", "{}", events)
    security_note(journal, "in-1", "grants_refused", True, "many")
    clock.ms += 60_000
    assert checkpoints.look()
    await journal.append("in-1", "step", "{}", [OutboxEvent("last", {})]).durable
    rows = journal.outbox.pending("in-1", 0, 10)
    assert [row.type for row in rows] == ["decided", QUARANTINED_TYPE, "security_alarm", CHECKPOINT, "last"]
    assert {row.data.get("simulated") for row in rows} == {True if simulated else None}
    assert list(contradictions(journal.records("in-1"), key.public_key())) == []
    await journal.close()
