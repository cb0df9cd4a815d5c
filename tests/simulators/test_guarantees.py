"""GUARANTEES.md says of each simulator what is identical, what differs, and when only hardware will do."""

import re

from tests.support.sources import ROOT

PAGE = ROOT / "simulators" / "GUARANTEES.md"
SAYS = ("**Identical**", "**Differs**", "**Only hardware**")
# What simulators are made of: shared by several of them, no device by itself.
PARTS = {
    "asked", "barrier_plant", "camera_door", "h264", "modbus_pdu", "modbus_rtu", "modbus_server", "onvif_words",
    "serial_line", "serial_wire", "tag_field",
}  # fmt: skip
# Beside the devices: what a lane stands in and talks to.
AROUND = {"world", "clearance", "customs_platform", "customs_pubsub", "redis_server", "broker"}


def sections() -> dict[str, str]:
    parts = re.split(r"^## (\w+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_each_simulator_has_its_section_and_nothing_else_has() -> None:
    devices = {path.stem for path in (ROOT / "simulators" / "devices").glob("*.py")} - {"__init__"} - PARTS
    assert sections().keys() == devices | AROUND


def test_each_section_says_all_three_and_names_files_that_exist() -> None:
    for name, text in sections().items():
        assert [word for word in SAYS if text.count(word) != 1] == [], name
        named = re.findall(r"`([\w/]+(?:\.py|/))`", text.split("\n\n")[0])
        assert named, name
        assert [one for one in named if not (ROOT / "simulators" / one).exists()] == [], name
