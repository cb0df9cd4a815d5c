"""Keeps what a bring-up showed of a real device, unless something better is kept."""

from collections.abc import Sequence
from pathlib import Path

from config.schema import Configuration
from edge.bringup.kept import KeptReport, keep
from edge.bringup.report import Report
from edge.bringup.standing import PASSED, address_of, digest_of, standing
from edge.bringup.step import Step
from edge.bringup.target import Target
from edge.text import plain
from edge.times import rfc3339


def keep_report(configuration: Configuration, report: Report) -> Path | None:
    """Keep it in the place of the one before; returns where, or None where that one stays. Raises OSError.

    One that passed stays where not everything was tried or seen this time and nothing that was seen speaks against it.
    What was seen and is wrong takes its place.
    """
    target = report.target
    before = standing(configuration, target.lane, target.kind, target.configured)
    if before.code == PASSED and not _says_more(target, report.steps):
        return None
    steps = tuple((step.code, step.subject, step.status) for step in report.steps)
    kept = KeptReport(
        configuration.site,
        target.lane.id,
        target.configured.id,
        target.kind,
        plain(address_of(target.configured)),
        digest_of(target.configured),
        rfc3339(report.begun),
        steps,
    )
    return keep(configuration.state_dir, kept)


def _says_more(target: Target, steps: Sequence[Step]) -> bool:
    if any(step.status == "FAIL" for step in steps):
        return any(step.status == "FAIL" and step.wrong for step in steps)
    return not target.may_move or any(step.code == "lowers" for step in steps)
