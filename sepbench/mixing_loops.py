"""The loops of mixing with known gains, for training: one pass over the samples of each stem, compiled where numba is installed.

They give the samples of `sepbench.mixdown`: a product of gain and sample is exact in float64, a stem is rounded once, half to even, and
sums are of whole numbers, so it does not matter who makes them. They are compiled without any leave to reorder or contract.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.compiling import either

__all__ = ["add_stem", "to_floats"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


def _stem_by_numpy(
    samples: NDArray[Any], gain: float, to_one: float, limit: float, stem: Singles, total: Floats
) -> int:
    rounded = np.rint(samples * gain)
    np.multiply(rounded, to_one, out=stem, casting="unsafe")
    total += rounded
    return int(np.count_nonzero(np.abs(rounded) >= limit))


def _stem_by_loop(samples: NDArray[Any], gain: float, to_one: float, limit: float, stem: Singles, total: Floats) -> int:
    beyond = 0  # counted, since a search for the largest keeps vector instructions away
    for k in range(np.uint64(len(samples))):
        rounded = np.rint(samples[k] * gain)
        stem[k] = rounded * to_one
        total[k] += rounded
        beyond += 1 if abs(rounded) >= limit else 0
    return beyond


def _floats_by_numpy(total: Floats, to_one: float, limit: float, mixture: Singles) -> int:
    np.multiply(total, to_one, out=mixture, casting="unsafe")
    return int(np.count_nonzero(np.abs(total) >= limit))


def _floats_by_loop(total: Floats, to_one: float, limit: float, mixture: Singles) -> int:
    beyond = 0
    for k in range(np.uint64(len(total))):
        mixture[k] = total[k] * to_one
        beyond += 1 if abs(total[k]) >= limit else 0
    return beyond


add_stem = either(_stem_by_loop, _stem_by_numpy, fastmath=frozenset())
"""``add_stem(samples, gain, to_one, limit, stem, total)`` rounds samples times a gain, writes them times `to_one`, adds them to a total.

All of shape (time,). Gives how many are not below the limit in magnitude.
"""
to_floats = either(_floats_by_loop, _floats_by_numpy, fastmath=frozenset())
"""``to_floats(total, to_one, limit, mixture)`` writes a total times `to_one`; gives the same count."""
