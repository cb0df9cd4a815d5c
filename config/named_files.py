"""Files that a configuration names and that have to be there where it runs."""

import os
from pathlib import Path

from config.clients import client_ids, for_client
from config.effective import effective
from config.problems import Bilingual, ConfigProblem, shown
from config.schema import Configuration

_EXPECTED = Bilingual("本机上可读的文件", "a file that can be read on this machine")
_MAKE = Bilingual("创建该文件,或删除这一项", "make the file, or leave this key out")
_ALLOW = Bilingual(
    "允许运行服务的用户读取,或以该用户检查", "let the user of `kakou run` read it, or check as that user"
)
_FILES = ("_file", ".pictures_ca")
_OF_BRIDGE = "customs_bridge."
# Here the service manager puts what it lends to a service, while that runs.
CREDENTIALS = "/run/credentials"


def missing_files(config: Configuration, *, running: bool = True, bridge: bool = True) -> list[ConfigProblem]:
    """Return a problem (`file_not_readable`) for each named file that cannot be read here, at its line.

    With `running` False, as before a start, the credentials of a service that does not run are not expected yet; with
    `bridge` False what `kakou bridge` alone reads, which may be another user, or another machine.
    """
    problems = []
    clients = client_ids(config)
    for path, value, origin in effective(config):
        if not path.endswith(_FILES) or not isinstance(value, str) or (not bridge and path.startswith(_OF_BRIDGE)):
            continue
        for name in dict.fromkeys(for_client(value, client) for client in clients):
            readable = os.path.isfile(name) and os.access(name, os.R_OK)  # noqa: PTH113 - False where it may not look
            if readable or (not running and _lent_later(name)):
                continue
            file, _, line = origin.rpartition(":")
            place = (file, int(line)) if line.isdigit() else (origin, 1)
            hint = _ALLOW if os.path.lexists(name) else _MAKE
            problems.append(ConfigProblem(*place, 1, "file_not_readable", path, shown(name), _EXPECTED, hint))
    return problems


def _lent_later(name: str) -> bool:
    return name.startswith(f"{CREDENTIALS}/") and not Path(name).parent.is_dir()
