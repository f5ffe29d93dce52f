"""A preview: a few mixtures of a recipe, to listen to before the corpus is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sepbench import storage
from sepbench.errors import UsageError
from sepbench.manifest import FILE_NAME, Manifest
from sepbench.mixing import layout
from sepbench.mixing.building import How, Progress, build
from sepbench.mixing.orders import order_of
from sepbench.mixing.packing import cache_folder
from sepbench.recipe import Recipe

__all__ = ["preview"]


def preview(
    recipe: str | Path | Recipe,
    out: Path | str,
    *,
    catalogs: Mapping[str, Path | str] | None = None,
    roots: Mapping[str, Path | str] | None = None,
    seed: int | None = None,
    mixtures: Mapping[str, int] | None = None,
    leave_out: bool = False,
    count: int = 5,
    container: str = "wav",
    workers: int | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Manifest:
    """Make a few mixtures of a corpus: the very ones that it will have, spread evenly over it.

    What it makes is a corpus folder like any other, of so few mixtures. An earlier preview there is replaced.

    Parameters
    ----------
    recipe, out, catalogs, roots, seed, mixtures, leave_out, workers, progress, say
        As for `sepbench.mix`.
    count : int
        How many.
    container : {"wav", "flac"}

    Returns
    -------
    Manifest
        Of these mixtures, with their proofs: the achieved levels, and why one has no audio.

    Raises
    ------
    UsageError
        If `count` is not positive.
    RecipeError, PlaceError
        As `sepbench.mix` does.
    """
    if count < 1:
        raise UsageError(f"preview: expected at least 1 mixture, got {count}", "ask for 5, say")
    whole = order_of(recipe, catalogs or {}, seed=seed, mixtures=mixtures, plan_only=False, disjoint_from=(),
                     container=container, roots=roots or {}, leave_out=leave_out)  # fmt: skip
    folder = Path(out)
    _clear(folder)
    return build(whole.sample(count), folder, roots or {}, How("never", cache_folder(), 1.0, workers, progress, say))


def _clear(folder: Path) -> None:
    """Remove an earlier preview, and nothing else."""
    if (folder / FILE_NAME).is_file() and "sample_of" in Manifest.read(folder).metadata:
        with storage.locked(folder):
            layout.remove(folder / FILE_NAME, folder / "audio", layout.work_folder(folder))
