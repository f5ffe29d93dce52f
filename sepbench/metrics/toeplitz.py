"""Systems of equations whose matrix is block Toeplitz, symmetric and positive semidefinite: those of a filter's best fit.

The recursion is Levinson's, for blocks (Whittle 1963): the predictors of one order give those of the next. It takes the
square of the number of taps where a general solver takes the third power, and adds in the same order whatever the number
of threads. What each tap of a source holds beyond those before shows on the way. Where that is nearly nothing, as with copies of
one source, or fewer samples than taps, the recursion would go on with rounding errors: then taps are taken by what they hold
beyond those taken before, the most first, until nothing but rounding is left.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEPENDENT", "Solution", "solve"]

Floats = NDArray[np.float64]
DEPENDENT = 1e-11
"""Where a tap holds less of its source's energy beyond the others, what is found with it depends on rounding."""


class Solution(NamedTuple):
    """Filters of shape (source, right, tap), and the smallest share of energy that a tap added to those before it.

    Below `DEPENDENT` that is one of those that were met first, and not the smallest of all.
    """

    filters: Floats
    smallest: float


def solve(lagged: Floats, right: Floats) -> Solution:
    """Find the filters that fit best, given correlations.

    Parameters
    ----------
    lagged : ndarray of shape (source, source, tap)
        Correlations of the sources, ``sum_t x_i[t] x_j[t + lag]``.
    right : ndarray of shape (source, right, tap)
        Correlations of the sources with what is to be fitted, in the same way.

    Returns
    -------
    Solution
        Where the system is singular, filters of sources and taps that span the same.

    References
    ----------
    Whittle, *On the fitting of multivariate autoregressions, and the approximate canonical factorization of a spectral
    density matrix*, Biometrika 50, 1963. Higham, *Analysis of the Cholesky decomposition of a semi-definite matrix*, in
    Reliable Numerical Computation, 1990.

    Examples
    --------
    >>> found = solve(np.array([[[2.0, 1.0]]]), np.array([[[4.0, 5.0]]]))
    >>> found.filters.round(12).tolist(), round(found.smallest, 12)
    ([[[1.0, 2.0]]], 0.75)
    >>> twice = solve(np.array([[[2.0, 1.0]] * 2] * 2), np.array([[[4.0, 5.0]]] * 2))  # the same source two times
    >>> twice.filters.round(12).tolist(), twice.smallest
    ([[[1.0, 2.0]], [[0.0, 0.0]]], 0.0)
    """
    from sepbench.metrics.levinson import levinson

    sources, others, taps = right.shape
    energies = lagged[range(sources), range(sources), 0]
    scale = np.divide(1.0, np.sqrt(energies), out=np.zeros(sources), where=energies > 0)[:, None, None]
    unit = lagged * scale * scale[:, 0]
    rows = unit.transpose(0, 2, 1)[:, ::-1].reshape(sources, taps * sources)
    wanted = np.ascontiguousarray((right * scale).transpose(2, 0, 1))
    found, smallest = levinson(np.ascontiguousarray(rows), wanted, DEPENDENT)
    if smallest < DEPENDENT:
        found = _by_pivots(unit, wanted)
    return Solution(found.reshape(others, taps, sources).transpose(2, 0, 1) * scale, float(smallest))


def _by_pivots(lagged: Floats, wanted: Floats) -> Floats:
    """Solve by a Cholesky decomposition with complete pivoting, zeros for what is left out; shape (right, tap * source)."""
    from scipy.linalg import cho_solve, lapack, toeplitz
    from threadpoolctl import threadpool_limits

    taps, sources, others = wanted.shape
    matrix = np.empty((taps, sources, taps, sources))
    for i in range(sources):
        for j in range(sources):
            matrix[:, i, :, j] = toeplitz(lagged[i, j], lagged[j, i])
    found = np.zeros((taps * sources, others))
    with threadpool_limits(1, user_api="blas"):  # with more, sums come out in another order
        factor, order, rank, _ = lapack.dpstrf(matrix.reshape(len(found), -1).T, lower=1, overwrite_a=1)
        kept = order[:rank] - 1
        found[kept] = cho_solve((factor[:rank, :rank], True), wanted.reshape(-1, others)[kept])
    return found.T
