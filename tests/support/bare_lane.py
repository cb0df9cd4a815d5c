"""A configured lane none of whose devices is there, with its keys."""

from datetime import UTC, datetime
from pathlib import Path

from config.loader import load
from config.schema import Configuration
from edge.clearance.keys import create_keys
from simulators.ports import free_ports

CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
broker: {{port: {broker}}}
authorities: [{{id: customs}}]
lanes:
  - id: lane-1
    direction: in
    simulated: true
    barrier: {{id: barrier, host: 127.0.0.1, port: {barrier}}}
    tag_reader: {{id: reader, port: ./reader}}
    must_match: [tag]
"""


def bare_lane(folder: Path) -> tuple[Path, Configuration]:
    """Write the configuration to `folder` and make the keys; returns the file, and what it holds."""
    broker, barrier = free_ports(2)
    path = folder / "kakou.yaml"
    path.write_text(CONFIG.format(broker=broker, barrier=barrier), encoding="utf-8")
    loaded = load(path)
    assert isinstance(loaded, Configuration), loaded
    create_keys(
        loaded.keys_dir, site="yard", lanes=["lane-1"], authorities=["customs"], environment="simulated",
        now_utc=datetime.now(UTC),
    )  # fmt: skip
    return path, loaded
