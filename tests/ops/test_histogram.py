import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.histogram import MOST_MS, RELATIVE_ERROR, Histogram, bucket_of, middle_of

# Times of every size: a plain draw of integers would seldom be short.
TIMES = st.integers(0, 31).flatmap(lambda bits: st.integers(0, min(MOST_MS, (1 << bits) - 1 + (bits == 0))))
MANY = st.lists(TIMES, max_size=60)


def exact(times: list[int], percent: int) -> int:
    """The nearest rank, by its definition."""
    return sorted(times)[math.ceil(percent * len(times) / 100) - 1]


@given(TIMES)
def test_the_middle_of_a_bucket_is_near_all_its_times(ms: int) -> None:
    assert bucket_of(middle_of(bucket_of(ms))) == bucket_of(ms)
    assert abs(middle_of(bucket_of(ms)) - ms) <= RELATIVE_ERROR * ms
    assert ms >= 128 or middle_of(bucket_of(ms)) == ms


@given(TIMES, TIMES)
def test_buckets_are_in_the_order_of_their_times(one: int, other: int) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


def test_buckets_follow_one_another_without_a_hole_and_are_few() -> None:
    buckets = [bucket_of(ms) for ms in range(1 << 15)]
    assert sorted(set(buckets)) == list(range(bucket_of((1 << 15) - 1) + 1))
    assert bucket_of(MOST_MS) < 1700


def test_the_buckets_are_for_ever() -> None:
    assert [bucket_of(ms) for ms in (0, 127, 128, 129, 130, 1_000, 60_000, MOST_MS)] == [
        0, 127, 128, 128, 129, 317, 693, 1663,
    ]  # fmt: skip


@given(MANY, MANY, MANY)
def test_adding_is_associative_and_commutative_and_loses_nothing(
    one: list[int], two: list[int], three: list[int]
) -> None:
    a, b, c = Histogram.of(one), Histogram.of(two), Histogram.of(three)
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Histogram() == a
    assert a + b + c == Histogram.of(one + two + three)
    assert (a + b).n == len(one) + len(two)


@given(MANY.filter(bool), st.integers(1, 100))
def test_a_percentile_is_within_the_bound_of_the_exact_nearest_rank(times: list[int], percent: int) -> None:
    found, wanted = Histogram.of(times).percentile(percent), exact(times, percent)
    assert found is not None
    assert abs(found - wanted) <= RELATIVE_ERROR * wanted


@given(MANY)
def test_it_comes_back_from_its_json(times: list[int]) -> None:
    histogram = Histogram.of(times)
    assert Histogram.from_json(json.loads(json.dumps(histogram.as_json()))) == histogram


def test_no_times_have_no_percentile() -> None:
    assert Histogram().percentile(50) is None
    assert Histogram().n == Histogram().at_or_above(50) == 0


def test_the_rank_is_a_whole_number() -> None:
    hundred = Histogram.of(range(1, 101))
    assert [hundred.percentile(percent) for percent in (1, 50, 55, 99, 100)] == [1, 50, 55, 99, 100]
    assert [hundred.at_or_above(percent) for percent in (1, 50, 99, 100)] == [100, 51, 2, 1]
    assert Counter(hundred.counts).total() == 100


@pytest.mark.parametrize("ms", [-1, MOST_MS + 1])
def test_what_is_no_time_has_no_bucket(ms: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        bucket_of(ms)


@pytest.mark.parametrize(
    "data",
    [[], {"x": 1}, {"-1": 1}, {"1664": 1}, {"01": 1}, {"1": 0}, {"1": -1}, {"1": 1.0}, {"1": True}, {"1": 1 << 53},
     {"9" * 400: 1}, {"٣": 1}],
)  # fmt: skip
def test_anything_else_is_no_histogram(data: object) -> None:
    with pytest.raises(ValueError, match="bucket"):
        Histogram.from_json(data)
