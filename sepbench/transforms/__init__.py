"""Transforms: what is done to an excerpt before its gain, one small file for each family.

A transform draws nothing. Its parameters are drawn by the plan, stand in the row as integers, and are all that it is given
beside the samples, so a row is the same again. The samples are float64, shape (channel, time), 1 is full scale; what
comes out is rounded once, to 24 bits. Where a transform is not `exact`, it may differ in the last bit between versions and machines,
unlike cuts, gains and sums, and the proof names the library that did it, with its version.
"""

from __future__ import annotations

from sepbench import shelf
from sepbench.errors import UnknownNameError, UsageError
from sepbench.transforms.transform import Parameter, Transform

__all__ = ["Parameter", "Transform", "load"]


def load(name: str) -> Transform:
    """Give a transform by its name.

    Raises
    ------
    UnknownNameError
        If there is none of this name.
    UsageError
        If what stands under the name is no `Transform`.
    """
    if ":" in name:  # a name comes from a row of a manifest, too: it must not run a stranger's file
        raise UnknownNameError(f"unknown transform `{name}`", "install a package that offers it as an entry point")
    found = shelf.load("transforms", name)
    if not isinstance(found, Transform):
        raise UsageError(
            f"`{name}`: expected a Transform, got {type(found).__name__}",
            "an entry point of `sepbench.transforms` names a `sepbench.transforms.Transform`",
        )
    return found
