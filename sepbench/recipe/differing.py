"""How two recipes differ: by key, with both values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = ["Change", "changes"]


class Change(NamedTuple):
    """A place where two recipes differ.

    Attributes
    ----------
    key : str
        Where: ``levels.snr_db``, ``sources[1].set``.
    before, after : object
        What the first and the second have there; None where it has nothing.
    """

    key: str
    before: Any
    after: Any

    @property
    def words(self) -> tuple[str, str]:
        """Both values as they are printed."""
        return _shown(self.before), _shown(self.after)


def changes(old: Any, new: Any, at: str = "") -> Iterator[Change]:
    """Give the places where two recipes, as mappings, differ.

    Examples
    --------
    >>> list(changes({"seed": 1, "length": 2.0}, {"seed": 2, "length": 2.0}))
    [Change(key='seed', before=1, after=2)]
    >>> [change.key for change in changes({"sources": [{"set": "a"}]}, {"sources": [{"set": "b"}]})]
    ['sources[0].set']
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from changes(old.get(key), new.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from changes(one, other, f"{at}[{place}]")
    elif old != new:
        yield Change(at, old, new)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"`{value}`"
