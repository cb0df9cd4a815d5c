"""How often the broker of the campaign is emptied."""

from collections import Counter

from tests.campaigns.broker_losses import planned


def test_every_other_run_keeps_the_memory_and_none_where_all_are_emptied() -> None:
    mixed, emptied = planned(95, always_empty=False), planned(95, always_empty=True)
    assert Counter(run.partition("/")[0] for run in mixed) == {"emptied": 5, "kept": 5}
    assert Counter(run.partition("/")[0] for run in emptied) == {"emptied": 10}
    assert len(set(emptied)) == 10
