"""Decibels as factors, the same on every machine."""

from __future__ import annotations

from decimal import Decimal

from sepbench.level import amplitude

__all__ = ["factor"]


def factor(level_db: float) -> float:
    """Give the amplitude ratio of a level: the float that is nearest to 10^(level / 20).

    The power of a C library may be off in the last bit, and differently on another platform; `decimal` is not.

    Examples
    --------
    >>> factor(0.0), factor(20.0), round(factor(-6.0), 6)
    (1.0, 10.0, 0.501187)
    """
    return float(amplitude(Decimal(repr(float(level_db))) * 1000))
