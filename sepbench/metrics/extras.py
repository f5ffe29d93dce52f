"""What optional packages are there."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version

__all__ = ["installed", "version_of"]


def installed(*modules: str) -> bool:
    """Say whether all of these can be imported.

    Examples
    --------
    >>> installed("math"), installed("math", "no_such_module")
    (True, False)
    """
    try:
        for module in modules:
            importlib.import_module(module)
    except ImportError:
        return False
    return True


def version_of(distribution: str) -> str:
    """Name a package and its version, or the package alone where it is not installed.

    Examples
    --------
    >>> version_of("no-such-package")
    'no-such-package'
    """
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return distribution
