"""What central can say about sharing and looking: who was shown what, and who looked at which vehicles together.

From stored events alone. The share log is in the chain of each lane (`kakou ops audit` proves it), and holds no values.
"""

from collections import Counter
from types import MappingProxyType
from typing import Any

from ops.envelope import shown
from ops.store import EventStore
from ops.tally import Period

KINDS = ("plates", "containers", "tag")
NOTHING_SHARED = MappingProxyType({"inspections": {"tasks": 0, "merged": 0, "targets": {}}, "shares": {}})


def sharing(store: EventStore, period: Period) -> dict[str, Any]:
    """Return what a report tells of a period. Raises StoreError."""
    return {"inspections": inspections(store, period), "shares": shares(store, period)}


def shares(store: EventStore, period: Period) -> dict[str, dict[str, dict[str, int]]]:
    """Return how often each authority was asked, by kind of identifier and the form in which it was shown.

    Drills go to a clerk and are left out, and so are requests of a version that kept no share log. Raises StoreError.
    """
    found: dict[str, dict[str, Counter[str]]] = {}
    for _, data in store.events("requested", period):
        if data.get("drill") is True or not any(kind in data for kind in KINDS):
            continue
        kinds = found.setdefault(shown(data.get("authority")), {kind: Counter() for kind in KINDS})
        for kind in KINDS:
            kinds[kind][shown(data.get(kind))] += 1
    return {
        authority: {kind: dict(sorted(forms.items())) for kind, forms in kinds.items()}
        for authority, kinds in sorted(found.items())
    }


def inspections(store: EventStore, period: Period) -> dict[str, Any]:
    """Return how many inspections there were, how many for several authorities, and where. Raises StoreError."""
    tasks = merged = 0
    targets: Counter[str] = Counter()
    for _, data in store.events("referral_issued", period):
        wanted = [one for one in str(data.get("inspections") or "").split(",") if one]
        tasks += 1
        merged += len(wanted) > 1
        targets.update({shown(one.rpartition(":")[2]) for one in wanted})
    return {"tasks": tasks, "merged": merged, "targets": dict(sorted(targets.items()))}
