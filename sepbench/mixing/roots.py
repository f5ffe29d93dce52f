"""Where public sets lie on this machine: paths in tables are relative to a root, so a corpus moves between machines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from sepbench.catalog import leads_out
from sepbench.errors import PlaceError, UsageError

__all__ = ["find_roots", "inside"]

ENVIRONMENT = "SEPBENCH_ROOTS"


def find_roots(sets: Iterable[str], given: Mapping[str, Path | str], hints: Mapping[str, str]) -> dict[str, Path]:
    """Find the folder of each set: as given, then from ``SEPBENCH_ROOTS``, then where it lay when it was indexed.

    Parameters
    ----------
    sets : iterable of str
        Names of the sets that are needed.
    given : mapping
        From ``--root SET=DIR``.
    hints : mapping
        From the catalogs or the manifest; no hash covers them.

    Raises
    ------
    PlaceError
        If a set has no folder, or its folder is not there; names them and the remedy.
    """
    places: dict[str, Path] = {}
    environment = _environment()
    for name in sets:
        place = given.get(name) or environment.get(name) or hints.get(name)
        remedy = f"say where the set lies: --root {name}=DIR, or {ENVIRONMENT}={name}=DIR"
        if not place:
            raise PlaceError(f"the folder of the public set `{name}` is not known", remedy)
        if not Path(place).is_dir():
            raise PlaceError(f"{place}: the folder of the public set `{name}` is not there", remedy)
        places[name] = Path(place)
    return places


def inside(root: Path, relative: str) -> Path:
    """Join a relative path to its root, and refuse one that leaves it.

    Raises
    ------
    UsageError
        If the path is absolute, has `..` in it, or leads out of the root through a link.
    """
    if os.path.isabs(relative) or ".." in relative.replace("\\", "/").split("/") or leads_out(root, relative):
        raise UsageError(
            f"`{relative}`: leaves the folder {root}", "the table was not made by sepbench, or was altered"
        )
    return root / relative


def _environment() -> dict[str, str]:
    entries = [entry for entry in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if entry]
    for entry in entries:
        if "=" not in entry:
            raise UsageError(f"{ENVIRONMENT}: expected SET=DIR, got `{entry}`", f"join several with `{os.pathsep}`")
    return dict(entry.split("=", 1) for entry in entries)
