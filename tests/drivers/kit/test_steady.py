"""When a scale is at rest: by a window over time alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.steady import Sample, Steady
from edge.core.weight import Weighing

AT_REST = Sample(18_850_000)
EVERY_MS = 250


def said(steady: Steady, *samples: Sample, every_ms: int = EVERY_MS, from_ms: int = 0) -> list[Weighing]:
    told = [steady.feed(sample, from_ms + place * every_ms) for place, sample in enumerate(samples)]
    return [one for one in told if one is not None]


def test_five_equal_displays_over_a_second_are_rest_and_said_once() -> None:
    assert said(Steady(), *[AT_REST] * 20) == [Weighing("moving", None, 0), Weighing("stable", 18_850, 0)]


def test_fewer_or_faster_ones_are_not() -> None:
    assert said(Steady(), *[AT_REST] * 4, every_ms=900) == [Weighing("moving", None, 0)]
    assert said(Steady(), *[AT_REST] * 9, every_ms=100) == [Weighing("moving", None, 0)]


@pytest.mark.parametrize("why", ["moving", "overload", "tared", "unit", None])
def test_whatever_speaks_against_it_begins_anew(why) -> None:  # type: ignore[no-untyped-def]
    against = Sample(None if why != "moving" else 18_850_000, why)
    steady = Steady()
    assert said(steady, *[AT_REST] * 4, against, *[AT_REST] * 4)[-1].status != "stable"
    status = why if why in ("overload", "tared") else "moving"
    assert said(Steady(), against, against) == [Weighing(status, None, 0)]


def test_one_other_display_begins_anew_and_the_next_rest_is_another_weighing() -> None:
    told = said(Steady(), *[AT_REST] * 6, Sample(18_860_000), *[AT_REST] * 5)
    assert [(one.status, one.kg, one.since_ms) for one in told] == [
        ("moving", None, 0), ("stable", 18_850, 0), ("moving", None, 1_500), ("stable", 18_850, 1_750),
    ]  # fmt: skip


def test_a_tolerance_is_of_the_whole_window_not_of_neighbours() -> None:
    creeping = [Sample(18_850_000 + 10_000 * place) for place in range(12)]
    assert [one.status for one in said(Steady(tolerance_kg=20), *creeping)] == ["moving"]
    swinging = [Sample(18_850_000 + 10_000 * (place % 3)) for place in range(12)]
    assert [one.status for one in said(Steady(tolerance_kg=20), *swinging)] == ["moving", "stable"]


def test_a_pause_proves_nothing_about_what_was_on_the_scale_meanwhile() -> None:
    steady = Steady()
    said(steady, *[AT_REST] * 6)
    assert said(steady, AT_REST, from_ms=3_000) == [Weighing("moving", None, 3_000)]


@pytest.mark.hazard("D11")
def test_after_a_reset_or_a_pause_the_same_weight_is_told_again_as_the_weighing_that_it_is() -> None:
    steady = Steady()
    said(steady, *[AT_REST] * 6, from_ms=500)
    for from_ms in (10_000, 20_000):
        steady.reset()
        assert said(steady, *[AT_REST] * 6, from_ms=from_ms)[-1] == Weighing("stable", 18_850, 500)
    assert said(steady, *[AT_REST] * 6, from_ms=30_000)[-1] == Weighing("stable", 18_850, 500)


@pytest.mark.parametrize(
    "other",
    [Sample(0), Sample(18_830_000), Sample(18_850_000, "moving"), Sample(None, "overload"), Sample(None, "tared")],
)
def test_after_a_reset_a_display_that_showed_something_else_has_weighed_another_vehicle(other: Sample) -> None:
    steady = Steady()
    said(steady, *[AT_REST] * 6)
    steady.reset()
    assert said(steady, other, *[AT_REST] * 6, from_ms=10_000)[-1] == Weighing("stable", 18_850, 10_250)


@pytest.mark.hazard("D11")
@pytest.mark.parametrize(
    "other", [Sample(0), Sample(18_830_000), Sample(18_850_000, "moving"), Sample(None, "tared"), Sample(None)]
)
def test_what_stood_there_at_the_start_is_no_weight_before_something_else_was_shown(other: Sample) -> None:
    steady = Steady(first_counts=False)
    assert said(steady, *[AT_REST] * 20) == [Weighing("moving", None, 0)]
    steady.reset()
    assert said(steady, *[AT_REST] * 20, from_ms=10_000) == [Weighing("moving", None, 10_000)]
    assert said(steady, other, *[AT_REST] * 6, from_ms=20_000)[-1] == Weighing("stable", 18_850, 20_250)


def test_a_trouble_at_the_start_is_no_weight_and_the_next_display_is_something_else() -> None:
    assert said(Steady(first_counts=False), Sample(None, "tared"), *[AT_REST] * 6)[-1].status == "stable"


def test_within_the_tolerance_of_the_whole_rest_it_is_the_same_weight() -> None:
    steady = Steady(tolerance_kg=20)
    said(steady, *[AT_REST] * 6, Sample(18_860_000))
    steady.reset()
    assert said(steady, *[Sample(18_870_000)] * 6, from_ms=10_000)[-1].since_ms == 0
    steady.reset()
    assert said(steady, *[Sample(18_840_000)] * 6, from_ms=20_000)[-1].since_ms == 20_000


@pytest.mark.parametrize(("grams", "kg"), [(500_499, 500), (500_500, 501), (18_850_400, 18_850)])
def test_a_kilogram_is_the_nearest(grams: int, kg: int) -> None:
    assert said(Steady(), *[Sample(grams)] * 5)[-1].kg == kg


@pytest.mark.hazard("S24")
def test_a_display_that_flutters_fills_no_journal() -> None:
    troubles = [Sample(0), Sample(None, "overload"), Sample(None, "tared"), Sample(None, "moving")] * 500
    assert len(said(Steady(), *troubles, every_ms=1)) <= 2_000 // 200
    steady = Steady()
    said(steady, *[AT_REST] * 6)
    assert said(steady, Sample(0), Sample(None, "overload"), every_ms=1, from_ms=1_500) == [
        Weighing("empty", None, 1_500)
    ], "a weight that counts no more is told at once"


def test_an_empty_scale_is_told_once_whatever_the_wind_does_to_it() -> None:
    wind = [Sample(0), Sample(20_000, "moving"), Sample(0), Sample(-20_000), Sample(499_000)] * 10
    assert said(Steady(), *wind) == [Weighing("empty", None, 0)]
    told = said(Steady(), *wind[:5], *[AT_REST] * 5, Sample(0))
    assert [one.status for one in told] == ["empty", "moving", "stable", "empty"]


@given(st.lists(st.sampled_from([AT_REST, Sample(0), Sample(None, "overload")]), max_size=60))
def test_rest_is_said_only_behind_so_many_equal_displays(samples: list[Sample]) -> None:
    steady = Steady()
    for place, sample in enumerate(samples):
        told = steady.feed(sample, place * EVERY_MS)
        if told is not None and told.status == "stable":
            assert samples[place - 4 : place + 1] == [sample] * 5
