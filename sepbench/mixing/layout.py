"""A corpus folder: where everything lies in it, and what it may hold.

``manifest.parquet`` and ``audio/<split>/<mixture>/`` with ``mixture.flac`` and one file per stem. While it is being built,
``.work/`` holds the plan, for each finished shard a table of proofs, and for each begun one a journal. No manifest, no
corpus.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sepbench import storage
from sepbench.errors import PlaceError
from sepbench.manifest import FILE_NAME, WORK_NAME

__all__ = [
    "audio_path",
    "boot_path",
    "forget_untouched",
    "journal_path",
    "plan_path",
    "proofs_path",
    "refuse_strangers",
    "remove",
    "temporaries",
    "tidy",
    "unusable_path",
    "work_folder",
]
_TEMPORARY = f".{FILE_NAME}.*.tmp"


def audio_path(corpus: Path, row: Mapping[str, Any], name: str, container: str) -> Path:
    """Say where the audio of a row lies: `name` is a stem, or ``mixture``."""
    return corpus / "audio" / str(row["split"]) / str(row["mixture_id"]) / f"{name}.{container}"


def work_folder(corpus: Path) -> Path:
    """Say where a build keeps what it needs to go on."""
    return corpus / WORK_NAME


def plan_path(corpus: Path) -> Path:
    """Say where the plan of a build lies."""
    return work_folder(corpus) / "plan.parquet"


def boot_path(corpus: Path) -> Path:
    """Say where it is written at which start of the machine a build was last at work."""
    return work_folder(corpus) / "boot"


def unusable_path(corpus: Path) -> Path:
    """Say where the recordings are named that could not be packed."""
    return work_folder(corpus) / "unusable.json"


def journal_path(corpus: Path, shard: int) -> Path:
    """Say where the proofs of a shard are written as they come."""
    return work_folder(corpus) / f"{shard:06d}.journal"


def proofs_path(corpus: Path, shard: int) -> Path:
    """Say where the proofs of a finished shard lie."""
    return work_folder(corpus) / f"{shard:06d}.parquet"


def refuse_strangers(out: Path) -> None:
    """Refuse a folder that holds what no build makes; another run may be at it, so all that a build makes may appear."""
    if out.exists() and not out.is_dir():
        raise PlaceError(f"{out}: is a file", "name a folder with --out")
    ours = {work_folder(out).name, "audio", ".lock", FILE_NAME}
    there = {path.name for path in out.iterdir()} if out.exists() else set()
    strangers = sorted(name for name in there - ours if not fnmatchcase(name, _TEMPORARY))
    if strangers:
        raise PlaceError(f"{out}: is not empty, and holds no corpus (`{strangers[0]}`, …)",
                         "name an empty or a new folder with --out")  # fmt: skip


def temporaries(out: Path) -> list[Path]:
    """Give the manifests that a killed build had not finished writing."""
    return list(out.glob(_TEMPORARY))


def tidy(out: Path) -> None:
    """Remove what a build left that was killed after its manifest had appeared; where a run is at work, it is its own."""
    left = [path for path in (work_folder(out), *temporaries(out)) if path.exists()]
    if left or (out / ".lock").exists():
        with contextlib.suppress(PlaceError), storage.locked(out):
            remove(*left)


def forget_untouched(out: Path) -> None:
    """Remove the plan of a build that has made nothing, so that another may be made in its place."""
    work = work_folder(out)
    if {path.name for path in work.iterdir()} <= {plan_path(out).name, boot_path(out).name}:
        remove(work)


def remove(*paths: Path) -> None:
    """Remove files and folders that belong to the build."""
    for path in paths:
        with storage.naming(path), contextlib.suppress(FileNotFoundError):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
