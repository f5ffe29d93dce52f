"""The arithmetic of other people's scripts, for corpora that are what a script's floating point made of them.

sepbench mixes with integers, and its mixture is the exact sum of its stems (`sepbench.mixdown`). A corpus that was published
as a script has neither: its samples are those of the script's operations, in their order, precision and rounding. A row that
names a rendering is made in that way, and its proof names the packages whose arithmetic it was. Built-ins and strangers
come through the entry points of the group ``sepbench.renderings``.
"""

from __future__ import annotations

from sepbench import shelf
from sepbench.errors import UnknownNameError, did_you_mean
from sepbench.renderings.rendering import Heard, Made, Rendering, as_libsndfile_writes

__all__ = ["Heard", "Made", "Rendering", "as_libsndfile_writes", "load", "names"]


def names() -> list[str]:
    """List the renderings that there are."""
    return shelf.names("renderings")


def load(name: str) -> Rendering:
    """Give a rendering by its name.

    Raises
    ------
    UnknownNameError
        If there is none of this name. A row's word never leads to other code than that of installed packages.
    """
    if name not in names():
        raise UnknownNameError(f"unknown rendering `{name}`", did_you_mean(name, names(), kind="renderings"))
    found: Rendering = shelf.load("renderings", name)
    return found
