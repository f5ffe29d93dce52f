"""Clipping bends what is beyond a limit and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sepbench.errors import UsageError
from sepbench.transforms.clipping import clip, clip_quantiles

SIGNALS = arrays(np.float64, (2, 50), elements=st.floats(-1, 1))


@given(samples=SIGNALS, level_dbfs=st.floats(-40, 0))
def test_nothing_is_above_the_level_and_what_was_below_is_as_it_was(samples, level_dbfs):
    made = clip(samples, 16000, level_dbfs=level_dbfs)
    limit = 10 ** (level_dbfs / 20)
    assert np.abs(made).max() <= limit * (1 + 1e-15)
    below = np.abs(samples) < limit * (1 - 1e-15)
    np.testing.assert_array_equal(made[below], samples[below])
    np.testing.assert_array_equal(np.sign(made), np.sign(samples))


@given(samples=SIGNALS, low=st.integers(0, 499), high=st.integers(500, 1000))
def test_the_limits_are_the_quantiles_that_numpy_finds(samples, low, high):
    made = clip_quantiles(samples, 16000, low=low / 1000, high=high / 1000)
    limits = np.quantile(samples, [low / 1000, high / 1000], method="inverted_cdf")
    np.testing.assert_array_equal(made, np.clip(samples, *limits))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.9), (0.1, 1.0), (0.05, 0.95), (0.1, 0.9)])
def test_the_share_that_is_clipped_is_the_one_asked_for(low, high):
    samples = np.random.default_rng(0).standard_normal((1, 10000))
    made = clip_quantiles(samples, 16000, low=low, high=high)
    # the sample that is the limit stays as it is
    assert (made > samples).mean() == pytest.approx(low, abs=1.5e-4)
    assert (made < samples).mean() == pytest.approx(1 - high, abs=1.5e-4)


@given(samples=SIGNALS, gain=st.floats(0.01, 100))
def test_the_level_does_not_matter_for_quantiles(samples, gain):
    louder = clip_quantiles(samples * gain, 16000, low=0.1, high=0.8)
    np.testing.assert_array_equal(louder, clip_quantiles(samples, 16000, low=0.1, high=0.8) * gain)


def test_quantiles_out_of_order_are_refused():
    with pytest.raises(UsageError, match=r"`low` is 0\.9, not below `high`, 0\.1"):
        clip_quantiles(np.ones((1, 5)), 16000, low=0.9, high=0.1)
