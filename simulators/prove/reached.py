"""What a large campaign has to have reached beside rows, phases, ends and weighings: referrals, refusals, modes."""

from edge.core.modes import MODES
from simulators.prove.inspections import REFERRALS
from simulators.prove.keysets import KEYSETS
from simulators.prove.loads import CLASSES

REACHED: frozenset[str] = frozenset(
    {
        *(f"referral {one}" for one in REFERRALS),
        *(f"keyset {one}" for one in KEYSETS),
        *(f"cargo {one}" for one in CLASSES),
        *(f"mode {one}" for one in MODES),
    }
)
