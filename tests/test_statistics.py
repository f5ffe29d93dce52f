from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepbench.errors import UsageError
from sepbench.statistics import LEVEL, Difference, Summary, paired_difference, summary

NAN = float("nan")
ITEMS = st.lists(
    st.tuples(st.floats(-100, 100), st.sampled_from("abcde")), min_size=1, max_size=30
)  # decibels, and the speaker


def test_mean_median_and_count_are_of_the_items_with_a_value():
    found = summary([1.0, NAN, 2.0, 6.0], ["a", "a", "b", "c"])
    assert found[:3] == (3.0, 2.0, 3)
    assert found.low <= 3.0 <= found.high


def test_nothing_has_no_mean():
    assert summary([NAN], ["a"]) == Summary(None, None, 0, None, None)
    assert paired_difference([NAN, 1.0], [1.0, NAN], ["a", "b"]) == Difference(None, None, None, 0, tie=True)


def test_one_group_has_no_interval_however_many_items_it_has():
    found = summary(np.arange(100.0), ["speaker"] * 100)
    assert found.n == 100
    assert found.low is found.high is None


@settings(deadline=None)  # a busy machine is no failure
@given(items=ITEMS, shuffled=st.randoms(use_true_random=False))
def test_the_order_of_the_items_changes_nothing(items, shuffled):
    values, groups = zip(*items, strict=True)
    shuffled.shuffle(items)
    other_values, other_groups = zip(*items, strict=True)
    assert summary(values, groups) == summary(other_values, other_groups)


@settings(deadline=None)  # a busy machine is no failure
@given(items=ITEMS)
def test_an_interval_lies_within_the_means_of_the_groups(items):
    values, groups = (np.array(column) for column in zip(*items, strict=True))
    found = summary(values, groups)
    if found.low is not None:
        means = [values[groups == group].mean() for group in set(groups)]
        rounding = 1e-12 * np.abs(values).max()
        assert min(means) - rounding <= found.low <= found.high <= max(means) + rounding


def test_the_callers_random_numbers_are_left_alone():
    np.random.seed(3)  # noqa: NPY002 - the generator that a caller may rely on
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    summary([1.0, 2.0, 3.0], ["a", "b", "c"])
    assert np.random.rand() == expected  # noqa: NPY002


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    draws, trials, groups, items = np.random.default_rng(1), 400, 40, 3
    names = np.repeat(np.arange(groups), items)
    held = 0
    for _ in range(trials):
        speaker = draws.standard_normal(groups)[names]
        found = summary(10 + speaker + draws.standard_normal(groups * items), names)
        held += found.low <= 10 <= found.high
    # 400 trials are uncertain by 0.011; percentile intervals of 40 groups are a little short, by some 0.01
    assert abs(held / trials - LEVEL) < 0.04


def test_equal_items_of_a_group_do_not_make_the_interval_narrower():
    draws = np.random.default_rng(2)
    speakers = draws.standard_normal(20)
    values, names = np.repeat(speakers, 25), np.repeat(np.arange(20), 25)
    clustered, alone = summary(values, names), summary(speakers, np.arange(20))
    naive = summary(values, np.arange(500))

    def width(found):
        return found.high - found.low

    assert width(clustered) == pytest.approx(width(alone), rel=0.1)  # two bootstraps of 2,000 of the same means
    assert width(clustered) > 4 * width(naive)  # sqrt(25) = 5


def test_a_large_group_weighs_by_its_items():
    found = summary([0.0] * 9 + [10.0], ["a"] * 9 + ["b"])
    assert found.mean == 1.0
    assert (found.low, found.high) == (0.0, 10.0)  # both drawn twice from one group in a quarter of the resamples


def test_the_sign_is_of_the_first_minus_the_second():
    assert paired_difference([2.0, 2.5, 3.0], [1.0, 1.0, 1.0], "abc").mean == 1.5
    assert paired_difference([1.0, 1.0, 1.0], [2.0, 2.5, 3.0], "abc").mean == -1.5


def test_pairing_finds_what_the_spread_of_the_items_hides():
    draws = np.random.default_rng(3)
    difficulty, names = 10 * draws.standard_normal(60), np.arange(60)
    a = difficulty + 0.5 + 0.2 * draws.standard_normal(60)
    found = paired_difference(a, difficulty, names)
    assert not found.tie
    assert found.low < 0.5 < found.high
    one, other = summary(a, names), summary(difficulty, names)
    assert one.low < other.high  # side by side they overlap


def test_a_difference_that_may_be_zero_is_a_tie():
    draws = np.random.default_rng(4)
    a, b = draws.standard_normal((2, 50))
    found = paired_difference(a, b, np.arange(50))
    assert found.low <= 0 <= found.high
    assert found.tie


def test_equal_scores_are_a_tie():
    assert paired_difference([1.0, 2.0], [1.0, 2.0], "ab") == Difference(0.0, 0.0, 0.0, 2, tie=True)


def test_a_difference_in_one_group_is_a_tie_for_want_of_evidence():
    assert paired_difference([9.0, 9.0], [1.0, 1.0], "aa") == Difference(8.0, None, None, 2, tie=True)


def test_only_common_items_are_compared():
    found = paired_difference([1.0, NAN, 5.0, 3.0], [0.0, 100.0, NAN, 2.0], "abcd")
    assert (found.mean, found.n) == (1.0, 2)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (([1.0], [1.0, 2.0], "a"), r"got shapes \(1,\), \(2,\), \(1,\)"),
        (([1.0], [1.0], "ab"), "one value and one group per item"),
        (([[1.0]], [[1.0]], "a"), "one value and one group per item"),
        (([np.inf], [1.0], "a"), "infinite"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns, said):
    with pytest.raises(UsageError, match=said) as caught:
        paired_difference(*columns)
    assert caught.value.hint
