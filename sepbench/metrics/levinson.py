"""The recursion of `sepbench.metrics.toeplitz`, compiled where numba is installed, else run by numpy: one text for both.

This module imports numba, so it is imported where a system is solved, and not before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepbench.compiling import compiled, either

__all__ = ["levinson"]

Floats = NDArray[np.float64]


# Rows meet by twos where they can, so that a number that was loaded is used twice. Sums come out in another order than by ones:
# so `levinson` sees to it that what is found for one right side does not depend on how many there are beside it.


def _dots_by_numpy(a: Floats, at: int, b: Floats, width: int, out: Floats) -> None:
    """Multiply all rows of `a`, from column `at` on, with all rows of `b`."""
    np.matmul(a[:, at : at + width], b[:, :width].T, out=out)


def _dots_by_loop(a: Floats, at: int, b: Floats, width: int, out: Floats) -> None:
    for i in range(0, len(a) - 1, 2):
        for j in range(0, len(b) - 1, 2):
            out[i, j], out[i, j + 1], out[i + 1, j], out[i + 1, j + 1] = _dots_of_pairs(a, i, at, b, j, width)
    for i in range(len(a)):
        paired = len(b) - len(b) % 2 if i < len(a) - len(a) % 2 else 0
        for j in range(paired, len(b)):
            out[i, j] = _dot(a, i, at, b, j, width)


def _add_by_numpy(a: Floats, at: int, factors: Floats, b: Floats, bt: int, width: int) -> None:
    """Add ``factorsᵀ b`` to `a`, columns from `at` and from `bt` on."""
    a[:, at : at + width] += factors.T @ b[:, bt : bt + width]


def _add_by_loop(a: Floats, at: int, factors: Floats, b: Floats, bt: int, width: int) -> None:
    for i in range(0, len(a) - 1, 2):
        for j in range(0, len(b) - 1, 2):
            _add_pairs(a, i, at, factors, b, j, bt, width)
    for i in range(len(a)):
        paired = len(b) - len(b) % 2 if i < len(a) - len(a) % 2 else 0
        for j in range(paired, len(b)):
            _add_row(a, i, at, factors[j, i], b, j, bt, width)


def _predict_by_numpy(forward: Floats, backward: Floats, at: int, gain: Floats, gain_back: Floats, width: int) -> None:
    """Take ``gainᵀ backward`` off the forward predictors and ``gain_backᵀ forward`` off the backward ones, columns from `at` on."""
    before = forward[:, :width].copy()
    _add_by_numpy(forward, 0, -gain, backward, at, width)
    _add_by_numpy(backward, at, -gain_back, before, 0, width)


def _predict_by_loop(forward: Floats, backward: Floats, at: int, gain: Floats, gain_back: Floats, width: int) -> None:
    if len(forward) == 1:
        _predict_row(forward, backward, at, gain[0, 0], gain_back[0, 0], width)
    elif len(forward) == 2:
        _predict_pair(forward, backward, at, gain, gain_back, width)
    else:
        before = np.empty_like(forward)
        for row in range(np.uint64(len(forward))):
            for k in range(np.uint64(width)):
                before[row, k] = forward[row, k]
        _add(forward, 0, -gain, backward, at, width)
        _add(backward, at, -gain_back, before, 0, width)


@compiled
def _dot(a: Floats, i: int, at: int, b: Floats, j: int, width: int) -> float:
    row, start, other = np.uint64(i), np.uint64(at), np.uint64(j)
    total = 0.0
    for k in range(np.uint64(width)):
        total += a[row, start + k] * b[other, k]
    return total


@compiled
def _dots_of_pairs(a: Floats, i: int, at: int, b: Floats, j: int, width: int) -> tuple[float, float, float, float]:
    rows, start, others = (np.uint64(i), np.uint64(i + 1)), np.uint64(at), (np.uint64(j), np.uint64(j + 1))
    both, left, right, neither = 0.0, 0.0, 0.0, 0.0
    for k in range(np.uint64(width)):
        both += a[rows[0], start + k] * b[others[0], k]
        left += a[rows[0], start + k] * b[others[1], k]
        right += a[rows[1], start + k] * b[others[0], k]
        neither += a[rows[1], start + k] * b[others[1], k]
    return both, left, right, neither


@compiled
def _add_row(a: Floats, i: int, at: int, factor: float, b: Floats, j: int, bt: int, width: int) -> None:
    row, start, other, begin = np.uint64(i), np.uint64(at), np.uint64(j), np.uint64(bt)
    for k in range(np.uint64(width)):
        a[row, start + k] += factor * b[other, begin + k]


@compiled
def _add_pairs(a: Floats, i: int, at: int, factors: Floats, b: Floats, j: int, bt: int, width: int) -> None:
    rows, start, others, begin = (np.uint64(i), np.uint64(i + 1)), np.uint64(at), (np.uint64(j), np.uint64(j + 1)), np.uint64(bt)  # fmt: skip
    p, q, r, s = factors[j, i], factors[j + 1, i], factors[j, i + 1], factors[j + 1, i + 1]
    for k in range(np.uint64(width)):
        x, y = b[others[0], begin + k], b[others[1], begin + k]
        left, right = a[rows[0], start + k], a[rows[1], start + k]
        a[rows[0], start + k] = left + p * x + q * y
        a[rows[1], start + k] = right + r * x + s * y


@compiled
def _predict_row(forward: Floats, backward: Floats, at: int, gain: float, gain_back: float, width: int) -> None:
    row, start = np.uint64(0), np.uint64(at)
    for k in range(np.uint64(width)):
        f, b = forward[row, k], backward[row, start + k]
        forward[row, k] = f - gain * b
        backward[row, start + k] = b - gain_back * f


@compiled
def _predict_pair(forward: Floats, backward: Floats, at: int, gain: Floats, gain_back: Floats, width: int) -> None:
    rows, start = (np.uint64(0), np.uint64(1)), np.uint64(at)
    p, q, r, s = gain[0, 0], gain[1, 0], gain[0, 1], gain[1, 1]
    t, u, v, w = gain_back[0, 0], gain_back[1, 0], gain_back[0, 1], gain_back[1, 1]
    for k in range(np.uint64(width)):
        f, g = forward[rows[0], k], forward[rows[1], k]
        b, c = backward[rows[0], start + k], backward[rows[1], start + k]
        forward[rows[0], k] = f - p * b - q * c
        forward[rows[1], k] = g - r * b - s * c
        backward[rows[0], start + k] = b - t * f - u * g
        backward[rows[1], start + k] = c - v * f - w * g


_dots = either(_dots_by_loop, _dots_by_numpy)
_add = either(_add_by_loop, _add_by_numpy)
_predict = either(_predict_by_loop, _predict_by_numpy)


@compiled
def _divide(matrix: Floats, right: Floats, least: float, out: Floats, lower: Floats) -> float:
    """Solve a small positive definite system by LDLᵀ into `out`, unless a pivot is less than it may be; give the smallest one.

    `lower` is where the factors go, the pivots on their diagonal.
    """
    size, others = right.shape
    smallest = 1.0
    for j in range(size):
        pivot = float(matrix[j, j])
        for k in range(j):
            pivot -= lower[j, k] * lower[j, k] * lower[k, k]
        smallest = min(smallest, pivot)
        if pivot < least:
            return smallest
        lower[j, j] = pivot
        for i in range(j + 1, size):
            rest = matrix[i, j]
            for k in range(j):
                rest -= lower[i, k] * lower[j, k] * lower[k, k]
            lower[i, j] = rest / pivot
    for r in range(others):
        for i in range(size):
            rest = right[i, r]
            for k in range(i):
                rest -= lower[i, k] * out[k, r]
            out[i, r] = rest
        for i in range(size - 1, -1, -1):
            out[i, r] = out[i, r] / lower[i, i]
            for k in range(i + 1, size):
                out[i, r] -= lower[k, i] * out[k, r]
    return smallest


@compiled
def levinson(rows: Floats, wanted: Floats, least: float) -> tuple[Floats, float]:
    """Run through the orders, as far as the prediction errors allow it.

    Parameters
    ----------
    rows : ndarray of shape (source, tap * source)
        The matrix's block rows, the greatest lag first: what the last row of a system of any order ends with.
    wanted : ndarray of shape (tap, source, right)
    least : float
        With a prediction error below it the recursion ends: what came after would be made of rounding.

    Returns
    -------
    found : ndarray of shape (right, tap * source)
    smallest : float
        The smallest prediction error. If it is below `least`, nothing was found.
    """
    taps, sources, others = wanted.shape
    last = (taps - 1) * sources
    # Predictors as rows over (tap, source): the forward ones begin at 0, like what is found, the backward ones end at the
    # end, so that an order more moves none of them.
    by = min(sources, 2)
    behind, every = -(-sources // by) * by, -(-others // by) * by
    known, backward = np.zeros((behind + every, taps * sources)), np.zeros((sources, taps * sources))
    forward, found = known[:sources], known[behind:]
    for i in range(sources):
        forward[i, i] = backward[i, last + i] = 1.0
    forward_error, backward_error = rows[:, last:].copy(), rows[:, last:].copy()
    sums, step = np.zeros((sources, behind + every)), np.zeros((sources, every))
    cross, crossed = np.zeros((sources, sources)), np.zeros((sources, sources))
    gain, gain_back = np.zeros((sources, sources)), np.zeros((sources, sources))
    rest = np.zeros((sources, every))
    lower, smallest = np.zeros((sources, sources)), 1.0
    for n in range(taps):
        width, start = n * sources, last - n * sources
        end = width + sources
        _dots(rows, start, known, width, sums)
        if n > 0:
            for i in range(sources):
                for j in range(sources):
                    cross[i, j] = crossed[j, i] = sums[i, j]
            errors = (
                _divide(forward_error, crossed, least, gain_back, lower),
                _divide(backward_error, cross, least, gain, lower),
            )
            smallest = min(smallest, *errors)
            if smallest < least:
                break
            _predict(forward, backward, start, gain, gain_back, end)
            for i in range(sources):
                for j in range(sources):
                    for k in range(sources):
                        forward_error[i, j] -= cross[k, i] * gain[k, j]
                        backward_error[i, j] -= cross[i, k] * gain_back[k, j]
        for i in range(sources):
            for r in range(others):
                rest[i, r] = wanted[n, i, r] - sums[i, behind + r]
        smallest = min(smallest, _divide(backward_error, rest, least, step, lower))
        if smallest < least:
            break
        _add(found, 0, step, backward, start, end)
    return found[:others], smallest
