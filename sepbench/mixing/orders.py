"""What a build is asked to make: a recipe with catalogs to draw from, or a manifest that says everything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from sepbench import catalog, manifest
from sepbench.errors import PlaceError, TableError, UsageError
from sepbench.manifest import FILE_NAME, SCHEMA, Manifest, plan_hash
from sepbench.mixing.listed import Listed
from sepbench.mixing.planning import Plan
from sepbench.recipe import Recipe, changes
from sepbench.recipe import load as load_recipe
from sepbench.recipe import parse as parse_recipe

__all__ = ["Order", "order_of"]


class Order:
    """Rows to be made, and what the manifest will say of them.

    Attributes
    ----------
    rows : Plan, Listed or Manifest
        Drawn as they are asked for, or read from a file, with their proofs where they have any.
    words : dict
        Metadata of the manifest to be, but for its hashes.
    sets : tuple of str
        Public sets that the recordings are of.
    lengths : mapping of (str, str) to (int, int)
        Frames and sample rate of a recording, by its set and hash, where there are catalogs that say so.
    """

    def __init__(
        self,
        rows: Plan | Listed | Manifest,
        words: Mapping[str, Any],
        sets: tuple[str, ...],
        lengths: Mapping[tuple[str, str], tuple[int, int]] | None = None,
    ) -> None:
        self.rows, self.words, self.sets, self.lengths = rows, dict(words), sets, lengths or {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def notes(self) -> Sequence[str]:
        """What people should know of the rows: recordings that were left out."""
        return () if isinstance(self.rows, Manifest) else self.rows.left_out

    @cached_property
    def plan_hash(self) -> str:
        """Hash of the rows; asked for only where another corpus could be in the way: it takes drawing all of them."""
        return plan_hash(self.rows)

    def write(self, path: Path, *, progress: manifest.Progress | None = None) -> Manifest:
        """Write the rows, and what is said of them, in bounded memory."""
        return manifest.write(self.rows.batches(), path, self.words, total=len(self), progress=progress)

    def sample(self, count: int) -> Order:
        """Give an order for a few of the rows, spread evenly over all of them, in memory."""
        total = len(self)
        places = range(total) if count >= total else [at * total // count for at in range(count)]
        rows = [self.rows[at] if isinstance(self.rows, Manifest) else self.rows.row(at) for at in places]
        few = Manifest(pa.Table.from_pylist(rows, schema=SCHEMA), self.words)
        return Order(few, self.words | {"sample_of": total}, self.sets, self.lengths)

    def held_against(self, made: Manifest) -> str:
        """Say whether what was made is what a manifest recorded; nothing where there is no record."""
        recorded = self.words.get("corpus_hash")
        if not recorded:
            return ""
        return (
            "the same corpus as the manifest says"
            if made.corpus_hash == recorded
            else f"another corpus than the manifest says: that was {recorded}"
        )

    def refuse_another(self, there: Manifest, complaint: str, remedy: str) -> None:
        """Refuse a manifest of other rows than these, and say how they differ.

        Raises
        ------
        PlaceError
        """
        if there.metadata["plan_hash"] != self.plan_hash:
            raise PlaceError(f"{complaint} ({self._difference(there)})", remedy)

    def _difference(self, there: Manifest) -> str:
        """Say how two plans differ: `key: there, asked for`."""
        old, new = there.metadata["recipe"], self.words["recipe"]
        found = ((change.key, *change.words) for change in changes(old, new))
        words = [f"{key}: {before} there, {after} asked for" for key, before, after in found]
        if there.metadata["seed"] != self.words["seed"]:
            words.append(f"seed: {there.metadata['seed']} there, {self.words['seed']} asked for")
        return "; ".join(words) or "its sources differ: the catalogs have changed"


def order_of(
    what: str | Path | Recipe,
    catalogs: Mapping[str, Path | str],
    *,
    seed: int | None,
    mixtures: Mapping[str, int] | None,
    plan_only: bool,
    disjoint_from: Sequence[Path | str],
    container: str,
    roots: Mapping[str, Path | str],
    leave_out: bool,
) -> Order:
    """Take an order for a recipe, or for the corpus of a manifest.

    Raises
    ------
    UsageError
        If a manifest comes with what only a recipe can have.
    RecipeError
        If the recipe asks for what the catalogs do not have.
    TableError
        If the rows of a manifest are not those that its hash stands for.
    """
    if container not in ("flac", "wav"):
        raise UsageError(f"mix: unknown container `{container}`", "choose flac or wav")
    path = _manifest_path(what, catalogs)
    if path is None:
        return _of_recipe(load_recipe(what), catalogs, seed, mixtures, disjoint_from, container, roots, leave_out)
    asked = {"catalogs": bool(catalogs), "seed": seed is not None, "mixtures": bool(mixtures), "plan_only": plan_only,
             "disjoint_from": bool(disjoint_from), "leave_out": leave_out}  # fmt: skip
    if any(asked.values()):
        raise UsageError(
            f"{path}: a manifest says what its mixtures are; it takes no "
            + " and no ".join(name for name, given in asked.items() if given),
            "name a recipe instead, or leave this out",
        )
    return _recorded(path, container)


def _manifest_path(what: str | Path | Recipe, catalogs: Mapping[str, Path | str]) -> Path | None:
    """Say which manifest is meant, if it is one: a Parquet file, or the folder of a corpus."""
    if isinstance(what, Recipe):
        return None
    if os.fspath(what).endswith(".parquet"):
        return Path(what)
    # a recipe needs catalogs; without this question a corpus beside it would hide the recipe of its name
    return Path(what) / FILE_NAME if not catalogs and (Path(what) / FILE_NAME).is_file() else None


def _of_recipe(
    recipe: Recipe,
    catalogs: Mapping[str, Path | str],
    seed: int | None,
    mixtures: Mapping[str, int] | None,
    disjoint_from: Sequence[Path | str],
    container: str,
    roots: Mapping[str, Path | str],
    leave_out: bool,
) -> Order:
    if mixtures:
        counted = recipe.model_dump(exclude_defaults=True) | {"splits": dict(mixtures)}
        recipe = parse_recipe(counted, where=recipe.name)
    tables = {name: catalog.read(path) for name, path in catalogs.items()}
    plan: Plan | Listed
    if recipe.listed is None:
        if leave_out:
            raise UsageError(f"{recipe.name}: is drawn: nothing has to be left out", "leave out --leave-out")
        plan = Plan(recipe, tables, seed=seed, disjoint_from=disjoint_from)
    else:
        if seed is not None:
            raise UsageError(f"{recipe.name}: is a list: nothing is drawn, so it takes no seed", "leave it out")
        plan = Listed(recipe, tables, roots, whole=not mixtures, leave_out=leave_out, disjoint_from=disjoint_from)
    hints = {name: catalog.roots_hint(path) for name, path in catalogs.items() if name in recipe.sets}
    lengths = {
        (name, pcm): (frames, rate)
        for name in recipe.sets
        for pcm, frames, rate in zip(
            *(tables[name][key].to_pylist() for key in ("pcm_sha256", "frames", "sample_rate")), strict=True
        )
    }
    return Order(plan, plan.metadata | {"container": container, "root_hints": hints}, recipe.sets, lengths)


def _recorded(path: Path, container: str) -> Order:
    rows = Manifest.read(path)
    order = Order(rows, {"root_hints": {}} | rows.metadata | {"container": container}, rows.sets)
    if order.plan_hash != rows.metadata["plan_hash"]:
        raise TableError(
            f"{path}: its rows have the plan_hash {order.plan_hash}, recorded is {rows.metadata['plan_hash']}",
            "they were altered: take a copy that was not",
        )
    return order
