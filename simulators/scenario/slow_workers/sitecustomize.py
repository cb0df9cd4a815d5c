"""Imported by Python at the start of each process that a scenario's driver starts (`shared_clock.py`)."""

from simulators.scenario.shared_clock import install

install()
