"""Sums over spectra: of products over blocks, and of energies over bands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepbench.compiling import either
from sepbench.metrics.arrays import real_and_imaginary, to_namespace

__all__ = ["add_products", "band_energies"]

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex128]


def _products_by_numpy(left: Spectra, right: Spectra, total: Spectra) -> None:
    total += (left.conj() * right).sum(axis=1)


def _products_by_loop(left: Spectra, right: Spectra, total: Spectra) -> None:
    for row in range(len(right)):
        for block in range(len(left)):
            for k in range(np.uint64(left.shape[1])):
                a, b = left[block, k], right[row, block, k]
                total[row, k] += complex(a.real * b.real + a.imag * b.imag, a.real * b.imag - a.imag * b.real)


def _energies_by_loop(spectra: Spectra, edges: NDArray[np.int64], out: Floats) -> None:
    for signal in range(len(spectra)):
        for frame in range(spectra.shape[1]):
            for band in range(len(edges) - 1):
                total = 0.0
                for k in range(np.uint64(edges[band]), np.uint64(edges[band + 1])):
                    value = spectra[np.uint64(signal), np.uint64(frame), k]
                    total += value.real * value.real + value.imag * value.imag
                out[signal, band, frame] = total


def _energies_by_matrix(spectra: Any, edges: NDArray[np.int64], out: Any, xp: Any = np) -> None:
    squares = xp.square(real_and_imaginary(spectra[..., int(edges[0]) : int(edges[-1])], xp))
    place = np.arange(edges[0], edges[-1]).repeat(2)
    inside = ((place >= edges[:-1, None]) & (place < edges[1:, None])).astype(np.float64)
    out[...] = xp.matmul(to_namespace(inside, out, xp), squares.swapaxes(1, 2))


_products_on_arrays = either(_products_by_loop, _products_by_numpy)
_energies_on_arrays = either(_energies_by_loop, _energies_by_matrix)


def add_products(left: Any, right: Any, total: Any, xp: Any) -> None:
    """Add ``conj(left) right``, summed over blocks.

    Parameters
    ----------
    left, right : arrays of complex, shape (block, bin) and (row, block, bin)
    total : array of complex, shape (row, bin)
        Added to.
    """
    (_products_on_arrays if xp is np else _products_by_numpy)(left, right, total)


def band_energies(spectra: Any, edges: NDArray[np.int64], out: Any, xp: Any) -> None:
    """Sum the energies of the bins in each band.

    Parameters
    ----------
    spectra : array of complex, shape (signal, frame, bin)
    edges : ndarray of shape (band + 1,)
        On the host. A band begins with the bin that the one before it ends before.
    out : array of shape (signal, band, frame)
        Written to.
    """
    if xp is np:
        _energies_on_arrays(spectra, edges, out)
    else:
        _energies_by_matrix(spectra, edges, out, xp)
