"""Number plates of vehicles in mainland China: grammar and value (GA 36-2018 and field practice).

A plate's identity is text, colour and kind together: the same characters exist on a blue and on a
yellow plate. Text is canonical: NFKC, upper case, no dot, no space.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

PlateColour = Literal["blue", "yellow", "green", "yellow_green", "white", "black"]
PlateKind = Literal[
    "ordinary",
    "nev_small",
    "nev_large",
    "trailer",
    "coach",
    "police",
    "emergency",
    "embassy",
    "consulate",
    "armed_police",
    "military",
    "hk",
    "macau",
    "civil_aviation",
    "temporary",
    "port_internal",
]

PLATE_COLOURS: tuple[PlateColour, ...] = get_args(PlateColour)
PLATE_KINDS: tuple[PlateKind, ...] = get_args(PlateKind)

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_P = f"[{PROVINCES}]"
# O is refused as a letter except in second place, where official plates carry it (皖O, 粤O).
_L = "[A-HJ-NP-Z]"
_L2 = "[A-HJ-Z]"
_S = "[A-HJ-NP-Z0-9]"
_NEV = "[ABCDEFGHJK]"

# Tested in this order: the first that matches wins (domain.md 3.3).
_GRAMMAR: tuple[tuple[PlateKind, re.Pattern[str]], ...] = (
    ("nev_small", re.compile(rf"^{_P}{_L}{_NEV}{_S}[0-9]{{4}}$")),
    ("nev_large", re.compile(rf"^{_P}{_L}[0-9]{{5}}{_NEV}$")),
    ("hk", re.compile(rf"^粤Z{_S}{{4}}港$")),
    ("macau", re.compile(rf"^粤Z{_S}{{4}}澳$")),
    ("trailer", re.compile(rf"^{_P}{_L2}{_S}{{4}}挂$")),
    ("coach", re.compile(rf"^{_P}{_L2}{_S}{{4}}学$")),
    ("police", re.compile(rf"^{_P}[A-Z]{_S}{{4}}警$")),
    ("emergency", re.compile(rf"^{_P}[XS]{_S}{{4}}应急$")),
    ("embassy", re.compile(r"^(使[0-9]{6}|[0-9]{6}使)$")),
    ("consulate", re.compile(rf"^{_P}{_L}?[0-9]{{4,5}}领$")),
    # The form of 2012 may carry a province, the older one has two digits in its place (WJ1693015).
    ("armed_police", re.compile(rf"^WJ({_P}?[0-9]{{4}}[0-9TDSHBXJ]|[0-9]{{7}})$")),
    ("military", re.compile(r"^[A-Z]{2}[0-9]{5}$")),
    ("civil_aviation", re.compile(r"^民航[A-Z0-9]{5}$")),
    ("ordinary", re.compile(rf"^{_P}{_L2}{_S}{{5}}$")),
)

# Which colours a kind is painted in; a colour outside this set is a misreading of one of the two.
KIND_COLOURS: dict[PlateKind, frozenset[PlateColour]] = {
    "ordinary": frozenset({"blue", "yellow"}),
    "nev_small": frozenset({"green"}),
    "nev_large": frozenset({"yellow_green"}),
    "trailer": frozenset({"yellow"}),
    "coach": frozenset({"yellow"}),
    "police": frozenset({"white"}),
    "emergency": frozenset({"white"}),
    "embassy": frozenset({"black"}),
    "consulate": frozenset({"black"}),
    "armed_police": frozenset({"white"}),
    "military": frozenset({"white"}),
    "hk": frozenset({"black"}),
    "macau": frozenset({"black"}),
    "civil_aviation": frozenset({"green"}),
    "temporary": frozenset(PLATE_COLOURS),
    "port_internal": frozenset(PLATE_COLOURS),
}

# What devices send instead of a plate that they could not read.
_PLACEHOLDERS = frozenset({"", "UNKNOWN", "NONE", "NULL", "无车牌", "未识别", "无牌车"})
# Cameras of several makers put the colour before the text: 黄闽D66681.
_COLOUR_NOISE = re.compile(rf"^[蓝黄绿白黑](?={_P})")
# Emergency vehicles carry these two at the end, some of them before the rest (domain.md 3.3): one plate, one text.
_EMERGENCY_FIRST = re.compile(rf"^应急({_P}.*)$")
_SEPARATORS = re.compile(r"[\s·•・‧∙⋅.\-_]+")


@dataclass(frozen=True, slots=True)
class Plate:
    """One plate: canonical text, colour (None where it was not determined), kind, 1 or 2 rows."""

    text: str
    colour: PlateColour | None
    kind: PlateKind
    rows: Literal[1, 2] = 1


def canonical_plate_text(raw: str) -> str:
    """Return `raw` in NFKC, upper case, without separators and colour noise, 应急 last; '' for placeholders."""
    text = _SEPARATORS.sub("", unicodedata.normalize("NFKC", raw)).upper()
    text = _EMERGENCY_FIRST.sub(r"\1应急", _COLOUR_NOISE.sub("", text))
    return "" if text in _PLACEHOLDERS else text


def plate_kind(text: str, port_internal: re.Pattern[str] | None = None) -> PlateKind | None:
    """Return the kind whose grammar `text` (canonical) fits, or None. A site's own pattern is tried last."""
    for kind, pattern in _GRAMMAR:
        if pattern.fullmatch(text):
            return kind
    if port_internal is not None and port_internal.fullmatch(text):
        return "port_internal"
    return None


def parse_plate(
    raw: str,
    colour: PlateColour | None = None,
    rows: Literal[1, 2] = 1,
    port_internal: re.Pattern[str] | None = None,
) -> Plate | None:
    """Return the plate that `raw` spells, or None where no class of the grammar fits.

    A colour that the kind is never painted in is dropped to None: one of the two was misread, and the
    profile decides whether a plate without a colour may match.
    """
    text = canonical_plate_text(raw)
    kind = plate_kind(text, port_internal)
    if kind is None:
        return None
    if colour is not None and colour not in KIND_COLOURS[kind]:
        colour = None
    return Plate(text, colour, kind, rows)
