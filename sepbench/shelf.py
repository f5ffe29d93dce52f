"""Finding things by name: the shelves of content, and what packages offer through entry points.

Built-ins and strangers come through one door. Recipes, baselines and results are files on the shelves ``mixers/``,
``baselines/`` and ``leaderboards/``; sets, metrics, separators and models are entry points in the groups
``sepbench.sets``, ``sepbench.metrics``, ``sepbench.separators``, ``sepbench.models``, ``sepbench.transforms``, ``sepbench.lists``,
``sepbench.renderings`` and ``sepbench.exports``. A path, or ``module:Name`` or ``file.py:Name``, works wherever a name does.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from sepbench.errors import UnknownNameError, UsageError, did_you_mean

__all__ = ["GROUPS", "SHELVES", "find", "folder", "load", "made", "names", "offered", "shelves"]

SHELVES = ("mixers", "baselines", "leaderboards")
GROUPS = ("sets", "metrics", "separators", "models", "transforms", "lists", "renderings", "exports")
_MARK = {"mixers": "*.toml", "baselines": "*/config.toml", "leaderboards": "*/*/result.json"}


def folder(name: str) -> Path:
    """Give the folder of a shelf, from a checkout and from an installed wheel alike."""
    here = Path(__file__).parent
    installed = here / "_shelves" / name
    return installed if installed.is_dir() else here.parent / name


def names(kind: str) -> list[str]:
    """List what is offered under a shelf or a group, sorted."""
    if kind not in SHELVES:
        return sorted(offered(kind))
    if kind == "mixers":
        return sorted(path.stem for path in folder(kind).glob(_MARK[kind]))
    if kind == "baselines":
        return sorted(path.parent.name for path in folder(kind).glob(_MARK[kind]))
    return sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in folder(kind).glob(_MARK[kind]))


def shelves() -> dict[str, list[str]]:
    """List everything that `sepbench list` can print, by kind."""
    return {kind: names(kind) for kind in ("mixers", "baselines", *GROUPS)}


def find(kind: str, name: str) -> Path:
    """Find a shelf's entry by name, or take a path as it is.

    Returns
    -------
    Path
        The recipe's file, or the folder of a baseline or result.
    """
    path = Path(name)
    if path.exists() and (path.suffix == ".toml" if kind == "mixers" else path.is_dir()):
        return path
    own = folder(kind) / (f"{name}.toml" if kind == "mixers" else name)
    if name in names(kind):
        return own
    if path.suffix == ".toml" or "/" in name:
        raise UnknownNameError(
            f"{name}: there is no such file or folder", did_you_mean(name, names(kind), kind=f"{_one(kind)}s")
        )
    raise UnknownNameError(f"unknown {_one(kind)} `{name}`", did_you_mean(name, names(kind), kind=f"{_one(kind)}s"))


@cache
def offered(group: str) -> dict[str, EntryPoint]:
    """Give the entry points of a group by name, without importing them."""
    return {entry.name: entry for entry in entry_points(group=f"sepbench.{group}")}


def load(group: str, name: str) -> Any:
    """Import what a name stands for: an entry point, ``module:Name`` or ``file.py:Name``.

    Raises
    ------
    UnknownNameError
        If nothing has this name.
    UsageError
        If the module can't be imported.
    """
    if ":" in name:
        return _load_by_address(name)
    known = offered(group)
    if name not in known:
        raise UnknownNameError(f"unknown {_one(group)} `{name}`", did_you_mean(name, known, kind=group))
    return known[name].load()


def made(group: str, name: str, options: Mapping[str, str], *, kind: str) -> Any:
    """Make one of what a name stands for, with options of the user's.

    Parameters
    ----------
    kind : str
        How an error calls what is made.

    Raises
    ------
    UsageError
        If an option is unknown, or one that it needs is missing.
    """
    import inspect

    make = load(group, name)
    try:
        inspect.signature(make).bind(**options)
    except TypeError as error:
        known = ", ".join(sorted(inspect.signature(make).parameters)) or "none"
        raise UsageError(f"{name}: {error}", f"options of this {kind}: {known}") from error
    return make(**options)


def _load_by_address(address: str) -> Any:
    module_name, _, attribute = address.rpartition(":")
    try:
        if module_name.endswith(".py"):
            module = _import_file(Path(module_name))
        else:
            if "" not in sys.path:
                sys.path.insert(0, "")  # a module in the folder one stands in, as with `python -m`
            module = importlib.import_module(module_name)
    except (ImportError, SyntaxError) as error:
        raise UsageError(
            f"`{address}`: can't be imported ({error})", "expected `module:Class` or `path/to/file.py:Class`"
        ) from error
    if not hasattr(module, attribute):
        public = [name for name in vars(module) if not name.startswith("_")]
        raise UnknownNameError(f"`{address}`: the module has no `{attribute}`", did_you_mean(attribute, public))
    return getattr(module, attribute)


def _import_file(path: Path) -> Any:
    if not path.is_file():
        raise ImportError(f"{path}: there is no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _one(kind: str) -> str:
    return {"mixers": "recipe", "sets": "public set", "exports": "export format"}.get(kind, kind.removesuffix("s"))
