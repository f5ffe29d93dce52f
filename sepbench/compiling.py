"""Loops that are compiled where numba is installed, and run as they are where it is not.

This imports numba, which takes a second: so it is imported by modules that are imported where they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any, TypeVar

__all__ = ["compiled", "either", "numba"]

F = TypeVar("F", bound=Callable[..., Any])

numba: Any
try:
    import numba
except ImportError:
    numba = None


_SUMS = frozenset({"reassoc", "contract", "nsz"})  # sums by vector instructions; NaN stays NaN


def compiled(function: F, fastmath: Set[str] = _SUMS) -> F:
    """Compile once per machine, and where nothing can be kept on disk once per process.

    Parameters
    ----------
    function : callable
    fastmath : set of str
        What of IEEE arithmetic need not hold, in LLVM's words; by default sums may be made in any order.
    """
    if numba is None:
        return function
    options = {"fastmath": set(fastmath)}
    try:
        made: F = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        made = numba.njit(**options)(function)
    return made


def either(by_loop: F, by_numpy: F, fastmath: Set[str] = _SUMS) -> F:
    """Choose how an inner loop runs: compiled element by element, or by numpy's operations on whole rows.

    Where they are compiled, indices are unsigned: a signed one may count from the end, and asking for that keeps vector
    instructions away.
    """
    return by_numpy if numba is None else compiled(by_loop, fastmath)
