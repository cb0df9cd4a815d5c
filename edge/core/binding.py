"""Whether a grant of good form and signature answers the question that this lane asked (hazards.md 4.2)."""

from edge.core.grant import Grant
from edge.core.state import LaneState, Phase, Request

_LISTENING = frozenset({Phase.WAITING, Phase.CONSUMING})


def refusal(state: LaneState, grant: Grant, at_ms: int) -> str | None:
    """Return the stable reason why `grant` is ignored, or None where it counts.

    The order is that of hazards.md 4.2. Freshness is the nonce and this lane's own monotonic timer alone.
    While the authority is being consumed only a denial still counts: it wins until the boom is asked to rise.
    A denial is never late, as long as its request is open: it gives nothing.
    """
    if (grant.site, grant.lane) != (state.profile.site, state.profile.lane):
        return "wrong_lane"
    if grant.boot != state.boot:
        return "wrong_boot"
    passage = state.passage
    if passage is None or grant.passage != passage.id:
        return "wrong_passage"
    if state.phase not in _LISTENING:
        return "not_waiting"
    request = next((one for one in passage.requests if one.authority == grant.authority), None)
    if request is None:
        return "unknown_authority"
    if grant.drill != passage.drill:
        return "real_for_drill" if passage.drill else "drill_for_real"
    if grant.nonce != request.nonce:
        return "wrong_nonce"
    if request.request_hash is None or grant.request_hash != request.request_hash:
        return "wrong_request_hash"
    if grant.sequence <= dict(state.sequences).get(grant.issuer, -1):
        return "sequence_not_newer"
    if grant.verdict != "deny" and (request.answer is not None or state.phase is Phase.CONSUMING):
        return "already_answered"
    if grant.verdict != "deny" and at_ms > answer_by_ms(state, request, grant):
        return "late"
    return None


def lives_until_ms(state: LaneState, request: Request, grant: Grant) -> int:
    """The last millisecond at which a release that came in time opens: its own life, and the lane's longest.

    By when its authority had to answer is no part of it: the others may have had longer.
    """
    assert request.sent_at_ms is not None  # a grant that counts quotes the request that was sent
    return request.sent_at_ms + min(grant.ttl_ms, state.profile.timing.grant_max_ms)


def answer_by_ms(state: LaneState, request: Request, grant: Grant | None = None) -> int:
    """The last millisecond at which an answer to `request` counts; a grant's own life may shorten it.

    A request that could not even be prepared runs out with the lane's own longest time.
    """
    if request.sent_at_ms is None:
        return state.phase_since_ms + state.profile.timing.grant_max_ms
    authority = next(one for one in state.profile.authorities if one.id == request.authority)
    longest_ms = min(authority.deadline_ms, state.profile.timing.grant_max_ms)
    return request.sent_at_ms + (longest_ms if grant is None else min(longest_ms, grant.ttl_ms))
