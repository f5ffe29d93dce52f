"""Which estimate is which: scores of separators whose outputs come in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepbench.errors import SignalError
from sepbench.metrics.arrays import double, namespace, time_last, to_namespace

__all__ = ["Permuted", "best_permutation", "permuted"]

Floats = NDArray[np.float64]


class Permuted(NamedTuple):
    """Values in the order of the references, and the estimate that each of them is of."""

    values: Any
    permutation: NDArray[np.intp]


def best_permutation(table: Any) -> NDArray[np.intp]:
    """Assign an estimate to each reference so that the mean of their values is the highest.

    By the Hungarian method, so 20 speakers take no longer than two. A pair without a value (NaN) has no say, as it
    would be with a silent estimate; infinities count as more than everything finite.

    Parameters
    ----------
    table : array_like of shape (reference, estimate)
        What each pair would be worth.

    Returns
    -------
    ndarray of int, shape (reference,)
        The estimate of each reference; none comes twice.

    Raises
    ------
    SignalError
        If there are fewer estimates than references.

    References
    ----------
    Kuhn, *The Hungarian method for the assignment problem*, Naval Research Logistics Quarterly 2, 1955.

    Examples
    --------
    >>> best_permutation([[1.0, 9.0], [8.0, 9.5]]).tolist()
    [1, 0]
    >>> best_permutation([[1.0, np.nan], [np.inf, 2.0]]).tolist()
    [1, 0]
    """
    from scipy.optimize import linear_sum_assignment

    table = np.array(table, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] > table.shape[1]:
        raise SignalError(
            f"best_permutation: expected a table of references and at least as many estimates, got shape {table.shape}",
            "every reference needs an estimate",
        )
    finite = table[np.isfinite(table)]
    most = 1.0 + 2 * len(table) * np.abs(finite).max(initial=1.0)
    rows, order = linear_sum_assignment(np.nan_to_num(table, nan=0.0, posinf=most, neginf=-most), maximize=True)
    return np.asarray(order[np.argsort(rows)], dtype=np.intp)


def permuted(measure: Callable[[Any, Any], Any], references: Any, estimates: Any) -> Permuted:
    """Score estimates that come in any order by the order that suits them best.

    Parameters
    ----------
    measure : callable
        A metric of this package, such as `si_sdr`, or ``partial(stoi, sample_rate=16000)``: takes ``reference,
        estimate`` of shape (..., time) and gives values of shape (...), higher for better.
    references, estimates : array_like or torch.Tensor of shape (source, time)
        At least as many estimates as references.

    Returns
    -------
    Permuted
        ``values[k]`` is that of ``estimates[permutation[k]]`` against ``references[k]``.

    Raises
    ------
    SignalError
        If the arrays do not fit together.

    Examples
    --------
    >>> from sepbench.metrics import si_sdr
    >>> speakers = np.random.default_rng(1).standard_normal((3, 1000))
    >>> permuted(si_sdr, speakers, speakers[[2, 0, 1]] + 0.1 * speakers[::-1]).permutation.tolist()
    [1, 2, 0]
    """
    xp = namespace(references, estimates, where="permuted")
    references = double(references, "references", xp, where="permuted")
    estimates = double(estimates, "estimates", xp, where="permuted")
    if references.ndim != 2 or estimates.ndim != 2 or len(references) > len(estimates):
        raise SignalError(
            f"permuted: references have shape {tuple(references.shape)} but estimates have {tuple(estimates.shape)}",
            "pass arrays of shape (source, time), with an estimate for every reference",
        )
    time_last(tuple(references.shape), where="permuted")
    pairs = [[measure(reference, estimate) for estimate in estimates] for reference in references]
    table = np.array([[float(value) for value in row] for row in pairs])
    order = best_permutation(table)
    return Permuted(to_namespace(table[np.arange(len(order)), order], references, xp), order)
