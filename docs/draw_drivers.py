"""Draw docs/drivers.md from the registry of drivers and each driver's quality.yaml.

python docs/draw_drivers.py           write the page
python docs/draw_drivers.py --check   say whether the page is up to date; 1 where not
"""

import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from drivers.kit.quality import GOLD, POINTS
from edge.registry import DRIVERS, PACKAGE, Driver

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "drivers.md"
ABOUT_CONFIGURATION = ("driver", "id")

HEAD = """# Drivers

Drawn by `python docs/draw_drivers.py` from `edge/registry.py` and each `drivers/*/quality.yaml`; a test fails where it
is not what they say. A driver's README tells how it works, its errors and its faults.
"""
ADDING = """## Adding a driver
1. Copy `drivers/template` (and `simulators/devices/template.py`): `wire.py` (bytes and values, pure), `driver.py`,
   `quality.yaml`, `README.md`. What drivers share is in `drivers/kit`: `line.py` (serial port or `socket://`),
   `wire.py` (the incremental decoder), `listener.py` (devices that speak unasked), `tag_reader.py` (UHF readers of any
   protocol), `push` (devices that push over HTTP), `camera` (cameras over HTTP, those that tell events among them: rigs
   in `tests/drivers/conformance/event_rigs.py`). Drivers do not know each other.
2. Write the codec, then the driver: a Protocol of `edge/ports.py` that raises nothing but `DeviceError`.
3. Name the protocol in the class of its kind's configuration (`config/devices.py`), and add one line to
   `edge/registry.py`.
4. Write its simulator in `simulators/devices`, which shares only the codec with it, and fixtures of real or documented
   bytes, wrong ones among them. Add its line to `simulators/scenario/kinds.py`, so that scenarios can have it, and
   say in `simulators/GUARANTEES.md` what it is good for.
5. Give it a rig in `tests/drivers/conformance/rigs.py`, where it speaks on a stream: the suite does the rest.
6. Run `./kakou test tests/drivers` and `python docs/draw_drivers.py`.

## A driver in a package of your own
Of every kind but the barrier, whose driver bears what is proved of the boom. The package declares an entry point of
the group `kakou.drivers` whose object is `edge.packages.PackagedDriver("tag_reader", construct)`, with the kind as
the table above names it; `construct` takes the configuration of the kind, the clock and where to deliver (`None` for
cameras, signs and voices, which are asked), and returns what `edge/ports.py` says of the kind. Its own settings are
in `configured.package.options`. It is loaded only where the configuration names the distribution and its version:

```yaml
tag_reader:
  driver: package
  package: {distribution: acme-readers, version: 1.2.0, entry_point: acme, options: {region: cn}}
  id: rfid-1
  port: socket://192.168.10.40:4001
```

Another version, or none, and the service does not start (`driver_package_version`, `driver_package_missing`); `kakou
check` says so before, `kakou reload` keeps the configuration that runs, and `kakou upgrade` refuses a release into
whose environment it was not installed. One that is installed over the version that runs waits for a restart of the
service. What everybody on the box can write is not loaded (`driver_package_writable`); what another user than root can
write is told by `kakou doctor`. Such a driver runs with every right of the
controller: read it as you would read the controller. `drivers/template` and `tests/drivers/conformance` serve it as
they serve ours.
"""


def read_qualities() -> dict[str, dict[str, Any]]:
    """Return what each driver says of itself, by folder."""
    paths = sorted((ROOT / "drivers").glob("*/quality.yaml"))
    return {path.parent.name: YAML(typ="safe").load(path) for path in paths}


def page() -> str:
    """Return the whole page."""
    qualities = read_qualities()
    parts = [_overview(qualities), _configuration(), _levels(), _points(qualities), _faults(qualities)]
    return "\n".join([HEAD, *parts, ADDING])


def _folder_of(driver: Driver[Any, Any, Any], qualities: dict[str, dict[str, Any]]) -> str:
    return next(
        folder
        for folder, quality in qualities.items()
        if quality["kind"] == driver.kind.name and driver.protocol in quality["protocols"]
    )


def _overview(qualities: dict[str, dict[str, Any]]) -> str:
    lines = ["| kind | `driver:` | devices | quality | verified against |", "|---|---|---|---|---|"]
    for driver in DRIVERS:
        if driver.protocol == PACKAGE:
            continue
        folder = _folder_of(driver, qualities)
        quality = qualities[folder]
        verified = quality.get("verified_against", "its simulator only")
        devices = f"{quality['device_family']} ([README](../drivers/{folder}/README.md))"
        lines.append(f"| {driver.kind.name} | `{driver.protocol}` | {devices} | {quality['level']} | {verified} |")
    return "\n".join(lines) + "\n"


def _configuration() -> str:
    """The keys of each kind, as its class of configuration has them."""
    lines = ["## Configuration", "| kind | keys beside `driver` and `id` |", "|---|---|"]
    for kind, settings in {driver.kind.name: driver.settings for driver in DRIVERS}.items():
        keys = [key for key in settings.model_fields if key not in ABOUT_CONFIGURATION]
        lines.append(f"| {kind} | {', '.join(f'`{key}`' for key in keys)} |")
    return "\n".join(lines) + "\n"


def _levels() -> str:
    lines = ["## Levels", "Each takes all points of the levels above it in this list as well.\n"]
    for level, points in POINTS.items():
        lines.append(f"- **{level}**: " + "; ".join(f"`{point}`: {text}" for point, text in points.items()) + ".")
    return "\n".join(lines) + "\n"


def _points(qualities: dict[str, dict[str, Any]]) -> str:
    """What shows each point: the conformance suite, or a test of the driver's own."""
    named = [point for level, points in POINTS.items() if level != GOLD for point in points]
    lines = ["## What shows it", f"| driver | {' | '.join(named)} |", "|---" * (len(named) + 1) + "|"]
    for folder, quality in qualities.items():
        for name, shown in {folder: quality["points"], **quality.get("points_of", {})}.items():
            lines.append(f"| {name} | {' | '.join(_short(shown.get(point, '')) for point in named)} |")
    return (
        "\n".join(lines) + "\n\n`suite` is `tests/drivers/conformance`; anything else is a test of the driver's own.\n"
    )


def _faults(qualities: dict[str, dict[str, Any]]) -> str:
    """The switches of every driver's simulator, and what the driver makes of each where its faults say so."""
    told: dict[str, dict[str, str]] = {}
    listed: dict[str, dict[str, str]] = {}
    for folder, quality in qualities.items():
        for name, faults in {folder: quality["faults"], **quality.get("faults_of", {})}.items():
            if outcomes := _outcomes(faults):
                told[name] = outcomes
            else:
                listed[name] = dict.fromkeys(_names(faults), "yes")
    return (
        f"## Faults\n{_table('what comes of a fault of the simulator', told)}\n"
        f"What each fault is, `simulators/devices` says beside its switch.\n\n{_table('the simulator has', listed)}\n"
        "What comes of these, the driver's README and its own tests say.\n"
    )


def _outcomes(faults: Any) -> dict[str, str]:
    """What each fault comes to; nothing where they are only listed."""
    return faults if isinstance(faults, dict) and all(isinstance(one, str) for one in faults.values()) else {}


def _names(faults: Any) -> list[str]:
    return [name for group in faults.values() for name in group] if isinstance(faults, dict) else list(faults)


def _table(head: str, columns: dict[str, dict[str, str]]) -> str:
    names = dict.fromkeys(name for faults in columns.values() for name in faults)
    lines = [f"| {head} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        lines.append(f"| {name} | {' | '.join(faults.get(name, '') for faults in columns.values())} |")
    return "\n".join(lines) + "\n"


def _short(shown: str) -> str:
    return "own" if "::" in shown else shown


def main(arguments: list[str]) -> int:
    """Write or check the page."""
    text = page()
    if arguments == ["--check"]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
