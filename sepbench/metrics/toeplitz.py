"""Systems of equations whose matrix is block Toeplitz, symmetric and positive semidefinite: those of a filter's best fit.

The recursion is Levinson's, for blocks (Whittle 1963): the predictors of one order give those of the next. It takes the
square of the number of taps where a general solver takes the third power, and adds in the same order whatever the number
of threads. What each tap of a source holds beyond those before shows on the way: where that is nothing but rounding, as
with silent sources, or copies of one source, it is left out, and how little was left is returned.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NEGLIGIBLE", "Solution", "solve"]

Floats = NDArray[np.float64]
NEGLIGIBLE = 1e-13  # a share of a source's energy that is not told from rounding


class Solution(NamedTuple):
    """Filters of shape (source, right, tap), and the smallest share of energy that a tap added to those before it."""

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
    density matrix*, Biometrika 50, 1963.

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
    found, smallest = levinson(np.ascontiguousarray(rows), wanted, NEGLIGIBLE)
    return Solution(found.reshape(others, taps, sources).transpose(2, 0, 1) * scale, float(smallest))
