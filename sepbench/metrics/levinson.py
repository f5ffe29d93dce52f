"""The recursion of `sepbench.metrics.toeplitz`, compiled where numba is installed, else run by numpy: one text for both.

This module imports numba, so it is imported where a system is solved, and not before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.compiling import compiled, either

__all__ = ["levinson"]

Floats = NDArray[np.float64]


# The inner loops: row i of `a` from column `at` on meets row j of `b` from `bt` on.


def _dot_by_numpy(a: Floats, i: int, at: int, b: Floats, j: int, bt: int, width: int) -> Any:
    return np.dot(a[i, at : at + width], b[j, bt : bt + width])


def _add_by_numpy(a: Floats, i: int, at: int, factor: float, b: Floats, j: int, bt: int, width: int) -> None:
    a[i, at : at + width] += factor * b[j, bt : bt + width]


def _combine_by_numpy(
    a: Floats, i: int, factor: float, b: Floats, j: int, bt: int, width: int, out: Floats, at: int
) -> None:
    out[i, at : at + width] = a[i, at : at + width] + factor * b[j, bt : bt + width]


def _dot_by_loop(a: Floats, i: int, at: int, b: Floats, j: int, bt: int, width: int) -> Any:
    row, start, other, begin = np.uint64(i), np.uint64(at), np.uint64(j), np.uint64(bt)
    total = 0.0
    for k in range(np.uint64(width)):
        total += a[row, start + k] * b[other, begin + k]
    return total


def _add_by_loop(a: Floats, i: int, at: int, factor: float, b: Floats, j: int, bt: int, width: int) -> None:
    row, start, other, begin = np.uint64(i), np.uint64(at), np.uint64(j), np.uint64(bt)
    for k in range(np.uint64(width)):
        a[row, start + k] += factor * b[other, begin + k]


def _combine_by_loop(
    a: Floats, i: int, factor: float, b: Floats, j: int, bt: int, width: int, out: Floats, at: int
) -> None:
    row, start, other, begin = np.uint64(i), np.uint64(at), np.uint64(j), np.uint64(bt)
    for k in range(np.uint64(width)):
        out[row, start + k] = a[row, start + k] + factor * b[other, begin + k]


_dot = either(_dot_by_loop, _dot_by_numpy)
_add = either(_add_by_loop, _add_by_numpy)
_combine = either(_combine_by_loop, _combine_by_numpy)


@compiled
def _divide(matrix: Floats, right: Floats, negligible: float, out: Floats, lower: Floats) -> float:
    """Solve a small positive semidefinite system by LDLᵀ into `out`; give the smallest pivot.

    A row whose pivot is negligible depends on those before it: it gets zeros. `lower` is where the factors go, the
    pivots on their diagonal.
    """
    size, others = right.shape
    smallest = 1.0
    for j in range(size):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= lower[j, k] * lower[j, k] * lower[k, k]
        smallest = min(smallest, pivot)
        lower[j, j] = pivot if pivot > negligible else 0.0
        for i in range(j + 1, size):
            rest = matrix[i, j]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k] * lower[k, k]
            lower[i, j] = rest / pivot if pivot > negligible else 0.0
    for r in range(others):
        for i in range(size):
            rest = right[i, r]
            for k in range(i):
                rest -= lower[i, k] * out[k, r]
            out[i, r] = rest
        for i in range(size - 1, -1, -1):
            out[i, r] = out[i, r] / lower[i, i] if lower[i, i] > 0 else 0.0
            for k in range(i + 1, size):
                out[i, r] -= lower[k, i] * out[k, r]
    return smallest


@compiled
def _predict(old: Floats, at: int, gain: Floats, by: Floats, bt: int, width: int, out: Floats) -> None:
    """Give ``out = old - gainᵀ by``, row by row."""
    for q in range(len(out)):
        _combine(old, q, -gain[0, q], by, 0, bt, width, out, at)
        for p in range(1, len(by)):
            _add(out, q, at, -gain[p, q], by, p, bt, width)


@compiled
def levinson(rows: Floats, wanted: Floats, negligible: float) -> tuple[Floats, float]:
    """Run through the orders.

    Parameters
    ----------
    rows : ndarray of shape (source, tap * source)
        The matrix's block rows, the greatest lag first: what the last row of a system of any order ends with.
    wanted : ndarray of shape (tap, source, right)
    negligible : float
        A prediction error below it is taken for none.

    Returns
    -------
    found : ndarray of shape (right, tap * source)
    smallest : float
        The smallest prediction error.
    """
    taps, sources, others = wanted.shape
    last = (taps - 1) * sources
    # Predictors as rows over (tap, source): the forward ones begin at 0, the backward ones end at the end, so that
    # an order more moves none of them.
    forward, backward = np.zeros((sources, taps * sources)), np.zeros((sources, taps * sources))
    new_forward, new_backward = np.zeros((sources, taps * sources)), np.zeros((sources, taps * sources))
    found = np.zeros((others, taps * sources))
    for i in range(sources):
        forward[i, i] = backward[i, last + i] = 1.0
    forward_error, backward_error = rows[:, last:].copy(), rows[:, last:].copy()
    cross, crossed = np.zeros((sources, sources)), np.zeros((sources, sources))
    gain, gain_back = np.zeros((sources, sources)), np.zeros((sources, sources))
    rest, step = np.zeros((sources, others)), np.zeros((sources, others))
    lower, smallest = np.zeros((sources, sources)), 1.0
    for n in range(taps):
        width, start = n * sources, last - n * sources
        end = width + sources
        if n > 0:
            for i in range(sources):
                for j in range(sources):
                    cross[i, j] = crossed[j, i] = _dot(rows, i, start, forward, j, 0, width)
            _divide(backward_error, cross, negligible, gain, lower)
            _divide(forward_error, crossed, negligible, gain_back, lower)
            _predict(forward, 0, gain, backward, start, end, new_forward)
            _predict(backward, start, gain_back, forward, 0, end, new_backward)
            forward, new_forward = new_forward, forward
            backward, new_backward = new_backward, backward
            for i in range(sources):
                for j in range(sources):
                    for k in range(sources):
                        forward_error[i, j] -= cross[k, i] * gain[k, j]
                        backward_error[i, j] -= cross[i, k] * gain_back[k, j]
        for i in range(sources):
            for r in range(others):
                rest[i, r] = wanted[n, i, r] - _dot(rows, i, start, found, r, 0, width)
        smallest = min(smallest, _divide(backward_error, rest, negligible, step, lower))
        for r in range(others):
            for i in range(sources):
                _add(found, r, 0, step[i, r], backward, i, start, end)
    return found, smallest
