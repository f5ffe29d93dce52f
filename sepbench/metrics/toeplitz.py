"""Systems of equations whose matrix is block Toeplitz, symmetric and positive semidefinite: those of a filter's best fit.

The recursion is Levinson's, for blocks (Whittle 1963): the predictors of one order give those of the next. It takes the
square of the number of taps where a general solver takes the third power, and adds in the same order whatever the number
of threads. What each tap of a source holds beyond those before shows on the way. Where that is nearly nothing, as with copies of
one source, or fewer samples than taps, the recursion would go on with rounding errors: then taps are taken by what they hold
beyond those taken before, the most first, until nothing but rounding is left. The energy of a projection comes from a form that is
stationary at the best filters, so that an error of theirs moves it by its square.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEPENDENT", "Solution", "solve"]

Floats = NDArray[np.float64]
DEPENDENT = 1e-11
"""Where a tap holds less of its source's energy beyond the others, what is found with it depends on rounding."""

_RECURSIVELY = 1e-8  # the recursion loses digits with what a tap holds: with less than this, pivots are taken
_PLAINLY = 1e-2  # and with more, so few that the energies of what it finds are right


class Solution(NamedTuple):
    """What was found.

    Attributes
    ----------
    filters : ndarray of shape (source, right, tap)
    energies : ndarray of shape (right,)
        Of what the filters make of the sources.
    smallest : float
        The smallest share of energy that a tap of a source held beyond those taken before it.
    """

    filters: Floats
    energies: Floats
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
    found, smallest = levinson(np.ascontiguousarray(rows), wanted, _RECURSIVELY)
    if smallest < _RECURSIVELY:
        found, smallest = _by_pivots(unit, wanted)
    filters = found.reshape(others, taps, sources).transpose(2, 0, 1) * scale
    energies = np.einsum("srt,srt->r", filters, right)
    if smallest < _PLAINLY:  # the energy of the best fit, but for the square of the filters' error
        energies += np.einsum("srt,srt->r", filters, right - _product(lagged, filters))
    return Solution(filters, energies, float(smallest))


def _product(lagged: Floats, filters: Floats) -> Floats:
    """Multiply the matrix of a system with filters."""
    taps = lagged.shape[-1]
    size = 1 << (2 * taps - 1).bit_length()
    both = np.zeros((*lagged.shape[:2], size))  # lags of either sign, those below zero from the end
    both[..., :taps] = lagged
    both[..., size - taps + 1 :] = lagged.transpose(1, 0, 2)[..., :0:-1]
    spectra = np.einsum("ijf,jrf->irf", np.fft.rfft(both), np.fft.rfft(filters, size))
    return np.fft.irfft(spectra, size)[..., :taps]


def _by_pivots(lagged: Floats, wanted: Floats) -> tuple[Floats, float]:
    """Solve by a Cholesky decomposition with complete pivoting, zeros for what is left out; give the last pivot too."""
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
        factor = factor[:rank, :rank]
        found[kept] = cho_solve((factor, True), wanted.reshape(-1, others)[kept], check_finite=False)
    return found.T, float(factor[-1, -1] ** 2) if rank == len(found) else 0.0
