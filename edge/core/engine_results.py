"""Which results of an engine of somebody else are of the vehicle that just came."""

from edge.core.draft import Draft


def begin_results(draft: Draft) -> None:
    """Give a new passage what was told of its vehicle while the arrival loop settled; what is older is another's.

    So is what was captured before the last identity was concluded: vehicles may follow without a gap on the loop.
    """
    state = draft.state
    since_ms = draft.at_ms if state.arrival_since_ms is None else state.arrival_since_ms
    if state.identified_ms is not None:
        since_ms = max(since_ms, state.identified_ms + 1)
    result = state.result
    draft.change(result=None)
    draft.change_passage(stood_since_ms=since_ms)
    if result is not None and result.captured_at_ms >= since_ms:
        draft.change_passage(results=(result,))
