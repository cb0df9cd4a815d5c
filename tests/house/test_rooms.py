"""Who may import what: the rules that are easier to state as what is allowed than as what is forbidden."""

import re

import pytest

from tests.support.sources import PACKAGES, imported, module_name, place, python_files, within

# Nothing here does I/O, reads a clock or draws at random.
CORE_MAY_IMPORT = {
    *(
        "abc",
        "base64",
        "collections",
        "dataclasses",
        "enum",
        "functools",
        "hashlib",
        "hmac",
        "itertools",
        "json",
        "math",
    ),
    *("operator", "re", "types", "typing", "unicodedata"),
}

# A library that is replaced, or that changes its interface, costs the modules named here. `simulators.scene` draws
# with cv2 all over: the renderer is one room, and cv2 its pencil. The bench's floor is written on the libraries
# themselves, because what our own modules add to them is what it measures.
ROOMS_OF_LIBRARY = {
    "apsw": ("simulators.power_disk",),
    "cryptography": (
        "edge.clearance",
        "edge.mqtt.certificates",
        "edge.runtime.checkpoints",
        "ops.audit",
        "ops.signing",
        "simulators.clearance",
        "simulators.clearance_faults",
        "simulators.bench_floor",
        "simulators.handheld",
        "simulators.prove.signers",
    ),
    "cv2": (
        "drivers.kit.camera.decoder",
        "drivers.kit.camera.picture",
        "models.pixels",
        "models.detector",
        "models.training",
        "simulators.scene",
    ),
    "iotcore": ("simulators.broker",),
    "llrpkit": ("drivers.uhf_llrp.wire",),
    "onnx": (
        "models.training.between",
        "models.training.cover_network",
        "models.training.head",
        "models.training.network",
        "models.training.plate_detector",
        "models.training.plate_heads",
        "models.training.vehicle_detector",
        "models.training.vehicle_network",
    ),
    "onnxruntime": ("models.sessions",),
    "packaging": ("edge.release.build",),
    "paho": ("edge.mqtt.connection", "simulators.bench_floor"),
    "pydantic": ("config", "simulators.scenario"),
    "pymodbus": ("drivers.barrier_modbus.link", "simulators.devices.modbus_server", "simulators.prove.wire"),
    "rapidocr": ("models.registry", "models.sessions", "simulators.bench_vision"),
    "rich": ("simulators.demo", "simulators.demo_view", "ops"),
    "ruamel": ("config",),
    "serial": ("drivers.kit.line",),
    "shtab": ("edge.cli", "edge.verbs"),
    "structlog": ("edge.log",),
    "torch": (
        "models.training.cover_detector",
        "models.training.fit",
        "models.training.network",
        "models.training.plate_detector",
        "models.training.vehicle_detector",
        "models.training.sitting",
    ),
}

DEVICE_SIMULATORS_MAY_IMPORT = (
    "edge.core",
    "edge.ports",
    "simulators.devices",
    "simulators.scene",
    "simulators.vehicle",
    "simulators.world",
    # What is HTTP of a push, pure.
    "drivers.kit.push.head",
    # How a port is closed; nothing of what is said on it.
    "edge.portable.serving",
)
# A driver's pure codecs and what they define; of the driver's package itself nothing but its name.
WIRE_CODEC = re.compile(r"drivers(\.\w+(\.(wire|frames)(\.\w+)?)?)?|simulators")
OPERATIONS_MAY_IMPORT = ("edge.mqtt", "edge.text", "edge.log", "edge.lifeline", "ops")


def ours(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES


def test_the_core_imports_itself_and_a_few_pure_modules():
    strangers = {
        f"{place(path)}: {name}"
        for path in python_files("edge/core")
        for name in imported(path)
        if not within(name, "edge.core") and name.partition(".")[0] not in CORE_MAY_IMPORT
    }
    assert strangers == set()


@pytest.mark.parametrize("library", ROOMS_OF_LIBRARY)
def test_a_library_is_named_in_its_own_modules_only(library):
    strangers = {
        place(path)
        for path in python_files(*PACKAGES)
        if any(within(name, library) for name in imported(path))
        and not any(within(module_name(path), room) for room in ROOMS_OF_LIBRARY[library])
    }
    assert strangers == set()


def test_a_device_simulator_shares_with_the_product_wire_codecs_and_values_alone():
    strangers = {
        f"{place(path)}: {name}"
        for path in python_files("simulators/devices")
        for name in imported(path)
        if ours(name)
        and not any(within(name, room) for room in DEVICE_SIMULATORS_MAY_IMPORT)
        and not WIRE_CODEC.fullmatch(name)
    }
    assert strangers == set()


def test_central_operations_imports_the_mqtt_link_and_nothing_else_of_ours():
    strangers = {
        f"{place(path)}: {name}"
        for path in python_files("ops")
        for name in imported(path)
        if ours(name) and not any(within(name, room) for room in OPERATIONS_MAY_IMPORT) and name != "edge"
    }
    assert strangers == set()


def test_nothing_that_runs_imports_training():
    strangers = {
        place(path)
        for path in python_files(*PACKAGES)
        if any(within(name, "models.training") for name in imported(path))
        and not within(module_name(path), "models.training")
    }
    assert strangers == set()


def test_nothing_imports_the_tests_but_the_verb_that_runs_them():
    strangers = {
        place(path) for path in python_files(*PACKAGES) if any(within(name, "tests") for name in imported(path))
    }
    assert strangers == set()
