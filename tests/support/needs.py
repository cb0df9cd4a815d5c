"""What a marked test needs from outside Python: without it the test is skipped, and says what would mend it.

Tests marked `torch` or `atheris` are left out, not skipped, where the packages of the extras `training` and `fuzzing`
are missing: what they test runs on somebody's own machine alone, and no clean machine of ours has those packages
(docs/decisions/0030, 0054).
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

# The packages of an extra, by the marker of the tests that need it.
EXTRAS = {"torch": ("torch", "onnx"), "atheris": ("atheris",)}
REPOSITORY = Path(__file__).resolve().parents[2]
PHOTOS = REPOSITORY.parent / "shared" / "real-images"
# Debian puts brokers into a folder that is not on every user's path.
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
NO_LIBMODBUS = "needs the Debian packages gcc libc6-dev libmodbus-dev"
LIBMODBUS = Path("/usr/include/modbus/modbus.h")
NO_GSTREAMER = (
    "needs the Debian packages python3-gi gir1.2-gst-rtsp-server-1.0"
    " gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
)
NO_SYSTEMD = "needs the Debian package systemd"
NO_REDIS = "needs the Debian package redis-server"
LIBRARIES = Path("/usr/lib")
# One file of each package. Debian's own Python has its bindings, no other.
GSTREAMER = (
    "python3/dist-packages/gi/__init__.py",
    "*-linux-gnu*/girepository-1.0/GstRtspServer-1.0.typelib",
    "*-linux-gnu*/gstreamer-1.0/libgstrtp.so",
    "*-linux-gnu*/gstreamer-1.0/libgstx264.so",
)


def program(name: str) -> str | None:
    """Return the path of an installed program, those for administrators included."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)


def missing(marker: str) -> str | None:
    """Return why a test with this marker cannot run here, or None if it can (or the marker asks for nothing)."""
    if marker in {"mosquitto", "mbpoll", "socat", "lighttpd"}:
        return None if program(marker) else f"needs the Debian package {marker}"
    if marker == "redis":
        return None if program("redis-server") else NO_REDIS
    if marker == "systemd":
        # Its tools judge files: that it runs nothing here does not matter.
        return None if program("systemd-analyze") else NO_SYSTEMD
    if marker == "libmodbus":
        installed = program("gcc") is not None and LIBMODBUS.is_file()
        return None if installed else NO_LIBMODBUS
    if marker == "gstreamer":
        return None if all(any(LIBRARIES.glob(file)) for file in GSTREAMER) else NO_GSTREAMER
    if marker == "photos":
        return None if PHOTOS.is_dir() else "needs the folder ../shared/real-images"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker, packages in EXTRAS.items():
        if any(find_spec(package) is None for package in packages):
            left_out = [item for item in items if item.get_closest_marker(marker)]
            items[:] = [item for item in items if not item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=left_out)
    for item in items:
        for marker in item.iter_markers():
            if reason := missing(marker.name):
                item.add_marker(pytest.mark.skip(reason=reason))
