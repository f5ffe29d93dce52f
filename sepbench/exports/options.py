"""Options of formats, which come as words from the command line."""

from __future__ import annotations

from collections.abc import Sequence

from sepbench.errors import UsageError, did_you_mean

__all__ = ["AUDIO", "PATHS", "choice", "megabytes"]

AUDIO = ("link", "copy", "refer")
PATHS = ("absolute", "relative")


def choice(name: str, value: str, known: Sequence[str]) -> str:
    """Refuse a word that is none of those that are known.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> choice("audio", "link", AUDIO)
    'link'
    """
    if value not in known:
        raise UsageError(f"{name}: unknown choice `{value}`", did_you_mean(value, known, kind="choices"))
    return value


def megabytes(name: str, value: int | str) -> int:
    """Read a size in megabytes as bytes.

    Raises
    ------
    UsageError
        If it is not a positive number.

    Examples
    --------
    >>> megabytes("shard_mb", "500")
    500000000
    """
    if not str(value).isdecimal() or int(value) < 1:
        raise UsageError(f"{name}: expected a number of megabytes, got `{value}`", f"for example {name}=500")
    return int(value) * 1_000_000
