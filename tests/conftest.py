"""Fixtures that every test may ask for."""

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["tests.support.brokers", "tests.support.needs"]


@pytest.fixture(autouse=True)
def _log_as_ever() -> Iterator[None]:
    """A verb that a test runs in its own process sets the least level that is logged, for the whole process."""
    yield
    structlog.reset_defaults()
