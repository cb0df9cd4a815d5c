"""An authority's word about a referral from the wire: form, key and signature; the core judges what it counts for."""

from datetime import datetime
from typing import Any

from edge.clearance.claims import (
    Table,
    is_identifier,
    is_integer,
    is_reason,
    is_utc,
    one_of,
)
from edge.clearance.keyset import Keyset
from edge.clearance.signed import SignedError, open_signed
from edge.core.referral import SAYINGS, ReferralReport

REPORT_TYPE = "gate-referral+jws"
REPORT_VERSION = 1

_REPORT: Table = {
    "v": one_of(REPORT_VERSION),
    "typ": one_of(REPORT_TYPE),
    "iss": is_identifier,
    "site": is_identifier,
    "lane": is_identifier,
    "referral": is_identifier,
    "says": one_of(*SAYINGS),
    "rseq": lambda value: is_integer(value, least=1),
    "iat": is_utc,
    "reason": is_reason,
}


class ReportError(ValueError):
    """Bytes on a result topic are no report. `reason` is stable.

    Reasons: retained; those of SignedError; issuer.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def open_report(
    raw: bytes, *, retained: bool, authority: str, keyset: Keyset, site: str, lane: str, now_utc: datetime
) -> ReferralReport:
    """Return the authentic report of `authority`, whose topic it came on; raises ReportError.

    The key needs the role `result`, so that one that may release a vehicle cannot also say it was inspected.
    """
    if retained:
        raise ReportError("retained")
    try:
        signed = open_signed(
            raw,
            typ=REPORT_TYPE,
            role="result",
            issuer=authority,
            table=_REPORT,
            keyset=keyset,
            site=site,
            lane=lane,
            now_utc=now_utc,
        )
    except SignedError as error:
        raise ReportError(error.reason) from error
    claims = signed.claims
    if claims["iss"] != authority:
        raise ReportError("issuer")
    return ReferralReport(
        authority=authority,
        key_id=signed.key_id,
        site=claims["site"],
        lane=claims["lane"],
        referral=claims["referral"],
        says=claims["says"],
        sequence=claims["rseq"],
        issued_at=claims["iat"],
        reason=claims["reason"],
    )


def report_claims(report: ReferralReport) -> dict[str, Any]:
    """Return the claims that say this report: what the target signs."""
    return {
        "v": REPORT_VERSION,
        "typ": REPORT_TYPE,
        "iss": report.authority,
        "site": report.site,
        "lane": report.lane,
        "referral": report.referral,
        "says": report.says,
        "rseq": report.sequence,
        "iat": report.issued_at,
        "reason": report.reason,
    }
