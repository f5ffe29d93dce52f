"""Amounts, written for people."""

from __future__ import annotations

__all__ = ["counted", "duration", "gigabytes"]


def counted(number: int, thing: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> counted(1, "recording"), counted(12000, "recording")
    ('1 recording', '12,000 recordings')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def gigabytes(count: float) -> str:
    """Write a number of bytes.

    Examples
    --------
    >>> gigabytes(1_234_567), gigabytes(5.6e9)
    ('1.2 MB', '5.6 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def duration(seconds: float) -> str:
    """Write a span of time.

    Examples
    --------
    >>> duration(3.4), duration(620), duration(9000)
    ('3 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
