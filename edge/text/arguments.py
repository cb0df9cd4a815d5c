"""The command line's parser: its own words in Chinese or English, and 64 (EX_USAGE) for what it does not understand."""

import argparse
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from edge.text import escaped, say

EXIT_USAGE = 64


class _Formatter(argparse.HelpFormatter):
    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, say("cli_usage") if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` for one verb; `prog` and `description` are what its help shows."""

    def __init__(self, prog: str | None = None, description: str | None = None, *, add_help: bool = True, **more: Any):
        super().__init__(prog=prog, description=description, add_help=False, formatter_class=_Formatter, **more)
        # argparse offers no other way to name its two groups.
        self._positionals.title = say("cli_positionals")
        self._optionals.title = say("cli_options")
        if add_help:
            self.add_argument("-h", "--help", action="help", help=say("cli_help"))

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse passes over what cannot be written: whoever asked for help would get none, and the status of success.
        if file is not None and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Say what was not understood on stderr and end with 64."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, say("cli_misunderstood", program=self.prog, message=escaped(message)) + "\n")
