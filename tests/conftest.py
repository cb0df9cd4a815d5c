"""Fixtures that every test may ask for."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from edge.log import OURS

pytest_plugins = ["tests.support.brokers", "tests.support.needs", "tests.support.redis"]


@pytest.fixture(autouse=True)
def _log_as_ever() -> Iterator[None]:
    """A verb that a test runs in its own process sets the least level that is logged, for the whole process."""
    known = [logging.getLogger(name) for name in (None, *OURS)]
    levels = [one.level for one in known]
    yield
    structlog.reset_defaults()
    for one, level in zip(known, levels, strict=True):
        one.setLevel(level)
