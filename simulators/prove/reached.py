"""What a large campaign has to have reached beside rows, phases, ends and weighings: referrals, refusals, modes."""

from edge.core.modes import MODES
from simulators.prove.inspections import REFERRALS
from simulators.prove.keysets import KEYSETS
from simulators.prove.loads import CLASSES, HEAVIER
from simulators.prove.readers import READER_CASES

# Why a grant is refused or ignored, as far as somebody here draws a grant that is.
_REFUSED = (
    "already_answered", "base64_not_canonical", "byte_order_mark", "duplicate_key", "field_unknown", "flood",
    "header_fields", "issuer", "key_authority", "key_expired", "key_not_yet_valid", "key_revoked", "key_role",
    "key_scope", "key_unknown", "keyset_expired", "late", "not_compact", "not_waiting", "number", "retained",
    "sequence_not_newer", "signature_invalid", "syntax", "too_deep", "too_large", "version", "wrong_boot",
    "wrong_lane", "wrong_nonce", "wrong_passage", "wrong_request_hash",
)  # fmt: skip
REACHED: frozenset[str] = frozenset(
    {
        *(f"referral {one}" for one in REFERRALS),
        *(f"keyset {one}" for one in KEYSETS),
        *(f"cargo {one}" for one in CLASSES),
        *(f"refused {one}" for one in _REFUSED),
        *(f"mode {one}" for one in MODES),
        *READER_CASES,
        HEAVIER,
    }
)
