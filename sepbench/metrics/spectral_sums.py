"""Sums of products of spectra over blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.compiling import either

__all__ = ["add_products"]

Spectra = NDArray[np.complex128]


def _by_numpy(left: Spectra, right: Spectra, total: Spectra) -> None:
    total += (left.conj() * right).sum(axis=0)


def _by_loop(left: Spectra, right: Spectra, total: Spectra) -> None:
    for block in range(len(left)):
        for k in range(np.uint64(left.shape[1])):
            a, b = left[block, k], right[block, k]
            total[k] += complex(a.real * b.real + a.imag * b.imag, a.real * b.imag - a.imag * b.real)


_on_arrays = either(_by_loop, _by_numpy)


def add_products(left: Any, right: Any, total: Any, xp: Any) -> None:
    """Add ``conj(left) right``, summed over blocks.

    Parameters
    ----------
    left, right : arrays of complex, shape (block, bin)
    total : array of complex, shape (bin,)
        Added to.
    """
    (_on_arrays if xp is np else _by_numpy)(left, right, total)
