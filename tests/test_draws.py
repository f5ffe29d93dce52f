"""Keyed draws define corpora: the first numbers of a key are frozen here."""

import pickle
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepbench.draws import Purpose, draws_for

FROZEN_BELOW = [196, 530, 788, 956, 672, 583, 639, 668, 873, 35]
FROZEN_ORDER = ["c", "d", "f", "h", "b", "e", "a", "g"]


def test_the_first_draws_of_a_key_never_change():
    draws = draws_for("recipe", 1, 0, "train", "train-000000", "snr")
    assert [draws.below(1000) for _ in range(10)] == FROZEN_BELOW
    assert draws_for("recipe", 1, 0, "train", "", "order").shuffled(list("abcdefgh")) == FROZEN_ORDER


@pytest.mark.parametrize("field", range(7))
def test_every_field_of_the_key_matters(field):
    key = ["recipe", 1, 0, "train", "item", "purpose", 0]
    other = list(key)
    other[field] = 7 if isinstance(other[field], int) else "other"
    assert draws_for(*key).below(2**64) != draws_for(*other).below(2**64)


def test_fields_do_not_run_into_each_other():
    assert draws_for("ab", 1, 0, "c", "", "").below(2**64) != draws_for("a", 1, 0, "bc", "", "").below(2**64)


@given(st.integers(1, 2**64), st.integers(0, 2**32))
def test_a_bounded_draw_stays_below_its_bound(bound, seed):
    assert 0 <= draws_for("r", 1, seed, "", "", "").below(bound) < bound


def test_bounded_draws_are_uniform():
    draws = draws_for("uniform", 1, 0, "", "", "")
    counts = Counter(draws.between(-2, 3) for _ in range(60_000))
    assert set(counts) == set(range(-2, 4))
    # chi-squared with 5 degrees of freedom: 20.5 is its 99.9 % quantile
    assert sum((count - 10_000) ** 2 / 10_000 for count in counts.values()) < 20.5


def test_one_more_name_leaves_the_order_of_the_others():
    draws = draws_for("r", 1, 0, "train", "", "order")
    names = [f"item-{number}" for number in range(100)]
    longer = draws.shuffled([*names, "newcomer"])
    assert [name for name in longer if name != "newcomer"] == draws.shuffled(names)


def test_an_impossible_bound_is_refused():
    with pytest.raises(ValueError, match="expected a bound from 1 to"):
        draws_for("r", 1, 0, "", "", "").below(0)


@given(st.text(), st.text(), st.integers(0, 2**70), st.integers(0, 9), st.integers(-9, 9), st.integers(0, 2**64 - 1))
def test_draws_of_a_purpose_are_those_of_its_keys(item, purpose, seed, epoch, low, span):
    many = pickle.loads(pickle.dumps(Purpose("r", 1, seed, "train", purpose, epoch)))  # noqa: S301 - our own
    draws = draws_for("r", 1, seed, "train", item, purpose, epoch)
    expected = [draws.between(low, low + span) for _ in range(3)]
    again = many.draws(item)
    assert many.between(item, low, low + span) == expected[0]
    assert [again.between(low, low + span) for _ in range(3)] == expected


def test_a_purpose_refuses_an_impossible_bound():
    with pytest.raises(ValueError, match="expected a bound from 1 to"):
        Purpose("r", 1, 0, "", "").between("item", 1, 0)
