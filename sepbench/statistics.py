"""Means with intervals, and differences that say when they are none.

Mixtures of one track or speaker are not independent, so the bootstrap draws whole groups, with replacement. Its random
numbers are a function of the data: the same scores, in whatever order, give the same interval.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sepbench.errors import UsageError

__all__ = ["LEVEL", "RESAMPLES", "Difference", "Summary", "paired_difference", "summary"]

LEVEL = 0.95
RESAMPLES = 2000
_BLOCK = 1 << 20  # drawn at a time, so that 100,000 groups need no gigabytes

Floats = NDArray[np.float64]


class Summary(NamedTuple):
    """Mean and median of `n` items, and the interval of the mean; None where there are too few to say."""

    mean: float | None
    median: float | None
    n: int
    low: float | None
    high: float | None


class Difference(NamedTuple):
    """Mean difference over `n` common items and its interval; a tie where the interval holds 0 or there is none."""

    mean: float | None
    low: float | None
    high: float | None
    n: int
    tie: bool


def summary(values: ArrayLike, groups: Sequence[Any] | NDArray[Any]) -> Summary:
    """Summarise the scores of items that come in groups.

    Parameters
    ----------
    values : array_like of float, shape (item,)
        NaN where an item has no value: it is left out, and `n` counts the others.
    groups : sequence, shape (item,)
        The independent unit of each item: speaker, track, recording.

    Returns
    -------
    Summary
        The interval is the 95 % percentile interval of 2,000 bootstrap means, each over as many groups as there are,
        drawn with replacement; None with fewer than two groups. Every item weighs the same, not every group.

    Raises
    ------
    UsageError
        If the two have different lengths, or a value is infinite.

    References
    ----------
    Field and Welsh, *Bootstrapping clustered data*, Journal of the Royal Statistical Society B 69(3), 2007.

    Examples
    --------
    >>> summary([1.0, 2.0, 6.0, float("nan")], ["a", "a", "b", "b"])[:3]
    (3.0, 2.0, 3)
    >>> summary([1.0, 2.0], ["a", "a"])
    Summary(mean=1.5, median=1.5, n=2, low=None, high=None)
    >>> summary([], [])
    Summary(mean=None, median=None, n=0, low=None, high=None)
    """
    scored, units = _defined("summary", groups, values)
    (found,) = scored
    if not len(found):
        return Summary(None, None, 0, None, None)
    low, high = _interval(found, units)
    return Summary(_mean(found), float(np.median(found)), len(found), low, high)


def paired_difference(a: ArrayLike, b: ArrayLike, groups: Sequence[Any] | NDArray[Any]) -> Difference:
    """Compare two separators on the items that both have a value for.

    Parameters
    ----------
    a, b : array_like of float, shape (item,)
        Scores of the same items in the same order; NaN where there is none.
    groups : sequence, shape (item,)
        The independent unit of each item.

    Returns
    -------
    Difference
        Of `a` minus `b`, with an interval as in `summary`.

    Raises
    ------
    UsageError
        If the three have different lengths, or a value is infinite.

    Examples
    --------
    >>> paired_difference([3.0, 4.0, 5.0], [1.0, 2.0, 3.0], ["a", "b", "c"])
    Difference(mean=2.0, low=2.0, high=2.0, n=3, tie=False)
    >>> paired_difference([3.0, float("nan")], [1.0, 2.0], ["a", "b"])
    Difference(mean=2.0, low=None, high=None, n=1, tie=True)
    """
    (first, second), units = _defined("paired_difference", groups, a, b)
    if not len(first):
        return Difference(None, None, None, 0, tie=True)
    differences = first - second
    low, high = _interval(differences, units)
    tie = low is None or high is None or low <= 0 <= high
    return Difference(_mean(differences), low, high, len(differences), tie)


def _defined(where: str, groups: Sequence[Any] | NDArray[Any], *columns: ArrayLike) -> tuple[list[Floats], list[str]]:
    """Give the items that have a value in every column, and their groups."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    lengths = [array.shape for array in arrays] + [(len(groups),)]
    if any(length != lengths[-1] for length in lengths):
        raise UsageError(
            f"{where}: expected one value and one group per item, got shapes {', '.join(map(str, lengths))}",
            "bring the columns into the same order of items first",
        )
    if any(np.isinf(array).any() for array in arrays):
        raise UsageError(f"{where}: a value is infinite", "an infinite score is undefined: pass NaN for it")
    kept = ~np.any([np.isnan(array) for array in arrays], axis=0)
    return [array[kept] for array in arrays], [str(group) for group, keep in zip(groups, kept, strict=True) if keep]


def _mean(values: Floats) -> float:
    return math.fsum(values) / len(values)


def _interval(values: Floats, groups: list[str]) -> tuple[float | None, float | None]:
    by_group: dict[str, list[float]] = {}
    for group, value in zip(groups, values.tolist(), strict=True):
        by_group.setdefault(group, []).append(value)
    if len(by_group) < 2:
        return None, None
    names = sorted(by_group)
    # fsum is exact but for one rounding, so neither sums nor seed depend on the order of the items
    sums = np.array([math.fsum(by_group[name]) for name in names])
    counts = np.array([len(by_group[name]) for name in names])
    means = _bootstrap_means(sums, counts, _seed(names, sums, counts))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def _seed(names: list[str], sums: Floats, counts: NDArray[np.int64]) -> int:
    digest = hashlib.blake2b(digest_size=16)
    for name, total, count in zip(names, sums.tolist(), counts.tolist(), strict=True):
        digest.update(repr((name, total, count)).encode())
    return int.from_bytes(digest.digest(), "little")


def _bootstrap_means(sums: Floats, counts: NDArray[np.int64], seed: int) -> Floats:
    generator, size = np.random.default_rng(seed), len(sums)
    means = np.empty(RESAMPLES)
    step = max(1, _BLOCK // size)
    for start in range(0, RESAMPLES, step):
        drawn = generator.integers(size, size=(min(step, RESAMPLES - start), size))
        means[start : start + step] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means
