"""A little of the campaign of spoilt pictures, of each kind; `python -m tests.campaigns.pictures` is all of it."""

import random

import pytest

from tests.campaigns.picture_mutations import MUTATIONS
from tests.campaigns.pictures import KINDS, one_run
from tests.support.drawn import ground, jpeg, png


@pytest.mark.hazard("D2", "D33", "S10")
@pytest.mark.parametrize("kind", KINDS)
async def test_spoilt_pictures_end_in_a_reading_or_a_reason(kind: str) -> None:
    found = await one_run(f"{kind}/0", seed=1, count=36)
    assert (found["violations"], found["mutations"]) == ([], 36)
    assert found["unread"]


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_each_mutation_takes_either_format_and_is_drawn_by_its_seed(mutation) -> None:  # type: ignore[no-untyped-def]
    pictures = (jpeg(ground(32, 24)), png(ground(32, 24)))
    for whole, other in (pictures, pictures[::-1]):
        spoilt = [mutation(random.Random(seed), whole, other) for seed in range(200)]
        assert spoilt == [mutation(random.Random(seed), whole, other) for seed in range(200)]
        assert len({bytes(one) for one in spoilt}) > 5
