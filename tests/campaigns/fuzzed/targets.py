"""The parsers of the product as they are fuzzed, by name; and modules that read, but nothing of others."""

from tests.campaigns.fuzzed import bridge, cameras, clearance, devices, elsewhere, files, topics
from tests.campaigns.fuzzed.target import Target

TARGETS: dict[str, Target] = {
    one.name: one
    for group in (devices, cameras, clearance, bridge, topics, files, elsewhere)
    for one in group.targets()
}

# Why a module that looks like a parser has no target: what it reads comes from ourselves, or through a parser above.
NO_TARGET: dict[str, str] = {
    "drivers.barrier_modbus.wire": "a map of registers: the bytes are those of its frames",
    "drivers.kit.camera.worker": "one line from its own driver",
    "edge.release.install": "wheels whose digests a manifest named",
    "edge.release.sbom": "a list of licences in the release itself",
    "edge.release.upgrade": "its own plan, in which a command stands: who can bend that file may run one anyway",
    "edge.runtime.outbox": "rows that it wrote, through the codec that is fuzzed",
    "edge.text": "catalogues in the release itself",
    "ops.store": "rows that it wrote",
    "simulators.scenario.bench": "what the lane under test says of itself",
    "simulators.scenario.shared_clock": "a clock that the loop beside it wrote",
}
