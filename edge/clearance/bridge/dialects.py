"""The dialects of the customs front-end protocol, as data: names, encodings, codes of direction and of results.

Field sites contradict each other (encoding, I/E or 0/1, polarity of CONTA_RECO, a 20-digit result or "Y"), so a site
names its dialect. A dialect says what releases; whatever it does not say, holds. Positions 3 to 20 of a 20-digit
result are not published: whole codes are compared, never single positions, where it comes to a release.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from edge.clearance.bridge.json_body import PubSub
from edge.clearance.bridge.slots import SLOTS, Slot
from edge.clearance.bridge.strict_xml import Encoding

RELEASE = "release"
RESULT_DIGITS = 20

# Results seen in the field, each with what we make of it. Inspection and leaving the zone say "release" and "raise" in
# the two published positions, and something unpublished beside it: a site that knows what, lists them.
STANDARD_RESULTS: Mapping[str, str] = MappingProxyType(
    {
        "0" * RESULT_DIGITS: RELEASE,
        "11000000000000000000": "platform_refused",
        "00000000001002000000": "platform_wants_inspection",
        "11000000001002000000": "platform_no_document",
        "00000000001001000000": "platform_empty_or_leaving_zone",
    }
)

_HEAD = (("AREA_ID", "area"), ("CHNL_NO", "channel"), ("I_E_TYPE", "direction"), ("SEQ_NO", "sequence"))
_IC = (
    "DR_IC_NO=driver_card IC_DR_CUSTOMS_NO IC_CO_CUSTOMS_NO IC_BILL_NO IC_GROSS_WT IC_VE_CUSTOMS_NO IC_VE_NAME "
    "IC_CONTA_ID IC_ESEAL_ID IC_BUSS_TYPE IC_EX_DATA"
)
_CONTA = (
    "CONTA_NUM=container_count CONTA_RECO=containers_read CONTA_ID_F=container_front CONTA_ID_B=container_back "
    "CONTA_MODEL_F=model_front CONTA_MODEL_B=model_back"
)
_CONTA_PIC = " ".join(f"CONTA_PIC_{place}=picture_{place.lower()}" for place in ("F", "B", "RF", "LB", "LF", "RB"))


def _group(name: str, members: str) -> tuple[tuple[str, str], ...]:
    """Return the elements of a group: `TAG=field` carries one, `TAG` alone has to be there and stays empty."""
    pairs = (member.partition("=") for member in members.split())
    return tuple((f"{name}/{tag}", value) for tag, _, value in pairs)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each field stands in GATHER_INFO: attributes of the root, and elements by path. "" stays empty."""

    root: str = "GATHER_INFO"
    attributes: tuple[tuple[str, str], ...] = _HEAD
    elements: tuple[tuple[str, str], ...] = (
        *_group("IC", _IC),
        *_group("WEIGHT", "GROSS_WT=weight_kg"),
        *_group("CAR", "VE_NAME=plate CAR_EC_NO=tag CAR_EC_NO2 VE_CUSTOMS_NO VE_WT"),
        *_group("TRAILER", "TR_EC_NO=trailer_tag TR_NAME=trailer_plate TR_WT"),
        *_group("CONTA", _CONTA),
        *_group("CONTA_PIC", _CONTA_PIC),
        *_group("OPTCAR", "PCAR_NO=optical_plate PCAR_NO_PICNAME=plate_picture PCAR_PICNAME=pictures"),
        *_group("SEAL", "ESEAL_ID=seal SEAL_KEY"),
        ("BAR_CODE", "bar_code"),
    )

    def renamed(self, **names: str) -> "Layout":
        """Return a layout with other names for some elements; `__` stands for the slash of a path."""
        found = {old.replace("__", "/"): new for old, new in names.items()}
        return replace(self, elements=tuple((found.get(path, path), value) for path, value in self.elements))

    def with_group(self, name: str, members: str) -> "Layout":
        """Return a layout with more elements in a group; those of one group stand together."""
        return replace(self, elements=(*self.elements, *_group(name, members)))

    def with_element(self, path: str, value: str) -> "Layout":
        """Return a layout with one more element."""
        return replace(self, elements=(*self.elements, (path, value)))


_COMPACT = Layout(
    root="MESSAGE_LIST_1.1",
    attributes=(),
    elements=_group(
        "CARGO_HEAD_INFO",
        "AREA_ID=area CHNL_NO=channel I_E_TYPE=direction SEQ_NO=sequence DR_IC_NO=driver_card GROSS_WT=weight_kg "
        "FILE_TIME=file_time CONTA_ID_F=container_front CONTA_ID_B=container_back CAR_EC_NO=tag VE_NAME=plate "
        "ESEAL_ID=seal",
    ),
)


# The JSON variant: its groups as far as they are known; TRAILER is the XML's, and nothing else carries the rear plate.
_JSON = Layout(
    attributes=(*_HEAD, ("TimeSpan", "file_time")),
    elements=(
        *_group("CAR", "VE_NAME=plate CAR_EC_NO=tag CAR_EC_NO2 VE_CUSTOMS_NO VE_WT"),
        *_group("TRAILER", "TR_EC_NO=trailer_tag TR_NAME=trailer_plate TR_WT"),
        *_group("CONTA", _CONTA),
        *_group("IC", _IC),
        *_group("SEAL", "ESEAL_ID=seal SEAL_KEY"),
        ("CIMCESEAL", ""),
        *_group("VENOIDENTIFY", "VIVE_NAME=optical_plate VePICNAME1 VePICNAME2"),
        *_group("WEIGHT", "GROSS_WT=weight_kg"),
        ("BarCode", "bar_code"),
        ("PIC", "pictures"),
        ("CHNL_TYPE", ""),
        ("FILE_TIME", "file_time"),
        ("GATHER_FLAG", ""),
    ),
)


@dataclass(frozen=True, slots=True)
class ErrorLayout:
    """Where a COMMAND_INFO says that something failed: a code and a text each, and a second plate of the vehicle.

    A business error speaks about the vehicle, a technical one says that nothing was decided. Nothing but emptiness is
    no error: which codes would mean none is not published.
    """

    business: tuple[str, str] = ("BUSI_ERR/ERR_CODE", "BUSI_ERR/ERR_TEXT")
    technical: tuple[str, str] = ("TECH_ERR/ERR_CODE", "TECH_ERR/ERR_TEXT")
    second_vehicle: str = "GPS/VE_NAME2"


@dataclass(frozen=True, slots=True)
class PictureLayout:
    """The names in the picture messages 0x25, 0x26 and 0x27: no published ones were found, these are ours."""

    call: str = "PICTURE_CALL"
    returned: str = "PICTURE_RETURN"
    sent: str = "PICTURE_SEND"
    # Names joined by `|`; none calls all pictures of the passage.
    name: str = "PIC_NAME"
    result: str = "RESULT"
    follows: str = "0"
    refused: str = "1"
    reason: str = "REASON"
    count: str = "PIC_COUNT"
    missing: str = "PIC_MISSING"
    index: str = "PIC_INDEX"
    total: str = "PIC_TOTAL"
    data: str = "PIC_DATA"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of platform speaks. `results` maps a whole CHECK_RESULT to `release` or to a reason to hold.

    With `pubsub` it speaks JSON on the topics of a Redis server, else XML in the envelope of `wire` on TCP.
    """

    name: str
    encoding: Encoding = "gb18030"
    # What documents declare; field software declares GB2312 whatever it writes.
    declares: str = "GB2312"
    inward: str = "I"
    outward: str = "E"
    # What CONTA_RECO says where the numbers were read.
    containers_read: str = "1"
    containers_unread: str = "0"
    layout: Layout = field(default_factory=Layout)
    # Which picture stands in which slot of the layout.
    slots: Mapping[str, Slot] = field(default_factory=lambda: SLOTS)
    # None where answers tell of no errors but by their result.
    errors: ErrorLayout | None = None
    picture_layout: PictureLayout = field(default_factory=PictureLayout)
    results: Mapping[str, str] = field(default_factory=lambda: STANDARD_RESULTS)
    # EXECUTE_RESULT for a device command that was not carried out [K].
    not_executed: str = "1"
    pubsub: PubSub | None = None

    def direction(self, direction: str) -> str:
        """Return the code of `in` or `out`."""
        return self.inward if direction == "in" else self.outward

    @property
    def by_digits(self) -> bool:
        """Say whether results are 20 digits."""
        return all(map(is_digits, self.results))

    def releasing(self, codes: Iterable[str]) -> "Dialect":
        """Return the dialect with exactly these results as releases.

        Raises ValueError for one that does not say "release" (first digit 0) and "raise" (second digit 0), and for any
        where results are not digits.
        """
        wanted = tuple(codes)
        for code in wanted:
            if not self.by_digits or not is_digits(code) or code[:2] != "00":
                raise ValueError(f"no result of {self.name} that may release: {code!r}")
        kept = {code: meaning for code, meaning in self.results.items() if meaning != RELEASE}
        return replace(self, results=MappingProxyType(kept | dict.fromkeys(wanted, RELEASE)))


def is_digits(code: str) -> bool:
    """Say whether it has the form of a 20-digit result."""
    return len(code) == RESULT_DIGITS and code.isascii() and code.isdigit()


_STANDARD = Dialect("gb2312")
_BY_LETTER = MappingProxyType({"Y": RELEASE, "N": "platform_refused"})
# Of the newer generation (81/82) modes and results are known and its XML is not: they stand in the messages of before.
_OF_82 = MappingProxyType({"y": RELEASE, "n": "platform_alarm", "m": "platform_waits_for_person"})
DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        one.name: one
        for one in (
            _STANDARD,
            replace(_STANDARD, name="utf8", encoding="utf-8", declares="UTF-8"),
            replace(_STANDARD, name="utf8_as_gb2312", encoding="utf-8"),
            replace(_STANDARD, name="direction_digits", inward="0", outward="1"),
            replace(_STANDARD, name="reco_inverted", containers_read="0", containers_unread="1"),
            replace(_STANDARD, name="letters", results=_BY_LETTER),
            replace(_STANDARD, name="compact", layout=_COMPACT),
            replace(
                _STANDARD,
                name="generation_82",
                results=_OF_82,
                errors=ErrorLayout(),
                layout=Layout().with_group("CAR", "VE_NAME2=second_plate").with_element("GATHER_MODE", "gather_mode"),
            ),
            replace(
                _STANDARD,
                name="older_names",
                layout=Layout()
                .renamed(CAR__VE_WT="CAR/VE_WEIGHT", SEAL__SEAL_KEY="SEAL/ESEAL_PUBLIC_KEY", BAR_CODE="BARCODE/CODE")
                .with_group("IC", "IC_FORM_TYPE IC_REG_DATETIME IC_PER_DAY_DUE"),
            ),
            replace(
                _STANDARD,
                name="names_2023",
                layout=Layout()
                .renamed(SEAL__SEAL_KEY="SEAL/ESEAL_IC_NO", BAR_CODE="BARCODE/DATA")
                .with_group("CAR", "CUSTOMS_BILL INFORM_NO"),
            ),
            replace(_STANDARD, name="json_redis", encoding="utf-8", declares="UTF-8", layout=_JSON, pubsub=PubSub()),
        )
    }
)
