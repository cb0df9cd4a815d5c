"""`kakou sampling CONFIG LANE --class NAME=PER_MILLE:TARGET ...`: sign how many of a lane's vehicles are looked at."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from edge.clearance.claims import is_identifier
from edge.clearance.feeds import SAMPLING_PLANS
from edge.clearance.sampling_plan import MAX_CLASSES, MAX_PLAN_LIFE, plan_claims, seal_plan
from edge.core.grant import REFERRAL_TARGETS
from edge.core.sampling_plan import PER_MILLE, SampledClass
from edge.text import plain, say
from edge.text.arguments import Parser
from edge.verbs.configured import configured
from edge.verbs.issuing import add_issuing, issue

EXIT_REFUSED = 1
EXIT_CONFIG = 78


def main(arguments: Sequence[str]) -> int:
    """Write the signed plan; its version is the second of the signature.

    1 for a lane that takes no plans, 64 for classes that are none, 66 without key or secret, 78 for a bad file.
    """
    parser = Parser("kakou sampling", say("verb_sampling"))
    add_issuing(parser)
    parser.add_argument(
        "--class", dest="classes", type=_class, action="append", required=True, metavar="NAME=PER_MILLE:TARGET",
        help=say("sampling_class", targets=", ".join(REFERRAL_TARGETS)),
    )  # fmt: skip
    parser.add_argument("--days", type=_days, default=MAX_PLAN_LIFE.days, help=say("sampling_days"))
    given = parser.parse_args(arguments)
    classes: tuple[SampledClass, ...] = tuple(given.classes)
    if len(classes) > MAX_CLASSES or len({one.name for one in classes}) != len(classes):
        parser.error(say("sampling_classes_bad", most=MAX_CLASSES))
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    rules = next((one.sampling for one in loaded.lanes if one.id == given.lane), None)
    if rules is None:
        taking = ", ".join(one.id for one in loaded.lanes if one.sampling is not None)
        print(say("sampling_no_lane", lane=plain(given.lane), lanes=taking or "-"), file=sys.stderr)
        return EXIT_REFUSED

    def make(version: int, now: datetime, secret: bytes) -> Callable[..., bytes]:
        not_after = now + timedelta(days=given.days)
        where = (rules.authority, loaded.site, given.lane, version)
        return partial(seal_plan, plan_claims(*where, classes, secret=secret, issued=now, not_after=not_after))

    return issue(given, loaded, SAMPLING_PLANS, rules.authority, make)


def _class(text: str) -> SampledClass:
    name, _, share = text.partition("=")
    rate, _, target = share.partition(":")
    known = next((one for one in REFERRAL_TARGETS if one == target), None)
    if not (is_identifier(name) and rate.isascii() and rate.isdecimal() and len(rate) <= 4) or known is None:
        raise argparse.ArgumentTypeError(say("sampling_class_bad", text=plain(text)))
    if int(rate) > PER_MILLE:
        raise argparse.ArgumentTypeError(say("sampling_class_bad", text=plain(text)))
    return SampledClass(name, int(rate), known)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 2 and 1 <= int(text) <= MAX_PLAN_LIFE.days):
        raise argparse.ArgumentTypeError(say("sampling_days_bad", most=MAX_PLAN_LIFE.days))
    return int(text)
