"""Files that a configuration names and that have to be there where it runs (a check may happen elsewhere)."""

import os

from config.clients import client_ids, for_client
from config.effective import effective
from config.problems import Bilingual, ConfigProblem, shown
from config.schema import Configuration

_EXPECTED = Bilingual("本机上可读的文件", "a file that can be read on this machine")
_HINT = Bilingual("创建该文件,或删除这一项", "make the file, or leave this key out")


def missing_files(config: Configuration) -> list[ConfigProblem]:
    """Return a problem (`file_not_readable`) for each named file that cannot be read here, at its line."""
    problems = []
    clients = client_ids(config)
    for path, value, origin in effective(config):
        if not path.endswith("_file") or not isinstance(value, str):
            continue
        for name in dict.fromkeys(for_client(value, client) for client in clients):
            if os.access(name, os.R_OK):
                continue
            file, _, line = origin.rpartition(":")
            place = (file, int(line)) if line.isdigit() else (origin, 1)
            problems.append(ConfigProblem(*place, 1, "file_not_readable", path, shown(name), _EXPECTED, _HINT))
    return problems
