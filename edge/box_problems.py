"""What keeps this box from running a valid configuration: a driver's package or library, the name of another box."""

from config.effective import effective
from config.problems import Bilingual, ConfigProblem, shown
from config.schema import Configuration
from edge.extras import extras_of
from edge.hardware import HardwareError, check_hardware, fingerprints
from edge.packages import PackageError, find, packages_of

_BOX = Bilingual("本机的指纹", "a fingerprint of this box")
_BIND = Bilingual("用 kakou hardware 查看", "kakou hardware shows them")
_INSTALL = Bilingual("安装该版本,或更正配置", "install this version, or correct the configuration")


def box_problems(configuration: Configuration) -> list[ConfigProblem]:
    """Return a problem at its line for each package or library that is not the one installed, and for another box.

    Codes: those of `edge.packages.find`, `driver_extra_missing`, `hardware_foreign`. Folders that are
    bound are for the start to judge.
    """
    origins = {path: origin for path, _, origin in effective(configuration)}
    problems = []
    for key, package in packages_of(configuration):
        try:
            find(package)
        except PackageError as error:
            wanted = f"{package.entry_point}: {package.distribution} {package.version}"
            expected = Bilingual(f"本机已安装的 {wanted}", f"{wanted}, installed on this box")
            place = origins[f"{key}.distribution"]
            problems.append(_problem(place, error.code, key, error.found, expected, _INSTALL))
    for key, extra in extras_of(configuration):
        if not extra.is_there:
            wanted = f"{extra.distribution} {extra.series}"
            expected = Bilingual(f"本机已安装的 {wanted}", f"{wanted}, installed on this box")
            hint = Bilingual(f"安装:{extra.install}", extra.install)
            problems.append(_problem(origins[key], "driver_extra_missing", key, extra.found, expected, hint))
    try:
        check_hardware(configuration.hardware, (), fingerprints())
    except HardwareError as error:
        named = ", ".join(configuration.hardware)
        problems.append(_problem(origins["hardware[0]"], error.code, "hardware", named, _BOX, _BIND))
    return problems


def _problem(
    origin: str, code: str, key: str, value: str, expected: Bilingual, hint: Bilingual | None
) -> ConfigProblem:
    file, _, line = origin.rpartition(":")
    return ConfigProblem(file, int(line), 1, code, key, shown(value), expected, hint)
