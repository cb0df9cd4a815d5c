"""Libraries that one driver alone wants: no dependency of Kakou, and installed where a configuration has such a device.

Nothing of them is imported here: whoever asks the doctor is often root.
"""

import sys
from dataclasses import dataclass
from importlib import metadata

from config.schema import Configuration


@dataclass(frozen=True, slots=True)
class Extra:
    """A distribution, and the series of its versions that the driver is written for."""

    distribution: str
    series: str

    @property
    def found(self) -> str:
        """The version that is installed, or that none is."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return "not installed"

    @property
    def is_there(self) -> bool:
        """Whether a version of the series is installed."""
        return self.found.startswith(f"{self.series}.")

    @property
    def install(self) -> str:
        """The command that installs it beside the Kakou that runs here."""
        return f"{sys.executable} -m pip install --no-deps '{self.distribution}=={self.series}.*'"


# By the protocol of the driver.
EXTRAS = {"uhf_llrp": Extra("llrpkit", "0.3")}


def extras_of(configuration: Configuration) -> list[tuple[str, Extra]]:
    """Return what the configured devices want, each with the key of the driver that wants it."""
    return [
        (f"lanes[{index}].{'.'.join(map(str, place))}.driver", EXTRAS[device.driver])
        for index, lane in enumerate(configuration.lanes)
        for place, device in lane.every_line
        if device.driver in EXTRAS
    ]
