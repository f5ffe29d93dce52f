from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import toeplitz

from sepbench.metrics.correlation import correlations
from sepbench.metrics.filtering import filtered, pieces, responses
from sepbench.metrics.toeplitz import DEPENDENT, solve


def plainly(left, right, lags):
    """Correlate by the definition."""
    length = left.shape[1]
    table = [[[a[: length - lag] @ b[lag:] for lag in range(min(lags, length))] for b in right] for a in left]
    return np.pad(table, ((0, 0), (0, 0), (0, max(0, lags - length))))


def matrix_of(lagged):
    sources = range(len(lagged))
    return np.block([[toeplitz(lagged[i, j], lagged[j, i]) for j in sources] for i in sources])


@settings(max_examples=40, deadline=None)  # a busy machine is no failure
@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 12), st.integers(1, 3000), st.integers(0, 2**32 - 1))
def test_correlations_are_those_of_the_definition(left, right, lags, length, seed):
    draws = np.random.default_rng(seed)
    a, b = draws.standard_normal((left, length)), draws.standard_normal((right, length))
    among, with_others = correlations(a, b, lags, np)
    np.testing.assert_allclose(among, plainly(a, a, lags), atol=1e-10)
    np.testing.assert_allclose(with_others, plainly(a, b, lags), atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_filters_solve_the_system(sources, others, taps, seed):
    draws = np.random.default_rng(seed)
    signals = draws.standard_normal((sources + others, 400))
    lagged = plainly(signals[:sources], signals, taps)
    found = solve(lagged[:, :sources], lagged[:, sources:])
    right = lagged[:, sources:].transpose(0, 2, 1).reshape(sources * taps, others)
    expected = np.linalg.solve(matrix_of(lagged[:, :sources]), right).reshape(sources, taps, others)
    np.testing.assert_allclose(found.filters, expected.transpose(0, 2, 1), atol=1e-10)
    assert 0 < found.smallest <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_dependent_sources_are_explained_by_those_that_span_the_same(seed):
    draws = np.random.default_rng(seed)
    first, second, estimate = np.pad(draws.standard_normal((3, 300)), ((0, 0), (0, 60)))
    sources = np.stack([first, second, 2 * first - second])
    lagged = plainly(sources, np.vstack([sources, estimate]), 20)
    found = solve(lagged[:, :3], lagged[:, 3:])
    fewer = solve(lagged[:2, :2], lagged[:2, 3:])
    assert found.smallest < DEPENDENT
    assert found.energies == pytest.approx(fewer.energies, rel=1e-9)


def test_the_smallest_share_does_not_change_with_levels(noise):
    signals = noise(2, 500)
    shares = []
    for level in (1.0, 1e-8, 1e6):
        scaled = signals * [[1.0], [level]]
        lagged = plainly(scaled, scaled, 16)
        shares.append(solve(lagged, lagged[:, :1]).smallest)
    np.testing.assert_allclose(shares, shares[0], rtol=1e-9)


@pytest.mark.parametrize("sources", [1, 2, 3, 4])
def test_a_filter_does_not_depend_on_what_else_is_fitted(noise, sources):
    pytest.importorskip("numba")  # matrix products of BLAS may add in another order
    signals = noise(sources + 4, 300)
    lagged = plainly(signals[:sources], signals, 30)
    every = solve(lagged[:, :sources], lagged[:, sources:]).filters
    for count in (1, 2, 3):
        some = solve(lagged[:, :sources], lagged[:, sources : sources + count]).filters
        np.testing.assert_array_equal(some, every[:, :count])


@pytest.mark.parametrize("sources", [1, 2, 3, 4])
def test_compiled_and_uncompiled_recursion_are_one(noise, uncompiled, sources):
    signals = noise(sources + 3, 200)
    lagged = plainly(signals[:sources], signals, 30)
    compiled = solve(lagged[:, :sources], lagged[:, sources:])
    uncompiled("levinson")  # what `solve` imports
    plain = solve(lagged[:, :sources], lagged[:, sources:])
    np.testing.assert_allclose(plain.filters, compiled.filters, atol=1e-12)
    assert plain.smallest == pytest.approx(compiled.smallest, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 20), st.integers(1, 700), st.integers(0, 2**32 - 1))
def test_filtered_signals_are_convolutions(sources, outputs, taps, length, seed):
    draws = np.random.default_rng(seed)
    signals, filters = draws.standard_normal((sources, length)), draws.standard_normal((sources, outputs, taps))
    cut = pieces(signals, taps, np)
    found = filtered(cut, responses(filters, cut, signals, np), np)
    expected = [sum(np.convolve(signals[s], filters[s, o]) for s in range(sources)) for o in range(outputs)]
    np.testing.assert_allclose(found, expected, atol=1e-10)
