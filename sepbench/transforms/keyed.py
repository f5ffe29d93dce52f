"""Random numbers from a seed, in numpy and by the million: the words of Philox, never a distribution of numpy's.

`numpy.random.Philox` is counter-based and its raw words are fixed (Salmon et al. 2011; NEP 19 keeps bit generators stable), while
`Generator.normal` and the like may change with any version. What becomes of the words stands here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepbench.transforms.transform import Floats

__all__ = ["normals", "order", "words"]


def words(seed: int, count: int, *, stream: int = 0) -> NDArray[np.uint64]:
    """Give 64-bit words; the first of many are the same as the first of few.

    Parameters
    ----------
    seed : int
        From 0 to 2^63 - 1: the lower half of Philox's key.
    count : int
    stream : int
        The upper half: another one gives other words.

    References
    ----------
    Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC 2011: Philox4x64-10.

    Examples
    --------
    >>> words(7, 2).tolist() == words(7, 1000)[:2].tolist()
    True
    """
    found: NDArray[np.uint64] = np.random.Philox(key=seed + (stream << 64)).random_raw(count)
    return found


def normals(seed: int, count: int) -> Floats:
    """Give numbers of the standard normal distribution, each from one word: the quantile at (word's upper 53 bits + 1/2) / 2^53.

    Examples
    --------
    >>> found = normals(1, 100000)
    >>> bool(abs(found.mean()) < 0.01), bool(abs(found.std() - 1) < 0.01)
    (True, True)
    """
    from scipy.special import ndtri

    uniform = ((words(seed, count) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    made: Floats = ndtri(np.minimum(uniform, 1 - 2.0**-53))  # the last one rounds to 1
    return made


def order(seed: int, count: int, *, stream: int = 0) -> NDArray[np.int64]:
    """Give the numbers from 0 to `count` - 1 in an order of the seed's, all orders equally probable."""
    return np.argsort(words(seed, count, stream=stream), kind="stable")
