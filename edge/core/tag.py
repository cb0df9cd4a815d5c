"""RFID tags: the raw EPC is the key, never decoded blindly (many yard tags keep a factory E2.. number)."""

import re
from dataclasses import dataclass

# Gen2 lengths are whole 16-bit words; 496 bits is the longest EPC that a PC word can announce.
_HEX_WORDS = re.compile(r"^(?:[0-9A-F]{4}){1,31}$")


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: `epc` and, where the reader delivers it, `tid`, both upper-case hex of whole 16-bit words."""

    epc: str
    tid: str | None = None


def parse_tag(epc: str, tid: str | None = None) -> Tag | None:
    """Return the tag, or None where `epc` (or a given `tid`) is not hex of one to 31 whole words."""
    canonical = epc.replace(" ", "").upper()
    canonical_tid = None if tid is None else tid.replace(" ", "").upper()
    if not _HEX_WORDS.fullmatch(canonical):
        return None
    if canonical_tid is not None and not _HEX_WORDS.fullmatch(canonical_tid):
        return None
    return Tag(canonical, canonical_tid)
