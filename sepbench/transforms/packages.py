"""The packages that transforms stand on: imported where they are used, named with their versions in the proof."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import sepbench
from sepbench.errors import MissingExtraError

__all__ = ["made_by", "needed", "ours"]


def needed(module: str, *, by: str) -> Any:
    """Import a package that the extra ``transforms`` brings.

    Parameters
    ----------
    module : str
        Its import name.
    by : str
        The transform that needs it, for the message.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    if found := sys.modules.get(module):
        return found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of their sources, where these are compiled here for the first time
            return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{by}: the package `{module.replace('_', '-')}` is not installed", 'pip install "sepbench[transforms]"'
        ) from error


def made_by(package: str) -> Callable[[], str]:
    """Give what names a package and its version.

    Examples
    --------
    >>> made_by("numpy")() == f"numpy {version('numpy')}"
    True
    """
    return partial(_named, package)


def ours() -> str:
    """Name this package and its version: for transforms that stand on nothing else."""
    return f"sepbench {sepbench.__version__}"


def _named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError as error:
        raise MissingExtraError(
            f"the package `{package}` is not installed", 'pip install "sepbench[transforms]"'
        ) from error
